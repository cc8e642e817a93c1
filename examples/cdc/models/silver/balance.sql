/* tarn
description: what each account holds, from its entries and as the bank keeps it
key: account_id
checks: [unique: account_id, expect: "booked = balance"]   # a transfer is seen whole or not at all
trigger: on_change
*/
SELECT a.account_id, a.owner, a.balance, sum(e.amount)::DECIMAL(18, 2) AS booked, count(*) AS entries, max(e.booked_at) AS last_booked_at
FROM bronze.account a
JOIN bronze.entry e USING (account_id)
GROUP BY ALL
