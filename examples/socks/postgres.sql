CREATE TABLE orders (
  order_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_id int           NOT NULL,   -- of the other database: nobody but the lake can join the two
  customer   text          NOT NULL,
  quantity   int           NOT NULL CHECK (quantity > 0),
  unit_price numeric(8,2)  NOT NULL,
  ordered_at timestamptz   NOT NULL DEFAULT now()
);

INSERT INTO orders (product_id, customer, quantity, unit_price, ordered_at)
SELECT 1 + i % 11, 'customer ' || 1 + i % 97, 1 + i % 4, 10 + i % 11, timestamptz '2026-01-01 08:00:00+00' + i * interval '53 minutes'
FROM generate_series(0, 4999) i;
