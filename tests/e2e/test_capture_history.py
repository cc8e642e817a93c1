"""history: true on real PostgreSQL: every change is a row of <table>__changes, committed with the mirrored table and once."""
import random
import signal

import psycopg
import pytest

from harness.capture import ORDER, assert_each_change_once, assert_folds_to_the_mirror, changes

YAML = """
name: shop
sources:
  crm:
    type: postgres
    url: ${SHOP_PG}
    tables: [public.*]
    mode: cdc
    commit: {every: 200ms}
    history: %s
"""


@pytest.fixture(params=[15, 18])
def source(request):
    server = request.getfixturevalue(f"postgres{request.param}")
    with server.database() as name:
        server.execute(
            "CREATE TABLE item (id bigint PRIMARY KEY, name text, big text, price numeric(12,2));"
            "CREATE TABLE sale (id int PRIMARY KEY, item int, qty int); ALTER TABLE sale REPLICA IDENTITY FULL;"
            "INSERT INTO item SELECT i, 'item ' || i, repeat(md5(i::text), 200), i / 4.0 FROM generate_series(1, 50) i;"
            "INSERT INTO sale SELECT i, i, 1 FROM generate_series(1, 20) i", name)
        yield server, name


@pytest.fixture
def shop(project, source):
    server, name = source
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(YAML % "true")
    yield project
    # A slot that stays would keep its database from being dropped.
    project.run("destroy", "-y")


def assert_whole(shop):
    assert_folds_to_the_mirror(shop, "item", "id, name, big, price")
    assert_folds_to_the_mirror(shop, "sale", "id, item, qty")


def test_every_change_is_kept_with_its_place_in_the_log(shop, source):
    server, name = source
    shop.apply()
    assert shop.sql("SELECT count(*) AS n FROM lake.bronze.item__changes WHERE _op = 'snapshot' AND _position IS NOT NULL AND _ordinal IS NULL") == [{"n": 50}]
    server.execute("BEGIN; INSERT INTO item VALUES (100, 'new', 'b', 1); UPDATE item SET price = 2 WHERE id = 100; DELETE FROM item WHERE id = 100; COMMIT", name)
    server.execute("UPDATE item SET price = 9 WHERE id = 1; UPDATE item SET id = 1002 WHERE id = 2; DELETE FROM item WHERE id = 3", name)
    server.execute("UPDATE sale SET qty = 7 WHERE id = 1; DELETE FROM sale WHERE id = 2; TRUNCATE sale; INSERT INTO sale VALUES (500, 1, 1)", name)
    shop.run("up", "--once")
    assert changes(shop, "item", "_ordinal, id, name, length(big), price::double") == [
        ["insert", 0, 100, "new", 1, 1.0],
        ["update", 1, 100, "new", 1, 2.0],
        ["delete", 2, 100, None, None, None],
        ["update", 0, 1, "item 1", 6400, 9.0],  # `big` is TOASTed and not in the log
        ["update_preimage", 1, 2, None, None, None],
        ["update", 1, 1002, "item 2", 6400, 0.5],
        ["delete", 2, 3, None, None, None],
    ]
    # REPLICA IDENTITY FULL: the rows before, and deleted ones whole.
    assert changes(shop, "sale", "id, item, qty") == [
        ["update_preimage", 1, 1, 1], ["update", 1, 1, 7], ["delete", 2, 2, 1], ["truncate", None, None, None], ["insert", 500, 1, 1]]
    assert_whole(shop)
    # Position, transaction and time are those of the source's log, and the same in both tables of a commit.
    same = shop.sql("SELECT count(DISTINCT _transaction) AS transactions, count(DISTINCT _position) AS positions, min(_committed_at) > now() - INTERVAL 1 HOUR AS fresh "
                    "FROM lake.bronze.item__changes WHERE _op <> 'snapshot'")
    assert same == [{"transactions": 2, "positions": 2, "fresh": True}]
    shop.plan(check=0)


def test_columns_that_the_source_alters_follow(shop, source):
    server, name = source
    shop.apply()
    server.execute("UPDATE sale SET qty = 2 WHERE id = 1", name)
    server.execute("ALTER TABLE sale ADD COLUMN note text; INSERT INTO sale VALUES (501, 1, 1, 'n')", name)
    server.execute("ALTER TABLE sale RENAME COLUMN qty TO quantity; UPDATE sale SET quantity = 9 WHERE id = 501", name)
    server.execute("ALTER TABLE sale ALTER COLUMN item TYPE bigint, DROP COLUMN note; INSERT INTO sale VALUES (502, 1, 3)", name)
    shop.run("up", "--once")
    # One commit brought all of it: a row knows its columns by today's names.
    assert changes(shop, "sale", "id, quantity", "_op IN ('insert', 'update')") == [["update", 1, 2], ["insert", 501, 1], ["update", 501, 9], ["insert", 502, 3]]
    assert_folds_to_the_mirror(shop, "sale", "id, item, quantity")
    assert "note" not in shop.sql("SELECT * FROM lake.bronze.sale__changes LIMIT 1")[0]


def test_resync_goes_on_in_the_same_history(shop, source):
    server, name = source
    shop.apply()
    server.execute("UPDATE sale SET qty = 2 WHERE id = 1", name)
    shop.run("up", "--once")
    server.execute("ALTER TABLE sale ALTER COLUMN qty TYPE text USING 'n' || qty; INSERT INTO sale VALUES (800, 1, 'many')", name)
    shop.run("up", "--once")
    shop.run("resync", "bronze.sale")
    server.execute("UPDATE sale SET qty = 'some' WHERE id = 800", name)
    shop.run("up", "--once")
    kinds = [row["_op"] for row in shop.sql(f"SELECT _op FROM lake.bronze.sale__changes WHERE _op <> 'snapshot' {ORDER}")]
    assert kinds == ["update_preimage", "update", "reload", "update_preimage", "update"]
    assert_folds_to_the_mirror(shop, "sale", "id, item, qty")
    # All of the source, from a new beginning of the log.
    shop.run("resync")
    server.execute("DELETE FROM item WHERE id = 1", name)
    shop.run("up", "--once")
    assert_whole(shop)
    shop.plan(check=0)


def test_turned_on_and_off_by_apply(shop, source):
    server, name = source
    shop.yaml(YAML % "false")
    shop.apply()
    assert "sale__changes" not in str(shop.run("ls", "bronze"))
    shop.yaml(YAML % "[public.sale]")
    planned = str(shop.plan(check=3))
    assert "a history begins in bronze.sale__changes" in planned and "item" not in planned, planned
    shop.apply()
    server.execute("UPDATE sale SET qty = 3 WHERE id = 1; UPDATE item SET price = 3 WHERE id = 1", name)
    shop.run("up", "--once")
    assert changes(shop, "sale", "id, qty", "_op = 'update'") == [["update", 1, 3]]
    assert_folds_to_the_mirror(shop, "sale", "id, item, qty")
    shop.plan(check=0)
    shop.yaml(YAML % "false")
    assert "bronze.sale__changes is kept no longer" in str(shop.plan(check=3))
    shop.apply()
    server.execute("UPDATE sale SET qty = 4 WHERE id = 1", name)
    shop.run("up", "--once")
    assert changes(shop, "sale", "id, qty", "_op = 'update'") == [["update", 1, 3]]
    shop.yaml(YAML % "[public.sale]")
    shop.apply()
    assert_folds_to_the_mirror(shop, "sale", "id, item, qty")
    shop.run("destroy", "-y")
    assert not (shop.directory / "warehouse").exists()


def test_users_cannot_write_to_it_nor_name_what_is_not_there(shop, source):
    server, name = source
    shop.apply()
    for statement in ("DELETE FROM lake.bronze.sale__changes", "UPDATE lake.bronze.sale__changes SET qty = 1", "INSERT INTO lake.bronze.sale__changes (id) VALUES (1)"):
        refused = str(shop.run("sql", "-c", statement, check=1))
        assert "bronze.sale__changes is kept by source crm" in refused, refused
    shop.yaml(YAML % "[public.sales]")
    refused = str(shop.plan(check=1))
    assert "tarn.yaml:10:" in refused and "public.sales" in refused and "public.sale\"" in refused, refused
    server.execute("CREATE TABLE odd (id int PRIMARY KEY, _op text)", name)
    shop.yaml(YAML % "true")
    refused = str(shop.plan(check=1))
    assert "public.odd" in refused and "_op" in refused and "rename the column" in refused, refused
    server.execute("DROP TABLE odd", name)


def test_models_read_it(shop, source):
    server, name = source
    shop.write("models/gold/busy.sql", "SELECT id, count(*) AS n FROM bronze.sale__changes WHERE _op = 'update' GROUP BY id\n")
    shop.apply()
    server.execute("UPDATE sale SET qty = 3 WHERE id = 1; UPDATE sale SET qty = 4 WHERE id = 1", name)
    shop.run("up", "--once")
    shop.run("run", "gold.busy")
    assert shop.sql("SELECT id, n FROM lake.gold.busy") == [{"id": 1, "n": 2}]


def test_killed_at_random_nothing_is_lost_or_doubled(shop, source):
    server, name = source
    chance = random.Random(5)
    shop.apply()
    expected = 0
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        for _ in range(4):
            up = shop.start("up")
            for _ in range(30):
                one = chance.randrange(1, 50)
                with connection.transaction():
                    expected += connection.execute("UPDATE item SET price = price + 1 WHERE id = %s", (one,)).rowcount
                    expected += connection.execute("INSERT INTO item VALUES (%s, 'x', 'y', 1) ON CONFLICT DO NOTHING", (chance.randrange(1000, 1100),)).rowcount
                    if chance.random() < 0.2:
                        expected += connection.execute("DELETE FROM item WHERE id = %s", (chance.randrange(1, 50),)).rowcount
            up.kill(signal.SIGKILL)
        shop.run("up", "--once")
    assert assert_each_change_once(shop, "item") == expected
    assert_folds_to_the_mirror(shop, "item", "id, name, big, price")


def test_mysql_and_mariadb_keep_histories_and_have_points_too(project, mysql):
    with mysql.database() as name:
        mysql.query("CREATE TABLE sale (id int PRIMARY KEY, item int, qty int, note longtext); INSERT INTO sale SELECT 1, 1, 1, REPEAT('x', 5000) UNION SELECT 2, 2, 1, 'y'", name)
        project.env["SHOP_MYSQL"] = mysql.url(name)
        project.yaml("name: shop\nsources:\n  crm: {type: mysql, url: '${SHOP_MYSQL}', tables: [sale], mode: cdc, history: true}\n")
        try:
            project.apply()
            mysql.query("UPDATE sale SET qty = 5 WHERE id = 1; BEGIN; INSERT INTO sale VALUES (3, 3, 3, NULL); UPDATE sale SET id = 4 WHERE id = 3; DELETE FROM sale WHERE id = 2; COMMIT", name)
            project.run("up", "--once")
            position = project.sql("SELECT max(_position) AS p FROM lake.bronze.sale__changes WHERE _transaction = (SELECT arg_max(_transaction, _log_order) FROM lake.bronze.sale__changes)")[0]["p"]
            told = changes(project, "sale", "id, qty, length(note)", "_op IN ('insert', 'update')")
            assert told == [["update", 1, 5, 5000], ["insert", 3, 3, None], ["update", 4, 3, None]]
            # The log has whole rows before, too.
            told = changes(project, "sale", "id, qty, length(note)", "_op IN ('delete', 'update_preimage')")
            assert told == [["update_preimage", 1, 1, 5000], ["update_preimage", 3, 3, None], ["delete", 2, 1, 1]]
            assert_folds_to_the_mirror(project, "sale", "id, item, qty, note")
            mysql.query("UPDATE sale SET qty = 6; TRUNCATE sale", name)
            project.run("up", "--once")
            assert project.sql("SELECT count(*) AS n FROM lake.bronze.sale") == [{"n": 0}]
            assert_folds_to_the_mirror(project, "sale", "id, item, qty, note")
            then = project.sql(f"SELECT id, qty FROM lake.bronze.sale AT (VERSION => 'mysql {position}') ORDER BY id")
            assert then == [{"id": 1, "qty": 5}, {"id": 4, "qty": 3}], position
            assert "is no position" in project.run("sql", "-c", "SELECT * FROM lake.bronze.sale AT (VERSION => 'crm nowhere')", check=1).stderr
        finally:
            project.run("destroy", "-y")
