"""kill -9 in the middle of load, commit and publication, then again: equal tables, and Iceberg and Delta agree."""
import pathlib

import pyarrow as pa
import pytest

from harness import projects, readers
from harness import tarn as moments

ROWS = 400_000


@pytest.fixture(scope="module")
def big(postgres18):
    """Two tables, large enough that there is a middle to be killed in."""
    with postgres18.database() as name:
        for t in ("one", "two"):
            postgres18.execute(f"CREATE TABLE {t} (id bigint PRIMARY KEY, v text, n numeric(12,2), at timestamptz);"
                               f"INSERT INTO {t} SELECT i, md5(i::text), i / 7.0, now() FROM generate_series(1, {ROWS}) i", name)
        yield postgres18.url(name)


def visible(project):
    """What a reader without a catalog finds: table folder -> rows by each reader."""
    found = {}
    for hint in pathlib.Path(project.directory, "warehouse").glob("**/metadata/version-hint.text"):
        folder = hint.parent.parent
        found[folder.name] = {r.name: r.read(str(folder)).num_rows for r in readers.READERS.values() if r.format == "iceberg" or (folder / "_delta_log").exists()}
    return found


CONTENT = pa.schema([("id", pa.int64()), ("v", pa.string()), ("n", pa.decimal128(12, 2)), ("at", pa.timestamp("us", "UTC"))])


def assert_whole(project):
    """`tarn check` compares the lake with its source value by value (count and hash); the readers are compared with the lake."""
    project.run("check")
    for table in ("one", "two"):
        location = project.location(f"bronze.{table}")
        content = lambda rows: rows.select(CONTENT.names).cast(CONTENT).sort_by("id").combine_chunks()
        lake = content(project.arrow(f"SELECT * FROM lake.bronze.{table}"))
        assert lake.num_rows == ROWS
        for reader in readers.READERS.values():
            assert content(reader.read(location)).equals(lake), f"{table} read by {reader.name} is not what the lake holds"


WAREHOUSE = {"a data file appears": "**/*.parquet", "a manifest appears": "**/metadata/*.avro", "metadata appears": "**/metadata/*.metadata.json",
             "the version hint appears": "**/version-hint.text", "the Delta log appears": "**/_delta_log/*.json"}


@pytest.mark.parametrize("moment", WAREHOUSE)
def test_first_load_killed_when(project, big, moment):
    project.env["SHOP_PG"] = big
    project.yaml(projects.mirror("SHOP_PG", ["public.*"], projects.warehouse()))
    assert project.kill_when(moments.appears(project.directory / "warehouse", WAREHOUSE[moment]), "apply", "-y"), "it ended before it could be killed"
    for table, counts in visible(project).items():
        assert set(counts.values()) == {ROWS}, f"half a table of {table} is visible: {counts}"
    project.apply()
    assert_whole(project)
    project.plan(check=0)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_reload_killed_at_every_tenth_of_its_time(project, big, tenth):
    import time
    project.env["SHOP_PG"] = big
    project.yaml(projects.mirror("SHOP_PG", ["public.*"], projects.warehouse()))
    project.apply()
    begin = time.monotonic()
    project.run("run")
    whole = time.monotonic() - begin
    project.kill_when(moments.after(whole * tenth / 10), "run")
    for table, counts in visible(project).items():
        assert set(counts.values()) == {ROWS}, f"half a table of {table} is visible: {counts}"
    project.run("run")
    assert_whole(project)


def test_the_source_keeps_nothing_of_a_killed_run(project, big, postgres18):
    project.env["SHOP_PG"] = big
    project.yaml(projects.mirror("SHOP_PG", ["public.*"], projects.warehouse()))
    project.kill_when(moments.appears(project.directory / "warehouse", "**/*.parquet"), "apply", "-y")
    from harness.process import wait_for
    wait_for(lambda: not postgres18.query("SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"), 30, "the end of its connections")
    assert not postgres18.query("SELECT 1 FROM pg_replication_slots")
