/* tarn
description: active customers of each store
materialize: table
key: store_id
checks:
  - unique: store_id
  - expect: customers > 0
  - row_count: {min: 1}
*/
SELECT store_id, count(*) AS customers
  FROM silver.customer_active
 GROUP BY store_id
