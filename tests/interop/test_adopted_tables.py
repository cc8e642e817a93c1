"""CREATE TABLE … FROM iceberg_table(…) and delta_table(…): tables of the lake over somebody else's files. Every reader sees their rows, they can be
changed, and whatever happens to them the other table stays whole."""
import datetime
import decimal
import hashlib
import json
import pathlib

import pyarrow as pa
import pytest

from harness import projects, readers
from harness.tarn import Tarn

N = 300
ROWS = pa.table({
    "id": pa.array(range(N), pa.int64()),
    "region": pa.array([["eu", "us", None][i % 3] for i in range(N)]),
    "sold": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=i % 4) for i in range(N)]),
    "price": pa.array([decimal.Decimal(i) / 4 for i in range(N)], pa.decimal128(9, 2)),
    "tags": pa.array([[f"t{i % 5}", None] if i % 2 else [] for i in range(N)], pa.list_(pa.string())),
    "place": pa.array([{"city": f"c{i}", "zip": i} if i % 7 else None for i in range(N)], pa.struct([("city", pa.string()), ("zip", pa.int32())])),
})
# polars takes absolute paths of Delta's log for relative ones, and says that there is no such file.
NOT_OUTSIDE = ["polars_delta"]
# Upkeep that takes everything which nothing refers to.
LIMITS = "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0}\n"


def open_lake(project, name="shop", extra=""):
    project.yaml(f"name: {name}\ncatalog: lake\n{projects.warehouse()}{extra}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s")
    return project


@pytest.fixture
def lake(project):
    return open_lake(project, extra=LIMITS)


@pytest.fixture
def elsewhere(tmp_path, tarn_binary):
    """Another lake, which makes tables that pyiceberg and deltalake cannot: deleted rows in vectors, columns that were renamed in Delta."""
    (tmp_path / "elsewhere").mkdir()
    return open_lake(Tarn(tmp_path / "elsewhere", tarn_binary), "elsewhere")


def do(project, *statements):
    project.run("sql", "-c", ";".join(statements))


def refused(project, statement, *words):
    error = project.run("sql", "-c", statement, check=1).stderr
    assert all(word in error for word in words), error


def content(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}


def plain(table):
    columns = {name: table[name].to_pylist() for name in table.column_names}
    order = sorted(range(table.num_rows), key=columns[table.column_names[0]].__getitem__)
    return {name: [values[i] for i in order] for name, values in columns.items()}


def check(project, expected, name="s.t", but=NOT_OUTSIDE):
    """Tarn and every reader find just these rows."""
    columns, wrong = list(expected), {}
    found = plain(project.arrow(f"SELECT * FROM lake.{name}").select(columns))
    assert found == expected
    for reader in (r for r in readers.READERS.values() if r.name not in but):
        try:
            seen = plain(reader.read(project.location(name)).select(columns))
        except Exception as e:  # noqa: BLE001: all readers are tried before the first that fails is told
            wrong[reader.name] = f"{type(e).__name__}: {e}"[:300]
            continue
        for column in columns:
            if seen[column] != expected[column]:
                wrong[reader.name] = f"{column}: {len(seen[column])} rows, {[(a, b) for a, b in zip(seen[column], expected[column]) if a != b][:3]}"
    assert not wrong


def data_files(project, name="s.t"):
    return list(pathlib.Path(project.location(name)).glob("data/**/*.parquet"))


def change(project, expected, name="s.t"):
    """Rows come, change and go; what is there afterwards."""
    rows = [dict(zip(expected, row)) for row in zip(*expected.values())]
    key = next(iter(expected))
    columns = ", ".join(c for c in expected if c != key)
    do(project, f"INSERT INTO lake.{name} ({key}, {columns}) SELECT {key} + 10000, {columns} FROM lake.{name} WHERE {key} % 10 = 1")
    do(project, f"DELETE FROM lake.{name} WHERE {key} % 10 = 2")
    do(project, f"UPDATE lake.{name} SET {key} = {key} + 50000 WHERE {key} % 10 = 3")
    rows += [r | {key: r[key] + 10000} for r in rows if r[key] % 10 == 1]
    rows = [r | {key: r[key] + 50000} if r[key] % 10 == 3 else r for r in rows if r[key] % 10 != 2]
    rows.sort(key=lambda r: r[key])
    return {c: [r[c] for r in rows] for c in expected}


def live(project, expected, foreign, name="s.t", but=NOT_OUTSIDE):
    """The whole life of an adopted table beside the other one, which is never touched."""
    before = content(foreign)
    assert not data_files(project, name), "files were copied"
    check(project, expected, name, but)
    expected = change(project, expected, name)
    check(project, expected, name, but)
    report = json.loads(project.run("maintain", "--json").stdout)
    assert {s["outcome"] for t in report for s in t["steps"]} <= {"done", "nothing"}, report
    check(project, expected, name, but)
    assert content(foreign) == before
    do(project, f"DROP TABLE lake.{name}")
    project.run("maintain")
    project.run("destroy", "-y")
    assert content(foreign) == before


@pytest.mark.parametrize("partition", ["", "region"])
def test_iceberg_of_pyiceberg(lake, catalog, tmp_path, partition):
    from pyiceberg.transforms import IdentityTransform
    t = catalog.create_table("n.t", schema=ROWS.schema)
    if partition:
        t.update_spec().add_field(partition, IdentityTransform()).commit()
    t.append(ROWS.slice(0, 200))
    t.append(ROWS.slice(200))
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')")
    live(lake, plain(ROWS), tmp_path / "foreign")
    assert plain(t.scan().to_arrow()) == plain(ROWS)


def test_iceberg_at_an_earlier_state(lake, catalog, tmp_path):
    t = catalog.create_table("n.t", schema=ROWS.schema)
    t.append(ROWS.slice(0, 100))
    first = t.current_snapshot()
    t.append(ROWS.slice(100))
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}', version => '{first.snapshot_id}')")
    check(lake, plain(ROWS.slice(0, 100)))


def test_iceberg_that_was_evolved(lake, catalog, tmp_path):
    """Files hold a column under its old name, one that was dropped, and not yet one of the same name that came afterwards."""
    from pyiceberg.types import LongType, StringType
    t = catalog.create_table("n.t", schema=ROWS.schema)
    t.append(ROWS.slice(0, 150))
    with t.update_schema() as change_:
        change_.delete_column("price")
        change_.add_column("extra", StringType())
    t.append(ROWS.slice(150).drop_columns("price").append_column("extra", pa.array(["x"] * 150)))
    with t.update_schema() as change_:
        change_.rename_column("region", "area")
        change_.add_column("price", LongType())
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')")
    expected = plain(ROWS.drop_columns("price").rename_columns(["id", "area", "sold", "tags", "place"])
                     .append_column("extra", pa.array([None] * 150 + ["x"] * 150)).append_column("price", pa.nulls(N, pa.int64())))
    live(lake, expected, tmp_path / "foreign")


def test_iceberg_whose_files_name_a_column_in_two_ways(lake, catalog):
    """Readers of Delta would find NULL in one of the two."""
    t = catalog.create_table("n.t", schema=ROWS.schema)
    t.append(ROWS.slice(0, 150))
    with t.update_schema() as change_:
        change_.rename_column("region", "area")
    t.append(ROWS.slice(150).rename_columns(["id", "area", "sold", "price", "tags", "place"]))
    refused(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')", "area in some files and region in others", "AS SELECT")


def test_iceberg_whose_files_have_no_ids(lake, catalog, tmp_path):
    """Files that pyiceberg took over as they are, found by the table's name mapping."""
    import pyarrow.parquet
    t = catalog.create_table("n.t", schema=ROWS.schema)
    (tmp_path / "foreign/loose").mkdir()
    pyarrow.parquet.write_table(ROWS, tmp_path / "foreign/loose/a.parquet")
    t.add_files([f"file://{tmp_path}/foreign/loose/a.parquet"])
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')")
    do(lake, "ALTER TABLE lake.s.t RENAME COLUMN region TO area")
    live(lake, plain(ROWS.rename_columns(["id", "area", "sold", "price", "tags", "place"])), tmp_path / "foreign")


@pytest.mark.parametrize("partition", [[], ["region"], ["region", "sold"]])
def test_delta_of_deltalake(lake, tmp_path, partition):
    from deltalake import DeltaTable, write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS.slice(0, 200), partition_by=partition)
    write_deltalake(tmp_path / "foreign", ROWS.slice(200), mode="append")
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')")
    live(lake, plain(ROWS), tmp_path / "foreign")
    assert plain(DeltaTable(tmp_path / "foreign").to_pyarrow_table()) == plain(ROWS)


def test_delta_at_an_earlier_version(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS.slice(0, 100))
    write_deltalake(tmp_path / "foreign", ROWS.slice(100), mode="append")
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign', version => 0)",
       f"CREATE TABLE lake.s.now FROM delta_table('{tmp_path}/foreign', timestamp => now())")
    check(lake, plain(ROWS.slice(0, 100)))
    check(lake, plain(ROWS), "s.now")


def test_delta_whose_partition_column_is_renamed_afterwards(lake, tmp_path):
    """Files do not hold it: it stays a partition column of Delta, under another name."""
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS, partition_by=["region"])
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')", "ALTER TABLE lake.s.t RENAME COLUMN region TO area",
       "ALTER TABLE lake.s.t RENAME COLUMN id TO number")
    refused(lake, "ALTER TABLE lake.s.t SET PARTITIONED BY (sold)", "partition column", "AS SELECT")
    # DuckDB's delta extension finds nothing but null in partition columns of a table with column mapping.
    live(lake, plain(ROWS.rename_columns(["number", "area", "sold", "price", "tags", "place"])), tmp_path / "foreign", but=NOT_OUTSIDE + ["duckdb_delta"])


@pytest.mark.parametrize("write", [
    "INSERT INTO lake.s.t (id, region, sold) VALUES (900, '', DATE '2026-01-01')", "UPDATE lake.s.t SET region = '' WHERE id = 1",
    "MERGE INTO lake.s.t AS t USING (SELECT 900 AS id) AS n ON t.id = n.id WHEN NOT MATCHED THEN INSERT (id, region) VALUES (900, '')",
    "INSERT INTO lake.s.t (id, region, sold) VALUES (900, 'x', DATE '12026-01-01')", "ALTER TABLE lake.s.t DROP COLUMN id"])
def test_partition_columns_that_files_do_not_hold_stay_delta_s(lake, tmp_path, write):
    """Otherwise Delta's readers find nothing but null in all adopted files."""
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS.select(["id", "region", "sold"]), partition_by=["region", "sold"])
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')")
    column, value = ("region", "value ''") if "''" in write else ("sold", "12026-01-01") if "12026" in write else ("region", "partition column of Delta")
    refused(lake, write, f'column "{column}"', value, "was adopted", "CREATE TABLE … AS SELECT")
    assert not data_files(lake)
    check(lake, plain(ROWS.select(["id", "region", "sold"])))
    do(lake, "INSERT INTO lake.s.t VALUES (900, NULL, DATE '9999-12-31')")
    expected = plain(ROWS.select(["id", "region", "sold"]))
    for name, value in {"id": 900, "region": None, "sold": datetime.date(9999, 12, 31)}.items():
        expected[name].append(value)
    check(lake, expected)


def test_any_value_goes_once_no_file_is_somebody_else_s(lake, tmp_path):
    from deltalake import write_deltalake
    rows = ROWS.select(["id", "region"])
    write_deltalake(tmp_path / "foreign", rows, partition_by=["region"])
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')", "CALL create_tag('s.t', 'adopted')",
       "ALTER TABLE lake.s.t SET ('write.update.mode' = 'copy-on-write')", "UPDATE lake.s.t SET id = id + 1000")
    moved = plain(rows)
    moved["id"] = [i + 1000 for i in moved["id"]]
    do(lake, "INSERT INTO lake.s.t VALUES (5000, '')")
    check(lake, {"id": moved["id"] + [5000], "region": moved["region"] + [""]})
    do(lake, "ALTER TABLE lake.s.t RESET PARTITIONED BY", "ALTER TABLE lake.s.t SET PARTITIONED BY (region)")
    # A partitioning without the column came between: Delta has none by it any more.
    refused(lake, "CALL rollback_table('s.t', 'adopted')", 'column "region"', "partition column of Delta", "AS SELECT")


NESTED = pa.table({
    "id": pa.array(range(30), pa.int64()),
    "p": pa.array([{"k": i, "z": f"z{i}"} for i in range(30)], pa.struct([("k", pa.int64()), ("z", pa.string())])),
    "l": pa.array([[{"q": i}] for i in range(30)], pa.list_(pa.struct([("q", pa.int64())]))),
})


@pytest.mark.parametrize("move", ["maintain", "copy on write"])
def test_nested_fields_that_changed_stay_what_they_are_when_rows_move(lake, tmp_path, move):
    """Files without field ids know them by the names of before, which may be another field's by then."""
    from deltalake import write_deltalake
    for i in range(0, 30, 5):
        write_deltalake(tmp_path / "foreign", NESTED.slice(i, 5), mode="append")
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')", "ALTER TABLE lake.s.t RENAME COLUMN p.k TO j",
       "ALTER TABLE lake.s.t DROP COLUMN p.z", "ALTER TABLE lake.s.t ADD COLUMN p.z VARCHAR", "ALTER TABLE lake.s.t RENAME COLUMN l.element.q TO r")
    expected = {"id": list(range(30)), "p": [{"j": i, "z": None} for i in range(30)], "l": [[{"r": i}] for i in range(30)]}
    check(lake, expected)
    if move == "maintain":
        lake.run("maintain", "s.t")
    else:
        do(lake, "ALTER TABLE lake.s.t SET ('write.delete.mode' = 'copy-on-write')", "DELETE FROM lake.s.t WHERE id % 5 = 3")
        expected = {name: [v for i, v in enumerate(values) if i % 5 != 3] for name, values in expected.items()}
    assert data_files(lake)
    check(lake, expected)


def test_a_nested_field_that_was_dropped_before_does_not_come_back(lake, catalog):
    t = catalog.create_table("n.t", schema=NESTED.schema)
    t.append(NESTED)
    with t.update_schema(allow_incompatible_changes=True) as change_:
        change_.delete_column(("p", "k"))
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')", "ALTER TABLE lake.s.t ADD COLUMN p.k BIGINT")
    check(lake, {"id": list(range(30)), "p": [{"z": f"z{i}", "k": None} for i in range(30)]})


def respell(folder, *names):
    """The Delta log has other letters than the files, as tables that were converted from Hive."""
    for path in sorted((folder / "_delta_log").glob("*.json")):
        text = path.read_text()
        for name in names:
            text = text.replace(f'\\"name\\":\\"{name}\\"', f'\\"name\\":\\"{name.lower()}\\"').replace(f'"{name}"', f'"{name.lower()}"')
        path.write_text(text)


def test_delta_whose_files_spell_a_column_otherwise(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "nested", pa.table({"id": [1], "s": [{"K": 1}]}))
    respell(tmp_path / "nested", "K")
    refused(lake, f"CREATE TABLE lake.s.u FROM delta_table('{tmp_path}/nested')", "s.k", "is called K", "AS SELECT")
    write_deltalake(tmp_path / "foreign", ROWS.rename_columns(["ID", "Region", "sold", "price", "tags", "place"]))
    respell(tmp_path / "foreign", "ID", "Region")
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')")
    live(lake, plain(ROWS), tmp_path / "foreign")


def test_what_was_deleted_is_returned_whole(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS, partition_by=["region"])
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')", "ALTER TABLE lake.s.t RENAME COLUMN place TO spot")
    for statement in ("DELETE FROM lake.s.t WHERE id = {} RETURNING *", "MERGE INTO lake.s.t USING (SELECT {} AS n) u ON id = n WHEN MATCHED THEN DELETE RETURNING *"):
        [wanted] = lake.sql("SELECT * FROM lake.s.t WHERE spot IS NOT NULL AND region IS NOT NULL ORDER BY id LIMIT 1")
        assert None not in (wanted["region"], wanted["spot"])
        [gone] = lake.sql(statement.format(wanted["id"]))
        assert {name: gone[name] for name in wanted} == wanted


@pytest.mark.parametrize("function", ["iceberg_table", "delta_table"])
@pytest.mark.parametrize("version, partition", [("2", ""), ("3", ""), ("3", "PARTITIONED BY (bucket(4, i), k)")])
def test_deleted_rows_and_renamed_columns(lake, elsewhere, function, version, partition):
    do(elsewhere, f"CREATE TABLE lake.s.t {partition} AS SELECT i::INTEGER AS i, i % 3 AS k, 'n' || i AS name FROM range(500) r(i)",
       f"ALTER TABLE lake.s.t SET ('tarn.iceberg' = '{version}')", "DELETE FROM lake.s.t WHERE i % 5 = 0",
       "ALTER TABLE lake.s.t RENAME COLUMN name TO label", "INSERT INTO lake.s.t VALUES (1000, 0, 'late')", "DELETE FROM lake.s.t WHERE i = 7")
    location = elsewhere.location("s.t")
    expected = plain(elsewhere.arrow("SELECT * FROM lake.s.t"))
    assert len(expected["i"]) == 400
    do(lake, f"CREATE TABLE lake.s.t FROM {function}('{location}')")
    live(lake, expected, location)


def test_rows_that_moved_bring_their_ids_with_them(lake, elsewhere):
    """Files that other rows were moved to hold row ids, of which Delta's log says nothing: new ones come after them."""
    do(elsewhere, "CREATE TABLE lake.s.t (id BIGINT, v VARCHAR)")
    for i in range(0, 30, 5):
        do(elsewhere, f"INSERT INTO lake.s.t SELECT x, 'a' FROM range({i}, {i + 5}) r(x)")
    do(elsewhere, "DELETE FROM lake.s.t WHERE id = 29")
    elsewhere.run("maintain", "s.t")
    do(elsewhere, "INSERT INTO lake.s.t SELECT x, 'a' FROM range(100, 110) r(x)")
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{elsewhere.location('s.t')}')", "CALL create_tag('s.t', 'adopted')", "DELETE FROM lake.s.t WHERE id = 0",
       "INSERT INTO lake.s.t SELECT x, 'a' FROM range(200, 240) r(x)")
    assert lake.sql("SELECT count(*) AS n, count(DISTINCT _row_id) AS ids FROM lake.s.t") == [{"n": 78, "ids": 78}]
    do(lake, "UPDATE lake.s.t SET v = 'z' WHERE id IN (2, 101, 201)")
    seen = lake.sql("SELECT change_type, id FROM table_changes('s.t', 'adopted') WHERE id IN (2, 101) ORDER BY id, change_type")
    assert [tuple(row.values()) for row in seen] == [(c, i) for i in (2, 101) for c in ("update_postimage", "update_preimage")]


def test_delta_files_without_ids_cannot_be_found_by_them(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS)
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')")
    refused(lake, "ALTER TABLE lake.s.t SET ('delta.columnMapping.mode' = 'id')", "no field ids", "'name'")
    do(lake, "ALTER TABLE lake.s.t SET ('delta.columnMapping.mode' = 'name')")
    check(lake, plain(ROWS))


def test_a_replaced_table_is_partitioned_anew(lake, tmp_path):
    """Partition columns that files did not hold are no matter once these files are gone."""
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS.select(["id", "region"]), partition_by=["region"])
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')", "CALL create_tag('s.t', 'adopted')",
       "CREATE OR REPLACE TABLE lake.s.t AS SELECT 1 AS id, 'x' AS region, 5 AS other", "ALTER TABLE lake.s.t SET PARTITIONED BY (other)",
       "INSERT INTO lake.s.t VALUES (2, 'y', 6)")
    check(lake, {"id": [1, 2], "region": ["x", "y"], "other": [5, 6]})
    do(lake, "ALTER TABLE lake.s.t RESET PARTITIONED BY")
    refused(lake, "CALL rollback_table('s.t', 'adopted')", "region", "partition column")


def test_iceberg_of_version_1_that_lost_a_partition_column(lake, catalog, tmp_path):
    """Version 1 leaves a void partition in its place, under the column's own name."""
    from pyiceberg.transforms import IdentityTransform
    t = catalog.create_table("n.t", schema=ROWS.schema, properties={"format-version": "1"})
    t.update_spec().add_field("region", IdentityTransform()).commit()
    t.append(ROWS.slice(0, 200))
    t.update_spec().remove_field("region").commit()
    t.append(ROWS.slice(200))
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')")
    live(lake, plain(ROWS), tmp_path / "foreign")


def test_a_table_that_stands_in_the_warehouse(lake):
    """The lake's own store could remove its files."""
    from deltalake import write_deltalake
    warehouse = lake.directory / "warehouse"
    write_deltalake(warehouse / "landing/d", ROWS)
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{warehouse}/landing/d')")
    live(lake, plain(ROWS), warehouse / "landing")


@pytest.mark.parametrize("lake_on", ["disk", "s3"])
def test_tables_on_s3(project, s3, lake_on):
    from deltalake import DeltaTable, write_deltalake
    bucket = s3.create_bucket()
    project.env.update(s3.env())
    where = projects.warehouse(s3, bucket) if lake_on == "s3" else projects.warehouse() + s3.tarn_yaml()
    project.yaml(f"name: shop\ncatalog: lake\n{where}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s")
    write_deltalake(f"s3://{bucket}/d", ROWS, partition_by=["region"], storage_options=s3.delta())
    do(project, f"CREATE TABLE lake.s.t FROM delta_table('s3://{bucket}/d')")
    expected = plain(ROWS)
    assert plain(project.arrow("SELECT * FROM lake.s.t").select(list(expected))) == expected
    expected = change(project, expected)
    if lake_on == "s3":  # deltalake opens one store for a table
        assert plain(readers.deltalake(project.location("s.t"), s3).select(list(expected))) == expected
    project.run("maintain")
    assert plain(project.arrow("SELECT * FROM lake.s.t").select(list(expected))) == expected
    assert plain(DeltaTable(f"s3://{bucket}/d", storage_options=s3.delta()).to_pyarrow_table()) == plain(ROWS)


def test_what_changed_and_what_was_there_before(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS, partition_by=["region"])
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')", "CALL create_tag('s.t', 'adopted')", "DELETE FROM lake.s.t WHERE region = 'eu'")
    assert lake.sql("SELECT count(*) AS n FROM lake.s.t AT (VERSION => 'adopted') WHERE region = 'eu'") == [{"n": 100}]
    gone = lake.sql("SELECT change_type, region, count(*) AS n FROM table_changes('s.t', 'adopted') GROUP BY ALL")
    assert gone == [{"change_type": "delete", "region": "eu", "n": 100}]
    do(lake, "CALL rollback_table('s.t', 'adopted')")
    check(lake, plain(ROWS))


def test_adopted_and_read_in_one_transaction(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "foreign", ROWS, partition_by=["region"])
    adopt = f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/foreign')"
    before = content(tmp_path / "foreign")
    found = lake.run("sql", "-c", f"BEGIN; {adopt}; INSERT INTO lake.s.t (id, region) VALUES (999, 'xx'); "
                     "SELECT count(*) AS n, count(region) AS r FROM lake.s.t; ROLLBACK", "--format", "csv").stdout
    assert "301,201" in found, found
    assert content(tmp_path / "foreign") == before
    refused(lake, "SELECT * FROM lake.s.t", "does not exist")
    refused(lake, f"BEGIN; {adopt}; DELETE FROM lake.s.t WHERE id = 1", "was adopted in this transaction", "COMMIT")
    do(lake, f"BEGIN; {adopt}; INSERT INTO lake.s.t (id, region) VALUES (999, 'xx'); COMMIT")
    assert lake.sql("SELECT count(*) AS n, count(region) AS r FROM lake.s.t") == [{"n": 301, "r": 201}]


def test_what_cannot_be_adopted_is_named(lake, elsewhere, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "d", ROWS)
    adopt = f"FROM delta_table('{tmp_path}/d')"
    refused(lake, f"CREATE TABLE lake.nowhere.t {adopt}", "nowhere")
    refused(lake, f"CREATE OR REPLACE TABLE lake.s.t {adopt}", "OR REPLACE", "DROP TABLE")
    refused(lake, f"CREATE TABLE lake.s.t {adopt} WHERE id = 1", "AS SELECT")
    refused(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/nothing')", str(tmp_path))
    do(lake, f"CREATE TABLE lake.s.t {adopt}")
    refused(lake, f"CREATE TABLE lake.s.t {adopt}", "already exists")
    do(lake, f"CREATE TABLE IF NOT EXISTS lake.s.t {adopt}")
    # A clone of the lake's own table would lose its files to that one's upkeep.
    do(lake, "CREATE TABLE lake.s.own AS SELECT 1 AS a")
    refused(lake, f"CREATE TABLE lake.s.u FROM iceberg_table('{lake.location('s.own')}')", "belongs to a table of the lake", "AS SELECT")

    write_deltalake(tmp_path / "times", pa.table({"t": pa.array([datetime.datetime(2026, 1, 1)], pa.timestamp("us", "UTC")), "a": [1]}), partition_by=["t"])
    refused(lake, f"CREATE TABLE lake.s.u FROM delta_table('{tmp_path}/times')", 'partition column "t"', "AS SELECT")
    log = tmp_path / "d/_delta_log/00000000000000000000.json"
    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    protocol = next(line["protocol"] for line in lines if "protocol" in line)
    protocol.update(minReaderVersion=3, minWriterVersion=7, readerFeatures=["fromTheFuture"], writerFeatures=["fromTheFuture"])
    log.write_text("\n".join(map(json.dumps, lines)))
    refused(lake, f"CREATE TABLE lake.s.u {adopt}", "fromTheFuture")


def test_iceberg_files_that_are_no_parquet_and_types_that_delta_lacks_are_named(lake, catalog):
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField, UUIDType
    t = catalog.create_table("n.u", schema=Schema(NestedField(1, "key", UUIDType(), required=False)))
    refused(lake, f"CREATE TABLE lake.s.u FROM iceberg_table('{t.location()}')", "key", "uuid", "AS SELECT")


def test_iceberg_of_numbers_that_are_none(lake, catalog):
    """Iceberg's bounds leave NaN out, and Delta's readers take it for the greatest: they would skip its file."""
    from deltalake import DeltaTable, QueryBuilder
    t = catalog.create_table("n.t", schema=pa.schema([("id", pa.int64()), ("x", pa.float64())]))
    t.append(pa.table({"id": [1, 2, 3], "x": [1.0, 3.0, float("nan")]}))
    do(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')")
    assert lake.sql("SELECT id FROM lake.s.t WHERE x > 5") == [{"id": 3}]
    query = QueryBuilder().register("t", DeltaTable(lake.location("s.t")))
    query.execute("SET datafusion.execution.parquet.pruning = false").read_all()  # footers leave NaN out as well
    assert pa.table(query.execute("SELECT id FROM t WHERE x > 5").read_all())["id"].to_pylist() == [3]


def test_iceberg_whose_dates_became_timestamps(lake, elsewhere):
    """A change of columns makes no snapshot: files and bounds are still dates, which Delta's readers are not told."""
    do(elsewhere, "CREATE TABLE lake.s.t WITH ('tarn.iceberg' = '3') AS SELECT 1 AS id, DATE '2024-01-01' AS d")
    folder = pathlib.Path(elsewhere.location("s.t")) / "metadata"
    table = json.loads(max(folder.glob("*.metadata.json"), key=lambda p: p.stat().st_mtime_ns).read_text())
    id_, d = table["schemas"][-1]["fields"]
    table["schemas"].append({**table["schemas"][-1], "schema-id": 90, "fields": [id_, {**d, "type": "timestamp"}]})
    (folder / "v90.metadata.json").write_text(json.dumps({**table, "current-schema-id": 90}))
    other = f"iceberg_table('{folder}/v90.metadata.json')"
    assert lake.sql(f"SELECT id FROM {other} WHERE d > TIMESTAMP '2023-01-01'") == [{"id": 1}]
    refused(lake, f"CREATE TABLE lake.s.t FROM {other}", '"d"', "timestamp", "date32", "AS SELECT")


def test_iceberg_that_has_a_file_twice(lake, catalog, tmp_path):
    """Delta's log knows a file by its path: it would have the rows once."""
    import pyarrow.parquet
    t = catalog.create_table("n.t", schema=pa.schema([("id", pa.int64())]))
    (tmp_path / "foreign/loose").mkdir()
    pyarrow.parquet.write_table(pa.table({"id": pa.array([1, 2, 3], pa.int64())}), tmp_path / "foreign/loose/a.parquet")
    for _ in range(2):
        t.add_files([f"file://{tmp_path}/foreign/loose/a.parquet"], check_duplicate_files=False)
    refused(lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{t.location()}')", "loose/a.parquet", "twice", "AS SELECT")
