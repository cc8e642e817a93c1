"""TPC-H's 22 queries through the lake, beside DuckDB on the bare Parquet files of the same tables.

The tables are measured in four states: clean; with a tenth of the rows of lineitem and orders deleted (half) or updated (half), as
deletion vectors (Iceberg 3) and as position deletes (Iceberg 2); and after `tarn maintain`. DuckDB reads the data files of the clean
tables, and after `maintain` those that stand then. Both sides are sessions of one process with the same threads and memory, which run
all queries once to warm up and once measured; sessions alternate, and of each query the best time of ROUNDS (default 3) counts.
SF (default 1) is TPC-H's scale factor.
"""
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.ipc
from deltalake import convert_to_deltalake

from bench import measure
from tests.harness import fetch
from tests.harness.tarn import Tarn

HERE = pathlib.Path(__file__).parent
TABLES = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]
QUERIES = [(HERE / f"tpch/q{n:02}.sql").read_text().strip() for n in range(1, 23)]
# A tenth of deleted rows is below what maintain writes anew by itself.
YAML = "name: bench\ncatalog: lake\nwarehouse: ./warehouse\nstate: ./state\nlimits: {compact_deleted_percent: 5}\n"
MEMORY_BYTES = 1 << 30  # Tarn's default
CHANGES = [("lineitem", "l_orderkey", "l_comment"), ("orders", "o_orderkey", "o_comment")]


def generated(scale, venv):
    """A folder of Parquet files by table."""
    return fetch.make_once(fetch.cache() / f"tpch-all-sf{scale}", lambda d: fetch.run(venv / "bin/tpchgen-cli", "parquet", "-s", str(scale), "-o", d))


def load(project, data, work):
    """Both schemas hold all tables: v3 gets deletion vectors at its first change, v2 files of positions."""
    statements = ["CREATE SCHEMA lake.v3", "CREATE SCHEMA lake.v2"]
    for table in TABLES:
        folder = work / "delta" / table
        folder.mkdir(parents=True)
        os.link(data / f"{table}.parquet", folder / f"{table}.parquet") if data.stat().st_dev == work.stat().st_dev else shutil.copy(
            data / f"{table}.parquet", folder)
        convert_to_deltalake(str(folder))
        for schema in ("v3", "v2"):
            statements.append(f"CREATE TABLE lake.{schema}.{table} AS SELECT * FROM delta_table('{folder}')")
    statements += [f"ALTER TABLE lake.v2.{table} SET ('tarn.iceberg' = '2')" for table, _, _ in CHANGES]
    project.run("sql", stdin=";\n".join(statements).encode(), timeout=1800)


def change(project):
    statements = []
    for schema in ("v3", "v2"):
        for table, key, text in CHANGES:
            statements.append(f"DELETE FROM lake.{schema}.{table} WHERE hash({key}) % 20 = 0")
            statements.append(f"UPDATE lake.{schema}.{table} SET {text} = concat('u', substr({text}, 2)) WHERE hash({key}) % 20 = 1")
    project.run("sql", stdin=";\n".join(statements).encode(), timeout=1800)


def data_files(project, schema):
    rows = project.sql(f"SELECT table_name, path FROM system.files WHERE schema_name = '{schema}' AND content = 'data'")
    files = {}
    for row in rows:
        files.setdefault(row["table_name"], []).append(row["path"].removeprefix("file://"))
    return files


def lake_session(project, schema, passes):
    """(times, answers) of the last pass."""
    statements = [f"USE lake.{schema}", *QUERIES * passes]
    run = subprocess.run([project.binary, "sql", "--format", "arrow", "--timing"], cwd=project.directory, env=project.env, capture_output=True,
                         input=";\n".join(statements).encode(), timeout=1800)
    if run.returncode:
        raise RuntimeError(run.stderr.decode()[-2000:])
    times = [[float(line.split()[1]), float(line.split()[6])] for line in run.stderr.decode().splitlines() if line.startswith("time: ")][1:]
    answers, stream = [], pa.BufferReader(run.stdout)
    while stream.tell() < len(run.stdout):
        found = pa.ipc.open_stream(stream).read_all()
        answers.append([[str(v) for v in row.values()] for row in found.to_pylist()])
    return times[-22:], answers[-22:]


def bare_session(files, passes):
    job = {"tables": files, "statements": QUERIES * passes, "memory_bytes": MEMORY_BYTES, "threads": os.cpu_count(), "rows": True}
    run = subprocess.run([sys.executable, HERE / "bare_duckdb.py"], input=json.dumps(job), capture_output=True, text=True, timeout=1800)
    if run.returncode:
        raise RuntimeError(run.stderr[-2000:])
    done = json.loads(run.stdout)
    return done["times"][-22:], done["rows"][-22:]


def check(state, left, right):
    for number, (a, b) in enumerate(zip(left, right, strict=True), 1):
        if sorted(a) != sorted(b):
            sys.exit(f"{state}: query {number} has other rows: {a[:2]} and {b[:2]}")


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def measured(sides, rounds):
    """{name: [(wall, cpu) of each query]}, best of all rounds, and the answers."""
    best, answers = {}, {}
    for _ in range(rounds):
        for name, session in sides.items():
            times, answers[name] = session()
            known = best.get(name, times)
            best[name] = [[min(x) for x in zip(old, new)] for old, new in zip(known, times, strict=True)]
    return best, answers


def rows_of(label, side, bare):
    wall = [a[0] / b[0] for a, b in zip(side, bare)]
    cpu = [a[1] / b[1] for a, b in zip(side, bare)]
    worst = sorted(range(22), key=lambda i: -cpu[i])[:3]
    return [label, f"{sum(t[0] for t in side):.2f}", f"{geomean(wall):.3f}", f"{sum(t[1] for t in side):.2f}", f"{geomean(cpu):.3f}",
            " ".join(f"q{i + 1} {cpu[i]:.2f}" for i in worst)]


def main():
    scale, rounds = os.environ.get("SF", "1"), int(os.environ.get("ROUNDS", 3))
    venv = pathlib.Path(os.environ["TARN_BENCH_VENV"])
    tarn = pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve()
    table, head = [], ["", "wall s", "÷bare", "CPU s", "÷bare", "most above bare (CPU)"]
    with tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
        work = pathlib.Path(folder)
        project = Tarn(work / "project", tarn)
        project.write("tarn.yaml", YAML)
        project.apply()
        load(project, generated(scale, venv), work)
        files = data_files(project, "v3")
        bare = lambda: bare_session(files, 2)
        best, answers = measured({"bare": bare, "lake": lambda: lake_session(project, "v3", 2)}, rounds)
        check("clean", answers["bare"], answers["lake"])
        table += [rows_of("DuckDB on bare files", best["bare"], best["bare"]), rows_of("lake, clean", best["lake"], best["bare"])]
        if "details" in sys.argv:
            for i in range(22):
                print(f"q{i + 1:02}  bare {best['bare'][i]}  lake {best['lake'][i]}")

        change(project)
        best, answers = measured({"bare": bare, "v3": lambda: lake_session(project, "v3", 2), "v2": lambda: lake_session(project, "v2", 2)}, rounds)
        check("changed", answers["v2"], answers["v3"])
        table += [rows_of("lake, a tenth changed, vectors", best["v3"], best["bare"]), rows_of("lake, a tenth changed, positions", best["v2"], best["bare"])]
        changed = answers["v3"]

        project.run("maintain", timeout=1800)
        kept = data_files(project, "v3")
        best, answers = measured({"bare": lambda: bare_session(kept, 2), "v3": lambda: lake_session(project, "v3", 2),
                                  "v2": lambda: lake_session(project, "v2", 2)}, rounds)
        for name in answers:
            check("maintained", changed, answers[name])
        table += [rows_of("DuckDB on bare files after maintain", best["bare"], best["bare"]), rows_of("lake, maintained, from vectors", best["v3"], best["bare"]),
                  rows_of("lake, maintained, from positions", best["v2"], best["bare"])]
        if "keep" in sys.argv:
            print(shutil.copytree(project.directory, pathlib.Path(sys.argv[sys.argv.index("keep") + 1]), dirs_exist_ok=True))
    print(f"\nTPC-H, scale factor {scale}, 22 queries, sums and geometric means, best of {rounds}; {measure.machine()}")
    measure.table(head, table)


if __name__ == "__main__":
    main()
