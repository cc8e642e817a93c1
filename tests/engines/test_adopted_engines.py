"""Adopted tables with Spark and Trino: theirs become the lake's without a copy, and they read what it makes of them.

Not Delta with Trino 476, which fails to make splits of tables over local files that stand elsewhere (docs/decisions/0009).
"""
import datetime
import decimal
import pathlib

import pyarrow as pa
import pytest
from interop import test_adopted_tables as adopted

N = 120
# What Spark, Trino and Tarn print alike.
ROWS = pa.table({
    "id": pa.array(range(N), pa.int64()),
    "region": pa.array([["eu", "us", None][i % 3] for i in range(N)]),
    "sold": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=i % 4) for i in range(N)]),
    "price": pa.array([decimal.Decimal(i) / 4 for i in range(N)], pa.decimal128(9, 2)),
})
COLUMNS = "(id BIGINT, region STRING, sold DATE, price DECIMAL(9, 2))"
INSERTED = "SELECT id, IF(id % 3 = 2, NULL, IF(id % 3 = 0, 'eu', 'us')), DATE_ADD(DATE '2026-01-01', CAST(id % 4 AS INT)), CAST(id / 4 AS DECIMAL(9, 2))"


def check(lake, expected, read):
    """Tarn and these engines have just these rows; read: (name, function of a location) of each."""
    assert adopted.plain(lake.arrow("SELECT * FROM lake.s.t").select(list(expected))) == expected
    for name, function in read:
        found = adopted.plain(function(lake.location("s.t")).select(list(expected)))
        assert found == expected, name


def live(lake, expected, foreign, read):
    before = adopted.content(foreign)
    assert not adopted.data_files(lake), "files were copied"
    check(lake, expected, read)
    expected = adopted.change(lake, expected)
    check(lake, expected, read)
    lake.run("maintain")
    check(lake, expected, read)
    assert adopted.content(foreign) == before


def of_spark(spark):
    return [("Spark, Iceberg", spark.read_iceberg), ("Spark, Delta", spark.read_delta)]


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (region, bucket(4, id))"])
def test_iceberg_of_spark(spark, trino483, hadoop, lake, version, partition):
    """With deleted rows in each version's own manner, and under a partitioning that changed."""
    table = f"h.n.adopted{version}{len(partition)}"
    spark.session.sql(f"CREATE TABLE {table} {COLUMNS} USING iceberg {partition} TBLPROPERTIES ('format-version' = '{version}', 'write.delete.mode' = 'merge-on-read')")
    spark.session.sql(f"INSERT INTO {table} {INSERTED} FROM range(80)")
    spark.session.sql(f"ALTER TABLE {table} ADD PARTITION FIELD days(sold)")
    spark.session.sql(f"INSERT INTO {table} {INSERTED} FROM range(80, {N})")
    spark.session.sql(f"DELETE FROM {table} WHERE id % 7 = 5")
    foreign = pathlib.Path(hadoop) / "n" / table.rpartition(".")[2]
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t FROM iceberg_table('{foreign}')")
    expected = {name: [v for i, v in enumerate(values) if i % 7 != 5] for name, values in ROWS.to_pydict().items()}
    live(lake, expected, foreign, [*of_spark(spark), ("Trino 483, Iceberg", trino483.read_iceberg)])


@pytest.mark.parametrize("mapping", ["none", "name"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (region)"])
def test_delta_of_spark(spark, lake, tmp_path, mapping, partition):
    """With deleted rows in vectors; the folders of partitions do not tell their values when columns are mapped."""
    foreign = tmp_path / "theirs"
    table = f"delta.`{foreign}`"
    spark.session.sql(f"CREATE TABLE {table} {COLUMNS} USING delta {partition} TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.columnMapping.mode' = '{mapping}')")
    spark.session.sql(f"INSERT INTO {table} {INSERTED} FROM range({N})")
    spark.session.sql(f"DELETE FROM {table} WHERE id % 7 = 5")
    assert list(foreign.glob("**/deletion_vector_*.bin")), "Spark wrote no vectors"
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t FROM delta_table('{foreign}')")
    expected = {name: [v for i, v in enumerate(values) if i % 7 != 5] for name, values in ROWS.to_pydict().items()}
    live(lake, expected, foreign, of_spark(spark))


@pytest.mark.parametrize("vectors", ["false", "true"])
def test_the_change_feed_of_spark(spark, lake, tmp_path, vectors):
    foreign = tmp_path / "fed"
    table = f"delta.`{foreign}`"
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, name STRING) USING delta TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'delta.enableDeletionVectors' = '{vectors}')")
    for statement in ("INSERT INTO {t} SELECT id, concat('name ', id) FROM range(50)", "UPDATE {t} SET name = upper(name) WHERE id % 10 = 4", "DELETE FROM {t} WHERE id % 10 = 3",
                      "MERGE INTO {t} t USING (SELECT id, 'merged' AS name FROM range(48, 52)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
                      "DELETE FROM {t} WHERE id < 20"):
        spark.session.sql(statement.format(t=table))
    columns = "id, name, _change_type, _commit_version"
    for first, last in ((0, 5), (2, 3), (4, 5)):
        theirs = spark.sql(f"SELECT {columns} FROM table_changes_by_path('{foreign}', {first}, {last})")
        ours = lake.arrow(f"SELECT {columns} FROM delta_changes('{foreign}', {first}, {last})")
        assert sorted(map(str, ours.to_pylist())) == sorted(map(str, theirs.to_pylist())), (first, last)
        assert ours.num_rows > 0
