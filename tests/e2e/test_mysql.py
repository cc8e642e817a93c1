"""A project over MySQL and MariaDB: what is loaded is what the server has, again after it changed, and live beside the lake."""
import json

import pytest

SCHEMA = """
CREATE TABLE product (id int unsigned PRIMARY KEY, name varchar(50) NOT NULL, price decimal(10,2), kind enum('sock','shoe'), tags set('new','sale'),
                      made datetime(3), seen timestamp(6) NULL, takes time, weight float, sku bigint unsigned, extra json, picture varbinary(20), active bit(1));
INSERT INTO product VALUES (1, 'Grüße 🧦', 9.99, 'sock', 'new,sale', '2024-02-29 12:34:56.789', '2024-03-31 01:30:00.000001', '-100:00:01', 1.1,
                            18446744073709551615, '{"b": [1, 2.5], "a": null}', x'00ff', b'1'),
                           (2, 'sock ', NULL, NULL, '', NULL, NULL, NULL, NULL, 0, NULL, '', b'0');
CREATE TABLE sale (id bigint AUTO_INCREMENT PRIMARY KEY, product_id int unsigned, at datetime(6), amount int);
INSERT INTO sale (product_id, at, amount) VALUES (1, '2024-01-01 10:00:00', 2), (1, '2024-01-02 10:00:00', 3), (2, '2024-01-03 10:00:00', 5);
"""
PROJECT = """
name: shop
catalog: lake
warehouse: ./warehouse
state: ./state
sources:
  db: {type: mysql, url: '${SHOP_MYSQL}', tables: [product], mode: snapshot, into: bronze}
  sales: {type: mysql, url: '${SHOP_MYSQL}', tables: [sale], mode: incremental, cursor: at, into: bronze}
"""


@pytest.fixture
def shop(project, mysql):
    with mysql.database(SCHEMA) as name:
        project.server, project.database = mysql, name
        project.env["SHOP_MYSQL"] = mysql.url(name, "locked:open%20sesame")
        project.yaml(PROJECT)
        yield project


def test_rows_of_every_kind_arrive_as_they_are(shop):
    shop.apply()
    row = shop.sql("SELECT * FROM lake.bronze.product ORDER BY id")[0]
    assert (row["id"], row["name"], row["kind"], row["tags"], row["takes"]) == (1, "Grüße 🧦", "sock", "new,sale", "-100:00:01")
    assert shop.sql("SELECT price = 9.99 AND weight = 1.1::FLOAT AND sku = 18446744073709551615 AND picture = '\\x00\\xFF'::BLOB AND active "
                    "AND made = TIMESTAMP '2024-02-29 12:34:56.789' AND seen = TIMESTAMPTZ '2024-03-31 01:30:00.000001+00' "
                    "AND json_extract(extra, '$.b[1]') = '2.5' AS same FROM lake.bronze.product WHERE id = 1") == [{"same": True}]
    assert shop.sql("SELECT name, price, made, active FROM lake.bronze.product WHERE id = 2") == [{"name": "sock ", "price": None, "made": None, "active": False}]
    assert "no changes" in shop.plan().stdout.lower()


def test_a_load_takes_what_changed_and_check_compares_both_sides(shop):
    shop.apply()
    shop.server.query("INSERT INTO sale (product_id, at, amount) VALUES (2, '2024-01-04', 7); UPDATE product SET price = 5 WHERE id = 2", shop.database)
    assert shop.run("check", check=None).exit_code != 0, "the source has moved on"
    shop.run("run")
    assert shop.sql("SELECT count(*) AS n, sum(amount) AS s FROM lake.bronze.sale") == [{"n": 4, "s": 17}]
    assert shop.sql("SELECT price::VARCHAR AS p FROM lake.bronze.product WHERE id = 2") == [{"p": "5.00"}]
    shop.run("check")


def test_live_tables_join_the_lake(shop):
    shop.apply()
    shop.server.query("INSERT INTO sale (product_id, at, amount) VALUES (1, '2024-02-01', 100)", shop.database)
    live = f"sales.{shop.database}.sale"
    assert shop.sql(f"SELECT p.name, sum(s.amount) AS total FROM lake.bronze.product p JOIN {live} s ON s.product_id = p.id GROUP BY 1 ORDER BY 2 DESC") == [
        {"name": "Grüße 🧦", "total": 105}, {"name": "sock ", "total": 5}]
    assert shop.sql(f"SELECT count(*) AS n FROM {live}") == [{"n": 4}]
    explained = shop.sql(f"EXPLAIN SELECT id FROM {live} WHERE \"at\" >= TIMESTAMP '2024-01-03' LIMIT 3", format="csv")
    assert "(`at`>=TIMESTAMP'2024-01-0300:00:00.000000')" in "".join(explained.replace("│", " ").split()), explained
    # The text of another case is another text here, whatever the column's collation says.
    assert shop.sql(f"SELECT count(*) AS n FROM db.{shop.database}.product WHERE name = 'SOCK '") == [{"n": 0}]
    assert shop.sql(f"SELECT count(*) AS n FROM db.{shop.database}.product WHERE name = 'sock'") == [{"n": 0}]


def test_a_zero_date_stops_the_load_by_name_and_the_repair_works(shop):
    shop.server.query("SET sql_mode = ''; UPDATE product SET made = '0000-00-00' WHERE id = 2", shop.database)
    failed = shop.apply(check=1)
    assert f"table {shop.database}.product, row 2 (id 2), column made: '0000-00-00 00:00:00'" in failed.stderr, str(failed)
    hint = f"types: {{{shop.database}.product.made: string}}"
    assert hint in failed.stderr, str(failed)
    shop.yaml(PROJECT.replace("mode: snapshot", f"mode: snapshot, {hint}"))
    shop.apply()
    assert shop.sql("SELECT made FROM lake.bronze.product WHERE id = 2") == [{"made": "0000-00-00 00:00:00.000"}]


def test_a_wrong_password_and_a_missing_table_are_told_without_the_password(shop):
    shop.env["SHOP_MYSQL"] = shop.server.url(shop.database, "locked:hunter2")
    failed = shop.plan(check=1)
    assert "check user and password" in failed.stderr and "hunter2" not in failed.stderr, str(failed)
    shop.env["SHOP_MYSQL"] = shop.server.url(shop.database)
    shop.yaml(PROJECT.replace("[product]", "[produkt]"))
    assert f"did you mean {shop.database}.product" in shop.plan(check=1).stderr


def test_the_address_is_shown_and_no_password_is_stored(shop):
    shop.apply()
    assert "sesame" not in json.dumps(shop.run("status", "--json").rows())
    assert f"127.0.0.1:{shop.server.port}/{shop.database}" in shop.run("status", check=0).stdout
    assert not any(b"sesame" in f.read_bytes() for f in (shop.directory / "state").rglob("*") if f.is_file())
