"""Rows that were changed: Tarn's read by Spark and Trino, and Spark's read by Tarn."""
import pathlib

import pytest

from harness import projects
from interop import test_row_changes as changes


@pytest.fixture
def lake(tmp_path, tarn_binary):
    from harness.tarn import Tarn
    project = Tarn(tmp_path / "lake", tarn_binary)
    project.directory.mkdir()
    return project


@pytest.mark.parametrize("version", ["auto", "2"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (k)"])
def test_spark_reads_the_changes(spark, lake, version, partition):
    location = changes.changed(lake, partition, version)
    assert changes.rows_of(spark.read_iceberg(location)) == changes.expected()
    assert changes.rows_of(spark.read_delta(location)) == changes.expected()


@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (k)"])
def test_trino_reads_the_changes(trino, lake, partition):
    """Trino 476: Iceberg up to version 2, and Delta's vectors."""
    location = changes.changed(lake, partition, "2")
    assert changes.rows_of(trino.read_iceberg(location)) == changes.expected()
    assert changes.rows_of(trino.read_delta(location)) == changes.expected()


def test_spark_reads_what_evolved_beside_the_changes(spark, lake):
    location = changes.changed(lake)
    for statement in ("ALTER TABLE lake.s.t RENAME COLUMN name TO title", "ALTER TABLE lake.s.t ADD COLUMN extra INTEGER",
                      "UPDATE lake.s.t SET extra = i WHERE i < 5", "ALTER TABLE lake.s.t DROP COLUMN k"):
        changes.do(lake, statement)
    expected = sorted((i, title, i if i < 5 else None) for i, _, title in changes.expected())
    for found in (spark.read_iceberg(location), spark.read_delta(location)):
        assert sorted(zip(*(found[c].to_pylist() for c in ("i", "title", "extra"))), key=lambda r: r[0]) == expected


SPARK_CHANGES = ["DELETE FROM {t} WHERE id % 10 = 3", "UPDATE {t} SET name = upper(name) WHERE id % 10 = 4", "DELETE FROM {t} WHERE id BETWEEN 400 AND 450"]
SPARK_ROWS = sorted((i, f"NAME {i}" if i % 10 == 4 else f"name {i}") for i in range(1000) if i % 10 != 3 and not 400 <= i <= 450)


def read_by_tarn(lake, function, location):
    lake.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    lake.apply()
    found = lake.arrow(f"SELECT id, name FROM {function}('{location}')")
    assert lake.sql(f"SELECT count(*) AS n FROM {function}('{location}')") == [{"n": found.num_rows}]
    return sorted(zip(found["id"].to_pylist(), found["name"].to_pylist()))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("mode", ["merge-on-read", "copy-on-write"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (bucket(4, id))"])
def test_iceberg_changed_by_spark(spark, hadoop, lake, version, mode, partition):
    name = f"h.n.t{version}{mode[0]}{len(partition)}"
    spark.session.sql(f"CREATE TABLE {name} (id BIGINT, name STRING) USING iceberg {partition} TBLPROPERTIES ('format-version' = '{version}', "
                      f"'write.delete.mode' = '{mode}', 'write.update.mode' = '{mode}', 'write.delete.granularity' = 'partition')")
    spark.session.sql(f"INSERT INTO {name} SELECT id, concat('name ', id) FROM range(1000)")
    for statement in SPARK_CHANGES:
        spark.session.sql(statement.format(t=name))
    assert read_by_tarn(lake, "iceberg_table", hadoop / name.removeprefix("h.").replace(".", "/")) == SPARK_ROWS


@pytest.mark.parametrize("mapping", ["none", "name", "id"])
@pytest.mark.parametrize("checkpoint", ["classic", "v2"])
def test_delta_changed_by_spark(spark, lake, tmp_path, mapping, checkpoint):
    location = tmp_path / "delta"
    table = f"delta.`{location}`"
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, title STRING, part BIGINT) USING delta PARTITIONED BY (part) TBLPROPERTIES ("
                      f"'delta.enableDeletionVectors' = 'true', 'delta.columnMapping.mode' = '{mapping}', 'delta.checkpointInterval' = '2', "
                      f"'delta.checkpointPolicy' = '{checkpoint}', 'delta.minReaderVersion' = '3', 'delta.minWriterVersion' = '7')")
    spark.session.sql(f"INSERT INTO {table} SELECT id, concat('name ', id), id % 3 FROM range(1000)")
    column = "title"
    if mapping == "name":
        spark.session.sql(f"ALTER TABLE {table} RENAME COLUMN title TO name")
        column = "name"
    for statement in SPARK_CHANGES:
        spark.session.sql(statement.format(t=table).replace("name", column) if "name" in statement else statement.format(t=table))
    assert list(pathlib.Path(location).glob("deletion_vector_*.bin")), "Spark wrote no vectors"
    lake.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    lake.apply()
    found = lake.arrow(f"SELECT id, {column} AS name, part FROM delta_table('{location}')")
    assert sorted(zip(found["id"].to_pylist(), found["name"].to_pylist())) == SPARK_ROWS
    assert all(part == i % 3 for i, part in zip(found["id"].to_pylist(), found["part"].to_pylist()))
    assert lake.arrow(f"SELECT id FROM delta_table('{location}') WHERE part = 1 AND id < 100").num_rows == len([i for i, _ in SPARK_ROWS if i % 3 == 1 and i < 100])
