"""Draining a backlog of PostgreSQL's log into Arrow batches, against pg_recvlogical draining the same to nowhere, in turns.

Two backlogs: CHANGES changes (60 % updates, 30 % inserts, 10 % deletes) in transactions of 1,000 rows, and a fifth of that in
transactions of one row. Nothing is committed anywhere: what is measured is reading, decoding and building batches.
"""
import json
import os
import pathlib
import subprocess

from bench import measure
from tests.harness import fetch, servers

CHANGES = int(os.environ.get("CHANGES", 1_000_000))
ROUNDS = int(os.environ.get("ROUNDS", 3))
MAJOR = int(os.environ.get("PG", 15))

_SCHEMA = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, amount numeric(12,2), sold timestamptz, note text);
INSERT INTO orders SELECT i, i % 1000, i % 10000 / 100.0, now(), 'note ' || md5(i::text) FROM generate_series(1, {rows}) i;
CREATE PUBLICATION p FOR TABLE orders;
"""
_WRITE = """
DO $$ DECLARE fresh bigint := {first}; BEGIN
  FOR n IN 1..{transactions} LOOP
    UPDATE orders SET amount = amount + 1, sold = now() WHERE id IN (SELECT (n::bigint * 7919 + k * 104729) % {rows} * 10 / 10 + 1 FROM generate_series(1, {updates}) k);
    INSERT INTO orders SELECT fresh + k, k, k / 100.0, now(), 'note ' || md5(k::text) FROM generate_series(1, {inserts}) k;
    DELETE FROM orders WHERE id > fresh AND id <= fresh + {deletes};
    fresh := fresh + {inserts}; COMMIT;
  END LOOP; END $$;
"""
_WRITE_ONE = """
DO $$ BEGIN
  FOR n IN 1..{transactions} LOOP
    IF n % 10 < 6 THEN UPDATE orders SET amount = amount + 1, sold = now() WHERE id = n % {rows} + 1;
    ELSIF n % 10 < 9 THEN INSERT INTO orders VALUES (100000000 + n, n, n / 100.0, now(), 'note ' || n);
    ELSE DELETE FROM orders WHERE id = 100000000 + n - 1; END IF;
    COMMIT;
  END LOOP; END $$;
"""


def drain(server, bench, database, base, start, end, rounds):
    url, rates = server.url(database), {"tarn": [], "pg_recvlogical": []}
    for n in range(rounds):
        ours = json.loads(subprocess.run([bench, url, base, "p", start, end], check=True, capture_output=True, text=True).stdout)
        changes = ours["changes"]
        rates["tarn"].append((changes / ours["wall_s"], ours["cpu_s"], ours["peak_mb"]))
        server.execute(f"SELECT pg_copy_logical_replication_slot('{base}', 'theirs')", database)
        run = measure.measure([fetch.postgres_client("pg_recvlogical"), "-d", url, "--slot", "theirs", "--start", "--endpos", end, "--no-loop", "-f", "/dev/null",
                               "-o", "proto_version=1", "-o", "publication_names=p"], server.child.pid)
        server.execute("SELECT pg_drop_replication_slot('theirs')", database)
        rates["pg_recvlogical"].append((changes / run.wall_s, run.cpu_s, run.peak_mb))
        print(f"  round {n + 1}: {changes} changes, tarn {rates['tarn'][-1][0]:,.0f}/s, pg_recvlogical {rates['pg_recvlogical'][-1][0]:,.0f}/s", flush=True)
    return {who: tuple(measure.median(column) for column in zip(*runs)) for who, runs in rates.items()}


def main():
    bench = pathlib.Path(os.environ.get("TARN_BUILD", "build")).resolve() / "pg_capture_bench"
    print(measure.machine())
    rows, table = max(CHANGES // 10, 1000), []
    with servers.postgres(MAJOR, "max_wal_size = 16GB\nautovacuum = off") as server:
        for name, script in (("1,000 rows", _WRITE), ("1 row", _WRITE_ONE)):
            transactions = CHANGES // 1000 if script is _WRITE else CHANGES // 5
            with server.database() as database:
                server.execute(_SCHEMA.format(rows=rows), database)
                start = server.query("SELECT lsn::text FROM pg_create_logical_replication_slot('base', 'pgoutput')", database)[0][0]
                server.execute(script.format(rows=rows, first=100_000_000, transactions=transactions, updates=600, inserts=300, deletes=100), database)
                server.execute("CHECKPOINT", database)
                end = server.query("SELECT pg_current_wal_flush_lsn()::text", database)[0][0]
                print(f"transactions of {name}")
                result = drain(server, bench, database, "base", start, end, ROUNDS)
                server.execute("SELECT pg_drop_replication_slot('base')", database)
                theirs = result["pg_recvlogical"][0]
                for who, (rate, cpu, peak) in result.items():
                    table.append([f"{who}, {name}", f"{rate:,.0f}", f"{rate / theirs:.2f}", f"{cpu:.2f}", f"{peak:.0f}"])
    measure.table(["reader, transactions of", "changes/s", "ratio", "CPU s", "peak MB"], table)


if __name__ == "__main__":
    main()
