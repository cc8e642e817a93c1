"""Compaction of 1,000 data files of 2,000 rows each by `tarn maintain`: the putting together alone, as it tells itself, and the whole process
with everything else that upkeep does (manifests, statistics, snapshots, the look for orphans).

Measured on such a machine, start-up not counted: Spark's rewrite_data_files 4.5 s, Trino's optimize 4.6 s, which only put together.
"""
import json
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
        data, runs, alone = project.directory / "warehouse/s/t/data", [], []
        for n in range(rounds):
            # In the same place: a table knows where it stands.
            shutil.rmtree(project.directory)
            shutil.copytree(before, project.directory)
            report = pathlib.Path(folder) / "report"
            with open(report, "wb") as out:
                runs.append(measure.measure([tarn, "maintain", "--json", "--project", project.directory], os.getpid(), stdout=out))
            alone.append(next(s["seconds"] for s in json.loads(report.read_text())[0]["steps"] if s["part"] == "data files"))
            made = len(list(data.glob("*.parquet"))) - FILES
            print(f"round {n + 1}: {alone[-1]:.2f} s alone, {runs[-1].wall_s:.2f} s in all, {runs[-1].cpu_s:.2f} CPU s, {runs[-1].peak_mb:.0f} MB, {FILES} files of {ROWS} rows → {made}")
        print(f"median {statistics.median(alone):.2f} s alone, {statistics.median(r.wall_s for r in runs):.2f} s in all; {measure.machine()}")


if __name__ == "__main__":
    main()
