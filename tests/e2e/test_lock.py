"""One holder of the project's lock at a time: a process that stood still while its lease ran out changes nothing afterwards."""
import contextlib
import signal
import sqlite3

from harness.process import wait_for

ROWS = 10


def test_a_run_that_stood_still_while_another_one_loaded_doubles_nothing(project, database):
    server, name = database
    # No key: nothing else would find a row that comes twice. Whoever reads the view waits for the advisory lock, if it is held.
    server.execute("CREATE TABLE kept (id bigint, v text);"
                   "CREATE VIEW event AS SELECT id, v FROM kept WHERE (SELECT pg_advisory_xact_lock_shared(7)) IS NOT NULL", name)
    insert = "INSERT INTO kept SELECT i, md5(i::text) FROM generate_series(%s::int, %s::int) i"
    with server.connect(name) as c:
        c.execute(insert, (1, ROWS))
    project.env["SHOP_PG"] = server.url(name)
    project.yaml("""\
        name: shop
        catalog: lake
        warehouse: ./warehouse
        state: ./state
        sources:
          postgres: {type: postgres, url: "${SHOP_PG}", tables: [public.event], mode: incremental, cursor: id, into: bronze}
        limits: {lock_lease_ms: 1000}
        """)
    project.apply()
    with server.connect(name) as c:
        c.execute(insert, (ROWS + 1, 2 * ROWS))

    staged = lambda: set((project.directory / "warehouse/bronze/event/metadata").glob("*.avro"))
    before = staged()
    with server.connect(name) as holder, contextlib.closing(sqlite3.connect(project.directory / "state/catalog.db", timeout=20, isolation_level=None)) as catalog:
        holder.execute("SELECT pg_advisory_lock(7)")
        still = project.start("run")
        until = lambda reached, what: wait_for(lambda: still.popen.poll() is not None or reached(), 60, what)
        try:
            # It holds the lock, has read where the last load ended, and is about to read what came since.
            until(lambda: server.query("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"), "the run to wait for the source")
            catalog.execute("BEGIN IMMEDIATE")
            holder.execute("SELECT pg_advisory_unlock(7)")
            # All that remains for it is the catalog's transaction.
            until(lambda: staged() - before, "the run to be about to commit")
            assert still.popen.poll() is None, still.wait()
            still.popen.send_signal(signal.SIGSTOP)
            catalog.execute("ROLLBACK")
            project.run("run")  # takes the lock once the lease has run out, which it may have by now
            assert project.sql("SELECT count(*) AS n FROM lake.bronze.event") == [{"n": 2 * ROWS}]
            still.popen.send_signal(signal.SIGCONT)
            ended = still.wait()
        finally:
            still.kill()
    assert ended.exit_code == 1, ended
    assert "the lease of lock project ran out" in ended.stderr, ended
    rows = project.sql("SELECT id, count(*) AS n FROM lake.bronze.event GROUP BY id ORDER BY id")
    assert rows == [{"id": i, "n": 1} for i in range(1, 2 * ROWS + 1)]
    project.run("run")
    assert len(project.sql("SELECT id FROM lake.bronze.event")) == 2 * ROWS


def test_a_load_whose_snapshot_was_lost_on_the_way_is_none(project, database):
    server, name = database
    server.execute("CREATE TABLE kept AS SELECT i AS id FROM generate_series(1, 1000) i;"
                   "CREATE VIEW first AS SELECT id FROM kept WHERE (SELECT pg_advisory_xact_lock_shared(7)) IS NOT NULL;"
                   "CREATE TABLE other AS SELECT * FROM kept; CREATE VIEW second AS SELECT id FROM other", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml("""\
        name: shop
        catalog: lake
        warehouse: ./warehouse
        state: ./state
        sources:
          postgres: {type: postgres, url: "${SHOP_PG}", tables: [public.first, public.second], mode: snapshot, into: bronze}
        limits: {load_streams: 1}
        """)
    project.apply()
    with server.connect(name) as holder:
        holder.execute("SELECT pg_advisory_lock(7)")
        running = project.start("run")
        try:
            reads = lambda: server.query("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
            wait_for(lambda: running.popen.poll() is not None or reads(), 60, "the load to read its first table")
            # The locks of tables that no stream reads yet are those of the session that holds the snapshot.
            assert server.query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'", name) == [(True,)]
            server.execute("TRUNCATE other", name)
            holder.execute("SELECT pg_advisory_unlock(7)")
            ended = running.wait()
        finally:
            running.kill()
    assert ended.exit_code == 1 and "the snapshot of" in ended.stderr and "is gone" in ended.stderr, ended
    assert project.sql("SELECT count(*) AS n FROM lake.bronze.second") == [{"n": 1000}]
