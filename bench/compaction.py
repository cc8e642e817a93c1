"""Compaction of 1,000 data files of 2,000 rows each: `tarn maintain` in a process of its own, start-up included.

Measured on such a machine, start-up not counted: Spark's rewrite_data_files 4.5 s, Trino's optimize 4.6 s.
"""
import os
import pathlib
import shutil
import statistics
import tempfile

from bench import measure
from tests.harness.tarn import Tarn

FILES, ROWS = 1000, 2000


def main():
    tarn = pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve()
    rounds = int(os.environ.get("ROUNDS", 3))
    with tempfile.TemporaryDirectory() as folder:
        project = Tarn(pathlib.Path(folder) / "project", tarn)
        project.write("tarn.yaml", "name: bench\ncatalog: lake\nwarehouse: ./warehouse\nstate: ./state\n")
        project.apply()
        project.run("sql", "-c", "CREATE SCHEMA lake.s; CREATE TABLE lake.s.t (id BIGINT, k INTEGER, price DECIMAL(15,2), sold TIMESTAMP, name VARCHAR)")
        inserts = "".join(
            f"INSERT INTO lake.s.t SELECT i, hash(i) % 1000, (hash(i) % 1000000) / 100, TIMESTAMP '2026-01-01' + to_seconds(i), 'name ' || hash(i) "
            f"FROM range({n * ROWS}, {(n + 1) * ROWS}) r(i);\n" for n in range(FILES))
        project.run("sql", stdin=inserts.encode(), timeout=1800)
        before = pathlib.Path(folder) / "before"
        shutil.copytree(project.directory, before)
        data, runs = project.directory / "warehouse/s/t/data", []
        for n in range(rounds):
            # In the same place: a table knows where it stands.
            shutil.rmtree(project.directory)
            shutil.copytree(before, project.directory)
            runs.append(measure.measure([tarn, "maintain", "--project", project.directory], os.getpid()))
            made = len(list(data.glob("*.parquet"))) - FILES
            print(f"round {n + 1}: {runs[-1].wall_s:.2f} s, {runs[-1].cpu_s:.2f} CPU s, {runs[-1].peak_mb:.0f} MB, {FILES} files of {ROWS} rows → {made}")
        print(f"median {statistics.median(r.wall_s for r in runs):.2f} s")


if __name__ == "__main__":
    main()
