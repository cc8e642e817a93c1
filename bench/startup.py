"""`tarn sql -c 'SELECT 1'`, the whole process, on a project of one source and a few tables."""
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from bench import measure
from tests.harness.tarn import Tarn


def main():
    tarn = pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve()
    rounds = int(os.environ.get("ROUNDS", 20))
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
        project = Tarn(pathlib.Path(folder), tarn)
        project.write("tarn.yaml", "name: bench\ncatalog: lake\nwarehouse: ./warehouse\nstate: ./state\n")
        project.apply()
        project.run("sql", "-c", "CREATE SCHEMA lake.s; CREATE TABLE lake.s.t AS SELECT 1 AS i; CREATE TABLE lake.s.u AS SELECT 1 AS i")
        walls, cpus = [], []
        for _ in range(rounds):
            before, began = os.times(), time.monotonic()
            subprocess.run([tarn, "sql", "-c", "SELECT 1"], cwd=project.directory, check=True, stdout=subprocess.DEVNULL)
            walls.append(time.monotonic() - began)
            after = os.times()
            cpus.append(after.children_user + after.children_system - before.children_user - before.children_system)
    print(f"\ntarn sql -c 'SELECT 1', whole process, {rounds} rounds; {measure.machine()}")
    measure.table(["", "median ms", "least ms", "CPU ms"],
                  [["SELECT 1", f"{statistics.median(walls) * 1e3:.0f}", f"{min(walls) * 1e3:.0f}", f"{statistics.mean(cpus) * 1e3:.0f}"]])


if __name__ == "__main__":
    main()
