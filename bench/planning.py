"""Planning one query that reads 1 of 100,000 data files: a table made by metadata alone (bench/many_files.cc), whose files do not exist.

Cold: EXPLAIN in a process of its own, start-up included. Warm: the same again in a session. Two tables: one without partitions, whose files are
told apart by the bounds of a column; one partitioned by day, 100 files a day, whose manifests are.
"""
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

from bench import measure
from tests.harness.tarn import Tarn

FILES = int(os.environ.get("FILES", 100_000))
ROWS_EACH = 1000
QUERIES = {"bounds of a column": ("t", f"SELECT * FROM lake.s.t WHERE id = {FILES // 2 * ROWS_EACH + 7}"),
           "partitions of a day": ("p", f"SELECT * FROM lake.s.p WHERE id = {FILES // 2 * ROWS_EACH + 7} AND sold = DATE '2020-01-01' + {FILES // 2 // 100}")}


def main():
    tarn = pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve()
    rounds = int(os.environ.get("ROUNDS", 5))
    rows = []
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
        project = Tarn(pathlib.Path(folder), tarn)
        project.write("tarn.yaml", "name: bench\ncatalog: lake\nwarehouse: ./warehouse\nstate: ./state\n")
        project.apply()
        columns = "(id BIGINT, sold DATE, name VARCHAR, price DECIMAL(15,2))"
        project.run("sql", "-c", f"CREATE SCHEMA lake.s; CREATE TABLE lake.s.t {columns}; CREATE TABLE lake.s.p {columns} PARTITIONED BY (sold)")
        for table in ("t", "p"):
            subprocess.run([tarn.parent / "many_files", project.directory, table, str(FILES), str(ROWS_EACH)], check=True)
        for what, (_, query) in QUERIES.items():
            explain = f"EXPLAIN {query}"
            cold = []
            for _ in range(rounds):
                run = measure.measure([tarn, "sql", "-c", explain, "--project", project.directory], os.getpid())
                cold.append((run.wall_s, run.cpu_s, run.peak_mb))
            warm = subprocess.run([tarn, "sql", "--timing"], cwd=project.directory, input=";\n".join([explain] * (rounds + 2)), capture_output=True, text=True, check=True)
            if f"1 of {FILES}" not in warm.stdout:
                raise SystemExit(f"not pruned to one file: {warm.stdout[:2000]}")
            times = [float(m) for m in re.findall(r"time: ([0-9.]+) s", warm.stderr)][2:]
            median = lambda i: statistics.median(c[i] for c in cold)
            rows.append([what, f"{median(0) * 1e3:.0f}", f"{median(1) * 1e3:.0f}", f"{median(2):.0f}", f"{statistics.median(times) * 1e3:.1f}"])
    print(f"\nplanning a query of 1 of {FILES} files, medians of {rounds}; {measure.machine()}")
    measure.table(["told apart by", "cold ms", "cold CPU ms", "peak MB", "warm ms"], rows)


if __name__ == "__main__":
    main()
