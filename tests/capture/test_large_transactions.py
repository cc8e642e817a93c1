"""One transaction of more rows than memory should hold: bounded memory, killed in its middle, exact at the end.

As many changes as TARN_CAPTURE_ROWS says (2000000: minutes); it runs only where that is set.
"""
import os

import pyarrow.compute as pc
import pytest

from harness import process, readers
from harness.tarn import appears

ROWS = int(os.environ.get("TARN_CAPTURE_ROWS") or 200_000)
pytestmark = pytest.mark.skipif("TARN_CAPTURE_ROWS" not in os.environ, reason="runs where TARN_CAPTURE_ROWS says how many")
# docs/capture.md, "What holds": a batch, the row group of each table that changes, the keys touched, the index's entries that are not on the disk yet; of the
# source the log read ahead and, of PostgreSQL, transactions in progress. Beside them the program itself with its libraries.
MIB = 1 << 20
BOUND = (16 * 2 + 128 * 2 + 48 + 16 + 64 + 200) * MIB + 64 * 2 * ROWS
KEPT = ROWS // 4         # rows that were there before
LAST = ROWS + KEPT // 4  # half of those change, a quarter goes, the rest is new

_POSTGRES = [
    f"CREATE TABLE big (id bigint PRIMARY KEY, n int, note text); INSERT INTO big SELECT i, 0, 'old ' || md5(i::text) FROM generate_series(1, {KEPT}) i;"
    "CREATE TABLE told (id int PRIMARY KEY, number bigint, total bigint)",
    # Updates, deletes, inserts, a part that is taken back, and a row in another table: one transaction.
    "BEGIN; UPDATE big SET n = n + 1 WHERE id % 2 = 0; DELETE FROM big WHERE id % 4 = 1;"
    f"INSERT INTO big SELECT i, 1, 'new ' || md5(i::text) FROM generate_series({KEPT + 1}, {LAST}) i;"
    f"SAVEPOINT s; INSERT INTO big SELECT i, 1, 'void' FROM generate_series(10000001, 10000000 + {ROWS // 10}) i; ROLLBACK TO s;"
    "INSERT INTO told SELECT 1, count(*), sum(id * (n + 1)) FROM big; COMMIT"]
_MYSQL = [
    "CREATE TABLE numbers (i int PRIMARY KEY); INSERT INTO numbers VALUES (1);"
    + "".join(f"INSERT INTO numbers SELECT i + {1 << k} FROM numbers;" for k in range((ROWS + KEPT).bit_length()))
    + f"CREATE TABLE big (id bigint PRIMARY KEY, n int, note text); INSERT INTO big SELECT i, 0, concat('old ', md5(i)) FROM numbers WHERE i <= {KEPT};"
    "CREATE TABLE told (id int PRIMARY KEY, number bigint, total bigint)",
    "BEGIN; UPDATE big SET n = n + 1 WHERE id % 2 = 0; DELETE FROM big WHERE id % 4 = 1;"
    f"INSERT INTO big SELECT i, 1, concat('new ', md5(i)) FROM numbers WHERE i BETWEEN {KEPT + 1} AND {LAST};"
    f"SAVEPOINT s; INSERT INTO big SELECT i + 10000000, 1, 'void' FROM numbers WHERE i <= {ROWS // 10}; ROLLBACK TO s;"
    "INSERT INTO told SELECT 1, count(*), sum(id * (n + 1)) FROM big; COMMIT"]


@pytest.mark.timeout(3600)
def test_it_is_whole_with_bounded_memory_though_it_was_killed_once(project, followed):
    database, statements = followed, _POSTGRES if followed.is_postgres else _MYSQL
    database.run(statements[0])
    database.follow(project, tables=("big", "told"))
    project.apply()
    database.run(statements[1])
    # In the middle of it: rows of the transaction are being written.
    assert project.kill_when(appears(project.directory, "warehouse/.tarn-tmp/*"), "up", "--once", seconds=1800), "it ended before it could be killed"
    assert project.sql("SELECT count(*) AS n FROM lake.bronze.told") == [{"n": 0}], "a part of the transaction is visible"
    running = project.start("up", "--once")
    peak = process.peak_bytes(running.popen)
    ended = running.wait()
    assert ended.exit_code == 0, str(ended)
    print(f"{database.kind}: {ROWS} changes, peak {peak // MIB} MiB, bound {BOUND // MIB} MiB")
    assert 0 < peak < BOUND, f"{peak // MIB} MiB, more than {BOUND // MIB}"
    [[_, number, total]] = [list(map(int, r)) for r in database.query("SELECT * FROM told")]
    found = project.sql("SELECT count(*) AS number, sum(id * (n + 1))::BIGINT AS total, count(DISTINCT id) AS ids FROM lake.bronze.big")
    assert found == [{"number": number, "total": total, "ids": number}]
    project.run("check", timeout=600)
    for read in (readers.pyiceberg, readers.deltalake):
        table = read(project.location("bronze.big"))
        terms = pc.multiply(table.column("id"), pc.cast(pc.add(table.column("n"), 1), "int64"))
        assert (table.num_rows, pc.sum(terms).as_py()) == (number, total), read.__name__
    project.run("destroy", "-y")
