CREATE TABLE account (
  account_id int           PRIMARY KEY,
  owner      text          NOT NULL,
  balance    numeric(18,2) NOT NULL
);
CREATE TABLE entry (
  entry_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id int           NOT NULL REFERENCES account,
  amount     numeric(18,2) NOT NULL,
  booked_at  timestamptz   NOT NULL DEFAULT now()
);

-- One transaction, two accounts, four rows: a reader who sees some of them sees money that is not there.
CREATE FUNCTION transfer(from_account int, to_account int, amount numeric) RETURNS void LANGUAGE sql AS $$
  INSERT INTO entry (account_id, amount) VALUES (from_account, -amount), (to_account, amount);
  UPDATE account SET balance = balance - amount WHERE account_id = from_account;
  UPDATE account SET balance = balance + amount WHERE account_id = to_account;
$$;

INSERT INTO account SELECT i, 'owner ' || i, 1000 FROM generate_series(1, 100) i;
INSERT INTO entry (account_id, amount, booked_at) SELECT i, 1000, '2026-01-01 00:00:00+00' FROM generate_series(1, 100) i;
