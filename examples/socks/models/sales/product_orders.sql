/* tarn
description: each sock with the sum of its orders
key: product_id
checks: [not_null: product_id, unique: product_id, expect: "revenue >= 0"]
trigger: on_change            # `tarn up` runs it whenever products or orders have changed
*/
SELECT p.product_id,
       p.name,
       p.colour,
       p.price,
       count(o.order_id)                                     AS orders,
       coalesce(sum(o.quantity), 0)::BIGINT                  AS quantity,
       coalesce(sum(o.quantity * o.unit_price), 0)::DECIMAL(18, 2) AS revenue,
       max(o.ordered_at)                                     AS last_ordered_at
FROM bronze.product p
LEFT JOIN bronze.orders o USING (product_id)
GROUP BY ALL
