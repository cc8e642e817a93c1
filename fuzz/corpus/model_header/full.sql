/* tarn
description: active customers
materialize: merge
key: [a, customer_id]
cursor: last_update
partition: [month(create_date)]
tags: {owner: growth}
checks:
  - not_null: [customer_id, email]
  - unique: customer_id
  - accepted_values: {column: active, values: [0, 1]}
  - relationships: {column: store_id, to: bronze.store, field: store_id}
  - expect: "email LIKE '%@%'"
  - row_count: {min: 1, max: 1000000}
  - freshness: {column: last_update, within: 7d}
on_failure: quarantine
*/
SELECT 1;
