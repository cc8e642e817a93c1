"""mode: cdc on real PostgreSQL: what the source commits is in the lake, whole transactions, through kills; other readers agree."""
import json
import random
import shutil
import signal
import time

import psycopg
import pytest

from harness import process, readers
from harness.capture import assert_equal

YAML = """
name: shop
sources:
  crm:
    type: postgres
    url: ${SHOP_PG}
    tables: [public.*]
    mode: cdc
    commit: {every: 200ms}
"""


@pytest.fixture(params=[15, 18])
def source(request):
    server = request.getfixturevalue(f"postgres{request.param}")
    with server.database() as name:
        server.execute(
            "CREATE TABLE item (id bigint PRIMARY KEY, name text, big text, price numeric(12,2), at timestamptz DEFAULT now());"
            "CREATE TABLE sale (id int, line int, item bigint, qty int, PRIMARY KEY (id, line));"
            "INSERT INTO item SELECT i, 'item ' || i, repeat(md5(i::text), 200), i / 3.0 FROM generate_series(1, 500) i;"
            "INSERT INTO sale SELECT i, 1, i, 1 FROM generate_series(1, 100) i", name)
        yield server, name


@pytest.fixture
def shop(project, source):
    server, name = source
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(YAML)
    yield project
    # A slot that stays would keep its database from being dropped.
    project.run("destroy", "-y")
    assert server.query(f"SELECT count(*) FROM pg_replication_slots WHERE database = '{name}'") == [(0,)]


def test_changes_follow_the_load(shop, source):
    server, name = source
    shop.apply()
    assert_equal(shop, source)
    server.execute("UPDATE item SET price = price + 1 WHERE id <= 50;"  # `big` is TOASTed and does not change
                   "DELETE FROM item WHERE id BETWEEN 51 AND 60;"
                   "UPDATE item SET id = id + 10000 WHERE id BETWEEN 61 AND 65;"
                   "INSERT INTO item (id, name) VALUES (9001, NULL), (9002, 'é\"\\');"
                   "BEGIN; SAVEPOINT s; INSERT INTO item (id) VALUES (77777); ROLLBACK TO s; INSERT INTO item (id) VALUES (77778); COMMIT", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    big = shop.sql("SELECT count(*) AS n FROM lake.bronze.item WHERE id <= 50 AND length(big) = 6400")
    assert "50" in str(big)
    server.execute("TRUNCATE sale; INSERT INTO sale VALUES (1, 1, 1, 1)", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    shop.plan(check=0)


def test_columns_that_the_source_alters_follow(shop, source):
    server, name = source
    shop.apply()
    server.execute("INSERT INTO sale VALUES (500, 1, 1, 1)", name)
    server.execute("ALTER TABLE sale ADD COLUMN note text; INSERT INTO sale VALUES (501, 1, 1, 1, 'new')", name)
    server.execute("ALTER TABLE sale RENAME COLUMN qty TO quantity; UPDATE sale SET quantity = 9 WHERE id = 501", name)
    server.execute("ALTER TABLE sale ALTER COLUMN item TYPE bigint, DROP COLUMN note; INSERT INTO sale VALUES (502, 1, 1, 3)", name)
    shop.run("up", "--once")
    rows = shop.sql("SELECT id, quantity FROM lake.bronze.sale WHERE id >= 500 ORDER BY id")
    assert rows == [{"id": 500, "quantity": 1}, {"id": 501, "quantity": 9}, {"id": 502, "quantity": 3}]
    shop.run("up", "--once")
    assert_equal(shop, source, without=["polars_delta"])  # which knows no column mapping, and says so


def test_a_column_with_a_default_is_in_the_rows_of_before(shop, source):
    server, name = source
    shop.apply()
    server.execute("UPDATE sale SET qty = 2 WHERE id <= 10; DELETE FROM sale WHERE id = 20;"
                   "ALTER TABLE sale ADD COLUMN state text NOT NULL DEFAULT 'open', ADD COLUMN paid numeric(8,2) DEFAULT 1.5;"
                   "ALTER TABLE sale ALTER COLUMN state SET DEFAULT 'new'; UPDATE sale SET state = 'shut' WHERE id <= 5;"
                   "INSERT INTO sale VALUES (500, 1, 1, 1)", name)
    shop.run("up", "--once")
    rows = shop.sql("SELECT state, paid::VARCHAR AS paid, count(*) AS n FROM lake.bronze.sale GROUP BY ALL ORDER BY state")
    assert rows == [{"state": "new", "paid": "1.50", "n": 1}, {"state": "open", "paid": "1.50", "n": 94}, {"state": "shut", "paid": "1.50", "n": 5}]
    assert_equal(shop, source)
    for reader in readers.READERS.values():  # those of the Delta log know no default of older files
        assert reader.read(shop.location("bronze.sale")).column("state").null_count == 0, reader.name
    server.execute("UPDATE sale SET paid = 2 WHERE id = 500; UPDATE sale SET qty = 7 WHERE id = 50; DELETE FROM sale WHERE id = 51", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    shop.plan(check=0)


def test_a_default_that_is_not_known_stops_the_table_until_it_is_loaded_again(shop, source):
    server, name = source
    shop.apply()
    server.execute("ALTER TABLE sale ADD COLUMN u double precision DEFAULT random(); UPDATE sale SET qty = 2 WHERE id = 1;"
                   "UPDATE item SET name = 'goes on' WHERE id = 1", name)
    told = str(shop.run("up", "--once"))
    assert "column u of table public.sale was added with a value for the rows of before" in told and "volatile" in told
    assert shop.sql("SELECT name FROM lake.bronze.item WHERE id = 1") == [{"name": "goes on"}]
    shop.run("resync", "bronze.sale")
    shop.run("up", "--once")
    assert_equal(shop, source)


def test_what_the_log_says_of_a_table_before_it_was_loaded_again_is_passed_over(shop, source):
    server, name = source
    shop.apply()
    server.execute("INSERT INTO sale VALUES (600, 1, 1, 1); ALTER TABLE sale ADD COLUMN note text; INSERT INTO sale VALUES (601, 1, 1, 1, 'kept');"
                   "ALTER TABLE sale DROP COLUMN qty; UPDATE sale SET note = 'all'", name)
    # The log up to the load's place is followed on the way, and alters the table: then the load is begun anew.
    assert "were altered while it was loaded anew" in str(shop.run("resync", "bronze.sale", check=1))
    shop.run("resync", "bronze.sale")
    server.execute("INSERT INTO sale VALUES (602, 1, 1, 'behind')", name)
    shop.run("up", "--once")
    assert shop.sql("SELECT note, count(*) AS n FROM lake.bronze.sale GROUP BY note ORDER BY n") == [{"note": "behind", "n": 1}, {"note": "all", "n": 102}]
    assert_equal(shop, source, without=["polars_delta"])


def test_up_runs_until_it_is_stopped_and_status_tells(shop, source):
    server, name = source
    shop.yaml(YAML + "limits: {lock_wait_ms: 3000}\n")
    shop.apply()
    up = shop.start("up")
    try:
        server.execute("INSERT INTO sale VALUES (900, 1, 1, 1)", name)
        deadline = time.monotonic() + 60
        while "1" not in str(shop.sql("SELECT count(*) AS n FROM lake.bronze.sale WHERE id = 900")):
            assert time.monotonic() < deadline, "the row never came"
        assert "crm: followed up to" in str(shop.run("status"))
        refused = shop.run("up", "--once", check=1, timeout=120)
        assert "up, pid" in str(refused)
    finally:
        began = time.monotonic()
        ended = up.kill(signal.SIGTERM)
    assert time.monotonic() - began < 15
    assert ended.exit_code == 0, str(ended)


def test_what_apply_said_meanwhile_stays_when_the_source_alters_the_table(shop, source):
    server, name = source
    shop.apply()
    up = shop.start("up")
    try:
        process.wait_for(lambda: up.logged("following"), 60, "the beginning")
        shop.yaml(YAML + "tables: {bronze.sale: {tags: {owner: growth}}}\n")
        shop.apply()
        server.execute("ALTER TABLE sale ADD COLUMN note text; INSERT INTO sale VALUES (501, 1, 1, 1, 'new')", name)
        process.wait_for(lambda: shop.sql("SELECT id FROM lake.bronze.sale WHERE id = 501"), 60, "the row")
        assert shop.sql("SELECT note FROM lake.bronze.sale WHERE id = 501") == [{"note": "new"}]
        shop.plan(check=0)
    finally:
        ended = up.kill(signal.SIGTERM)
    assert "makes way" not in ended.stderr, ended.stderr
    assert json.loads(shop.run("show", "bronze.sale", "--json").stdout)["properties"]["tarn.tag.owner"] == "growth"


def test_a_table_that_was_altered_before_the_connection_broke(shop, source):
    server, name = source
    shop.apply()
    up = shop.start("up")
    committed = lambda row: lambda: shop.sql(f"SELECT id FROM lake.bronze.sale WHERE id = {row}")
    try:
        server.execute("ALTER TABLE sale ADD COLUMN note numeric(10,2) DEFAULT 1.5; ALTER TABLE sale RENAME qty TO number; INSERT INTO sale VALUES (501, 1, 1, 1, 2)", name)
        process.wait_for(committed(501), 60, "the row with the new column")
        server.query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = current_database()", name)
        process.wait_for(lambda: up.logged("goes on from the last commit"), 60, "the next attempt")
        server.execute("INSERT INTO sale VALUES (502, 1, 1, 1, 3); ALTER TABLE sale ALTER note TYPE numeric(14,2); INSERT INTO sale VALUES (503, 1, 1, 1, 4)", name)
        process.wait_for(committed(503), 60, "the row of the wider column")
    finally:
        ended = up.kill(signal.SIGTERM)
    assert "not followed" not in ended.stderr, ended.stderr
    assert_equal(shop, source, without=["polars_delta"])  # which knows no column mapping, and says so


def test_a_key_whose_columns_were_renamed_before_the_connection_broke(shop, source):
    """Two columns of a key that swap their names: rows are found by the same columns as before."""
    server, name = source
    shop.apply()
    up = shop.start("up")
    committed = lambda row: lambda: shop.sql(f"SELECT 1 AS n FROM lake.bronze.sale WHERE qty = {row}")
    try:
        # Each is followed and committed by itself.
        for number, rename in enumerate(["id TO x", "line TO id", "x TO line"]):
            server.execute(f"ALTER TABLE sale RENAME {rename}", name)
            server.execute(f"UPDATE sale SET qty = {7000 + number} WHERE ctid = (SELECT min(ctid) FROM sale)", name)
            process.wait_for(committed(7000 + number), 60, "the renamed column")
        server.query("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = current_database()", name)
        process.wait_for(lambda: up.logged("goes on from the last commit"), 60, "the next attempt")
        server.execute("UPDATE sale SET qty = 7100", name)
        process.wait_for(committed(7100), 60, "the rows of after")
    finally:
        ended = up.kill(signal.SIGTERM)
    assert "not followed" not in ended.stderr and ended.exit_code == 0, ended.stderr
    assert_equal(shop, source, without=["polars_delta"])


def test_a_key_index_that_was_behind_once_knows_deleted_rows_in_later_processes_too(shop, source):
    """A kill between a commit and the index: the index of before the commit stands."""
    server, name = source
    shop.apply()

    def follow(sql):
        server.execute(sql, name)
        shop.run("up", "--once", timeout=60)

    follow("UPDATE sale SET qty = 2 WHERE id <= 5")
    keys, before = shop.directory / "state/keys", shop.directory / "before"
    shutil.copytree(keys, before)
    follow("DELETE FROM sale WHERE id = 7")
    shutil.rmtree(keys)
    shutil.copytree(before, keys)
    follow("UPDATE sale SET qty = 3 WHERE id = 8")
    follow("INSERT INTO sale VALUES (7, 1, 7, 7)")
    assert_equal(shop, source)


def test_what_apply_says_of_a_table_is_ahead_of_no_alter_of_the_source(shop, source):
    server, name = source
    shop.apply()
    server.execute("ALTER TABLE sale ADD COLUMN note text; INSERT INTO sale VALUES (501, 1, 1, 1, 'new'); ALTER TABLE sale DROP COLUMN qty", name)
    shop.yaml(YAML + "tables: {bronze.sale: {tags: {owner: growth}}}\n")
    shop.apply()
    shop.run("up", "--once")
    assert_equal(shop, source)
    shop.plan(check=0)


def test_a_followed_table_stays_of_the_iceberg_version_that_it_is_told(shop, source):
    """Of version 2 deleted rows are told by files of positions, and to Delta by vectors all the same."""
    server, name = source
    shop.yaml(YAML + "    history: [public.sale]\ntables: {bronze.sale: {iceberg: 2}, bronze.sale__changes: {iceberg: 3}, bronze.item: {iceberg: auto}}\n")
    shop.apply()
    versions = lambda: [shop.iceberg_version(f"bronze.{table}") for table in ("sale", "sale__changes", "item")]
    assert versions() == [2, 3, 2]
    for round in range(1, 4):
        server.execute(f"UPDATE sale SET qty = {round} WHERE id % 3 = {round % 3}; DELETE FROM sale WHERE id = {round}; INSERT INTO sale VALUES ({1000 + round}, 1, 1, 1);"
                       f"UPDATE item SET price = {round} WHERE id % 50 = {round}", name)
        shop.run("up", "--once")
        assert_equal(shop, source)
    assert versions() == [2, 3, 3]
    shop.run("maintain")
    server.execute("UPDATE sale SET qty = qty + 1", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    assert versions() == [2, 3, 3]
    shop.yaml(YAML + "    history: [public.sale]\ntables: {bronze.sale: {iceberg: 3}}\n")
    told = shop.plan(check=3).stdout
    assert "iceberg 2 → 3 and of its history iceberg 3 → auto" in told, told
    shop.apply()
    shop.plan(check=0)
    assert versions() == [3, 3, 3]
    server.execute("UPDATE sale SET qty = qty + 1 WHERE id < 50; DELETE FROM sale WHERE id = 60", name)
    shop.run("up", "--once")
    assert_equal(shop, source)


def test_killed_at_random_while_the_source_is_busy(shop, source):
    server, name = source
    chance = random.Random(11)
    shop.apply()
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        for _ in range(6):
            up = shop.start("up")
            for _ in range(40):
                one = chance.randrange(1, 400)
                with connection.transaction():
                    connection.execute("UPDATE item SET price = price + 1, name = 'n' || %s WHERE id = %s", (one, one))
                    connection.execute("INSERT INTO sale VALUES (%s, %s, %s, 1) ON CONFLICT DO NOTHING", (one, chance.randrange(50), one))
                    if chance.random() < 0.2:
                        connection.execute("DELETE FROM sale WHERE id = %s", (chance.randrange(1, 400),))
            up.kill(signal.SIGKILL)
        shop.run("up", "--once")
    assert_equal(shop, source)
    history = shop.sql("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM lake.bronze.item")
    assert history[0]["n"] == history[0]["ids"]


def test_a_table_that_joins_is_loaded_and_followed(shop, source):
    server, name = source
    shop.apply()
    server.execute("CREATE TABLE late (id int PRIMARY KEY, v text); INSERT INTO late SELECT i, 'x' FROM generate_series(1, 50) i", name)
    server.execute("INSERT INTO sale VALUES (700, 1, 1, 1)", name)
    shop.plan(check=3)
    shop.apply()
    server.execute("UPDATE late SET v = 'y' WHERE id <= 10; DELETE FROM late WHERE id = 50", name)
    shop.run("up", "--once")
    rows = shop.sql("SELECT v, count(*) AS n FROM lake.bronze.late GROUP BY v ORDER BY v")
    assert rows == [{"v": "x", "n": 39}, {"v": "y", "n": 10}]
    assert_equal(shop, source)
    # It goes again, and what was kept to follow it goes too.
    indexes = shop.directory / "state" / "keys"
    followed = len(list(indexes.iterdir()))
    shop.yaml(YAML.replace("public.*", "public.item, public.sale"))
    shop.apply()
    shop.run("up", "--once")
    assert len(list(indexes.iterdir())) == followed - 1


def test_a_table_that_cannot_follow_stops_alone_until_it_is_loaded_again(shop, source):
    server, name = source
    shop.apply()
    server.execute("ALTER TABLE sale ALTER COLUMN qty TYPE text USING 'n' || qty; INSERT INTO sale VALUES (800, 1, 1, 'many')", name)
    server.execute("UPDATE item SET name = 'goes on' WHERE id = 1", name)
    told = shop.run("up", "--once")
    assert "public.sale is not followed any more" in str(told)
    assert shop.sql("SELECT name FROM lake.bronze.item WHERE id = 1") == [{"name": "goes on"}]
    assert "it stopped" in str(shop.plan(check=3))
    shop.run("resync", "bronze.sale")
    server.execute("UPDATE sale SET qty = 'some' WHERE id = 800", name)
    shop.run("up", "--once")
    assert shop.sql("SELECT qty FROM lake.bronze.sale WHERE id = 800") == [{"qty": "some"}]
    assert_equal(shop, source)
    shop.plan(check=0)


def test_a_lost_slot_is_an_error_until_everything_is_loaded_again(shop, source):
    server, name = source
    shop.apply()
    slot = server.query(f"SELECT slot_name FROM pg_replication_slots WHERE database = '{name}'")[0][0]
    server.execute(f"SELECT pg_drop_replication_slot('{slot}'); DELETE FROM item WHERE id = 1; UPDATE sale SET qty = 5", name)
    lost = shop.run("up", "--once", check=1)
    assert slot in str(lost) and "tarn resync" in str(lost)
    shop.run("resync")
    server.execute("INSERT INTO sale VALUES (801, 1, 1, 1)", name)
    shop.run("up", "--once")
    assert_equal(shop, source)


def test_a_table_without_identity_is_refused_with_the_repair(project, source):
    server, name = source
    server.execute("CREATE TABLE plain (a int)", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(YAML)
    refused = project.run("plan", check=1)
    assert "public.plain" in str(refused) and "REPLICA IDENTITY" in str(refused)
    assert server.query(f"SELECT count(*) FROM pg_replication_slots WHERE database = '{name}'") == [(0,)]
