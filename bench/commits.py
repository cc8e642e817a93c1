"""Single-row commits per second, each durable and published for readers of both formats when the statement answers: INSERTs and UPDATEs of
one session on one table, and of 16 sessions on a table each; on local disk and on S3 (versitygw on this machine).

ROWS (default 200) commits a session on one table, a quarter of them on each of 16.
"""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from bench import measure
from tests.harness import projects, servers
from tests.harness.tarn import Tarn

TABLES = 16


def session(project, statements):
    return subprocess.Popen([project.binary, "sql"], cwd=project.directory, env=project.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True), ";\n".join(statements)


def run(project, sessions):
    """(seconds of all sessions together, their CPU seconds)"""
    before, began = os.times(), time.monotonic()
    started = [session(project, statements) for statements in sessions]
    for child, text in started:
        child.stdin.write(text)
        child.stdin.close()
        child.stdin = None
    for child, _ in started:
        errors = child.communicate()[1]
        if child.returncode:
            sys.exit(errors[-2000:])
    after = os.times()
    return time.monotonic() - began, after.children_user + after.children_system - before.children_user - before.children_system


def main():
    tarn = pathlib.Path(os.environ.get("TARN", "build/tarn")).resolve()
    count = int(os.environ.get("ROWS", 200))
    rows = []
    with contextlib.ExitStack() as stack:
        s3 = stack.enter_context(servers.s3())
        for place in ("local disk", "S3"):
            with tempfile.TemporaryDirectory(prefix="tarn-bench-") as folder:
                on_s3 = s3 if place == "S3" else None
                project = Tarn(pathlib.Path(folder), tarn, on_s3.env() if on_s3 else {})
                project.yaml("name: bench\ncatalog: lake\n" + projects.warehouse(on_s3, on_s3 and on_s3.create_bucket()))
                project.apply()
                project.run("sql", stdin=("CREATE SCHEMA lake.s;" + "".join(
                    f"CREATE TABLE lake.s.t{n} (id BIGINT, name VARCHAR, price DECIMAL(15,2));" for n in range(TABLES + 1))).encode())
                inserts = lambda table, many: [f"INSERT INTO lake.s.t{table} VALUES ({i}, 'name {i}', {i}.5)" for i in range(many)]
                updates = lambda table, many: [f"UPDATE lake.s.t{table} SET name = 'again {i}' WHERE id = {i}" for i in range(many)]
                for what, make in (("INSERT", inserts), ("UPDATE", updates)):
                    for tables, each in (([TABLES], count), (list(range(TABLES)), count // 4)):
                        wall, cpu = run(project, [make(table, each) for table in tables])
                        many = each * len(tables)
                        rows.append([f"{what}, {len(tables)} table{'s' if len(tables) > 1 else ''}, {place}", many, f"{wall:.2f}", f"{many / wall:.0f}",
                                     f"{cpu / many * 1000:.2f}"])
    print(f"\nsingle-row commits, start of the sessions included; {measure.machine()}")
    measure.table(["", "commits", "wall s", "commits/s", "CPU ms each"], rows)


if __name__ == "__main__":
    main()
