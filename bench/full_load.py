"""Full load of TPC-H lineitem (scale factor 1: 6,001,215 rows, 16 columns) out of PostgreSQL 18, each way in turn:

  copy x1, x2   the server's own COPY … (FORMAT binary) to nowhere, in one stream and in two: what no reader can beat
  duckdb        DuckDB with its postgres extension to one bare Parquet file (zstd)
  tarn          `tarn apply -y`: planned, loaded, committed to Iceberg and Delta

Every tool runs ROUNDS times (default 3), alternating; the table shows medians and ratios to DuckDB.
"""
import glob
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from bench import measure
from tests.harness import fetch, servers

ROWS = 6001215
TABLE = """create table lineitem (l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber integer, l_quantity numeric(15,2),
 l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag varchar(1), l_linestatus varchar(1),
 l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct varchar(25), l_shipmode varchar(10), l_comment varchar(44))"""
DUCKDB = """import duckdb, os, sys
site = os.path.dirname(duckdb.__file__) + "/.."
c = duckdb.connect(config={"threads": os.cpu_count(), "allow_unsigned_extensions": "true"})
c.execute(f"load '{site}/duckdb_extension_postgres_scanner/extensions/v{duckdb.__version__}/postgres_scanner.duckdb_extension'")
c.execute(f"attach '{sys.argv[1]}' as pg (type postgres, read_only)")
c.execute(f"copy (from pg.lineitem) to '{sys.argv[2]}/lineitem.parquet' (format parquet, compression zstd)")
"""
YAML = """name: bench
warehouse: ./warehouse
sources:
  pg: {type: postgres, url: "${BENCH_PG}", tables: [public.lineitem], into: bronze}
"""


def fill(server, venv):
    data = fetch.make_once(fetch.cache() / "tpch-sf1", lambda d: fetch.run(venv / "bin/tpchgen-cli", "parquet", "-s", "1", "-T", "lineitem", "-o", d))
    server.execute(TABLE)
    # A progress bar would be drawn into the rows.
    export = (f"import duckdb; duckdb.execute('set enable_progress_bar=false'); duckdb.execute(\"copy (from '{data}/lineitem.parquet') to '/dev/stdout' (format csv, header false)\")")
    copy = [fetch.postgres_client("psql"), server.url(), "-Xq", "-c", "copy lineitem from stdin (format csv)"]
    with subprocess.Popen([venv / "bin/python", "-c", export], stdout=subprocess.PIPE) as rows:
        subprocess.run(copy, stdin=rows.stdout, check=True)
    server.execute("alter table lineitem add primary key (l_orderkey, l_linenumber)")
    server.execute("vacuum (analyze) lineitem")
    server.execute("checkpoint")
    if server.query("select count(*) from lineitem") != [(ROWS,)]:
        sys.exit("lineitem does not hold its rows")


def tools(server, venv, work):
    psql = fetch.postgres_client("psql")
    blocks = server.query("select pg_relation_size('lineitem') / current_setting('block_size')::int")[0][0]
    half = f"({blocks // 2},0)"
    streams = " & ".join(f"'{psql}' '{server.url()}' -Xq -c \"copy (select * from lineitem where ctid {op} '{half}') to stdout (format binary)\" > /dev/null"
                         for op in ("<", ">="))
    tarn = pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve()
    project = work / "project"

    def fresh(folder, yaml=None):
        def make():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if yaml:
                (folder / "tarn.yaml").write_text(yaml)
        return make

    return {
        "copy x1": ([psql, server.url(), "-Xq", "-c", "copy lineitem to stdout (format binary)"], None, {}),
        "copy x2": (["bash", "-c", f"{streams} & wait"], None, {}),
        "duckdb": ([venv / "bin/python", "-c", DUCKDB, server.url(), work / "duckdb"], fresh(work / "duckdb"), {}),
        "tarn": ([tarn, "apply", "-y", "--project", project], fresh(project, YAML), {"BENCH_PG": server.url()}),
    }


def main():
    venv = pathlib.Path(os.environ["TARN_BENCH_VENV"])
    rounds = int(os.environ.get("ROUNDS", 3))
    with servers.postgres(18, "shared_buffers = 512MB") as server, tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
        work = pathlib.Path(folder)
        fill(server, venv)
        server.query("select sum(l_orderkey) from lineitem")
        runs, sizes = {}, {}
        for _ in range(rounds):
            for name, (command, before, env) in tools(server, venv, work).items():
                if before:
                    before()
                runs.setdefault(name, []).append(measure.measure(command, server.child.pid, env={**os.environ, **env}))
        for name, pattern in (("duckdb", "duckdb/*.parquet"), ("tarn", "project/warehouse/**/data/*.parquet")):
            sizes[name] = sum(os.path.getsize(f) for f in glob.glob(str(work / pattern), recursive=True)) / 1e6
        rows, of = [], lambda name, what: measure.median([getattr(r, what) for r in runs[name]])
        for name in runs:
            cpu, wall, peak = of(name, "cpu_s"), of(name, "wall_s"), of(name, "peak_mb")
            ratio = lambda what: f"{of(name, what) / of('duckdb', what):.2f}"
            rows.append([name, f"{wall:.2f}", ratio("wall_s"), f"{cpu:.2f}", ratio("cpu_s"), f"{of(name, 'server_cpu_s'):.2f}", f"{ROWS / cpu / 1e6:.2f}",
                         f"{peak:.0f}", ratio("peak_mb"), f"{sizes[name]:.0f}" if name in sizes else "–"])
        print(f"\nfull load of lineitem SF1 from PostgreSQL 18, medians of {rounds} alternating rounds; {measure.machine()}")
        measure.table(["", "wall s", "÷duckdb", "CPU s", "÷duckdb", "server CPU s", "M rows/CPU s", "peak MB", "÷duckdb", "data MB"], rows)


if __name__ == "__main__":
    main()
