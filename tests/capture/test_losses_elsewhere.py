"""Real losses of other products, each a case with the name of what was lost. What the source committed is in the lake, once, or an error says why not.

Beside these: src/source/postgres/pg_capture*_test.cc and src/source/mysql/my_capture*_test.cc have the same losses at the edge of the log,
tests/sim at every call, test_random_workload.py by chance.
"""
import re
import signal

import pytest

from harness import capture, process, readers
from harness.tarn import Tarn, after

both = pytest.mark.parametrize("followed", ["postgres18", "mysql8", "mariadb"], indirect=True)
postgres = pytest.mark.parametrize("followed", ["postgres15", "postgres18"], indirect=True)


@pytest.fixture
def shop(project, followed):
    """A project that follows what `shop.source` holds; `shop.load(SQL)` makes the tables and loads them."""
    def load(statements, **kw):
        followed.run(statements)
        followed.follow(project, **kw)
        project.apply()
    project.source, project.load = followed, load
    yield project
    project.run("destroy", "-y")


@pytest.fixture
def faulty(shop, tarn_faults_binary):
    """The same project, by the program that takes orders for its fault points."""
    def run(*args, fault):
        """What fails for good is tried again for good: after some seconds it is killed."""
        Tarn(shop.directory, tarn_faults_binary, shop.env).kill_when(after(4), *args, env={"TARN_FAULT": fault})
    return run


def rows(shop, table, columns):
    return [tuple(r.values()) for r in shop.sql(f"SELECT {columns} FROM lake.bronze.{table} ORDER BY ALL")]


def equal(shop, *tables, without=()):
    """Every value is the source's, and readers without a catalog see as many rows."""
    capture.assert_equal(shop, (shop.source.server, shop.source.name), tables, without=without)


# --- positions and acknowledgements

@postgres
def test_the_slot_was_advanced_before_the_commit(shop, faulty):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 1)")
    shop.run("up", "--once")
    confirmed = lambda: shop.source.query(f"SELECT confirmed_flush_lsn, restart_lsn FROM pg_replication_slots WHERE database = '{shop.source.name}'")
    before = confirmed()
    shop.source.run("INSERT INTO item VALUES (2, 2)")
    for fault in ("catalog.commit:kill", "catalog.commit:fail@1+", "store.close:fail@1+"):
        faulty("up", "--once", fault=fault)
        assert confirmed() == before, f"acknowledged and not committed: {fault}"
    shop.run("up", "--once")
    assert rows(shop, "item", "id, v") == [(1, 1), (2, 2)] and confirmed() != before


@both
def test_several_rows_at_one_position_were_taken_for_one(shop, faulty):
    """A transaction has one position. With a commit wanted after every row, and kills, it stays whole."""
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); CREATE TABLE sale (id int PRIMARY KEY, item int)", source="    commit: {every: 200ms, rows: 1}\n    history: true\n")
    for n, fault in enumerate(("catalog.commit:die", "commit.staged:kill", "publish.begin:kill", "catalog.commit:kill@2")):
        values = ", ".join(f"({n * 100 + i}, {i})" for i in range(50))
        shop.source.run(f"BEGIN; INSERT INTO item VALUES {values}; INSERT INTO sale VALUES {values}; UPDATE item SET v = -1 WHERE id = {n * 100}; COMMIT; DELETE FROM sale WHERE id = {n * 100}")
        faulty("up", "--once", fault=fault)
        assert shop.sql("SELECT count(*) % 50 AS n FROM lake.bronze.item") == [{"n": 0}], "a part of a transaction is visible"
    shop.run("up", "--once")
    equal(shop, "item", "sale")
    assert capture.assert_each_change_once(shop, "item") == 4 * 51 and capture.assert_each_change_once(shop, "sale") == 4 * 51


@both
def test_what_was_committed_between_snapshot_and_stream_was_missed(shop, tarn_faults_binary):
    """Rows that change while the load stands still after it took its snapshot: in the load or in the log, not in neither and not in both."""
    shop.source.run("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 1), (2, 2), (3, 3)")
    shop.source.follow(shop, source="    history: true\n")
    go_on = shop.directory / "go-on"
    applying = Tarn(shop.directory, tarn_faults_binary, shop.env).start("apply", "-y", env={"TARN_FAULT": f"load.written:hold={go_on}", "TARN_FAULT_TRACE": str(shop.directory / "trace")})
    trace = shop.directory / "trace"
    process.wait_for(lambda: trace.exists() and "load.written" in trace.read_text(), 60, "the load to be written")
    shop.source.run("UPDATE item SET v = 20 WHERE id = 2; DELETE FROM item WHERE id = 3; INSERT INTO item VALUES (4, 4)")
    go_on.touch()
    assert applying.wait().exit_code == 0
    assert rows(shop, "item", "id, v") == [(1, 1), (2, 2), (3, 3)]
    shop.run("up", "--once")
    assert rows(shop, "item", "id, v") == [(1, 1), (2, 20), (4, 4)]
    assert capture.assert_each_change_once(shop, "item") == 3


@postgres
def test_a_slot_that_was_made_anew_hid_a_gap(shop):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 1)")
    [[slot]] = shop.source.query(f"SELECT slot_name FROM pg_replication_slots WHERE database = '{shop.source.name}'")
    shop.source.run(f"SELECT pg_drop_replication_slot('{slot}')", "INSERT INTO item VALUES (2, 2)", f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')", "INSERT INTO item VALUES (3, 3)")
    lost = shop.run("up", "--once", check=1)
    assert slot in lost.stderr and "tarn resync" in lost.stderr, str(lost)
    assert rows(shop, "item", "id, v") == [(1, 1)], "the lake goes on behind a gap"
    shop.run("resync")
    shop.source.run("INSERT INTO item VALUES (4, 4)")
    shop.run("up", "--once")
    equal(shop, "item")


@both
def test_an_answer_that_was_lost_was_committed_twice(shop, faulty):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 1)", source="    history: true\n")
    for n, fault in enumerate(("catalog.commit:lose", "catalog.commit:lose@1+", "store.put_if_absent:lose@1+", "store.close:lose")):
        shop.source.run(f"INSERT INTO item VALUES ({n + 10}, 1); UPDATE item SET v = {n + 10} WHERE id = 1")
        faulty("up", "--once", fault=fault)
    shop.run("up", "--once")
    equal(shop, "item")
    assert capture.assert_each_change_once(shop, "item") == 8


@both
def test_an_old_process_that_woke_up_wrote_behind_its_successor(shop, tarn_faults_binary):
    """It stands still with rows in hand, loses its lease, and another one brings the same rows and more. Then it goes on."""
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 1)", source="    history: true\n", more="limits: {lock_lease_ms: 3000}\n")
    go_on, trace = shop.directory / "go-on", shop.directory / "trace"
    shop.source.run("INSERT INTO item VALUES (2, 2); UPDATE item SET v = 10 WHERE id = 1")
    old = Tarn(shop.directory, tarn_faults_binary, shop.env).start("up", "--once", env={"TARN_FAULT": f"store.close:hold={go_on}", "TARN_FAULT_TRACE": str(trace)})
    try:
        process.wait_for(lambda: trace.exists() and "store.close" in trace.read_text(), 60, "rows to be written")
        old.popen.send_signal(signal.SIGSTOP)
        go_on.touch()
        shop.source.run("INSERT INTO item VALUES (3, 3); UPDATE item SET v = 11 WHERE id = 1")
        successor = shop.run("up", "--once")
        assert "waiting: lock capture is held by up" in successor.stderr, str(successor)
        assert rows(shop, "item", "id, v") == [(1, 11), (2, 2), (3, 3)]
        shop.source.run("INSERT INTO item VALUES (4, 4)")
        old.popen.send_signal(signal.SIGCONT)
        fenced = old.wait(60)
    finally:
        old.kill()
    assert fenced.exit_code == 1 and re.search("lock was lost|the lease of lock|somebody else follows", fenced.stderr), str(fenced)
    assert rows(shop, "item", "id, v") == [(1, 11), (2, 2), (3, 3)], "the old one wrote"
    shop.run("up", "--once")
    equal(shop, "item")
    assert capture.assert_each_change_once(shop, "item") == 5


# --- what a transaction does

@both
def test_a_large_value_that_did_not_change_became_null(shop):
    """PostgreSQL leaves a TOASTed value that an update did not touch out of its log."""
    type_ = "text" if shop.source.is_postgres else "longtext"
    shop.load(f"CREATE TABLE item (id int PRIMARY KEY, v int, big {type_}); INSERT INTO item SELECT 1, 1, repeat(md5('a'), 2000); INSERT INTO item SELECT 2, 2, repeat(md5('b'), 2000)")
    shop.source.run("UPDATE item SET v = v + 1; UPDATE item SET id = 3 WHERE id = 2")  # its row of before is committed
    shop.source.run("BEGIN; INSERT INTO item SELECT 4, 4, repeat(md5('c'), 2000); UPDATE item SET v = 5 WHERE id = 4; UPDATE item SET id = 5 WHERE id = 4; COMMIT")  # and is of the same commit
    shop.run("up", "--once")
    assert rows(shop, "item", "id, v, length(big)") == [(1, 2, 64000), (3, 3, 64000), (5, 5, 64000)]
    shop.source.run("UPDATE item SET v = 0 WHERE id = 5; UPDATE item SET big = NULL WHERE id = 1")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, v, length(big)") == [(1, 2, None), (3, 3, 64000), (5, 0, 64000)]
    equal(shop, "item")


@both
def test_a_savepoint_that_was_rolled_back_took_the_transaction_with_it(shop):
    """PostgreSQL streams what is larger than its memory while it goes on, and tells of each part that is taken back."""
    if shop.source.is_postgres:
        shop.source.run(f"ALTER DATABASE {shop.source.name} SET logical_decoding_work_mem = '64kB'")
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v varchar(100))", more="limits: {capture_transaction_memory_bytes: 30000}\n")
    many = lambda begin: f"INSERT INTO item VALUES {', '.join(f'({begin + i}, {chr(39)}{str(i) * 20}{chr(39)})' for i in range(1000))}"
    shop.source.run(f"BEGIN; {many(0)}; SAVEPOINT a; {many(10_000)}; SAVEPOINT b; {many(20_000)}; ROLLBACK TO a; {many(30_000)}; SAVEPOINT c; {many(40_000)}; RELEASE SAVEPOINT c; COMMIT;"
                    f"BEGIN; {many(50_000)}; ROLLBACK; BEGIN; SAVEPOINT d; {many(60_000)}; ROLLBACK TO d; INSERT INTO item VALUES (-1, 'last'); COMMIT")
    shop.run("up", "--once")
    assert shop.sql("SELECT id // 10000 AS part, count(*) AS n FROM lake.bronze.item WHERE id >= 0 GROUP BY part ORDER BY part") == [{"part": p, "n": 1000} for p in (0, 3, 4)]
    equal(shop, "item")


@both
def test_a_truncate_vanished(shop):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO item VALUES (1, 1), (2, 2); INSERT INTO other VALUES (1)")
    shop.source.run("INSERT INTO item VALUES (3, 3)", "TRUNCATE TABLE item", "INSERT INTO item VALUES (1, 10)")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, v") == [(1, 10)]
    shop.source.run("TRUNCATE TABLE item")  # and nothing after it
    shop.run("up", "--once")
    assert rows(shop, "item", "id, v") == [] and rows(shop, "other", "id") == [(1,)]
    if shop.source.is_postgres:
        shop.source.run("INSERT INTO item VALUES (5, 5)")
        shop.source.run("BEGIN; INSERT INTO item VALUES (6, 6); TRUNCATE item, other; INSERT INTO item VALUES (7, 7); SAVEPOINT s; TRUNCATE item; ROLLBACK TO s; COMMIT")
        shop.run("up", "--once")
        assert rows(shop, "item", "id, v") == [(7, 7)] and rows(shop, "other", "id") == []
    equal(shop, "item", "other")


@both
def test_a_changed_key_left_the_old_row_or_took_the_new_one(shop):
    shop.load("CREATE TABLE item (a int, b varchar(20), v int, PRIMARY KEY (a, b)); INSERT INTO item VALUES (1, 'x', 1), (2, 'y', 2), (3, 'z', 3)")
    shop.source.run("UPDATE item SET b = 'xx' WHERE a = 1; UPDATE item SET a = 30, v = 33 WHERE a = 3;"
                    "BEGIN; UPDATE item SET a = -1 WHERE a = 2; UPDATE item SET a = 2, b = 'y' WHERE a = 1; UPDATE item SET a = 1, b = 'xx' WHERE a = -1; COMMIT;"  # change places
                    "BEGIN; DELETE FROM item WHERE a = 30; INSERT INTO item VALUES (30, 'z', 300); COMMIT")
    shop.run("up", "--once")
    assert rows(shop, "item", "a, b, v") == [(1, "xx", 2), (2, "y", 1), (30, "z", 300)]
    equal(shop, "item")


# --- what tables and values are

@both
def test_rows_after_a_ddl_were_read_with_the_columns_of_before(shop):
    text = "text" if shop.source.is_postgres else "varchar(50)"
    shop.load("CREATE TABLE item (id int PRIMARY KEY, a int, b int); INSERT INTO item VALUES (1, 1, 1)")
    # Never read in between: the catalog has moved on when the log is.
    shop.source.run("INSERT INTO item VALUES (2, 2, 2)", f"ALTER TABLE item ADD COLUMN c {text}", "INSERT INTO item VALUES (3, 3, 3, 'three')", "ALTER TABLE item DROP COLUMN a",
                    "INSERT INTO item VALUES (4, 4, 'four')", "ALTER TABLE item RENAME COLUMN b TO d", "INSERT INTO item VALUES (5, 5, 'five')", f"ALTER TABLE item ADD COLUMN e {text}",
                    "UPDATE item SET e = 'e' WHERE id = 1", "INSERT INTO item VALUES (6, 6, 'six', 'e')")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, d, c, e") == [(1, 1, None, "e"), (2, 2, None, None), (3, 3, "three", None), (4, 4, "four", None), (5, 5, "five", None), (6, 6, "six", "e")]
    # And beside a stream that stands open.
    up = shop.start("up")
    try:
        process.wait_for(lambda: up.logged("following"), 60, "the beginning")
        shop.source.run("INSERT INTO item VALUES (7, 7, 'seven', NULL)", "ALTER TABLE item DROP COLUMN e", "INSERT INTO item VALUES (8, 8, 'eight')")
        process.wait_for(lambda: len(rows(shop, "item", "id")) == 8, 60, "the rows")
        up.popen.send_signal(signal.SIGTERM)
        assert up.wait(60).exit_code == 0
    finally:
        up.kill()
    assert rows(shop, "item", "id, d, c")[-2:] == [(7, 7, "seven"), (8, 8, "eight")]
    shop.run("check")


@both
def test_a_column_of_the_name_of_a_dropped_one_had_its_values(shop):
    """What the log tells of both looks the same: the table stops where it cannot tell them apart."""
    shop.load("CREATE TABLE item (id int PRIMARY KEY, v int); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO item VALUES (1, 1)")
    shop.source.run("INSERT INTO item VALUES (2, 2)", "ALTER TABLE item DROP COLUMN v", "ALTER TABLE item ADD COLUMN v int", "INSERT INTO item VALUES (3, 3)", "INSERT INTO other VALUES (1)")
    told = str(shop.run("up", "--once"))
    assert rows(shop, "other", "id") == [(1,)], told
    if f"{shop.source.table('item')} is not followed any more" in told:
        assert rows(shop, "item", "id, v") in ([(1, 1)], [(1, 1), (2, 2)])
        shop.run("resync", "bronze.item")
    assert rows(shop, "item", "id, v") == [(1, None), (2, None), (3, 3)], told
    equal(shop, "item", without=["polars_delta"])  # which knows no column mapping, and says so


@both
def test_times_were_of_the_sessions_time_zone(shop):
    types = "timestamptz, timestamp, date, time" if shop.source.is_postgres else "timestamp(6) NULL, datetime(6), date, time"
    columns = ", ".join(f"c{i} {t}" for i, t in enumerate(types.split(", ")))
    zone = lambda name, offset: f"SET timezone = '{name}'" if shop.source.is_postgres else f"SET time_zone = '{offset}'"
    if shop.source.is_postgres:
        shop.source.run(f"ALTER DATABASE {shop.source.name} SET timezone = 'America/New_York'; ALTER DATABASE {shop.source.name} SET datestyle = 'SQL, DMY'")
    now = "'2024-07-01 12:00:00', '2024-07-01 12:00:00', '2024-07-01', '12:00:00'"
    shop.load(f"CREATE TABLE item (id int PRIMARY KEY, {columns}); {zone('Asia/Kolkata', '+05:30')}; INSERT INTO item VALUES (1, {now})")
    shop.source.run(f"{zone('Asia/Kolkata', '+05:30')}; INSERT INTO item VALUES (2, {now}); {zone('Etc/GMT+8', '-08:00')}; INSERT INTO item VALUES (3, {now})")
    shop.run("up", "--once")
    same = ("2024-07-01 12:00:00", "2024-07-01")
    assert rows(shop, "item", "id, c0::VARCHAR, c1::VARCHAR, c2::VARCHAR") == [(i, f"2024-07-01 {then}:00+00", *same) for i, then in ((1, "06:30"), (2, "06:30"), (3, "20:00"))]
    equal(shop, "item")


@postgres
def test_nan_and_infinity_in_numerics_became_null_or_zero(shop):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, told numeric, refused numeric(10,2)); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO item VALUES (1, 'NaN', 1)",
              source=f'    types: {{{shop.source.table("item")}.told: string}}\n')
    shop.source.run("INSERT INTO item VALUES (2, 'Infinity', 2), (3, '-Infinity', 3), (4, 'NaN', NULL), (5, 1.50, 5)")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, told") == [(1, "NaN"), (2, "Infinity"), (3, "-Infinity"), (4, "NaN"), (5, "1.50")]
    equal(shop, "item")
    # A decimal has no NaN: its table stops with the repair, the others go on.
    shop.source.run("INSERT INTO item VALUES (6, 1, 'NaN'); INSERT INTO other VALUES (1)")
    told = str(shop.run("up", "--once"))
    assert "public.item is not followed any more" in told and "NaN" in told and "refused" in told, told
    assert rows(shop, "other", "id") == [(1,)] and len(rows(shop, "item", "id")) == 5
    shop.source.run("DELETE FROM item WHERE id = 6")
    shop.run("resync", "bronze.item")
    equal(shop, "item", "other")


@postgres
def test_dates_before_christ_and_without_end_were_clipped(shop):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, d date, t timestamp, z timestamptz); INSERT INTO item VALUES (1, 'infinity', '-infinity', 'infinity')")
    shop.source.run("INSERT INTO item VALUES (2, '-infinity', 'infinity', '-infinity'), (3, '0044-03-15 BC', '0044-03-15 12:00:00.000001 BC', '0044-03-15 12:00:00+00 BC'),"
                    "(4, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-02 00:00:00+00 BC'), (5, '5874897-12-31', '294246-12-31 23:59:59.999999', '70000-12-31 23:59:59+00')")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, isinf(d), isinf(t), isinf(z)") == [(i, i < 3, i < 3, i < 3) for i in range(1, 6)]
    equal(shop, "item")


# --- the lake's own files

@both
def test_a_row_whose_partition_changed_stayed_in_the_old_one(shop):
    shop.load("CREATE TABLE item (id int PRIMARY KEY, region varchar(10), v int); INSERT INTO item VALUES (1, 'north', 1), (2, 'south', 2), (3, 'south', 3)",
              more="tables: {bronze.item: {partition: [region]}}\n")
    shop.source.run("UPDATE item SET region = 'south' WHERE id = 1; UPDATE item SET region = 'east', v = 20 WHERE id = 2; UPDATE item SET region = NULL WHERE id = 3")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, region, v") == [(1, "south", 1), (2, "east", 20), (3, None, 3)]
    shop.source.run("UPDATE item SET region = 'north' WHERE id = 1; UPDATE item SET region = 'north' WHERE id = 3; DELETE FROM item WHERE id = 2")
    shop.run("up", "--once")
    assert rows(shop, "item", "id, region") == [(1, "north"), (3, "north")]
    assert shop.sql("SELECT id FROM lake.bronze.item WHERE region = 'south'") == []
    equal(shop, "item")


@both
def test_a_second_deletion_vector_for_a_file_made_the_table_unreadable(shop):
    values = ", ".join(f"({i}, 0)" for i in range(1, 101))
    shop.load(f"CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES {values}")
    for n in range(4):  # every commit deletes from the file of the load
        shop.source.run(f"DELETE FROM item WHERE id = {n * 10 + 1}; UPDATE item SET v = v + 1 WHERE id BETWEEN {n * 10 + 2} AND {n * 10 + 12}")
        shop.run("up", "--once")
        equal(shop, "item")
    shop.run("maintain")
    equal(shop, "item")


@both
def test_upkeep_removed_what_a_commit_under_way_needed(shop, tarn_faults_binary):
    """Compaction and expiry pass while a commit stands still, first with its rows written, then with its metadata staged."""
    patience = "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0, lock_lease_ms: 60000}\n"
    values = ", ".join(f"({i}, 0)" for i in range(1, 101))
    shop.load(f"CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES {values}", more=patience, source="    history: true\n")
    faulty = Tarn(shop.directory, tarn_faults_binary, shop.env)
    for n, point in enumerate(("store.close", "commit.staged")):
        for k in range(3):  # small files and deleted rows that are worth a compaction
            shop.source.run(f"UPDATE item SET v = v + 1 WHERE id % 3 = {k}; INSERT INTO item VALUES ({1000 + n * 10 + k}, 0)")
            shop.run("up", "--once")
        shop.source.run(f"UPDATE item SET v = 100 WHERE id <= 50; DELETE FROM item WHERE id = {60 + n}")
        go_on, trace = shop.directory / f"go-on-{n}", shop.directory / f"trace-{n}"
        held = faulty.start("up", "--once", env={"TARN_FAULT": f"{point}:hold={go_on}", "TARN_FAULT_TRACE": str(trace)})
        try:
            process.wait_for(lambda: trace.exists() and point in trace.read_text(), 60, f"{point} to be reached")
            shop.run("maintain")
            go_on.touch()
            ended = held.wait(60)
        finally:
            held.kill()
        assert ended.exit_code == 0, str(ended)
        equal(shop, "item")
        assert readers.pyiceberg(shop.location("bronze.item__changes")).num_rows == shop.sql("SELECT count(*) AS n FROM lake.bronze.item__changes")[0]["n"]
    shop.run("maintain")
    equal(shop, "item")
