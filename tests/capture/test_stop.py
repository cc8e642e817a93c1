"""A stop of `tarn up`, and its making way: what it has read is committed, though no commit was due for long."""
import signal
import time

from harness import capture, process

EVERY = "    commit: {every: 60m, rows: 3}\n"


def ids(project):
    return [r["id"] for r in project.sql("SELECT id FROM lake.bronze.item ORDER BY id")]


def sent(database):
    """Whether the server has sent its whole log to whoever reads it."""
    if database.is_postgres:
        return database.query("SELECT sent_lsn >= pg_current_wal_insert_lsn() FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid "
                              "WHERE s.database = current_database()") == [(True,)]
    # The readers of other tests, too: nothing else is written meanwhile.
    readers = database.query("SELECT state FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
    return readers and all("has sent all" in r[0] for r in readers)


def follow(project, database):
    """`up`, which has committed what made a commit due, and then waits for two more rows."""
    database.run("CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 1)")
    database.follow(project, source=EVERY)
    project.apply()
    up = project.start("up")
    database.run("INSERT INTO item VALUES (2, 2), (3, 3), (4, 4)")
    process.wait_for(lambda: ids(project) == [1, 2, 3, 4] and up.logged(", sequence "), 60, "the commit that is due, and what follows it")
    database.run("INSERT INTO item VALUES (5, 5)", "UPDATE item SET v = 10 WHERE id = 1")
    process.wait_for(lambda: sent(database), 60, "the log's way to us")
    assert ids(project) == [1, 2, 3, 4], "no commit was due"
    return up


def test_a_stop_commits_what_was_read(project, followed):
    up = follow(project, followed)
    began = time.monotonic()
    ended = up.kill(signal.SIGTERM)
    assert ended.exit_code == 0, str(ended)
    assert time.monotonic() - began < 10
    assert ids(project) == [1, 2, 3, 4, 5]
    assert project.sql("SELECT v FROM lake.bronze.item WHERE id = 1") == [{"v": 10}]
    project.run("up", "--once")
    project.run("check")
    project.run("destroy", "-y")


def test_making_way_commits_what_was_read(project, postgres18):
    with postgres18.database() as name:
        database = capture.Database(postgres18, name)
        up = follow(project, database)
        try:
            project.run("resync")
            before = project.sql("SELECT message FROM system.commits ORDER BY sequence")
            assert sum("changes of crm" in m["message"] for m in before) == 2, before
        finally:
            up.kill(signal.SIGTERM)
        project.run("destroy", "-y")
