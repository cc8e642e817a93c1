"""What destroy removes: all that the project made, whatever died half-way, and nothing else."""
import pytest

from harness import projects
from harness import tarn as moments

ROWS = 300_000


@pytest.fixture
def shop(project, database):
    server, name = database
    server.execute(f"CREATE TABLE customer (id integer PRIMARY KEY, v text, part integer); "
                   f"INSERT INTO customer SELECT i, md5(i::text), i % 40 FROM generate_series(1, {ROWS}) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.customer"], projects.warehouse(), "tables: {bronze.customer: {partition: [part]}}\n"))
    return project


def files(project):
    return sorted(str(p.relative_to(project.directory)) for p in project.directory.glob("warehouse/**/*"))


def namespaces(project):
    rows = project.sql("SELECT schema_name AS name FROM information_schema.schemata WHERE catalog_name = 'lake'")
    return {row["name"] for row in rows} - {"main", "system", "information_schema", "pg_catalog"}


def test_a_first_load_that_was_killed_leaves_nothing_after_destroy(shop):
    assert shop.kill_when(moments.appears(shop.directory / "warehouse", "**/*.parquet*"), "apply", "-y"), "it ended before it could be killed"
    assert files(shop)
    assert "customer" in shop.run("destroy", "-y").stdout
    assert not (shop.directory / "warehouse").exists() and not (shop.directory / "state").exists()


def test_a_model_that_was_killed_leaves_nothing_after_destroy(shop):
    shop.apply()
    shop.write("models/silver/a.sql", "/* tarn\npartition: [part]\n*/ SELECT a.*, b.id AS other FROM bronze.customer a JOIN bronze.customer b ON a.part = b.part AND b.id < 4000")
    assert shop.kill_when(moments.appears(shop.directory / "warehouse", "silver/**/*"), "apply", "-y"), "it ended before it could be killed"
    shop.run("destroy", "-y")
    assert not (shop.directory / "warehouse").exists()


def test_files_of_a_table_made_by_hand_stay_where_a_load_was_killed(shop):
    """The first load dies, its folder is taken by a table of the same name made by hand, and that one is dropped: its files are not the project's."""
    assert shop.kill_when(moments.appears(shop.directory / "warehouse", "**/*.parquet*"), "apply", "-y"), "it ended before it could be killed"
    shop.run("sql", "-c", "CREATE SCHEMA IF NOT EXISTS bronze; CREATE TABLE bronze.customer AS SELECT 1 AS mine")
    shop.run("destroy", "-y")
    assert shop.sql("SELECT mine FROM lake.bronze.customer") == [{"mine": 1}]


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_killed_destroy_is_continued_and_leaves_no_namespace(shop, share):
    shop.write("models/silver/v.sql", "/* tarn\nmaterialize: view\n*/ SELECT id FROM bronze.customer")
    shop.apply()
    shop.run("sql", "-c", "CREATE SCHEMA byhand; CREATE TABLE byhand.t AS SELECT 1 AS mine; CREATE SCHEMA empty_of_somebody")
    data = len(list(shop.directory.glob("warehouse/bronze/**/*.parquet")))
    remaining = lambda running: len(moments.standing(shop.directory / "warehouse/bronze", "**/*.parquet")) < data * share
    killed = shop.kill_when(remaining, "destroy", "-y")
    shop.run("destroy", "-y")
    assert namespaces(shop) == {"byhand", "empty_of_somebody"}, killed
    assert not (shop.directory / "warehouse/bronze").exists()
    assert shop.sql("SELECT mine FROM lake.byhand.t") == [{"mine": 1}]
