"""`tarn init pagila` from its first command to its last, and `make demo`'s script."""
import json
import os
import re
import subprocess

import pytest

from harness.tarn import Tarn

from .example import ROOT, database, initialised

THREE_STATEMENTS = [
    "SHOW SCHEMAS FROM minio;",
    "SELECT * FROM minio.silver.customer_active LIMIT 5;",
    "SELECT l.customer_id, l.first_name, p.email FROM minio.silver.customer_active l JOIN postgres.public.customer p ON l.customer_id = p.customer_id LIMIT 5;",
]


@pytest.fixture(scope="module")
def example(tmp_path_factory, tarn_binary):
    with initialised(tmp_path_factory.mktemp("example"), tarn_binary) as tarn:
        yield tarn


@pytest.fixture(scope="module")
def lake(example):
    """The example, applied."""
    example.plan(check=3)
    assert not (example.directory / "state").exists() and not (example.directory / "warehouse").exists(), "plan makes nothing"
    example.apply()
    return example


def everything(url):
    """Every row and every object of the source, to be compared."""
    import psycopg
    with psycopg.connect(url) as c:
        objects = c.execute("SELECT relkind::text, c.oid::regclass::text, relacl::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                            "WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2").fetchall()
        rows = {name: c.execute(f"SELECT t::text FROM {name} t ORDER BY 1").fetchall() for kind, name, _ in objects if kind in ("r", "p", "v")}
        others = [c.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("pg_replication_slots", "pg_publication", "pg_namespace", "pg_proc", "pg_trigger")]
    return objects, rows, others


def test_init_lists_the_templates(project):
    assert "pagila" in project.run("init").stdout
    assert list(project.directory.iterdir()) == []


def test_init_refuses_a_folder_that_is_not_empty(project):
    project.write("pagila/mine", "precious")
    r = project.run("init", "pagila", check=1)
    assert "not empty" in r.stderr and "HINT" in r.stderr
    assert [p.name for p in (project.directory / "pagila").iterdir()] == ["mine"]


def test_init_of_an_unknown_template_names_the_nearest(project):
    assert 'did you mean "pagila"' in project.run("init", "pagilla", check=1).stderr


def test_init_writes_what_stands_in_the_repository(project):
    project.run("init", "pagila", "here")
    written = {p.relative_to(project.directory / "here"): p.read_bytes() for p in (project.directory / "here").rglob("*") if p.is_file()}
    for path, content in written.items():
        assert content == (ROOT / "examples/pagila" / path).read_bytes(), path
    assert os.access(project.directory / "here/database.sh", os.X_OK)


def test_the_next_steps_are_the_commands_of_the_readme(project):
    shown = project.run("init", "pagila").stdout
    for command in ("cd pagila", "./database.sh start", 'export PAGILA_URL="$(./database.sh url)"', "tarn plan", "tarn apply -y"):
        assert command in shown


def test_without_its_variable_the_error_names_place_and_variable(example):
    for variable in ("plan", "apply"):
        r = Tarn(example.directory, example.binary).run(variable, check=1)
        assert re.search(r"tarn\.yaml:\d+:\d+", r.stderr) and "PAGILA_URL" in r.stderr


def test_a_second_plan_has_nothing_to_do(lake):
    assert "No changes" in lake.plan(check=0).stdout


def test_a_second_apply_changes_nothing(lake):
    before = lake.run("history", "gold.customer_counts", "--json").stdout
    lake.apply()
    assert lake.run("history", "gold.customer_counts", "--json").stdout == before


def test_show_schemas(lake):
    schemas = {next(iter(r.values())) for r in lake.sql(THREE_STATEMENTS[0])}
    assert {"bronze", "silver", "gold"} <= schemas


def test_five_active_customers(lake):
    rows = lake.sql(THREE_STATEMENTS[1])
    assert len(rows) == 5
    assert list(rows[0]) == ["customer_id", "first_name", "last_name", "email", "store_id", "create_date"]


def test_the_lake_joined_with_the_live_database(lake):
    import psycopg
    rows = lake.sql(THREE_STATEMENTS[2])
    assert len(rows) == 5
    with psycopg.connect(lake.env["PAGILA_URL"]) as c:
        live = dict(c.execute("SELECT customer_id, email FROM customer WHERE active = 1").fetchall())
    assert all(live[r["customer_id"]] == r["email"] for r in rows)


def test_all_three_statements_through_standard_input(lake):
    r = lake.run("sql", stdin="\n".join(THREE_STATEMENTS).encode())
    assert len(r.stdout.splitlines()) >= 3 + 5 + 5


def test_the_gold_table_counts_the_active_customers_of_each_store(lake):
    import psycopg
    with psycopg.connect(lake.env["PAGILA_URL"]) as c:
        expected = c.execute("SELECT store_id, count(*) FROM customer WHERE active = 1 GROUP BY 1 ORDER BY 1").fetchall()
    found = lake.arrow("SELECT store_id, customers FROM minio.gold.customer_counts ORDER BY 1").to_pylist()
    assert [(r["store_id"], r["customers"]) for r in found] == expected == [(1, 318), (2, 266)]


def test_check_finds_source_and_lake_equal(lake):
    lake.run("check")


def test_payments_are_partitioned_by_month(lake):
    shown = json.loads(lake.run("show", "bronze.payment", "--json").stdout)
    assert shown["partition"] == ["month(payment_date)"] and int(shown["files"]) == 7


def test_no_password_stands_in_the_project_or_is_printed(lake):
    password = re.fullmatch(r"postgres://pagila:(\w+)@.*", lake.env["PAGILA_URL"])[1]
    for file in lake.directory.rglob("*"):
        if file.is_file() and ".database" not in file.parts:
            assert password.encode() not in file.read_bytes(), file
    r = lake.run("status")
    assert password not in r.stdout + r.stderr


def test_the_source_changes_a_check_fails_and_a_row_is_quarantined(tmp_path, tarn_binary):
    """What the example's README tells under "Change something"."""
    import psycopg
    with initialised(tmp_path, tarn_binary) as tarn:
        tarn.apply()
        with psycopg.connect(tarn.env["PAGILA_URL"], autocommit=True) as c:
            c.execute("UPDATE customer SET active = 0, activebool = false WHERE customer_id <= 100")
            tarn.run("run")
            expected = c.execute("SELECT store_id, count(*) FROM customer WHERE active = 1 GROUP BY 1 ORDER BY 1").fetchall()
            counts = "SELECT store_id, customers FROM minio.gold.customer_counts ORDER BY 1"
            assert [tuple(r.values()) for r in tarn.arrow(counts).to_pylist()] == expected
            c.execute("UPDATE customer SET email = 'nobody' WHERE customer_id = 200")
        r = tarn.run("run", check=1)
        assert "email LIKE" in r.stdout + r.stderr
        assert [tuple(r.values()) for r in tarn.arrow(counts).to_pylist()] == expected
        model = tarn.directory / "models/silver/customer_active.sql"
        model.write_text(model.read_text().replace("materialize: table", "materialize: table\non_failure: quarantine"))
        plan = tarn.plan(check=3).stdout
        assert "silver.customer_active" in plan and "0 to add, 1 to change, 0 to remove" in plan
        tarn.apply()
        assert tarn.arrow("SELECT customer_id FROM minio.silver.customer_active__rejected").to_pylist() == [{"customer_id": 200}]
        assert sum(r["customers"] for r in tarn.arrow(counts).to_pylist()) == sum(n for _, n in expected) - 1


def test_destroy_leaves_the_source_as_it_was_and_nothing_of_its_own(tmp_path, tarn_binary):
    with initialised(tmp_path, tarn_binary) as tarn:
        url = tarn.env["PAGILA_URL"]
        source, files = everything(url), sorted(p for p in tarn.directory.rglob("*") if ".database" not in p.parts)
        assert len(source[1]) >= 15 and all(source[1][t] for t in ("customer", "rental", "payment"))
        tarn.apply()
        assert everything(url) == source
        tarn.run("destroy", "-y")
        assert everything(url) == source
        assert sorted(p for p in tarn.directory.rglob("*") if ".database" not in p.parts) == files
        assert "Nothing to destroy" in tarn.run("destroy", "-y").stdout
        tarn.plan(check=3)


def test_the_same_lake_on_s3(tmp_path, tarn_binary, s3):
    bucket = s3.create_bucket()
    with initialised(tmp_path, tarn_binary) as tarn:
        tarn.env |= {"PAGILA_S3": f"s3://{bucket}/deep/lake", "S3_ENDPOINT": s3.endpoint, "AWS_ACCESS_KEY_ID": s3.access_key,
                     "AWS_SECRET_ACCESS_KEY": s3.secret_key}
        tarn.run("plan", "--env", "s3", check=3)
        tarn.run("apply", "-y", "--env", "s3")
        tarn.run("plan", "--env", "s3", check=0)
        assert tarn.run("sql", "--env", "s3", "-c", "SELECT count(*) FROM minio.silver.customer_active", "--format", "csv").stdout.split()[-1] == "584"
        shown = json.loads(tarn.run("show", "gold.customer_counts", "--env", "s3", "--json").stdout)
        assert shown["location"] == f"s3://{bucket}/deep/lake/gold/customer_counts"
        assert {k.split("/")[2] for k in s3.keys(bucket)} == {"bronze", "silver", "gold"}
        tarn.run("destroy", "-y", "--env", "s3")
        assert s3.keys(bucket) == []


def test_the_database_starts_twice_and_leaves_nothing(tmp_path, tarn_binary):
    Tarn(tmp_path, tarn_binary).run("init", "pagila")
    folder = tmp_path / "pagila"
    before = sorted(folder.rglob("*"))
    assert database(folder, "url", check=False).returncode == 1
    database(folder, "start")
    url = database(folder, "url").stdout
    database(folder, "start")
    assert database(folder, "url").stdout == url
    database(folder, "stop")
    database(folder, "stop")
    assert sorted(folder.rglob("*")) == before


def test_the_demo_runs_twice_in_the_same_place(tmp_path, tarn_binary):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "demo.sh").write_bytes((ROOT / "tools/demo.sh").read_bytes())
    for _ in range(2):
        r = subprocess.run(["bash", tools / "demo.sh"], env={**os.environ, "TARN": str(tarn_binary)}, capture_output=True, text=True, timeout=120)
        assert r.returncode == 0, r.stdout[-3000:] + r.stderr[-3000:]
        for wanted in ("to add, 0 to change", "No changes", "customer_active", "318", "266", "README.md"):
            assert wanted in r.stdout, wanted
        assert not (tmp_path / "demo/.database").exists()
        assert (tmp_path / "demo/warehouse/gold/customer_counts/_delta_log").is_dir()
