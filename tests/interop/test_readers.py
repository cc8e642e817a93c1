"""Rules of layout that let every reader find a table by its folder; see harness/readers.py."""
import json
import pathlib
import re

import pytest

from harness import projects, readers


@pytest.fixture
def table(project, database):
    """A project with one table of two loads, and the folder of that table."""
    server, name = database
    server.execute("CREATE TABLE t (id integer PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 100) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.t"], projects.warehouse()))
    project.apply()
    server.execute("INSERT INTO t VALUES (101, 'late')", name)
    project.run("run")
    return project, pathlib.Path(project.location("bronze.t"))


def test_version_hint_names_the_newest_metadata_and_nothing_else_looks_like_metadata(table):
    _, folder = table
    found = [p.relative_to(folder / "metadata").as_posix() for p in folder.glob("metadata/**/*.metadata.json")]
    assert all(re.fullmatch(r"v[1-9]\d*\.metadata\.json", f) for f in found), f"Trino refuses a folder with other names: {found}"
    assert (folder / "metadata/version-hint.text").read_text().strip() == str(max(int(f[1:].split(".")[0]) for f in found))


def test_iceberg_and_delta_name_the_same_files(table):
    from deltalake import DeltaTable
    from pyiceberg.table import StaticTable
    _, folder = table
    iceberg = {f.removeprefix("file://") for f in StaticTable.from_metadata(str(folder)).inspect.files()["file_path"].to_pylist()}
    delta = {f.removeprefix("file://") for f in DeltaTable(str(folder)).file_uris()}
    assert iceberg == delta and iceberg


def test_location_is_an_absolute_uri_and_every_path_begins_with_it(table):
    _, folder = table
    metadata = json.loads(pathlib.Path(readers.metadata_location(str(folder))).read_text())
    assert metadata["location"] == f"file://{folder}"
    assert all(s["manifest-list"].startswith(f"file://{folder}/metadata/") for s in metadata["snapshots"])


def test_folders_have_names_that_every_reader_can_open(project, database):
    server, name = database
    server.execute('CREATE TABLE "Größe % \\ #1" (id integer); INSERT INTO "Größe % \\ #1" VALUES (1)', name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.*"], projects.warehouse()))
    project.apply()
    location = project.location(projects.lake_name("Größe % \\ #1"))
    assert re.fullmatch(r"[A-Za-z0-9._-]+", pathlib.Path(location).name), location
    for reader in readers.READERS.values():
        assert reader.read(location).num_rows == 1, reader.name


def test_every_reader_sees_the_second_load(table):
    _, folder = table
    for reader in readers.READERS.values():
        assert reader.read(str(folder)).num_rows == 101, reader.name


def test_pyiceberg_time_travels_to_the_first_load(table):
    from pyiceberg.table import StaticTable
    _, folder = table
    t = StaticTable.from_metadata(str(folder))
    assert t.scan(snapshot_id=t.history()[0].snapshot_id).to_arrow().num_rows == 100


def test_deltalake_time_travels_to_the_first_load(table):
    from deltalake import DeltaTable
    _, folder = table
    counts = [DeltaTable(str(folder), version=v).to_pyarrow_table().num_rows for v in range(DeltaTable(str(folder)).version() + 1)]
    assert 100 in counts and counts[-1] == 101
