"""`tarn maintain`: what it leaves is read by everybody with the same rows, and nothing else is left."""
import json
import os
import pathlib
import subprocess
import time

import pytest

from harness import projects, readers

LIMITS = "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0}\n"
PARTS = ["data files", "manifests", "statistics", "snapshots", "orphans", "delta log"]


def do(project, *statements):
    project.run("sql", "-c", ";".join(statements))


def maintained(project, *args, check=0):
    return json.loads(project.run("maintain", "--json", *args, check=check).stdout)


def step(report, part, table="s.t"):
    return next(s for t in report if t["table"] == table for s in t["steps"] if s["part"] == part)


def filled(project, partition="", version="auto", limits=LIMITS):
    """Thirty small files, some of their rows deleted and changed; the rows as they must be read."""
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}{limits}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s", f"CREATE TABLE lake.s.t (i INTEGER, k INTEGER, name VARCHAR) {partition}")
    if version != "auto":
        do(project, f"ALTER TABLE lake.s.t SET ('tarn.iceberg' = '{version}')")
    do(project, *(f"INSERT INTO lake.s.t SELECT i, i % 3, 'name ' || i FROM range({n * 100}, {n * 100 + 100}) r(i)" for n in range(30)))
    do(project, "DELETE FROM lake.s.t WHERE i % 10 = 3", "UPDATE lake.s.t SET name = upper(name) WHERE i % 10 = 4")
    return sorted((i, i % 3, f"NAME {i}" if i % 10 == 4 else f"name {i}") for i in range(3000) if i % 10 != 3)


def rows_of(table, columns=("i", "k", "name")):
    return sorted(zip(*(table.column(c).to_pylist() for c in columns)))


def check_readers(project, expected, columns=("i", "k", "name"), but=()):
    location, wrong = project.location("s.t"), {}
    for reader in (r for name, r in readers.READERS.items() if name not in but):
        try:
            found = rows_of(reader.read(location), columns)
        except Exception as e:  # noqa: BLE001: all readers are tried before the first that fails is told
            wrong[reader.name] = f"{type(e).__name__}: {e}"[:300]
            continue
        if found != expected:
            wrong[reader.name] = f"{len(found)} rows, {len(expected)} expected"
    assert not wrong
    assert rows_of(project.arrow(f"SELECT {', '.join(columns)} FROM lake.s.t"), columns) == expected


@pytest.mark.parametrize("version", ["auto", "2", "3"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (k)"])
def test_every_reader_sees_the_same_rows_in_fewer_files(project, version, partition):
    expected = filled(project, partition, version)
    check_readers(project, expected)
    report = maintained(project)
    assert [s["part"] for s in report[0]["steps"]] == PARTS
    assert step(report, "data files")["outcome"] == "done"
    assert step(report, "snapshots")["outcome"] == "done"
    location = pathlib.Path(project.location("s.t"))
    assert len(list(location.glob("data/*.parquet"))) == (3 if partition else 1)
    # What Delta was told of position deletes stands in files that go with the orphans.
    assert not [f for f in location.glob("deletes/*") if f.suffix != ".bin" or version != "2"]
    check_readers(project, expected)
    do(project, "DELETE FROM lake.s.t WHERE i % 10 = 5", "INSERT INTO lake.s.t VALUES (9999, 0, 'last')")
    expected = sorted([r for r in expected if r[0] % 10 != 5] + [(9999, 0, "last")])
    check_readers(project, expected)
    maintained(project)
    check_readers(project, expected)


def test_files_written_with_other_columns_get_those_of_now(project):
    expected = filled(project)
    do(project, "ALTER TABLE lake.s.t RENAME COLUMN name TO label", "ALTER TABLE lake.s.t DROP COLUMN k",
       "ALTER TABLE lake.s.t ADD COLUMN note VARCHAR", "ALTER TABLE lake.s.t ALTER COLUMN i TYPE BIGINT",
       "INSERT INTO lake.s.t SELECT 5000, 'x', 'y'")
    expected = sorted([(i, name, "") for i, _, name in expected] + [(5000, "x", "y")])
    assert step(maintained(project), "data files")["outcome"] == "done"
    assert rows_of(project.arrow("SELECT i, label, coalesce(note, '') AS note FROM lake.s.t"), ("i", "label", "note")) == expected
    pairs = sorted((i, label) for i, label, _ in expected)
    check_readers(project, pairs, ("i", "label"), but=["polars_delta"])  # which has no column mapping


def test_row_ids_stay_through_compaction(project):
    import pyarrow.parquet
    filled(project, version="3")
    maintained(project)
    [file] = pathlib.Path(project.location("s.t")).glob("data/*.parquet")
    table = pyarrow.parquet.read_table(file)
    ids = table.column("_row_id").to_pylist()
    assert None not in ids and len(set(ids)) == len(ids)
    updated = table.column("_last_updated_sequence_number").to_pylist()
    assert len(set(updated)) > 30, "each append and the update have numbers of their own"


def test_a_dry_run_tells_and_changes_nothing(project):
    expected = filled(project)
    location = pathlib.Path(project.location("s.t"))
    orphan = location / "data/of-a-process-that-died.parquet"
    orphan.write_bytes(b"x")
    os.utime(orphan, (time.time() - 10 * 86400,) * 2)
    before = sorted(location.rglob("*"))
    report = maintained(project, "--dry-run")
    for part in ("data files", "snapshots", "orphans"):
        assert step(report, part)["outcome"] == "would", part
    told = set(step(report, "orphans")["names"])
    assert str(orphan.relative_to(project.directory / "warehouse")) in told
    # Beside it, the metadata of states that nobody can ask for any more.
    assert all(name.startswith("s/t/metadata/") and name.endswith(".json") for name in told - {str(orphan.relative_to(project.directory / "warehouse"))})
    assert sorted(location.rglob("*")) == before
    maintained(project)
    assert not orphan.exists()
    check_readers(project, expected)
    assert {s["outcome"] for s in maintained(project)[0]["steps"]} == {"nothing"}


def test_nothing_is_old_right_after_the_clock_was_set(project):
    expected = filled(project)
    waiting = pathlib.Path(project.location("s.t")) / "data/of-a-load-that-goes-on.parquet"
    waiting.write_bytes(b"x")
    os.utime(waiting, (time.time() - 10 * 86400,) * 2)
    record = project.directory / "state/clock.json"

    def change(**micros):
        said = json.loads(record.read_text())
        record.write_text(json.dumps(said | {name: said[name] + more for name, more in micros.items()}))

    # As it stood before a time server set the clock ten days ahead.
    change(ahead_micros=-10 * 86400 * 10**6)
    report = maintained(project)
    for part in ("snapshots", "orphans", "delta log"):
        assert step(report, part)["outcome"] == "held", part
        assert "this machine's clock was set forward 0 minutes ago" in step(report, part)["why"]
    assert step(report, "data files")["outcome"] == "done"
    assert waiting.exists()
    # As if that had been four days ago.
    change(set_at_micros=-4 * 86400 * 10**6)
    report = maintained(project)
    assert step(report, "orphans")["outcome"] == "done"
    assert not waiting.exists()
    check_readers(project, expected)


def test_statistics_are_made_where_they_pay(project):
    from pyiceberg.table import StaticTable
    expected = filled(project, limits="limits: {statistics_rows_min: 2700}\n")

    def told():
        metadata = StaticTable.from_metadata(project.location("s.t")).metadata
        newest = [s for s in metadata.statistics if s.snapshot_id == metadata.current_snapshot_id]
        return [{b.fields[0]: int(b.properties["ndv"]) for b in s.blob_metadata} for s in newest]

    would = step(maintained(project, "--dry-run"), "statistics")
    assert would["outcome"] == "would" and "there are none of 2700 rows" in would["why"] and would["bytes"] > 0, would
    assert told() == []
    assert step(maintained(project), "statistics")["outcome"] == "done"
    assert told() == [{1: 2700, 2: 3, 3: 2700}]
    do(project, "INSERT INTO lake.s.t SELECT i, 7, 'more ' || i FROM range(5000, 5100) r(i)")
    assert step(maintained(project), "statistics")["outcome"] == "nothing"
    do(project, "INSERT INTO lake.s.t SELECT i, 8, 'more ' || i FROM range(6000, 7000) r(i)")
    assert "that came since" in step(maintained(project), "statistics")["why"]
    assert told() == [{1: 3800, 2: 5, 3: 3800}]
    do(project, "DELETE FROM lake.s.t WHERE i >= 5000")
    done = step(maintained(project), "statistics")
    assert done["outcome"] == "done" and "that came since" not in done["why"], done
    assert told() == [{1: 2700, 2: 3, 3: 2700}]
    check_readers(project, expected)
    do(project, "ALTER TABLE lake.s.t SET ('tarn.statistics-read-bytes-max' = '0')", "DELETE FROM lake.s.t WHERE i < 2000")
    assert step(maintained(project), "statistics")["outcome"] == "nothing"


def test_without_an_age_nothing_young_leaves(project):
    expected = filled(project, limits="")
    location = pathlib.Path(project.location("s.t"))
    files = set(location.glob("data/*.parquet"))
    sequence = json.loads(project.run("history", "s.t", "--json").stdout)[-3]["sequence"]
    report = maintained(project, "s.*")
    assert step(report, "snapshots")["outcome"] == "nothing"
    assert files < set(location.glob("data/*.parquet"))
    count = project.run("sql", "--at", str(sequence), "-c", "SELECT count(*) FROM lake.s.t").stdout
    assert count.split()[-1] == "3000"
    check_readers(project, expected)


def test_a_state_that_has_expired_says_so(project):
    filled(project, limits=LIMITS + "")
    sequence = json.loads(project.run("history", "s.t", "--json").stdout)[5]["sequence"]
    maintained(project)
    error = project.run("sql", "--at", str(sequence), "-c", "SELECT count(*), max(name) FROM lake.s.t", check=1).stderr
    assert "is gone" in error and "tarn maintain" in error


def test_tables_that_were_made_and_dropped_by_hand_leave_no_files(project, tmp_path):
    import pyarrow as pa
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "theirs", pa.table({"x": [1, 2, 3]}))
    limits = "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 3600000, orphan_grace_ms: 3600000}\n"
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}{limits}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s", "CREATE TABLE lake.s.stays AS SELECT 7 AS x", "CREATE TABLE lake.s.scratch AS SELECT 1 AS x",
       f"CREATE TABLE lake.s.adopted FROM delta_table('{tmp_path}/theirs')")
    then = project.sql("SELECT max(sequence) AS n FROM system.commits")[0]["n"]
    do(project, "DROP TABLE lake.s.scratch", "DROP TABLE lake.s.adopted")
    warehouse = project.directory / "warehouse"

    def grow_old():
        for path in [*warehouse.rglob("*"), *(tmp_path / "theirs").rglob("*")]:
            if path.is_file():
                os.utime(path, (time.time() - 30 * 86400,) * 2)

    def dropped():
        return [s for t in maintained(project) for s in t["steps"] if s["part"] == "dropped tables"]

    # The moment at which the tables stood can still be asked for.
    assert dropped() == []
    for table, rows in (("scratch", 1), ("adopted", 3)):
        counted = project.run("sql", "--at", str(then), "-c", f"SELECT count(*) AS n FROM lake.s.{table}", "--format", "json")
        assert counted.rows() == [{"n": rows}]
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}{limits.replace('snapshot_age_ms_max: 3600000', 'snapshot_age_ms_max: 0')}")
    grow_old()
    assert [sorted(s["names"]) for s in dropped()] == [["s/adopted", "s/scratch"]]
    assert {p.relative_to(warehouse).parts[:2] for p in warehouse.rglob("*") if p.is_file()} == {("s", "stays")}
    assert len(list((tmp_path / "theirs").glob("*.parquet"))) == 1
    assert project.sql("SELECT x FROM lake.s.stays") == [{"x": 7}]
    # The names are free again, and so are the folders.
    do(project, "CREATE TABLE lake.s.scratch AS SELECT 2 AS x")
    assert project.location("s.scratch").endswith("/s/scratch")
    assert dropped() == []


def test_a_name_that_matches_nothing(project):
    filled(project)
    assert "no table matches" in project.run("maintain", "gold.*", check=1).stderr


def test_upkeep_beside_writers_that_are_killed(project):
    """Writers and upkeep at once; both are killed now and then. What was answered stands, once."""
    # A DELETE reads the rows of the state it began with.
    filled(project, limits="limits: {reader_grace_ms: 3000, snapshot_age_ms_max: 0}\n")
    written, deadline, n = [], time.monotonic() + 20, 0
    upkeep = None
    while time.monotonic() < deadline:
        if upkeep is None or upkeep.poll() is not None:
            upkeep = subprocess.Popen([project.binary, "maintain"], cwd=project.directory, env=project.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        n += 1
        do(project, f"INSERT INTO lake.s.t VALUES ({10000 + n}, 0, 'beside')")
        written.append(10000 + n)
        if n % 3 == 0:
            do(project, f"DELETE FROM lake.s.t WHERE i = {written.pop(0)}")
        if n % 4 == 0:
            upkeep.kill()
            upkeep.wait()
    upkeep.wait(timeout=60)
    maintained(project)
    found = [i for i, _, name in rows_of(project.arrow("SELECT i, k, name FROM lake.s.t")) if name == "beside"]
    assert found == sorted(written)
    check_readers(project, rows_of(project.arrow("SELECT i, k, name FROM lake.s.t")))
