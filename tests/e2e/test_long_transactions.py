"""Transactions of many statements: each adds its own part to the memory of the session, not that of all before it."""
import subprocess

from harness import process, projects

STATEMENTS = 400
COLUMNS = 20
BOUND = 300 << 20


def test_a_transaction_of_many_statements_keeps_no_state_of_before(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    columns, values = ", ".join(f"c{i} BIGINT" for i in range(COLUMNS)), ", ".join(str(i) for i in range(COLUMNS))
    project.run("sql", "-c", f"CREATE SCHEMA lake.s; CREATE TABLE lake.s.t ({columns})")
    script = project.directory / "script.sql"
    script.write_text("BEGIN;\n" + f"INSERT INTO lake.s.t VALUES ({values});\n" * STATEMENTS + "SELECT count(*) AS n FROM lake.s.t;\nROLLBACK;\n")
    with open(script, "rb") as stdin, open(project.directory / "out", "wb") as out:
        running = subprocess.Popen([project.binary, "sql", "--format", "csv"], cwd=project.directory, env=project.env, stdin=stdin, stdout=out, stderr=subprocess.DEVNULL)
        peak = process.peak_bytes(running)
    assert running.returncode == 0
    assert (project.directory / "out").read_text().split() == ["n", str(STATEMENTS)]
    assert 0 < peak < BOUND, f"{peak >> 20} MiB for {STATEMENTS} statements"
