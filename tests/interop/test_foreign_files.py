"""Data files as other writers leave them, under tables whose columns were renamed, widened or are told apart by names: a scan reads what the table means."""
import datetime
import json
import pathlib
import shutil
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import projects


@pytest.fixture
def lake(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    project.run("sql", "-c", "CREATE SCHEMA lake.s")
    return project


@pytest.fixture
def other_folder():
    """A folder that has no part of its path in common with those of a test."""
    folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    yield folder
    shutil.rmtree(folder)


def column(name, type, id=None, **metadata):
    """A column of Delta's schema; with an id its physical name is col-<id>."""
    if id is not None:
        metadata = {"delta.columnMapping.id": id, "delta.columnMapping.physicalName": f"col-{id}", **metadata}
    return {"name": name, "type": type, "nullable": True, "metadata": metadata}


def struct(*fields):
    return {"type": "struct", "fields": list(fields)}


def delta_table(folder, columns, rows, features=(), configuration=None, **write):
    """A Delta table of one file, as its log would be written by hand."""
    folder.mkdir()
    pq.write_table(rows, folder / "part-0.parquet", **write)
    protocol = {"minReaderVersion": 1, "minWriterVersion": 2}
    if features:
        protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": list(features), "writerFeatures": list(features)}
    actions = [{"protocol": protocol},
               {"metaData": {"id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": {"provider": "parquet", "options": {}},
                             "schemaString": json.dumps(struct(*columns)), "partitionColumns": [], "configuration": configuration or {}, "createdTime": 0}},
               {"add": {"path": "part-0.parquet", "partitionValues": {}, "size": (folder / "part-0.parquet").stat().st_size, "modificationTime": 0,
                        "dataChange": True, "stats": json.dumps({"numRecords": rows.num_rows})}}]
    (folder / "_delta_log").mkdir()
    (folder / "_delta_log" / f"{0:020}.json").write_text("".join(json.dumps(a) + "\n" for a in actions))
    return f"delta_table('{folder}')"


def ids(lake, table, condition):
    return sorted(row["id"] for row in lake.sql(f"SELECT id FROM {table} WHERE {condition}"))


def test_conditions_on_widened_columns_are_about_the_wider_value(lake, tmp_path):
    def widened(name, before, after):
        return column(name, after, **{"delta.typeChanges": [{"fromType": before, "toType": after}]})
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int32()), "f": pa.array([0.0, 0.1, 0.5], pa.float32()), "k": pa.array([1, 2, 3], pa.int32())})
    columns = [column("id", "integer"), widened("f", "float", "double"), widened("k", "integer", "long")]
    table = delta_table(tmp_path / "d", columns, rows, ["typeWidening"])
    assert ids(lake, table, "f > 0.1") == [2, 3]
    assert ids(lake, table, "f = 0.1") == []
    assert ids(lake, table, "f > 0.1 AND k < 3 AND k < 5000000000") == [2]


def test_conditions_on_dates_that_became_timestamps_are_about_the_time_of_day(lake):
    lake.run("sql", "-c", "CREATE TABLE lake.s.t (id INT, d DATE) WITH ('tarn.delta' = 'off', 'tarn.iceberg' = '3'); "
             "INSERT INTO lake.s.t VALUES (1, DATE '2020-01-01'), (2, DATE '2020-01-02'), (3, DATE '2020-01-03')")
    folder = pathlib.Path(lake.location("s.t").removeprefix("file://")) / "metadata"
    metadata = json.loads(sorted(folder.glob("*.metadata.json"))[-1].read_text())
    for schema in metadata["schemas"]:
        schema["fields"][1]["type"] = "timestamp"  # as Java's evolution of version 3 has it
    (folder / "v99.metadata.json").write_text(json.dumps(metadata))
    table = f"iceberg_table('{folder}/v99.metadata.json')"
    assert ids(lake, table, "d < TIMESTAMP '2020-01-01 12:00'") == [1]
    assert ids(lake, table, "d = TIMESTAMP '2020-01-01 12:00'") == []
    assert ids(lake, table, "d > TIMESTAMP '2020-01-01 12:00'") == [2, 3]
    assert ids(lake, table, "d IN (TIMESTAMP '2020-01-02', TIMESTAMP '2020-01-03 01:00')") == [2]
    joined = lake.sql(f"SELECT id FROM {table} JOIN (VALUES (TIMESTAMP '2020-01-01 12:00'), (TIMESTAMP '2020-01-03')) v(d) USING (d)")
    assert joined == [{"id": 3}]


NESTED = pa.schema([
    ("col-1", pa.int32()), ("col-2", pa.list_(pa.string())), ("col-3", pa.map_(pa.string(), pa.int32())),
    ("col-4", pa.list_(pa.struct([("col-5", pa.int32()), ("col-6", pa.string())]))),
    ("col-7", pa.map_(pa.string(), pa.struct([("col-8", pa.float32())])))])
NESTED_COLUMNS = [
    column("id", "integer", 1),
    column("tags", {"type": "array", "elementType": "string", "containsNull": True}, 2),
    column("m", {"type": "map", "keyType": "string", "valueType": "integer", "valueContainsNull": True}, 3),
    column("l", {"type": "array", "elementType": struct(column("x", "integer", 5), column("y", "string", 6)), "containsNull": True}, 4),
    column("ms", {"type": "map", "keyType": "string", "valueType": struct(column("v", "float", 8)), "valueContainsNull": True}, 7)]
NESTED_VALUES = [[1, 2], [["a", None], []], [[("k", 1)], None], [[{"col-5": 7, "col-6": "seven"}, None], None], [[("q", {"col-8": 0.5})], []]]


def with_ids(type_or_field):
    """Ids as Spark writes them: of columns and fields, by their physical names, not of elements, keys and values."""
    if isinstance(type_or_field, pa.Field):
        field = type_or_field.with_type(with_ids(type_or_field.type))
        return field.with_metadata({"PARQUET:field_id": field.name.removeprefix("col-")}) if field.name.startswith("col-") else field
    if pa.types.is_struct(type_or_field):
        return pa.struct([with_ids(type_or_field.field(i)) for i in range(type_or_field.num_fields)])
    if pa.types.is_list(type_or_field):
        return pa.list_(with_ids(type_or_field.value_field))
    if pa.types.is_map(type_or_field):
        return pa.map_(with_ids(type_or_field.key_field), with_ids(type_or_field.item_field))
    return type_or_field


@pytest.mark.parametrize("mode", ["name", "id"])
@pytest.mark.parametrize("files", ["with_ids", "without_ids"])
def test_elements_of_delta_tables_with_column_mapping_need_no_ids(lake, tmp_path, mode, files):
    schema = pa.schema([with_ids(field) for field in NESTED]) if files == "with_ids" else NESTED
    rows = pa.table([pa.array(v, f.type) for v, f in zip(NESTED_VALUES, schema)], schema=schema)
    table = delta_table(tmp_path / "d", NESTED_COLUMNS, rows, ["columnMapping"], {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "8"})
    found = lake.arrow(f"SELECT id, tags, m, l, ms FROM {table} ORDER BY id").to_pylist()
    assert found == [{"id": 1, "tags": ["a", None], "m": [("k", 1)], "l": [{"x": 7, "y": "seven"}, None], "ms": [("q", {"v": 0.5})]},
                     {"id": 2, "tags": [], "m": None, "l": None, "ms": []}]
    assert ids(lake, table, "l[1].y = 'seven' AND ms['q'].v = 0.5") == [1]


def test_mapping_by_name_does_not_look_at_ids_of_files(lake, tmp_path):
    """As files have them that were written before the table was Delta's."""
    schema = pa.schema([pa.field("col-1", pa.int32(), metadata={"PARQUET:field_id": "2"}), pa.field("col-2", pa.int32(), metadata={"PARQUET:field_id": "1"})])
    rows = pa.table([pa.array([1]), pa.array([20])], names=["col-1", "col-2"]).cast(schema)
    table = delta_table(tmp_path / "d", [column("id", "integer", 1), column("b", "integer", 2)], rows, ["columnMapping"],
                        {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2"})
    assert lake.sql(f"SELECT id, b FROM {table} WHERE b = 20") == [{"id": 1, "b": 20}]


def test_lists_of_the_lakes_own_tables_are_read_through_their_delta_log_after_a_rename(lake):
    lake.run("sql", "-c", "CREATE TABLE lake.s.t (i INT, l INT[], m MAP(VARCHAR, INT)); INSERT INTO lake.s.t VALUES (1, [1, 2], MAP {'a': 1}); "
             "ALTER TABLE lake.s.t ADD COLUMN k INT; ALTER TABLE lake.s.t RENAME COLUMN i TO j")
    for function in ("delta_table", "iceberg_table"):
        found = lake.arrow(f"SELECT j, l, m, k FROM {function}('{lake.location('s.t')}')").to_pylist()
        assert found == [{"j": 1, "l": [1, 2], "m": [("a", 1)], "k": None}], function


def test_files_without_ids_are_read_by_the_name_mapping_of_an_iceberg_table(lake, catalog, tmp_path):
    from pyiceberg.types import StringType
    rows = pa.table({"id": pa.array([1, 2], pa.int64()), "a": ["x", "y"], "s": pa.array([{"p": 1}, {"p": 2}], pa.struct([("p", pa.int32())]))})
    t = catalog.create_table("n.t", schema=rows.schema)
    pq.write_table(rows, tmp_path / "plain.parquet")
    t.add_files([f"file://{tmp_path}/plain.parquet"])
    with t.update_schema() as change:
        change.rename_column("a", "b")
        change.rename_column("s.p", "q")
    t.append(pa.table({"id": pa.array([3], pa.int64()), "b": ["z"], "s": pa.array([{"q": 3}], pa.struct([("q", pa.int32())]))}))
    assert t.scan().to_arrow().sort_by("id")["b"].to_pylist() == ["x", "y", "z"]
    table = f"iceberg_table('{t.location()}')"
    found = lake.sql(f"SELECT id, b, s.q AS q FROM {table} ORDER BY id")
    assert found == [{"id": 1, "b": "x", "q": 1}, {"id": 2, "b": "y", "q": 2}, {"id": 3, "b": "z", "q": 3}]
    assert ids(lake, table, "b = 'y' AND s.q = 2") == [2]
    # The name of a column that comes later is its own, and no older file has it.
    with t.update_schema() as change:
        change.add_column("a", StringType())
    assert t.scan().to_arrow().sort_by("id")["b"].to_pylist() == [None, None, "z"]
    assert lake.sql(f"SELECT b FROM {table} ORDER BY id") == [{"b": None}, {"b": None}, {"b": "z"}]


INSTANTS = [datetime.datetime(1970, 1, 1), datetime.datetime(2026, 7, 1, 12, 30), datetime.datetime(1500, 6, 1), None]


def test_int96_timestamps_are_in_utc_whatever_the_time_zone(lake, tmp_path):
    schema = pa.schema([("id", pa.int32()), ("ts", pa.timestamp("us")), ("s", pa.struct([("t", pa.timestamp("us"))])), ("l", pa.list_(pa.timestamp("us")))])
    rows = pa.table([pa.array([1, 2, 3, 4], pa.int32()), pa.array(INSTANTS, pa.timestamp("us")), pa.array([{"t": i} for i in INSTANTS], schema.field("s").type),
                     pa.array([[i] for i in INSTANTS], schema.field("l").type)], schema=schema)
    columns = [column("id", "integer"), column("ts", "timestamp"), column("s", struct(column("t", "timestamp"))),
               column("l", {"type": "array", "elementType": "timestamp", "containsNull": True})]
    table = delta_table(tmp_path / "d", columns, rows, use_deprecated_int96_timestamps=True)
    micros = [None if i is None else (i - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) for i in INSTANTS]
    expected = [{"id": n + 1, "a": m, "b": m, "c": m} for n, m in enumerate(micros)]
    query = "SELECT id, epoch_us(ts) AS a, epoch_us(s.t) AS b, epoch_us(l[1]) AS c FROM {} ORDER BY id"
    for zone in ("UTC", "America/New_York"):
        def sql(text):
            return json.loads(lake.run("sql", "-c", f"SET TimeZone = '{zone}'; {text}", "--format", "json").stdout)
        assert sql(query.format(table)) == expected, zone
        assert sql(f"SELECT id FROM {table} WHERE ts = TIMESTAMPTZ '1970-01-01 00:00:00+00'") == [{"id": 1}], zone
        assert sql(f"SELECT id FROM {table} WHERE s.t > TIMESTAMPTZ '2026-07-01 12:00:00+00'") == [{"id": 2}], zone
    # Tables over such files are changed and kept up.
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t FROM {table}; ALTER TABLE lake.s.t SET ('write.delete.mode' = 'copy-on-write')")
    lake.run("sql", "-c", "DELETE FROM lake.s.t WHERE ts = TIMESTAMPTZ '2026-07-01 12:30:00+00'")
    assert lake.sql(query.format("lake.s.t")) == [row for row in expected if row["id"] != 2]
    lake.run("maintain")
    assert lake.sql(query.format("lake.s.t")) == [row for row in expected if row["id"] != 2]


def test_names_that_differ_in_case_alone_are_numbered(lake, catalog):
    from pyiceberg.schema import Schema
    from pyiceberg.types import IntegerType, NestedField, StructType
    inner = StructType(NestedField(4, "x", IntegerType(), required=False), NestedField(5, "X", IntegerType(), required=False))
    t = catalog.create_table("n.t", schema=Schema(NestedField(1, "id", IntegerType(), required=False), NestedField(2, "a", IntegerType(), required=False),
                                                  NestedField(3, "A", IntegerType(), required=False), NestedField(6, "s", inner, required=False)))
    part = pa.struct([("x", pa.int32()), ("X", pa.int32())])
    for id in (1, 2):
        t.append(pa.table([pa.array([id], pa.int32()), pa.array([10 * id], pa.int32()), pa.array([100 * id], pa.int32()),
                           pa.array([{"x": id, "X": -id}], part)], schema=pa.schema([("id", pa.int32()), ("a", pa.int32()), ("A", pa.int32()), ("s", part)])))
    table = f"iceberg_table('{t.location()}')"
    assert lake.sql(f"SELECT id, a, A_2 FROM {table} ORDER BY id") == [{"id": 1, "a": 10, "A_2": 100}, {"id": 2, "a": 20, "A_2": 200}]
    assert lake.arrow(f"SELECT s FROM {table} ORDER BY id")["s"].to_pylist() == [{"x": 1, "X_2": -1}, {"x": 2, "X_2": -2}]
    assert ids(lake, table, "A_2 = 100") == [1]
    assert ids(lake, table, "a = 20") == [2]
    assert ids(lake, table, "s.X_2 = -2") == [2]
    plan = lake.run("sql", "-c", f"EXPLAIN SELECT id FROM {table} WHERE A_2 = 100", "--format", "csv").stdout
    assert "1 of 2" in plan, plan
    lake.run("sql", "-c", f"CREATE TABLE lake.s.copy AS SELECT * FROM {table}")
    assert lake.sql("SELECT sum(A_2) AS n FROM lake.s.copy") == [{"n": 300}]


@pytest.mark.parametrize("version", [2, 3])
def test_manifests_and_deletes_of_an_iceberg_table_may_stand_elsewhere(lake, other_folder, version):
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t (i INT); ALTER TABLE lake.s.t SET ('tarn.iceberg' = '{version}'); "
             "INSERT INTO lake.s.t SELECT * FROM range(10)")
    lake.run("sql", "-c", "DELETE FROM lake.s.t WHERE i < 3")
    newest = sorted(pathlib.Path(lake.location("s.t").removeprefix("file://")).glob("metadata/*.metadata.json"))[-1]
    shutil.copy(newest, other_folder / "v1.metadata.json")
    assert lake.sql(f"SELECT count(*) AS n, min(i) AS low FROM iceberg_table('{other_folder}/v1.metadata.json')") == [{"n": 7, "low": 3}]


def test_deletion_vectors_of_a_delta_table_may_stand_elsewhere(lake, other_folder):
    """As in a shallow clone."""
    lake.run("sql", "-c", "CREATE TABLE lake.s.t (i INT); ALTER TABLE lake.s.t SET ('tarn.iceberg' = '3'); INSERT INTO lake.s.t SELECT * FROM range(10)")
    lake.run("sql", "-c", "DELETE FROM lake.s.t WHERE i < 3")
    location = pathlib.Path(lake.location("s.t").removeprefix("file://"))
    (other_folder / "_delta_log").mkdir()
    vectors = 0
    for commit in sorted((location / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for action in actions:
            for kind in ("add", "remove"):
                if kind not in action:
                    continue
                action[kind]["path"] = f"file://{location}/{action[kind]['path']}"
                vector = action[kind].get("deletionVector")
                if vector:
                    [file] = location.rglob("deletion_vector_*.bin")
                    vector.update(storageType="p", pathOrInlineDv=f"file://{file}")
                    vectors += 1
        (other_folder / "_delta_log" / commit.name).write_text("".join(json.dumps(a) + "\n" for a in actions))
    assert vectors
    assert lake.sql(f"SELECT count(*) AS n, min(i) AS low FROM delta_table('{other_folder}')") == [{"n": 7, "low": 3}]
