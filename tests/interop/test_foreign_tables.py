"""Tables that other writers keep, read in SQL by their folder: iceberg_table() and delta_table()."""
import datetime
import decimal

import pyarrow as pa
import pytest

from harness import projects

ROWS = pa.table({
    "id": pa.array(range(1000), pa.int64()),
    "region": pa.array([["eu", "us", None][i % 3] for i in range(1000)]),
    "sold": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=i % 40) for i in range(1000)]),
    "price": pa.array([decimal.Decimal(i) / 4 for i in range(1000)], pa.decimal128(9, 2)),
    "tags": pa.array([[f"t{i % 5}", None] if i % 2 else [] for i in range(1000)], pa.list_(pa.string())),
    "place": pa.array([{"city": f"c{i}", "zip": i} if i % 7 else None for i in range(1000)], pa.struct([("city", pa.string()), ("zip", pa.int32())])),
})


@pytest.fixture
def lake(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    return project


def same(found: pa.Table, expected: pa.Table):
    key = expected.column_names[0]
    order = [(key, "ascending")]
    found = found.select(expected.column_names).sort_by(order)
    expected = expected.sort_by(order)
    for name in expected.column_names:
        assert found[name].to_pylist() == expected[name].to_pylist(), name


def iceberg(catalog, name="t", **options):
    return catalog.create_table(f"n.{name}", schema=ROWS.schema, **options)


def test_iceberg_of_pyiceberg(lake, catalog):
    t = iceberg(catalog)
    t.append(ROWS)
    same(lake.arrow(f"SELECT * FROM iceberg_table('{t.metadata_location.removeprefix('file://')}')"), ROWS)
    same(lake.arrow(f"SELECT * FROM iceberg_table('{t.location().removeprefix('file://')}')"), ROWS)


def test_iceberg_without_rows(lake, catalog):
    t = iceberg(catalog)
    assert lake.sql(f"SELECT count(*) AS n FROM iceberg_table('{t.location()}')") == [{"n": 0}]


def test_iceberg_that_was_evolved(lake, catalog):
    from pyiceberg.types import StringType
    t = iceberg(catalog)
    t.append(ROWS.slice(0, 500))
    with t.update_schema() as change:
        change.rename_column("region", "area")
        change.add_column("extra", StringType())
        change.delete_column("price")
        change.move_first("sold")
    t.append(ROWS.slice(500).rename_columns(["id", "area", "sold", "price", "tags", "place"]).drop_columns("price")
             .append_column("extra", pa.array(["x"] * 500)))
    found = lake.arrow(f"SELECT * FROM iceberg_table('{t.location()}')")
    assert found.column_names == ["sold", "id", "area", "tags", "place", "extra"]
    same(found.select(["id", "area", "extra"]), pa.table({"id": ROWS["id"], "area": ROWS["region"], "extra": pa.array([None] * 500 + ["x"] * 500)}))


def test_iceberg_at_an_earlier_snapshot_tag_or_time(lake, catalog):
    t = iceberg(catalog)
    t.append(ROWS.slice(0, 100))
    first = t.current_snapshot()
    t.append(ROWS.slice(100, 100))
    t.manage_snapshots().create_tag(first.snapshot_id, "first").commit()
    for option in (f"version => '{first.snapshot_id}'", "version => 'first'"):
        assert lake.sql(f"SELECT count(*) AS n FROM iceberg_table('{t.location()}', {option})") == [{"n": 100}]
    at = datetime.datetime.fromtimestamp(first.timestamp_ms / 1000 + 0.0005, datetime.timezone.utc).isoformat()
    assert lake.sql(f"SELECT count(*) AS n FROM iceberg_table('{t.location()}', timestamp => '{at}'::timestamptz)") == [{"n": 100}]
    wrong = lake.run("sql", "-c", f"SELECT * FROM iceberg_table('{t.location()}', version => 'nope')", check=1)
    assert "nope" in wrong.stderr


def test_files_of_a_partitioned_iceberg_table_are_pruned(lake, catalog):
    from pyiceberg.transforms import IdentityTransform
    t = iceberg(catalog)
    t.update_spec().add_field("sold", IdentityTransform()).commit()
    t.append(ROWS)
    query = f"SELECT * FROM iceberg_table('{t.location()}') WHERE sold = DATE '2026-01-05'"
    assert lake.arrow(query).num_rows == 25
    plan = lake.run("sql", "-c", f"EXPLAIN {query}", "--format", "csv").stdout
    assert "1 of 40" in plan, plan


def test_delta_of_deltalake(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "d", ROWS)
    write_deltalake(tmp_path / "d", ROWS.slice(0, 10), mode="append")
    same(lake.arrow(f"SELECT * FROM delta_table('{tmp_path}/d', version => 0)"), ROWS)
    assert lake.sql(f"SELECT count(*) AS n FROM delta_table('{tmp_path}/d')") == [{"n": 1010}]


def test_delta_with_partition_columns_that_files_do_not_have(lake, tmp_path):
    from deltalake import DeltaTable, write_deltalake
    write_deltalake(tmp_path / "d", ROWS, partition_by=["region", "sold"])
    same(lake.arrow(f"SELECT * FROM delta_table('{tmp_path}/d')"), ROWS)
    query = f"SELECT id, region FROM delta_table('{tmp_path}/d') WHERE region = 'eu' AND sold < DATE '2026-01-03'"
    found = lake.arrow(query)
    assert sorted(found["id"].to_pylist()) == [i for i in range(1000) if i % 3 == 0 and i % 40 < 2]
    assert set(found["region"].to_pylist()) == {"eu"}
    assert lake.arrow(f"SELECT id FROM delta_table('{tmp_path}/d') WHERE region IS NULL").num_rows == 333
    DeltaTable(tmp_path / "d").create_checkpoint()
    same(lake.arrow(f"SELECT * FROM delta_table('{tmp_path}/d')"), ROWS)
    DeltaTable(tmp_path / "d").delete("region = 'us'")
    assert lake.sql(f"SELECT count(*) AS n FROM delta_table('{tmp_path}/d')") == [{"n": 667}]


def test_what_the_lake_itself_wrote_is_read_both_ways(lake):
    lake.run("sql", "-c", "CREATE SCHEMA lake.s")
    lake.run("sql", "-c", "CREATE TABLE lake.s.t AS SELECT i, i % 3 AS k FROM range(100) r(i)")
    lake.run("sql", "-c", "DELETE FROM lake.s.t WHERE i < 10")
    location = lake.location("s.t")
    for function in ("iceberg_table", "delta_table"):
        assert lake.sql(f"SELECT count(*) AS n, min(i) AS low FROM {function}('{location}')") == [{"n": 90, "low": 10}]


def test_tables_on_s3_beside_a_lake_on_disk(project, s3):
    """The lake's credentials open other buckets of the same storage."""
    from deltalake import write_deltalake
    bucket = s3.create_bucket()
    project.env.update(s3.env())
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}{s3.tarn_yaml()}")
    project.apply()
    write_deltalake(f"s3://{bucket}/d", ROWS, storage_options=s3.delta())
    same(project.arrow(f"SELECT * FROM delta_table('s3://{bucket}/d')"), ROWS)


def test_a_foreign_table_can_be_joined_and_copied(lake, catalog):
    t = iceberg(catalog)
    t.append(ROWS)
    lake.run("sql", "-c", "CREATE SCHEMA lake.s")
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t AS SELECT * FROM iceberg_table('{t.location()}')")
    joined = lake.sql(f"SELECT count(*) AS n FROM lake.s.t a JOIN iceberg_table('{t.location()}') b USING (id) WHERE a.region IS NOT DISTINCT FROM b.region")
    assert joined == [{"n": 1000}]


def test_several_tables_and_states_in_one_statement(lake, catalog):
    a, b = iceberg(catalog, "a"), iceberg(catalog, "b")
    a.append(ROWS.slice(0, 10))
    first = a.current_snapshot().snapshot_id
    a.append(ROWS.slice(10, 5))
    b.append(ROWS.slice(0, 3))
    counts = " UNION ALL ".join(f"SELECT count(*) AS n, sum(id) AS s FROM iceberg_table({t})" for t in (
        f"'{a.location()}'", f"'{a.location()}', version => '{first}'", f"'{b.location()}'"))
    assert lake.sql(counts) == [{"n": 15, "s": 105}, {"n": 10, "s": 45}, {"n": 3, "s": 3}]


@pytest.mark.parametrize("function", ["iceberg_table", "delta_table"])
def test_no_table_is_an_error_that_names_the_place(lake, function, tmp_path):
    wrong = lake.run("sql", "-c", f"SELECT * FROM {function}('{tmp_path}/nothing')", check=1)
    assert str(tmp_path) in wrong.stderr
    unknown = lake.run("sql", "-c", f"SELECT * FROM {function}('{tmp_path}', hive_partitioning => true)", check=1)
    assert "hive_partitioning" in unknown.stderr
