"""What README.md shows is what the program does: every block of it is run."""
import json
import re
import subprocess
import sys

import pytest

from harness.tarn import Tarn

from .example import ROOT, initialised

README = (ROOT / "README.md").read_text()


def blocks(language, containing=""):
    found = [b for b in re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S) if containing in b]
    assert found, f"no {language} block with {containing!r}"
    return found


@pytest.fixture(scope="module")
def example(tmp_path_factory, tarn_binary):
    with initialised(tmp_path_factory.mktemp("readme"), tarn_binary) as tarn:
        tarn.apply()
        yield tarn


def test_the_first_project(project, example):
    project.env["SHOP_PG"] = example.env["PAGILA_URL"]
    project.yaml(blocks("yaml", "crm")[0])
    project.write("models/silver/customer_active.sql", blocks("sql", "WHERE active = 1")[0])
    project.plan(check=3)
    project.apply()
    assert len(project.sql("SELECT * FROM lake.silver.customer_active LIMIT 5")) == 5


def test_the_reference_of_tarn_yaml_is_accepted(project, example):
    reference = blocks("yaml", "environments:")[0]
    reference, others = re.subn(r"^  shopdb:.*?(?=^tables:)", "", reference, flags=re.M | re.S)  # test_mysql.py has its servers
    assert others == 1
    project.env |= {"SHOP_PG": example.env["PAGILA_URL"], "S3_KEY": "k", "S3_SECRET": "s"}
    project.yaml(reference)
    # The example's server keeps no log that could be followed: what the lines say is understood, and refused for that reason alone.
    assert "wal_level" in project.plan(check=1).stderr
    reference, captured = re.subn(r"mode: cdc .*\n    history: .*\n    commit: .*\n", "mode: snapshot\n", reference)
    assert captured == 1
    project.yaml(reference)
    plan = project.plan(check=3).stdout
    for table in ("bronze.customer", "bronze.payment", "bronze.rental"):
        assert table in plan
    project.run("plan", "--env", "dev", check=3)
    applied = Tarn(project.directory, project.binary, project.env)
    applied.apply()
    applied.run("run")
    applied.plan(check=0)
    for key in ("catalog", "storage", "sources", "tables", "schedules", "serve", "limits", "environments"):
        project.yaml(re.sub(rf"^{key}:", f"{key}x:", reference, flags=re.M))
        r = project.plan(check=1)
        assert re.search(r"tarn\.yaml:\d+:\d+", r.stderr) and f'"{key}"' in r.stderr, r


def test_the_reference_of_a_head_is_accepted(example, tmp_path):
    head = blocks("sql", "freshness")[0]
    project = Tarn(tmp_path, example.binary, example.env | {"SHOP_PG": example.env["PAGILA_URL"]})
    project.yaml(blocks("yaml", "crm")[0].replace("[public.customer]", "[public.customer, public.store]"))
    query = "SELECT *, now() AS seen_at FROM bronze.customer WHERE active = 1"
    head = head.replace("SELECT …", query).replace("materialize: table ", "materialize: merge ").replace("column: last_update, within", "column: seen_at, within")
    project.write("models/silver/customer_active.sql", head)
    project.apply()
    assert project.sql("SELECT count(*) AS n FROM lake.silver.customer_active")[0]["n"] == 584
    project.run("run")
    assert project.sql("SELECT count(*) AS n FROM lake.silver.customer_active")[0]["n"] == 584


def test_every_command_is_in_the_table_and_its_example_runs(example):
    listed = re.findall(r"^\| `(\w+)` \|.*?\| `(tarn [^`]*)` \|$", README, re.M)
    shown = re.search(r"^Subcommands:\n(.*?)\n\n", example.run("--help").stdout, re.M | re.S)[1]
    assert sorted(name for name, _ in listed) == sorted(re.findall(r"^  (\w+)", shown, re.M))
    for name, command in listed:
        assert "Example" in example.run(name, "--help").stdout
        if name in ("init", "apply", "destroy", "up", "resync"):
            continue  # test_example.py, test_capture.py
        arguments = subprocess.run(["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
        example.run(*arguments)


def test_the_statements_of_the_sql_chapter(example):
    statements = [s.strip() for s in blocks("sql", "SHOW CATALOGS")[0].split(";") if s.strip()]
    assert len(statements) > 10
    example.run("sql", stdin=";\n".join(statements).encode())
    explained = example.sql(next(s for s in statements if s.startswith("EXPLAIN")), format="csv")
    assert "customer_id" in explained and "LIMIT" in explained.upper()


def test_sql_reaches_no_file(example, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for statement in (f"SELECT * FROM '{tmp_path}/secret.csv'", f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
                      f"COPY (SELECT 1) TO '{tmp_path}/out.csv'", f"ATTACH '{tmp_path}/x.db'", "INSTALL httpfs", "LOAD httpfs", "SET threads = 1"):
        example.run("sql", "-c", statement, check=1)
    assert [p.name for p in tmp_path.iterdir()] == ["secret.csv"]


@pytest.mark.parametrize("command", ["UPDATE minio.silver.customer_active SET store_id = 1", "DELETE FROM minio.silver.customer_active"])
def test_rows_that_a_model_makes_are_not_changed_by_hand(example, command):
    assert "kept by model" in example.run("sql", "-c", command, check=1).stderr


def test_the_lake_at_an_earlier_moment(example):
    history = json.loads(example.run("history", "gold.customer_counts", "--json").stdout)
    at = str(history[0]["sequence"])
    count = "SELECT count(*) AS n FROM minio.gold.customer_counts"
    assert example.run("sql", "--at", at, "-c", count, "--format", "json").rows() == example.sql(count)
    example.run("sql", "--at", "1", "-c", count, check=1)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_other_readers(example, code):
    done = subprocess.run([sys.executable, "-c", code], cwd=example.directory, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "318" in done.stdout and "266" in done.stdout


def test_duckdb_with_its_own_extensions(example):
    from harness import readers
    connection = readers.duckdb_connection()
    for statement in blocks("sql", "iceberg_scan")[0].strip().splitlines():
        found = connection.execute(statement.replace("'warehouse", f"'{example.directory}/warehouse")).fetchall()
        assert sorted(row[:2] for row in found) == [(1, 318), (2, 266)]
