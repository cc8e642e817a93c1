CREATE TABLE product (
  product_id int          NOT NULL PRIMARY KEY,
  name       varchar(100) NOT NULL,
  colour     enum('red', 'blue', 'green', 'black', 'striped') NOT NULL,
  price      decimal(8,2) NOT NULL,
  in_stock   int unsigned NOT NULL DEFAULT 0,
  changed_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)
) CHARACTER SET utf8mb4;

INSERT INTO product (product_id, name, colour, price, in_stock) VALUES
  (1,  'Weave special',        'black',   17.15, 33),
  (2,  'Nerd leg',             'blue',     7.99, 115),
  (3,  'Crossed',              'striped', 17.32, 738),
  (4,  'SuperSport XL',        'black',   15.00, 820),
  (5,  'Holy',                 'green',   99.99, 1),
  (6,  'YouTube.sock',         'red',     10.99, 801),
  (7,  'Figueroa',             'green',   14.00, 808),
  (8,  'Classic',              'red',     12.00, 127),
  (9,  'Colourful',            'striped', 18.00, 438),
  (10, 'Cat socks',            'black',   15.00, 175),
  (11, 'Bretonne, à rayures',  'striped', 21.50, 64),
  (12, 'Never ordered',        'blue',     3.00, 12);
