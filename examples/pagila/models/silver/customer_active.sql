/* tarn
description: active customers, one row each
materialize: table
key: customer_id
checks:
  - not_null: [customer_id, store_id, first_name, last_name]
  - unique: customer_id
  - expect: "email LIKE '%@%'"
  - relationships: {column: store_id, to: bronze.store, field: store_id}
*/
SELECT customer_id, first_name, last_name, email, store_id, create_date
  FROM bronze.customer
 WHERE active = 1
