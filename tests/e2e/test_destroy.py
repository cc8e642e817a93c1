"""What destroy removes: all that the project made, whatever died half-way, and nothing else."""
import pytest

from harness import process, projects
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


def test_a_table_of_another_program_stays_where_a_load_was_killed(shop):
    """A writer of Iceberg with a catalog of its own leaves neither a hint nor a log."""
    assert shop.kill_when(moments.appears(shop.directory / "warehouse", "**/*.parquet*"), "apply", "-y"), "it ended before it could be killed"
    theirs = shop.directory / "warehouse/bronze/customer/metadata/00000-d2a5e6f0.metadata.json"
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("{}")
    shop.run("destroy", "-y")
    assert theirs.exists()


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


@pytest.fixture
def held(tmp_path, shop, tarn_faults_binary):
    """A command that stands at a fault point until release() is called."""
    shop.binary = tarn_faults_binary
    gate = tmp_path / "gate"
    trace = tmp_path / "trace"

    def start(point, *command):
        running = shop.start(*command, env={"TARN_FAULT": f"{point}:hold={gate}", "TARN_FAULT_TRACE": str(trace)})
        process.wait_for(lambda: (trace.exists() and point in trace.read_text()) or running.popen.poll() is not None, 60, point)
        assert running.popen.poll() is None, str(running.wait())
        return running, gate.touch
    return start


BY_HAND = "CREATE SCHEMA IF NOT EXISTS lake.byhand; CREATE TABLE lake.byhand.t AS SELECT 1 AS mine"


def test_a_table_made_by_hand_while_the_state_goes_fails_and_is_not_lost(shop, held):
    """Its process has opened the state that destroy removes."""
    shop.apply()
    by_hand, go_on = held("sql.written", "sql", "-c", "CREATE TABLE lake.bronze.t AS SELECT 1 AS mine")
    shop.run("destroy", "-y")
    assert not (shop.directory / "state").exists()
    go_on()
    ended = by_hand.wait(60)
    assert ended.exit_code == 1 and "is being destroyed" in ended.stderr, str(ended)
    shop.apply()
    shop.run("destroy", "-y")


def test_a_table_made_by_hand_just_before_keeps_the_state(shop, held):
    shop.apply()
    destroy, go_on = held("destroy.removed", "destroy", "-y")
    shop.run("sql", "-c", BY_HAND)
    go_on()
    ended = destroy.wait(60)
    assert ended.exit_code == 0, str(ended)
    assert shop.sql("SELECT mine FROM lake.byhand.t") == [{"mine": 1}]
    shop.run("sql", "-c", "INSERT INTO lake.byhand.t VALUES (2)")
    shop.apply()
    shop.run("destroy", "-y")
    assert shop.sql("SELECT mine FROM lake.byhand.t ORDER BY mine") == [{"mine": 1}, {"mine": 2}]


@pytest.mark.parametrize("then", ["destroy", "apply"])
def test_a_destroy_that_was_killed_in_the_end_is_finished_or_begun_anew(shop, tarn_faults_binary, then):
    shop.binary = tarn_faults_binary
    shop.apply()
    assert shop.run("destroy", "-y", env={"TARN_FAULT": "destroy.forgotten:kill"}, check=None).exit_code == -9
    refused = shop.run("sql", "-c", BY_HAND, check=1)
    assert "is being destroyed" in refused.stderr and "tarn apply" in refused.stderr, str(refused)
    if then == "apply":
        shop.apply()
        shop.run("sql", "-c", BY_HAND)
        assert shop.sql("SELECT mine FROM lake.byhand.t") == [{"mine": 1}]
        shop.run("sql", "-c", "DROP TABLE lake.byhand.t; DROP SCHEMA lake.byhand")
    shop.run("destroy", "-y")
    assert not (shop.directory / "state").exists()


def test_folders_of_the_user_beside_the_catalog_stay(project):
    """`state: .` puts the catalog into the user's own folder."""
    project.yaml("name: here\nstate: .\n")
    project.write("models/s/a.sql", "SELECT 1 AS x")
    mine = [f"{folder}/mine.txt" for folder in ("tmp", "cache", "keys", "capture", "spool")]
    for path in mine:
        project.write(path, "mine")
    project.apply()
    project.run("destroy", "-y")
    assert [path for path in mine if not (project.directory / path).exists()] == []
    assert not list(project.directory.glob("catalog.db*")) and not list(project.directory.glob("queries.db*"))


def test_empty_folders_of_others_in_the_warehouse_stay(project):
    """Landing folders that are empty at the moment, as of a mounted file system's root."""
    project.yaml("name: shared\nwarehouse: ./warehouse\n")
    project.write("models/s/a.sql", "SELECT 1 AS x")
    mine = [project.directory / "warehouse" / path for path in ("incoming/today", "photos/album", "lost+found")]
    for folder in mine:
        folder.mkdir(parents=True)
    project.apply()
    project.run("sql", "-c", "CREATE SCHEMA lake.byhand; CREATE TABLE lake.byhand.t AS SELECT 1 AS x; DROP TABLE lake.byhand.t; DROP SCHEMA lake.byhand")
    project.run("destroy", "-y")
    assert [folder for folder in mine if not folder.exists()] == []
    assert {path.name for path in (project.directory / "warehouse").iterdir()} == {"incoming", "photos", "lost+found"}
