"""Following a source's log into committed tables: draining a backlog, freshness, and reading the table afterwards.

drain      A backlog of CHANGES changes (60 % updates, 30 % inserts, 10 % deletes) in transactions of 1,000 rows, and of a fifth of that in
           transactions of one row, by `tarn up --once`: decoded, indexed, written and committed. Beside it, for PostgreSQL, pg_recvlogical drains
           the same to nowhere, in turns. What `up` takes to start and to find nothing is told, and not taken off.
freshness  RATE changes a second for SECONDS under `every: 500ms`: from the commit at the source to the row being visible to SQL.
reading    Aggregates over the table after a tenth of its rows changed, beside the same rows freshly written, and after `tarn maintain`.

SOURCES (default postgres,mysql,mariadb), CHANGES (1000000), ROWS of the table before (a tenth of that, at most a million), ROUNDS (3), RATE (2000), SECONDS (30).
"""
import contextlib
import os
import pathlib
import sys
import tempfile
import threading
import time

from bench import measure
from tests.harness import fetch, process, servers
from tests.harness.tarn import Tarn

CHANGES = int(os.environ.get("CHANGES", 1_000_000))
ROWS = int(os.environ.get("ROWS", CHANGES // 10))
ROUNDS = int(os.environ.get("ROUNDS", 3))
SOURCES = os.environ.get("SOURCES", "postgres,mysql,mariadb").split(",")
FRESH = 100_000_000  # keys of rows that the backlog inserts

_POSTGRES = f"""
CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2), sold timestamptz, note text);
INSERT INTO orders SELECT i, i % 1000, i % 10000 / 100.0, now(), 'note ' || md5(i::text) FROM generate_series(1, {ROWS}) i;
CREATE PROCEDURE many(transactions int) LANGUAGE plpgsql AS $$ DECLARE fresh bigint := {FRESH}; BEGIN
  FOR n IN 1..transactions LOOP
    UPDATE orders SET amount = amount + 1, sold = now() WHERE id IN (SELECT (n::bigint * 7919 + k * 104729) % {ROWS} + 1 FROM generate_series(1, 600) k);
    INSERT INTO orders SELECT fresh + k, k, k / 100.0, now(), 'note ' || md5(k::text) FROM generate_series(1, 300) k;
    DELETE FROM orders WHERE id > fresh AND id <= fresh + 100;
    fresh := fresh + 300; COMMIT;
  END LOOP; END $$;
CREATE PROCEDURE single(transactions int) LANGUAGE plpgsql AS $$ BEGIN
  FOR n IN 1..transactions LOOP
    IF n % 10 < 6 THEN UPDATE orders SET amount = amount + 1, sold = now() WHERE id = n % {ROWS} + 1;
    ELSIF n % 10 < 9 THEN INSERT INTO orders VALUES ({FRESH} + n, n, n / 100.0, now(), 'note ' || n);
    ELSE DELETE FROM orders WHERE id = {FRESH} + n - 1; END IF;
    COMMIT;
  END LOOP; END $$;
"""
# A table of numbers does for both what generate_series() does.
_MYSQL = f"""
CREATE TABLE digits (d int PRIMARY KEY); INSERT INTO digits VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9);
CREATE TABLE numbers (k int PRIMARY KEY);
INSERT INTO numbers SELECT a.d + 10 * b.d + 100 * c.d + 1 FROM digits a, digits b, digits c;
CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount decimal(12,2), sold timestamp(6) NULL, note text) CHARACTER SET utf8mb4;
INSERT INTO orders SELECT i, i % 1000, i % 10000 / 100.0, now(6), concat('note ', md5(i))
  FROM (SELECT a.k + 1000 * (b.k - 1) AS i FROM numbers a, numbers b WHERE b.k <= {ROWS // 1000 + 1}) s WHERE i <= {ROWS};
DELIMITER //
CREATE PROCEDURE many(transactions int) BEGIN
  DECLARE n int DEFAULT 1; DECLARE fresh bigint DEFAULT {FRESH};
  WHILE n <= transactions DO
    START TRANSACTION;
    UPDATE orders JOIN (SELECT (n * 7919 + k * 104729) % {ROWS} + 1 AS id FROM numbers WHERE k <= 600) changed USING (id)
      SET amount = amount + 1, sold = now(6);
    INSERT INTO orders SELECT fresh + k, k, k / 100.0, now(6), concat('note ', md5(k)) FROM numbers WHERE k <= 300;
    DELETE FROM orders WHERE id > fresh AND id <= fresh + 100;
    COMMIT;
    SET fresh = fresh + 300, n = n + 1;
  END WHILE; END //
CREATE PROCEDURE single(transactions int) BEGIN
  DECLARE n int DEFAULT 1;
  WHILE n <= transactions DO
    IF n % 10 < 6 THEN UPDATE orders SET amount = amount + 1, sold = now(6) WHERE id = n % {ROWS} + 1;
    ELSEIF n % 10 < 9 THEN INSERT INTO orders VALUES ({FRESH} + n, n, n / 100.0, now(6), concat('note ', n));
    ELSE DELETE FROM orders WHERE id = {FRESH} + n - 1; END IF;
    SET n = n + 1;
  END WHILE; END //
DELIMITER ;
"""


class Source:
    """One server with a database of its own, whatever its kind."""

    def __init__(self, kind, server, name):
        self.kind, self.server, self.name = kind, server, name

    def run(self, statements):
        (self.server.execute if self.kind == "postgres" else self.server.query)(statements, self.name)

    def call(self, procedure, transactions):
        self.run(f"CALL {procedure}({transactions})")

    def url(self):
        return self.server.url(self.name)

    def pid(self):
        return self.server.child.pid


@contextlib.contextmanager
def source(kind):
    if kind == "postgres":
        with servers.postgres(int(os.environ.get("PG", 15)), "max_wal_size = 16GB\nautovacuum = off") as server, server.database() as name:
            made = Source(kind, server, name)
            made.run(_POSTGRES)
            yield made
            server.execute(f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{name}' AND NOT active", name)
    else:
        with servers.mysql(kind) as server, server.database() as name:
            made = Source(kind, server, name)
            made.run(_MYSQL)
            yield made


def project_of(made, folder, commit=""):
    project = Tarn(pathlib.Path(folder) / "project", pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve(), {"SOURCE_URL": made.url()})
    kind, table = ("postgres", "public.orders") if made.kind == "postgres" else ("mysql", f"{made.name}.orders")
    project.yaml(f"name: bench\ncatalog: lake\nserve: {{http: off}}\nsources:\n  s: {{type: {kind}, url: \"${{SOURCE_URL}}\", tables: [{table}], mode: cdc{commit}}}\n")
    project.apply(timeout=1800)
    return project


def up_once(project, made):
    return measure.measure([project.binary, "up", "--once"], made.pid(), cwd=project.directory, env=project.env)


def equal(project, made):
    if made.kind == "postgres":
        want = [str(v) for v in made.server.query("SELECT count(*), sum(amount) FROM orders", made.name)[0]]
    else:
        want = made.server.query("SELECT count(*), sum(amount) FROM orders", made.name)[0]
    have = project.sql("SELECT count(*)::VARCHAR AS n, sum(amount)::VARCHAR AS amount FROM lake.bronze.orders")[0]
    if list(have.values()) != want:
        sys.exit(f"the lake has {have}, the source {want}")


def recvlogical(made):
    server = made.server
    end = server.query("SELECT pg_current_wal_flush_lsn()::text", made.name)[0][0]
    server.execute("SELECT pg_copy_logical_replication_slot('base', 'theirs')", made.name)
    done = measure.measure([fetch.postgres_client("pg_recvlogical"), "-d", made.url(), "--slot", "theirs", "--start", "--endpos", end, "--no-loop", "-f",
                            "/dev/null", "-o", "proto_version=1", "-o", "publication_names=p"], made.pid())
    server.execute("SELECT pg_drop_replication_slot('theirs')", made.name)
    return done


def drain(kind, procedure, changes):
    """Median (changes/s, CPU s, peak MB) of Tarn and, for PostgreSQL, of pg_recvlogical."""
    found = {"tarn": [], "pg_recvlogical": [], "making the index": [], "nothing to do": []}
    transactions = changes // 1000 if procedure == "many" else changes
    for number in range(ROUNDS):
        with source(kind) as made, tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
            if kind == "postgres":
                made.run("CREATE PUBLICATION p FOR TABLE orders")
                made.run("SELECT pg_create_logical_replication_slot('base', 'pgoutput')")
            project = project_of(made, folder)
            # The first commit of a table's changes reads all its keys and makes the index, once.
            made.run("UPDATE orders SET amount = amount + 1 WHERE id = 1")
            found["making the index"].append(up_once(project, made))
            made.call(procedure, transactions)
            turns = [lambda: found["tarn"].append(up_once(project, made))]
            if kind == "postgres":
                made.run("CHECKPOINT")
                turns.append(lambda: found["pg_recvlogical"].append(recvlogical(made)))
            for turn in turns if number % 2 == 0 else reversed(turns):
                turn()
            equal(project, made)
            found["nothing to do"].append(up_once(project, made))
            project.run("destroy", "-y")
            if kind == "postgres":
                made.run("SELECT pg_drop_replication_slot('base')")
    rows = []
    theirs = measure.median([changes / r.wall_s for r in found["pg_recvlogical"]]) if found["pg_recvlogical"] else None
    for who, runs in found.items():
        if not runs:
            continue
        rate = measure.median([changes / r.wall_s for r in runs])
        told, drained = who if who != "tarn" else "tarn up --once", who in ("tarn", "pg_recvlogical")
        rows.append([f"{kind}, {'1,000 rows' if procedure == 'many' else '1 row'}: {told}", f"{rate:,.0f}" if drained else "",
                     f"{rate / theirs:.2f}" if theirs and drained else "", f"{measure.median([r.wall_s for r in runs]):.2f}",
                     f"{measure.median([r.cpu_s for r in runs]):.2f}", f"{measure.median([r.peak_mb for r in runs]):.0f}"])
    return rows


def freshness(kind):
    """p50, p99 and the worst delay from the commit at the source to the commit of the lake, by one clock."""
    rate, seconds = int(os.environ.get("RATE", 2000)), int(os.environ.get("SECONDS", 30))
    with source(kind) as made, tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
        project = project_of(made, folder, ", commit: {every: 500ms}")
        up = project.start("up")
        process.wait_for(lambda: up.logged("following 1 source"), 60, "up")
        stop, committed = threading.Event(), {}

        def write():
            # Ten transactions a second, each of a tenth of the rate, and each with a row whose key is its number.
            n, begun = 0, time.monotonic()
            while not stop.is_set():
                n += 1
                first = (n * 7919) % max(ROWS - rate, 1)
                made.run(f"UPDATE orders SET amount = amount + 1 WHERE id > {first} AND id <= {first + rate // 10 - 1};" if made.kind == "postgres" else
                         f"START TRANSACTION; UPDATE orders SET amount = amount + 1 WHERE id > {first} AND id <= {first + rate // 10 - 1}; "
                         f"INSERT INTO orders (id, customer) VALUES ({FRESH + n}, 0); COMMIT;")
                if made.kind == "postgres":
                    made.run(f"INSERT INTO orders (id, customer) VALUES ({FRESH + n}, 0)")
                committed[n] = time.time()
                stop.wait(max(0.0, begun + n / 10 - time.monotonic()))

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(seconds)
        stop.set()
        writer.join()
        newest = max(committed)
        process.wait_for(lambda: project.sql(f"SELECT count(*) AS n FROM lake.bronze.orders WHERE id = {FRESH + newest}") == [{"n": 1}], 60, "the last row")
        up.kill(15)
        # A row is visible to whoever asks after the commit that brought it.
        visible, known = {}, 0
        for commit in project.sql("SELECT sequence, epoch(committed) AS at FROM system.commits WHERE author LIKE 'ingest%' ORDER BY sequence"):
            at = f"lake.bronze.orders AT (VERSION => 'sequence {commit['sequence']}')"
            newest = project.sql(f"SELECT coalesce(max(id), {FRESH}) AS n FROM {at} WHERE id > {FRESH}")[0]["n"] - FRESH
            for n in range(known + 1, newest + 1):
                visible[n] = commit["at"]
            known = max(known, newest)
        project.run("destroy", "-y")
    delays = sorted(visible[n] - committed[n] for n in visible if n in committed)
    at = lambda share: f"{delays[min(len(delays) - 1, int(share * len(delays)))] * 1000:.0f}"
    return [kind, f"{len(delays)}", at(0.5), at(0.99), f"{delays[-1] * 1000:.0f}"]


def reading(kind):
    """CPU ms of aggregates over the changed table, beside the same rows freshly written, and after maintain."""
    query = "SELECT customer % 10 AS c, count(*), sum(amount), max(sold), min(note) FROM {} GROUP BY ALL ORDER BY ALL"
    with source(kind) as made, tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
        project = project_of(made, folder)
        made.run(f"UPDATE orders SET amount = amount + 1 WHERE id % 10 = 3 AND id <= {ROWS}")
        project.run("up", "--once", timeout=1800)
        project.sql("CREATE SCHEMA lake.f; CREATE TABLE lake.f.fresh AS SELECT * FROM lake.bronze.orders; SELECT 1 AS a")
        times = {}

        def session(names):
            statements = ";\n".join(query.format(name) for name in names for _ in range(6))
            done = project.run("sql", "--timing", "--format", "csv", stdin=statements.encode(), timeout=1800)
            cpu = [float(line.split()[6]) for line in done.stderr.splitlines() if line.startswith("time: ")]
            for i, name in enumerate(names):
                times.setdefault(name, []).append(min(cpu[6 * i + 1:6 * i + 6]))

        for _ in range(ROUNDS):
            session(["lake.bronze.orders", "lake.f.fresh"])
        changed, fresh = min(times["lake.bronze.orders"]), min(times["lake.f.fresh"])
        project.yaml((project.directory / "tarn.yaml").read_text() + "limits: {compact_deleted_percent: 5}\n")
        project.run("maintain", "bronze.orders", timeout=1800)
        times.clear()
        for _ in range(ROUNDS):
            session(["lake.bronze.orders", "lake.f.fresh"])
        kept, fresh_again = min(times["lake.bronze.orders"]), min(times["lake.f.fresh"])
        project.run("destroy", "-y")
    return [kind, f"{fresh * 1000:.1f}", f"{changed / fresh:.2f}", f"{kept / fresh_again:.2f}"]


def main():
    parts = [a for a in sys.argv[1:]] or ["drain", "freshness", "reading"]
    print(f"\n{ROWS:,} rows; {measure.machine()}")
    if "drain" in parts:
        rows = [row for kind in SOURCES for procedure, changes in (("many", CHANGES), ("single", CHANGES // 5)) for row in drain(kind, procedure, changes)]
        measure.table(["source, transactions of", "changes/s", "÷pg_recvlogical", "wall s", "CPU s", "peak MB"], rows)
    if "freshness" in parts:
        measure.table(["freshness, ms", "transactions", "p50", "p99", "worst"], [freshness(kind) for kind in SOURCES])
    if "reading" in parts:
        measure.table(["reading, CPU", "fresh rows ms", "a tenth changed ÷fresh", "after maintain ÷fresh"], [reading(kind) for kind in SOURCES])


if __name__ == "__main__":
    main()
