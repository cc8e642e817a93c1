"""Columns that change after their table was made, read by everybody else: defaults, and fields within structs, lists and maps that come,
go, get other names and wider types."""
import json
import pathlib

import pytest

from harness import projects, readers


@pytest.fixture
def lake(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s")
    return project


def do(project, *statements):
    for statement in statements:
        project.run("sql", "-c", statement)


def unlike(location, expected, but=()):
    """The readers that do not find the expected rows (dictionaries, sorted by `i`), and what they found."""
    wrong = {}
    for reader in (r for r in readers.READERS.values() if r.name not in but):
        try:
            found = sorted(reader.read(location).to_pylist(), key=lambda row: row["i"])
        except Exception as e:  # noqa: BLE001: all readers are tried before the first that fails is told
            wrong[reader.name] = f"{type(e).__name__}: {e}"[:300]
            continue
        found = [{name: plain(value) for name, value in row.items()} for row in found]
        if found != expected:
            wrong[reader.name] = found
    return wrong


def plain(value):
    """Maps come as lists of pairs from some readers and as dictionaries from others."""
    if isinstance(value, list):
        if value and all(isinstance(v, tuple) for v in value):
            return {k: plain(v) for k, v in value}
        if value and all(isinstance(v, dict) and set(v) == {"key", "value"} for v in value):
            return {v["key"]: plain(v["value"]) for v in value}
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def delta_log(location):
    return [json.loads(line) for path in sorted(pathlib.Path(location).glob("_delta_log/*.json")) for line in path.read_text().splitlines()]


def test_a_column_added_with_a_default_has_it_in_the_rows_of_before(lake):
    do(lake, "CREATE TABLE lake.s.t AS SELECT i::INTEGER AS i FROM range(10) r(i)",
       "DELETE FROM lake.s.t WHERE i = 3",
       "ALTER TABLE lake.s.t ADD COLUMN c INTEGER DEFAULT 7",
       "ALTER TABLE lake.s.t ADD COLUMN d DATE DEFAULT DATE '2020-02-29'",
       "INSERT INTO lake.s.t (i) VALUES (10)",
       "ALTER TABLE lake.s.t ALTER COLUMN c SET DEFAULT 8",
       "INSERT INTO lake.s.t (i) VALUES (11)")
    location = lake.location("s.t")
    import datetime
    day = datetime.date(2020, 2, 29)
    assert not unlike(location, [{"i": i, "c": 8 if i == 11 else 7, "d": day} for i in range(12) if i != 3])
    metadata = json.loads(pathlib.Path(readers.metadata_location(location)).read_text())
    fields = {f["name"]: f for f in metadata["schemas"][-1]["fields"]}
    assert metadata["format-version"] == 3 and fields["c"]["write-default"] == 8 and "initial-default" not in fields["c"]
    log = delta_log(location)
    schema = json.loads([a["metaData"] for a in log if "metaData" in a][-1]["schemaString"])
    assert [f["metadata"].get("CURRENT_DEFAULT") for f in schema["fields"]] == [None, "8", "DATE '2020-02-29'"]
    assert "allowColumnDefaults" in [a["protocol"] for a in log if "protocol" in a][-1]["writerFeatures"]


def test_defaults_alone_ask_nothing_of_readers_of_delta(lake):
    do(lake, "CREATE TABLE lake.s.t (i INTEGER, name VARCHAR DEFAULT 'it''s')", "INSERT INTO lake.s.t (i) VALUES (1)")
    location = lake.location("s.t")
    protocol = [a["protocol"] for a in delta_log(location) if "protocol" in a][-1]
    assert protocol == {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["allowColumnDefaults"]}
    assert not unlike(location, [{"i": 1, "name": "it's"}])


NO_MAPPING = ["polars_delta"]  # it refuses Delta's column mapping, whatever it maps
# No NULL in place of a list or map: pyiceberg 0.12 makes empty ones of them once what is in them has changed.
NESTED = ("CREATE TABLE lake.s.t (i INTEGER, s STRUCT(a INTEGER, b VARCHAR), l STRUCT(x INTEGER)[], m MAP(VARCHAR, STRUCT(v INTEGER)))",
          "INSERT INTO lake.s.t VALUES (1, {a: 1, b: 'one'}, [{x: 1}, {x: 2}], MAP {'k': {v: 1}}), (2, NULL, [], MAP {})")


def test_a_rollback_brings_columns_back(lake):
    do(lake, "CREATE TABLE lake.s.t AS SELECT 1 AS i, 10 AS v, {a: 1, b: 'x'} AS s", "CALL create_tag('s.t', 'before')")
    location, before = lake.location("s.t"), [{"i": 1, "v": 10, "s": {"a": 1, "b": "x"}}]
    do(lake, "CREATE OR REPLACE TABLE lake.s.t AS SELECT 1 AS i, 'ten' AS v", "CALL rollback_table('s.t', 'before')")
    assert not unlike(location, before)
    do(lake, "ALTER TABLE lake.s.t DROP COLUMN v", "ALTER TABLE lake.s.t DROP COLUMN s.b", "ALTER TABLE lake.s.t ADD COLUMN v VARCHAR",
       "UPDATE lake.s.t SET v = 'ten'", "CALL rollback_table('s.t', 'before')", "ALTER TABLE lake.s.t ADD COLUMN w INTEGER")
    assert not unlike(location, [row | {"w": None} for row in before], but=NO_MAPPING)
    do(lake, "INSERT INTO lake.s.t VALUES (2, 20, {a: 2, b: 'y'}, 3)")
    assert not unlike(location, [before[0] | {"w": None}, {"i": 2, "v": 20, "s": {"a": 2, "b": "y"}, "w": 3}], but=NO_MAPPING)


def test_added_fields_are_null_in_the_rows_of_before(lake):
    do(lake, *NESTED, "ALTER TABLE lake.s.t ADD COLUMN s.c BIGINT", "ALTER TABLE lake.s.t ADD COLUMN l.element.y VARCHAR",
       "INSERT INTO lake.s.t VALUES (3, {a: 3, b: 'three', c: 33}, [{x: 3, y: 'y'}], MAP {'k': {v: 3}})")
    assert not unlike(lake.location("s.t"), [
        {"i": 1, "s": {"a": 1, "b": "one", "c": None}, "l": [{"x": 1, "y": None}, {"x": 2, "y": None}], "m": {"k": {"v": 1}}},
        {"i": 2, "s": None, "l": [], "m": []},
        {"i": 3, "s": {"a": 3, "b": "three", "c": 33}, "l": [{"x": 3, "y": "y"}], "m": {"k": {"v": 3}}}])


def test_added_fields_of_values_are_null_in_the_rows_of_before(lake):
    do(lake, *NESTED, "ALTER TABLE lake.s.t ADD COLUMN m.value.w DOUBLE",
       "INSERT INTO lake.s.t VALUES (3, {a: 3, b: 'three'}, [{x: 3}], MAP {'k': {v: 3, w: 0.5}})")
    assert not unlike(lake.location("s.t"), [
        {"i": 1, "s": {"a": 1, "b": "one"}, "l": [{"x": 1}, {"x": 2}], "m": {"k": {"v": 1, "w": None}}},
        {"i": 2, "s": None, "l": [], "m": []},
        {"i": 3, "s": {"a": 3, "b": "three"}, "l": [{"x": 3}], "m": {"k": {"v": 3, "w": 0.5}}}], but=["deltalake"])  # "Cannot cast column 'm'"


def test_renamed_and_dropped_fields_are_found_by_their_ids(lake):
    do(lake, *NESTED, "ALTER TABLE lake.s.t RENAME COLUMN s.a TO aa", "ALTER TABLE lake.s.t DROP COLUMN s.b",
       "ALTER TABLE lake.s.t ADD COLUMN s.b VARCHAR",
       "INSERT INTO lake.s.t VALUES (3, {aa: 3, b: 'three'}, [{x: 3}], MAP {'k': {v: 3}})")
    # A field that comes back under the name of one that is gone is another one.
    assert not unlike(lake.location("s.t"), [
        {"i": 1, "s": {"aa": 1, "b": None}, "l": [{"x": 1}, {"x": 2}], "m": {"k": {"v": 1}}},
        {"i": 2, "s": None, "l": [], "m": []},
        {"i": 3, "s": {"aa": 3, "b": "three"}, "l": [{"x": 3}], "m": {"k": {"v": 3}}}], but=NO_MAPPING)


def test_fields_of_elements_and_values_are_renamed(lake):
    do(lake, *NESTED, "ALTER TABLE lake.s.t RENAME COLUMN l.element.x TO xx", "ALTER TABLE lake.s.t RENAME COLUMN m.value.v TO vv",
       "INSERT INTO lake.s.t VALUES (3, {a: 3, b: 'three'}, [{xx: 3}], MAP {'k': {vv: 3}})")
    assert not unlike(lake.location("s.t"), [
        {"i": 1, "s": {"a": 1, "b": "one"}, "l": [{"xx": 1}, {"xx": 2}], "m": {"k": {"vv": 1}}},
        {"i": 2, "s": None, "l": [], "m": []},
        {"i": 3, "s": {"a": 3, "b": "three"}, "l": [{"xx": 3}], "m": {"k": {"vv": 3}}}], but=NO_MAPPING)


def test_wider_types_within_structs_hold_in_every_reader(lake):
    do(lake, *NESTED, "ALTER TABLE lake.s.t ALTER COLUMN s TYPE STRUCT(a BIGINT, b VARCHAR)",
       "ALTER TABLE lake.s.t ALTER COLUMN l TYPE STRUCT(x BIGINT)[]",
       "INSERT INTO lake.s.t VALUES (3, {a: 5000000000, b: 'three'}, [{x: 6000000000}], MAP {'k': {v: 3}})")
    assert not unlike(lake.location("s.t"), [
        {"i": 1, "s": {"a": 1, "b": "one"}, "l": [{"x": 1}, {"x": 2}], "m": {"k": {"v": 1}}},
        {"i": 2, "s": None, "l": [], "m": []},
        {"i": 3, "s": {"a": 5000000000, "b": "three"}, "l": [{"x": 6000000000}], "m": {"k": {"v": 3}}}])


def test_rows_are_sorted_by_inserts_and_by_maintain(lake):
    from pyiceberg.table import StaticTable
    import pyarrow.parquet
    do(lake, "CREATE TABLE lake.s.t (i INTEGER, k INTEGER)", "ALTER TABLE lake.s.t SET SORTED BY (k DESC NULLS LAST, i)")
    do(lake, ";".join(f"INSERT INTO lake.s.t SELECT i, CASE WHEN i % 100 <> 7 THEN i * 7919 % 997 END FROM range({n * 200}, {n * 200 + 200}) r(i)"
                      for n in range(25)))
    do(lake, "DELETE FROM lake.s.t WHERE i % 10 = 3")
    location = lake.location("s.t")

    def in_order():
        table = StaticTable.from_metadata(location)
        files = [file for file in table.inspect.files().to_pylist() if file["content"] == 0]
        for file in files:
            rows = pyarrow.parquet.read_table(file["file_path"].removeprefix("file://")).to_pylist()
            keys = [(r["k"] is None, -(r["k"] or 0), r["i"]) for r in rows]
            assert keys == sorted(keys), file["file_path"]
            assert file["sort_order_id"] == table.metadata.default_sort_order_id == 1
        return len(files)

    order = StaticTable.from_metadata(location).metadata.sort_orders[-1]
    assert [(f.source_id, f.direction.name, f.null_order.name) for f in order.fields] == [(2, "DESC", "NULLS_LAST"), (1, "ASC", "NULLS_LAST")]
    assert in_order() == 25
    lake.run("maintain")
    assert in_order() == 1
    assert not unlike(location, [{"i": i, "k": i * 7919 % 997 if i % 100 != 7 else None} for i in range(5000) if i % 10 != 3])


def test_nanoseconds_stand_in_tables_without_a_delta_log(lake):
    import pyarrow
    do(lake, "CREATE TABLE lake.s.t (i INTEGER, ts TIMESTAMP_NS) WITH ('tarn.delta' = 'off')",
       "INSERT INTO lake.s.t VALUES (1, '2020-01-01 00:00:00.123456789'), (2, NULL)")
    location = lake.location("s.t")
    assert not (pathlib.Path(location) / "_delta_log").exists()
    for reader in (r for r in readers.READERS.values() if r.format == "iceberg"):
        found = reader.read(location).sort_by("i")["ts"].cast(pyarrow.timestamp("ns")).cast(pyarrow.int64()).to_pylist()
        assert found == [1577836800123456789, None], reader.name
    lake.run("maintain")
    assert lake.arrow("SELECT ts::VARCHAR AS ts FROM lake.s.t WHERE i = 1")["ts"].to_pylist() == ["2020-01-01 00:00:00.123456789"]


def test_estimates_of_distinct_values_stand_in_a_puffin_file(lake):
    from pyiceberg.table import StaticTable
    do(lake, "CREATE TABLE lake.s.t AS SELECT i::INTEGER AS i, 'v' || (i % 37) AS name FROM range(20000) r(i)", "ANALYZE lake.s.t")
    statistics = StaticTable.from_metadata(lake.location("s.t")).metadata.statistics
    assert len(statistics) == 1 and [b.type for b in statistics[0].blob_metadata] == ["apache-datasketches-theta-v1"] * 2
    ndv = {b.fields[0]: int(b.properties["ndv"]) for b in statistics[0].blob_metadata}
    assert ndv[2] == 37 and abs(ndv[1] - 20000) < 1000
    from pyiceberg.table.puffin import PuffinFile
    puffin = pathlib.Path(statistics[0].statistics_path.removeprefix("file://")).read_bytes()
    assert len(puffin) == statistics[0].file_size_in_bytes
    assert [b.type for b in PuffinFile(puffin).footer.blobs] == ["apache-datasketches-theta-v1"] * 2
