"""What is wrong around a capture: full disks, a catalog that somebody else holds, tables that are renamed, clocks that jump. A clear word, and nothing is lost.

Settings and rights that a source lacks (wal_level, slots, walsenders, server_id, binlog settings, grants) are refused before anything is made:
src/source/postgres/pg_capture_slot_test.cc, src/source/mysql/my_capture_server_test.cc.
"""
import json
import random
import re
import resource
import signal
import sqlite3

import pytest

from harness import capture, process, readers

TABLES = "CREATE TABLE item (id int PRIMARY KEY, v {text}); INSERT INTO item VALUES (1, 'one'), (2, 'two')"


def prepare(project, database, more="", source="    commit: {every: 200ms}\n"):
    database.run(TABLES.format(text="text" if database.is_postgres else "longtext"))
    database.follow(project, more=more, source=source)
    project.apply()


def ids(project, table="item"):
    return [r["id"] for r in project.sql(f"SELECT id FROM lake.bronze.{table} ORDER BY id")]


def until(condition, running, what, seconds=60):
    """The condition's value; a command that ends before that has failed."""
    def met():
        assert running.popen.poll() is None, str(running.wait())
        return condition()
    return process.wait_for(met, seconds, what)


def stop(running):
    """SIGTERM, as everybody stops `up`."""
    running.popen.send_signal(signal.SIGTERM)
    ended = running.wait(60)
    assert ended.exit_code == 0, str(ended)


def allow_files_of(running, size):
    """As on a disk without room: no file of the process may grow beyond that."""
    resource.prlimit(running.popen.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def large_transaction(database, values):
    rows = lambda n: ", ".join(f"({n + i}, '{v}')" for i, v in enumerate(values))
    database.run(f"BEGIN; INSERT INTO item VALUES {rows(100)}; INSERT INTO item VALUES {rows(200)}; INSERT INTO item VALUES {rows(300)}; COMMIT")
    return [1, 2, *(h + i for h in (100, 200, 300) for i in range(len(values)))]


# Of the spool: MySQL and MariaDB send a transaction when it is committed, nothing of it waits there.
@pytest.mark.parametrize("followed", ["postgres15", "postgres18"], indirect=True)
def test_on_a_full_disk_it_waits_says_where_and_goes_on_when_there_is_room(project, followed):
    followed.run(f"ALTER DATABASE {followed.name} SET logical_decoding_work_mem = '64kB'")
    prepare(project, followed, "limits: {capture_transaction_memory_bytes: 100000}\n")
    up = project.start("up")
    try:
        until(lambda: up.logged("following"), up, "the beginning")
        allow_files_of(up, 3 << 20)
        expected = large_transaction(followed, ["x" * 200_000] * 10)
        until(lambda: up.logged("goes on from the last commit"), up, "a word about the disk")
        assert re.search("cannot write the transaction file .*/spool/.*File too large", up.output["stderr"]) and "free space there" in up.output["stderr"], up.output["stderr"]
        assert ids(project) == [1, 2], "a part of it is visible"
        told = project.run("status").stdout
        assert "File too large" in told, told
        allow_files_of(up, resource.RLIM_INFINITY)
        until(lambda: ids(project) == expected, up, "the transaction")
        stop(up)
    finally:
        up.kill()
    project.run("check")
    project.run("destroy", "-y")


def test_once_on_a_full_disk_fails_with_the_repair_and_the_next_one_goes_on(project, postgres18):
    with postgres18.database() as name:
        database = capture.Database(postgres18, name)
        database.run(f"ALTER DATABASE {name} SET logical_decoding_work_mem = '64kB'")
        prepare(project, database, "limits: {capture_transaction_memory_bytes: 100000}\n")
        expected = large_transaction(database, ["x" * 200_000] * 10)
        full = project.run("up", "--once", check=1, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, resource.RLIM_INFINITY)))
        assert "/spool/" in full.stderr and "free space there" in full.stderr, str(full)
        assert not list((project.directory / "state/spool").iterdir()), "it leaves what fills the disk"
        project.run("up", "--once")
        assert ids(project) == expected
        project.run("destroy", "-y")


def test_a_warehouse_without_room_is_waited_for(project, followed):
    """A transaction that fits into memory, and whose rows do not fit into the warehouse."""
    prepare(project, followed)
    letters = random.Random(1)
    up = project.start("up")
    try:
        until(lambda: up.logged("following"), up, "the beginning")
        allow_files_of(up, 1 << 20)
        expected = large_transaction(followed, ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=200_000)) for _ in range(10)])
        until(lambda: up.logged("goes on from the last commit"), up, "a word about the disk")
        assert re.search("cannot write .*/warehouse/.*too large", up.output["stderr"]), up.output["stderr"]
        assert ids(project) == [1, 2], "a part of it is visible"
        allow_files_of(up, resource.RLIM_INFINITY)
        until(lambda: ids(project) == expected, up, "the transaction")
        stop(up)
    finally:
        up.kill()
    project.run("check")
    for read in (readers.pyiceberg, readers.deltalake):
        assert sorted(read(project.location("bronze.item")).column("id").to_pylist()) == expected
    project.run("destroy", "-y")


def test_a_catalog_without_room_is_waited_for_and_leaves_no_files(project, followed):
    """Of all files the catalog's log is the largest: it alone has no room."""
    prepare(project, followed, "limits: {lock_lease_ms: 2000}\n")
    up = project.start("up")
    try:
        until(lambda: up.logged("following"), up, "the beginning")
        allow_files_of(up, (project.directory / "state/catalog.db-wal").stat().st_size)
        followed.run("INSERT INTO item VALUES (10, 'held')")
        until(lambda: up.output["stderr"].count("goes on from the last commit") > 4, up, "a word about the disk, for longer than a lease")
        assert re.search("catalog .*/state/catalog.db: File too large", up.output["stderr"]) and "free space" in up.output["stderr"], up.output["stderr"]
        assert len(list((project.directory / "warehouse/bronze/item").rglob("*.parquet"))) < 3, "attempts that certainly failed leave files"
        allow_files_of(up, resource.RLIM_INFINITY)
        until(lambda: ids(project) == [1, 2, 10], up, "the row")
        stop(up)
    finally:
        up.kill()
    project.run("check")
    project.run("destroy", "-y")


def test_a_catalog_that_somebody_else_holds_is_waited_for(project, followed):
    prepare(project, followed)
    up = project.start("up")
    try:
        until(lambda: up.logged("following"), up, "the beginning")
        holder = sqlite3.connect(project.directory / "state/catalog.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        followed.run("INSERT INTO item VALUES (10, 'held')")
        for _ in range(10):  # readers are not held up, and see what was committed
            assert ids(project) == [1, 2]
        assert up.popen.poll() is None, str(up.wait())
        holder.execute("ROLLBACK")
        followed.run("INSERT INTO item VALUES (11, 'free')")
        until(lambda: ids(project) == [1, 2, 10, 11], up, "the rows")
        stop(up)
    finally:
        up.kill()
    project.run("destroy", "-y")


@pytest.mark.parametrize("change", ["ALTER TABLE item RENAME TO thing", "DROP TABLE item"], ids=["renamed", "dropped"])
def test_a_table_that_goes_stops_alone_with_its_repair(project, followed, change):
    followed.run("CREATE TABLE sale (id int PRIMARY KEY, v int)")
    prepare(project, followed, source="    commit: {every: 200ms}\n")
    up = project.start("up")
    try:
        until(lambda: up.logged("following"), up, "the beginning")
        followed.run("INSERT INTO item VALUES (10, 'before')", change, "INSERT INTO sale VALUES (1, 1)")
        until(lambda: ids(project, "sale") == [1], up, "the other table")
        # PostgreSQL's log says nothing of it by itself.
        if "RENAME" in change:
            followed.run("INSERT INTO thing VALUES (11, 'after')", "INSERT INTO sale VALUES (2, 2)")
            until(lambda: ids(project, "sale") == [1, 2], up, "the other table goes on")
        assert ids(project) in ([1, 2], [1, 2, 10]), "what came after it is not of this table"
        stop(up)
    finally:
        up.kill()
    told = json.loads(project.run("status", "--json").stdout)["sources"][0]
    print(told, up.output["stderr"])
    if change.startswith("ALTER") or not followed.is_postgres:
        [stopped] = told["stopped_tables"]
        assert followed.table("item") == stopped["table"] and ("HINT:" in stopped["reason"] or "tarn resync" in stopped["reason"]), stopped
    assert ids(project, "sale")[0] == 1
    project.run("destroy", "-y")


def test_a_clock_that_jumps_turns_nothing_back(project, followed, clock_shift):
    prepare(project, followed, more="limits: {lock_lease_ms: 2000}\n")
    shift = project.write("shift", "0")
    shifted = {"LD_PRELOAD": str(clock_shift), "CLOCK_SHIFT": str(shift)}
    expected = [1, 2]
    day = 86400

    def comes(up, key):
        followed.run(f"INSERT INTO item VALUES ({key}, 'n{key}'); UPDATE item SET v = 'changed{key}' WHERE id = 1")
        expected.append(key)
        until(lambda: ids(project) == expected, up, f"row {key}")

    up = project.start("up", env=shifted)
    try:
        comes(up, 10)
        for key, seconds in ((11, 30 * day), (12, -30 * day), (13, 0), (14, 3 * day)):
            shift.write_text(str(seconds))
            comes(up, key)
    finally:
        up.kill()  # with a lease of three days from now
    followed.run("INSERT INTO item VALUES (20, 'later')")
    shift.write_text("0")
    project.run("up", "--once", env=shifted)
    assert ids(project) == [*expected, 20]
    commits = project.sql("SELECT committed FROM system.commits ORDER BY sequence")
    assert len(commits) > 6 and commits == sorted(commits, key=lambda r: r["committed"]), "commits of the lake run backwards"
    states = project.sql("SELECT * FROM lake.bronze.item$snapshots ORDER BY sequence_number")
    assert len(states) > 6 and [s["committed_at"] for s in states] == sorted(s["committed_at"] for s in states), "snapshots run backwards"
    project.run("check")
    for read in (readers.pyiceberg, readers.deltalake):
        assert sorted(read(project.location("bronze.item")).column("id").to_pylist()) == [*expected, 20]
    project.run("destroy", "-y")


def test_the_clock_of_the_source_may_jump_and_the_history_keeps_its_order(project, mysql):
    with mysql.database() as name:
        database = capture.Database(mysql, name)
        database.run("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 0)")
        database.follow(project, source="    history: true\n")
        project.apply()
        for v, then in enumerate(["2036-01-01", "2001-01-01", "1971-01-01", "2024-01-01"], 1):
            database.run(f"SET timestamp = UNIX_TIMESTAMP('{then}'); UPDATE item SET v = {v} WHERE id = 1")
        project.run("up", "--once")
        assert capture.changes(project, "item", "v", "_op = 'update'") == [["update", v] for v in (1, 2, 3, 4)]
        capture.assert_folds_to_the_mirror(project, "item", "id, v")
        project.run("destroy", "-y")
