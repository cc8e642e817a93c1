"""mode: cdc on real MySQL and MariaDB: what the source commits is in the lake, whole transactions, through kills; other readers agree."""
import os
import random
import signal
import time

import pytest

from harness import process, readers, servers
from harness.capture import assert_equal

YAML = """
name: shop
sources:
  crm:
    type: mysql
    url: ${SHOP_MYSQL}
    tables: [item, "sale*"]
    mode: cdc
    commit: {every: 200ms}
"""

SCHEMA = """
CREATE TABLE item (id bigint PRIMARY KEY, name varchar(50), big longtext, price decimal(12,2), at timestamp(6) DEFAULT CURRENT_TIMESTAMP(6),
                   kind enum('sock','shoe') DEFAULT 'shoe', tags set('a','b') DEFAULT 'a,b', bits bit(9) DEFAULT b'101', took time(3), raw varbinary(20));
CREATE TABLE sale (id int, line int, item bigint unsigned, qty int, PRIMARY KEY (id, line));
SET @@cte_max_recursion_depth = 10000;
INSERT INTO item (id, name, big, price) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
  SELECT i, CONCAT('item ', i), REPEAT(MD5(i), 200), i / 3.0 FROM n;
INSERT INTO sale WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i, 1, i, 1 FROM n;
"""


def fill(server, name):
    schema = SCHEMA if server.kind == "mysql" else SCHEMA.replace("SET @@cte_max_recursion_depth = 10000;", "")
    server.query(schema, name)


@pytest.fixture
def source(mysql):
    with mysql.database() as name:
        fill(mysql, name)
        yield mysql, name


@pytest.fixture
def shop(project, source):
    server, name = source
    project.env["SHOP_MYSQL"] = server.url(name)
    project.yaml(YAML)
    yield project
    project.run("destroy", "-y")


def test_a_load_waits_for_transactions_that_are_prepared(shop, source):
    """Their rows are in the log before the load's place, and in no snapshot."""
    server, name = source
    prepare = "XA START 'x{0}'; INSERT INTO sale VALUES ({0}, 1, 1, 1); XA END 'x{0}'; XA PREPARE 'x{0}'"
    server.query(prepare.format(501), name)
    refused = shop.apply(check=1, timeout=60)
    assert "XA transaction x501" in refused.stderr and "is prepared and not ended" in refused.stderr, str(refused)
    applying = shop.start("apply", "-y")
    process.wait_for(lambda: server.query("SELECT 1 FROM information_schema.processlist WHERE user <> 'system user' AND id <> CONNECTION_ID() AND time < 100", name), 60, "its connection")
    server.query("XA COMMIT 'x501'", name)
    applied = applying.wait(60)
    assert applied.exit_code == 0, str(applied)
    assert_equal(shop, source)
    # One that changes a table while it is followed stops it; loading it anew mends that, not before it has ended.
    server.query(prepare.format(502), name)
    assert "was changed by an XA transaction" in shop.run("up", "--once").stderr
    assert "is prepared and not ended" in shop.run("resync", "bronze.sale", check=1, timeout=60).stderr
    server.query("XA COMMIT 'x502'; INSERT INTO sale VALUES (503, 1, 1, 1)", name)
    shop.run("resync", "bronze.sale", timeout=60)
    shop.run("up", "--once")
    assert_equal(shop, source)


def test_changes_follow_the_load(shop, source):
    server, name = source
    shop.apply()
    assert_equal(shop, source)
    server.query("UPDATE item SET price = price + 1 WHERE id <= 50;"
                 "DELETE FROM item WHERE id BETWEEN 51 AND 60;"
                 "UPDATE item SET id = id + 10000 WHERE id BETWEEN 61 AND 65;"
                 "INSERT INTO item (id, name) VALUES (9001, NULL), (9002, 'é\"\\\\');"
                 "UPDATE item SET took = '-100:00:00.5', raw = x'00ff00', tags = '', kind = NULL, bits = b'0' WHERE id = 70;"
                 "BEGIN; INSERT INTO item (id) VALUES (77776); SAVEPOINT s; INSERT INTO item (id) VALUES (77777); ROLLBACK TO s;"
                 "INSERT INTO item (id) VALUES (77778); COMMIT", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    server.query("TRUNCATE sale; INSERT INTO sale VALUES (1, 1, 18446744073709551615, 1)", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    shop.plan(check=0)


def test_one_transaction_over_several_tables_is_one_commit(shop, source):
    server, name = source
    shop.apply()
    before = shop.sql("SELECT max(sequence) AS s FROM system.commits")[0]["s"]
    server.query("BEGIN; INSERT INTO item (id) VALUES (5001); INSERT INTO sale VALUES (5001, 1, 5001, 1); COMMIT", name)
    shop.run("up", "--once")
    commits = shop.sql(f"SELECT count(*) AS n FROM system.commits WHERE sequence > {before}")
    assert commits == [{"n": 1}]
    assert shop.sql("SELECT count(*) AS n FROM lake.bronze.item i JOIN lake.bronze.sale s ON s.id = i.id WHERE i.id = 5001") == [{"n": 1}]


def test_columns_that_the_source_alters_follow(shop, source):
    server, name = source
    shop.apply()
    server.query("INSERT INTO sale VALUES (500, 1, 1, 1);"
                 "ALTER TABLE sale ADD COLUMN note varchar(10); INSERT INTO sale VALUES (501, 1, 1, 1, 'new');"
                 "ALTER TABLE sale CHANGE qty quantity bigint; UPDATE sale SET quantity = 9 WHERE id = 501;"
                 "ALTER TABLE sale DROP COLUMN note; INSERT INTO sale VALUES (502, 1, 1, 3)", name)
    told = shop.run("up", "--once")
    rows = shop.sql("SELECT id, quantity FROM lake.bronze.sale WHERE id >= 500 ORDER BY id")
    assert rows == [{"id": 500, "quantity": 1}, {"id": 501, "quantity": 9}, {"id": 502, "quantity": 3}], str(told)
    shop.run("up", "--once")
    assert_equal(shop, source, without=["polars_delta"])  # which knows no column mapping, and says so


def test_a_table_that_was_altered_before_the_connection_broke(shop, source):
    server, name = source
    shop.apply()
    up = shop.start("up")
    committed = lambda row: lambda: shop.sql(f"SELECT id FROM lake.bronze.sale WHERE id = {row}")
    try:
        server.query("ALTER TABLE sale ADD COLUMN note decimal(10,2) DEFAULT 1.5, RENAME COLUMN qty TO number; INSERT INTO sale VALUES (501, 1, 1, 1, 2)", name)
        process.wait_for(committed(501), 60, "the row with the new column")
        for reader in server.query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'", name):
            server.query(f"KILL {reader[0]}", name)
        process.wait_for(lambda: up.logged("goes on from the last commit"), 60, "the next attempt")
        server.query("INSERT INTO sale VALUES (502, 1, 1, 1, 3); ALTER TABLE sale MODIFY note decimal(14,2); INSERT INTO sale VALUES (503, 1, 1, 1, 4)", name)
        process.wait_for(committed(503), 60, "the row of the wider column")
    finally:
        ended = up.kill(signal.SIGTERM)
    assert "not followed" not in ended.stderr, ended.stderr
    assert_equal(shop, source, without=["polars_delta"])  # which knows no column mapping, and says so


def test_what_lies_behind_is_done_in_the_order_of_the_log(shop, source):
    """Columns that went, came back under their name, and got others' names, while nobody read the log."""
    server, name = source
    shop.apply()
    server.query("UPDATE sale SET qty = 5 WHERE id = 1; ALTER TABLE sale RENAME COLUMN qty TO number; UPDATE sale SET number = 6 WHERE id = 2;"
                 "ALTER TABLE sale DROP COLUMN item; ALTER TABLE sale ADD COLUMN item int DEFAULT 2; UPDATE sale SET item = 3 WHERE id = 3;"
                 "ALTER TABLE sale RENAME COLUMN number TO qty, RENAME COLUMN item TO number; ALTER TABLE sale ADD COLUMN item varchar(9) DEFAULT 'x';"
                 "INSERT INTO sale (id, line, qty, number, item) VALUES (900, 1, 1, 2, 'y')", name)
    shop.run("up", "--once")
    assert_equal(shop, source, without=["polars_delta"])  # which knows no column mapping, and says so
    rows = shop.sql("SELECT id, qty, number, item FROM lake.bronze.sale WHERE id IN (1, 2, 3, 900) ORDER BY id")
    assert [list(row.values()) for row in rows] == [[1, 5, 2, "x"], [2, 6, 2, "x"], [3, 1, 3, "x"], [900, 1, 2, "y"]]


def test_a_column_with_a_default_is_in_the_rows_of_before(shop, source):
    server, name = source
    shop.apply()
    server.query("UPDATE sale SET qty = 2 WHERE id <= 10; DELETE FROM sale WHERE id = 20;"
                 "ALTER TABLE sale ADD COLUMN state varchar(9) NOT NULL DEFAULT 'open' AFTER id, ADD COLUMN paid decimal(8,2) NOT NULL;"
                 "ALTER TABLE sale ALTER COLUMN state SET DEFAULT 'new'; UPDATE sale SET state = 'shut' WHERE id <= 5;"
                 "INSERT INTO sale (id, line, paid) VALUES (500, 1, 2)", name)
    told = shop.run("up", "--once")
    rows = shop.sql("SELECT state, paid::VARCHAR AS paid, count(*) AS n FROM lake.bronze.sale GROUP BY ALL ORDER BY state")
    assert rows == [{"state": "new", "paid": "2.00", "n": 1}, {"state": "open", "paid": "0.00", "n": 94}, {"state": "shut", "paid": "0.00", "n": 5}], str(told)
    assert_equal(shop, source)
    for reader in readers.READERS.values():  # those of the Delta log know no default of older files
        assert reader.read(shop.location("bronze.sale")).column("state").null_count == 0, reader.name
    server.query("UPDATE sale SET paid = 3 WHERE id = 500; UPDATE sale SET qty = 7 WHERE id = 50; DELETE FROM sale WHERE id = 51", name)
    shop.run("up", "--once")
    assert_equal(shop, source)
    shop.plan(check=0)


def test_a_foreign_key_that_changes_rows_stops_its_table_when_it_may_have(project, source):
    server, name = source
    server.query("ALTER TABLE item ADD COLUMN kept int; CREATE TABLE sale_child (id int PRIMARY KEY, item bigint,"
                 "FOREIGN KEY (item) REFERENCES item (id) ON DELETE CASCADE); INSERT INTO sale_child VALUES (1, 1), (2, 2), (3, 3)", name)
    project.env["SHOP_MYSQL"] = server.url(name)
    project.yaml(YAML)
    warned = str(project.run("plan", check=3))
    assert f"{name}.sale_child has the foreign key" in warned and "ON DELETE CASCADE" in warned
    project.apply()
    server.query("UPDATE item SET name = 'x' WHERE id = 1; INSERT INTO sale_child VALUES (4, 4); DELETE FROM sale_child WHERE id = 3", name)
    project.run("up", "--once")
    assert project.sql("SELECT id FROM lake.bronze.sale_child ORDER BY id") == [{"id": 1}, {"id": 2}, {"id": 4}]
    server.query("INSERT INTO sale_child VALUES (5, 5); DELETE FROM item WHERE id = 2; INSERT INTO sale VALUES (900, 1, 1, 1)", name)
    told = str(project.run("up", "--once"))
    assert f"{name}.sale_child" in told and f"rows of {name}.item were deleted" in told
    assert project.sql("SELECT id FROM lake.bronze.sale WHERE id = 900") == [{"id": 900}]
    project.run("resync", "bronze.sale_child")
    server.query("INSERT INTO sale_child VALUES (6, 6)", name)
    project.run("up", "--once")
    assert project.sql("SELECT id FROM lake.bronze.sale_child ORDER BY id") == [{"id": 1}, {"id": 4}, {"id": 5}, {"id": 6}]
    assert_equal(project, source)
    project.run("destroy", "-y")


def test_text_in_the_character_sets_of_east_asia(project, source):
    server, name = source
    server.query("CREATE TABLE sale_gbk (k varchar(5) CHARACTER SET gbk PRIMARY KEY, v text CHARACTER SET big5) ; INSERT INTO sale_gbk VALUES ('一', '二')", name)
    project.env["SHOP_MYSQL"] = server.url(name)
    project.yaml(YAML)
    project.apply()
    server.query("INSERT INTO sale_gbk VALUES ('三', '四'); UPDATE sale_gbk SET v = '五' WHERE k = '一'", name)
    project.run("up", "--once")
    assert project.sql("SELECT * FROM lake.bronze.sale_gbk ORDER BY v") == [{"k": "一", "v": "五"}, {"k": "三", "v": "四"}]
    assert_equal(project, source)
    project.run("destroy", "-y")


def test_up_runs_until_it_is_stopped_and_status_tells(shop, source):
    server, name = source
    shop.apply()
    up = shop.start("up")
    try:
        server.query("INSERT INTO sale VALUES (900, 1, 1, 1)", name)
        deadline = time.monotonic() + 60
        while "1" not in str(shop.sql("SELECT count(*) AS n FROM lake.bronze.sale WHERE id = 900")):
            assert time.monotonic() < deadline, "the row never came"
        assert "crm: followed up to" in str(shop.run("status"))
    finally:
        began = time.monotonic()
        ended = up.kill(signal.SIGTERM)
    assert time.monotonic() - began < 15
    assert ended.exit_code == 0, str(ended)


def test_killed_at_random_while_the_source_is_busy(shop, source):
    server, name = source
    chance = random.Random(11)
    shop.apply()
    for _ in range(5):
        up = shop.start("up")
        for _ in range(8):
            statements = ""
            for _ in range(8):
                one = chance.randrange(1, 400)
                statements += (f"BEGIN; UPDATE item SET price = price + 1, name = 'n{one}' WHERE id = {one};"
                               f"INSERT IGNORE INTO sale VALUES ({one}, {chance.randrange(50)}, {one}, 1);")
                if chance.random() < 0.2:
                    statements += f"DELETE FROM sale WHERE id = {chance.randrange(1, 400)};"
                statements += "COMMIT;"
            server.query(statements, name)
        up.kill(signal.SIGKILL)
    shop.run("up", "--once")
    assert_equal(shop, source)
    history = shop.sql("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM lake.bronze.item")
    assert history[0]["n"] == history[0]["ids"]


def test_a_table_that_joins_is_loaded_and_followed(shop, source):
    server, name = source
    shop.apply()
    server.query("CREATE TABLE sale_late (id int PRIMARY KEY, v varchar(5));"
                 "INSERT INTO sale_late SELECT id, 'x' FROM sale WHERE id <= 50; INSERT INTO sale VALUES (700, 1, 1, 1)", name)
    shop.plan(check=3)
    shop.apply()
    server.query("UPDATE sale_late SET v = 'y' WHERE id <= 10; DELETE FROM sale_late WHERE id = 50", name)
    shop.run("up", "--once")
    rows = shop.sql("SELECT v, count(*) AS n FROM lake.bronze.sale_late GROUP BY v ORDER BY v")
    assert rows == [{"v": "x", "n": 39}, {"v": "y", "n": 10}]
    assert_equal(shop, source)


def test_a_table_that_was_altered_before_it_joined(shop, source):
    server, name = source
    shop.apply()
    server.query("CREATE TABLE sale_late (id int PRIMARY KEY, v varchar(5)); INSERT INTO sale_late VALUES (1, 'a'), (2, 'b');"
                 "ALTER TABLE sale_late ADD COLUMN w int FIRST; UPDATE sale_late SET w = id * 10; DELETE FROM sale_late WHERE id = 2", name)
    shop.apply()
    server.query("INSERT INTO sale_late VALUES (30, 3, 'c'); ALTER TABLE sale_late ADD COLUMN x int; UPDATE sale_late SET x = 1 WHERE id = 3", name)
    shop.run("up", "--once")
    rows = shop.sql("SELECT id, v, w, x FROM lake.bronze.sale_late ORDER BY id")
    assert rows == [{"id": 1, "v": "a", "w": 10, "x": None}, {"id": 3, "v": "c", "w": 30, "x": 1}]
    assert_equal(shop, source)


def test_a_table_that_cannot_follow_stops_alone_until_it_is_loaded_again(shop, source):
    server, name = source
    shop.apply()
    server.query("ALTER TABLE sale MODIFY qty varchar(10); INSERT INTO sale VALUES (800, 1, 1, 'many');"
                 "UPDATE item SET name = 'goes on' WHERE id = 1", name)
    told = shop.run("up", "--once")
    assert f"{name}.sale is not followed any more" in str(told)
    assert shop.sql("SELECT name FROM lake.bronze.item WHERE id = 1") == [{"name": "goes on"}]
    assert "it stopped" in str(shop.plan(check=3))
    shop.run("resync", "bronze.sale")
    server.query("UPDATE sale SET qty = 'some' WHERE id = 800", name)
    shop.run("up", "--once")
    assert shop.sql("SELECT qty FROM lake.bronze.sale WHERE id = 800") == [{"qty": "some"}]
    assert_equal(shop, source)
    shop.plan(check=0)


def test_a_user_needs_rights_and_is_told_which(project, source):
    server, name = source
    project.env["SHOP_MYSQL"] = server.url(name, "locked:open%20sesame")
    project.yaml(YAML)
    refused = str(project.run("plan", check=1))
    assert "REPLICATION SLAVE" in refused and "locked" in refused and "sesame" not in refused
    client = "BINLOG MONITOR" if server.kind == "mariadb" else "REPLICATION CLIENT"
    try:
        server.query(f"GRANT REPLICATION SLAVE, {client}, RELOAD ON *.* TO locked@'%'")
        project.apply()
        server.query("DELETE FROM item WHERE id < 10", name)
        project.run("up", "--once")
        assert_equal(project, source)
    finally:
        server.query(f"REVOKE REPLICATION SLAVE, {client}, RELOAD ON *.* FROM locked@'%'")


def test_tables_that_the_log_does_not_tell_wholly_are_refused_with_the_repair(project, source):
    server, name = source
    project.env["SHOP_MYSQL"] = server.url(name)
    project.yaml(YAML)
    server.query("CREATE TABLE sale_plain (a int)", name)
    refused = str(project.run("plan", check=1))
    assert f"{name}.sale_plain has no primary key" in refused and "ADD PRIMARY KEY" in refused
    if server.kind == "mariadb":
        server.query("DROP TABLE sale_plain; CREATE TABLE sale_packed (id int PRIMARY KEY, v text COMPRESSED)", name)
        assert "is COMPRESSED" in str(project.run("plan", check=1))


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def own(request):
    """A server of this module alone: its settings are changed, its log is purged."""
    with servers.mysql(request.param, "--binlog-row-metadata=MINIMAL") as server:
        yield server


@pytest.mark.parametrize("setting, value, good, repair", [
    ("binlog_row_image", "MINIMAL", "FULL", "SET GLOBAL binlog_row_image = 'FULL'"),
    ("binlog_row_image", "NOBLOB", "FULL", "SET GLOBAL binlog_row_image = 'FULL'"),
    ("binlog_format", "MIXED", "ROW", "SET GLOBAL binlog_format = 'ROW'"),
])
def test_a_log_without_whole_rows_is_refused_with_the_repair(project, own, setting, value, good, repair):
    with own.database() as name:
        fill(own, name)
        project.env["SHOP_MYSQL"] = own.url(name)
        project.yaml(YAML)
        try:
            own.query(f"SET GLOBAL {setting} = '{value}'")
            refused = str(project.run("plan", check=1))
            assert setting in refused and repair in refused
        finally:
            own.query(f"SET GLOBAL {setting} = '{good}'")


def test_a_purged_log_is_an_error_until_everything_is_loaded_again(project, own):
    with own.database() as name:
        fill(own, name)
        project.env["SHOP_MYSQL"] = own.url(name)
        project.yaml(YAML)
        project.apply()
        own.query("DELETE FROM item WHERE id = 1; FLUSH LOGS; UPDATE sale SET qty = 5; FLUSH LOGS; DELETE FROM item WHERE id = 2", name)
        last = own.query("SHOW BINARY LOGS")[-1][0]
        deadline = time.monotonic() + 60
        while own.query(f"PURGE BINARY LOGS TO '{last}'; SHOW BINARY LOGS")[0][0] != last:  # MariaDB keeps a file until the engine has written what is in it
            assert time.monotonic() < deadline, "the log stays"
        lost = str(project.run("up", "--once", check=1))
        assert "tarn resync" in lost
        project.run("resync")
        own.query("INSERT INTO sale VALUES (801, 1, 1, 1)", name)
        project.run("up", "--once")
        assert_equal(project, (own, name))
        project.run("destroy", "-y")


def test_with_minimal_metadata_an_altered_table_is_followed_when_up_runs(project, own):
    with own.database() as name:
        fill(own, name)
        project.env["SHOP_MYSQL"] = own.url(name)
        project.yaml(YAML)
        project.apply()
        own.query("ALTER TABLE sale ADD COLUMN note varchar(10) CHARACTER SET latin1 AFTER id; INSERT INTO sale VALUES (501, 'é', 1, 1, 1)", name)
        project.run("up", "--once")
        own.query("ALTER TABLE sale CHANGE note remark varchar(20); INSERT INTO sale VALUES (502, 'ß', 1, 1, 1)", name)
        project.run("up", "--once")
        assert project.sql("SELECT id, remark FROM lake.bronze.sale WHERE id > 500 ORDER BY id") == [{"id": 501, "remark": "é"}, {"id": 502, "remark": "ß"}]
        assert_equal(project, (own, name), without=["polars_delta"])
        own.query("ALTER TABLE sale ADD COLUMN x int; INSERT INTO sale VALUES (503, 'x', 1, 1, 1, 1); ALTER TABLE sale DROP COLUMN qty;"
                  "UPDATE item SET name = 'goes on' WHERE id = 1", name)
        told = str(project.run("up", "--once"))
        assert f"{name}.sale is not followed any more" in told and "binlog_row_metadata" in told
        assert project.sql("SELECT name FROM lake.bronze.item WHERE id = 1") == [{"name": "goes on"}]
        project.run("resync", "bronze.sale")
        assert_equal(project, (own, name), without=["polars_delta"])
        project.run("destroy", "-y")


def test_a_transaction_that_a_crash_cut_off_in_the_log_is_passed_over(project):
    """The server has rolled it back. MariaDB leaves its half in the log; MySQL cuts it off itself."""
    with servers.mysql("mariadb", "--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1") as server, server.database() as name:
        server.query("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)", name)
        project.env["SHOP_MYSQL"] = server.url(name)
        project.yaml('name: shop\nserve: {http: off}\nsources:\n  crm: {type: mysql, url: "${SHOP_MYSQL}", tables: [t], mode: cdc, commit: {every: 200ms}}\n')
        project.apply()
        server.query("INSERT INTO t VALUES (2, 2)", name)
        server.query("INSERT INTO t VALUES (3, 3)", name)
        server.kill()
        log = sorted(server.data.glob("binlog.0*"))[-1]
        xid_bytes, xid_type = 31, 16  # the log's last event: that of the commit
        assert log.read_bytes()[-xid_bytes + 4] == xid_type
        os.truncate(log, log.stat().st_size - xid_bytes)
        server.child = server.start()
        server.query("INSERT INTO t VALUES (4, 4)", name)
        rows = server.query("SELECT id FROM t ORDER BY id", name)
        assert rows == [["1"], ["2"], ["4"]]
        up = project.start("up")
        try:
            process.wait_for(lambda: project.sql("SELECT 1 AS n FROM lake.bronze.t WHERE id = 4"), 60, "the row of after")
        finally:
            ended = up.kill(signal.SIGTERM)
        assert ended.exit_code == 0, str(ended)
        assert [[str(r["id"])] for r in project.sql("SELECT id FROM lake.bronze.t ORDER BY id")] == rows
        project.run("destroy", "-y")
