"""What Spark and Trino write, read by Tarn with the rows that they read themselves."""
import datetime
import os

import pytest

from harness import states

RANGE = "SELECT id, CAST(id % 5 AS INT) AS k, concat('name ', id) AS name FROM range({}, {})"
MERGE_ON_READ = ", ".join(f"'write.{c}.mode' = 'merge-on-read'" for c in ("delete", "update", "merge"))

# Of Spark's Iceberg catalog h: statements about {t}, and the version of the format.
ICEBERG = {
    "version_1": (1, ["CREATE TABLE {t} (id BIGINT, k INT, name STRING) USING iceberg PARTITIONED BY (k) TBLPROPERTIES ('format-version' = '1')",
                      f"INSERT INTO {{t}} {RANGE.format(0, 50)}", "ALTER TABLE {t} ADD COLUMN extra DOUBLE",
                      "INSERT INTO {t} SELECT id, CAST(id AS INT), 'late', id / 4 FROM range(50, 55)", "DELETE FROM {t} WHERE id % 7 = 3"]),
    "evolved": (2, ["CREATE TABLE {t} (id BIGINT, n INT, d DECIMAL(6, 2), s STRUCT<a: INT, b: STRING>, l ARRAY<STRUCT<x: INT>>, m MAP<STRING, STRUCT<v: INT>>) "
                    "USING iceberg TBLPROPERTIES ('format-version' = '2')",
                    "INSERT INTO {t} SELECT id, CAST(id AS INT), id / 4, named_struct('a', CAST(id AS INT), 'b', 'b'), array(named_struct('x', 1), NULL), "
                    "map('k', named_struct('v', 1)) FROM range(20)",
                    "ALTER TABLE {t} RENAME COLUMN s.a TO aa", "ALTER TABLE {t} ADD COLUMN s.c DATE", "ALTER TABLE {t} DROP COLUMN s.b",
                    "ALTER TABLE {t} ADD COLUMN l.element.y STRING", "ALTER TABLE {t} RENAME COLUMN m.value.v TO vv",
                    "ALTER TABLE {t} ALTER COLUMN n TYPE BIGINT", "ALTER TABLE {t} ALTER COLUMN d TYPE DECIMAL(12, 2)", "ALTER TABLE {t} RENAME COLUMN n TO number",
                    "ALTER TABLE {t} ADD COLUMN n STRING FIRST",
                    "INSERT INTO {t} SELECT 'new', id, id * 4000000000, id * 100000, named_struct('aa', 5, 'c', DATE '2026-02-03'), "
                    "array(named_struct('x', 2, 'y', 'y')), map('j', named_struct('vv', 2)) FROM range(20, 30)"]),
    "repartitioned": (2, ["CREATE TABLE {t} (id BIGINT, at TIMESTAMP, name STRING) USING iceberg PARTITIONED BY (days(at)) "
                          f"TBLPROPERTIES ('format-version' = '2', {MERGE_ON_READ})",
                          "INSERT INTO {t} SELECT id, timestamp_seconds(id * 50000 - 300000), concat('n', id % 3) FROM range(30)",
                          "ALTER TABLE {t} DROP PARTITION FIELD days(at)", "ALTER TABLE {t} ADD PARTITION FIELD bucket(4, id)", "ALTER TABLE {t} ADD PARTITION FIELD truncate(1, name)",
                          "INSERT INTO {t} SELECT id, timestamp_seconds(id * 50000 - 300000), concat('n', id % 3) FROM range(30, 60)",
                          "ALTER TABLE {t} DROP PARTITION FIELD bucket(4, id)", "INSERT INTO {t} VALUES (100, NULL, NULL)",
                          "DELETE FROM {t} WHERE id % 7 = 3", "UPDATE {t} SET name = 'x' WHERE id % 7 = 4"]),
    "sorted": (2, ["CREATE TABLE {t} (id BIGINT, k INT, name STRING) USING iceberg", "ALTER TABLE {t} WRITE ORDERED BY k DESC NULLS FIRST, id",
                   f"INSERT INTO {{t}} {RANGE.format(0, 50)}"]),
    "packed": (2, ["CREATE TABLE {t} (id BIGINT, k INT, name STRING) USING iceberg "
                   "TBLPROPERTIES ('write.metadata.compression-codec' = 'gzip', 'write.parquet.compression-codec' = 'gzip', 'write.object-storage.enabled' = 'true')",
                   f"INSERT INTO {{t}} {RANGE.format(0, 50)}", "ALTER TABLE {t} SET TBLPROPERTIES ('write.parquet.compression-codec' = 'snappy')",
                   f"INSERT INTO {{t}} {RANGE.format(50, 70)}"]),
    "maintained": (3, [f"CREATE TABLE {{t}} (id BIGINT, k INT, name STRING) USING iceberg TBLPROPERTIES ('format-version' = '3', {MERGE_ON_READ})",
                       *(f"INSERT INTO {{t}} {RANGE.format(n * 20, n * 20 + 20)}" for n in range(4)), "DELETE FROM {t} WHERE id % 7 = 3",
                       "UPDATE {t} SET name = 'x' WHERE id % 7 = 4", "CALL h.system.rewrite_data_files(table => '{t}', options => map('rewrite-all', 'true'))",
                       "CALL h.system.rewrite_manifests('{t}')", "DELETE FROM {t} WHERE id % 7 = 5",
                       "CALL h.system.expire_snapshots(table => '{t}', older_than => TIMESTAMP '2100-01-01', retain_last => 1)"]),
}


def canonical_of_spark(spark, table):
    return states.canonical(spark.sql(f"SELECT * FROM {table}"))


def read_by_tarn(lake, function, location, rest=""):
    location = str(location).replace("'", "''")
    found = states.canonical(lake.arrow(f"SELECT * FROM {function}('{location}'{rest})"))
    assert lake.sql(f"SELECT count(*) AS n FROM {function}('{location}'{rest})") == [{"n": len(found[1])}]
    return found


def iceberg_of_spark(spark, hadoop, name):
    table = f"h.n.{name}"
    for statement in ICEBERG[name][1]:
        spark.session.sql(statement.replace("{t}", table))
    return table, hadoop / "n" / name


@pytest.mark.parametrize("name", ICEBERG)
def test_iceberg_of_spark(spark, hadoop, lake, name):
    table, location = iceberg_of_spark(spark, hadoop, name)
    expected = canonical_of_spark(spark, table)
    assert len(expected[1]) > 1
    assert read_by_tarn(lake, "iceberg_table", location) == expected


def test_branches_and_tags_of_spark(spark, hadoop, lake):
    table = "h.n.referred"
    for statement in (f"CREATE TABLE {table} (id BIGINT, k INT, name STRING) USING iceberg", f"INSERT INTO {table} {RANGE.format(0, 10)}",
                      f"ALTER TABLE {table} CREATE TAG ten", f"ALTER TABLE {table} CREATE BRANCH side", f"INSERT INTO {table}.branch_side {RANGE.format(100, 110)}",
                      f"INSERT INTO {table} {RANGE.format(10, 15)}", f"ALTER TABLE {table} DROP COLUMN k"):
        spark.session.sql(statement)
    assert read_by_tarn(lake, "iceberg_table", hadoop / "n/referred") == canonical_of_spark(spark, table)
    for ref, ids in (("ten", range(10)), ("side", [*range(10), *range(100, 110)])):
        found = lake.arrow(f"SELECT id FROM iceberg_table('{hadoop}/n/referred', version => '{ref}')")
        assert sorted(found["id"].to_pylist()) == sorted(ids), ref


def test_defaults_for_rows_of_before(spark, hadoop, lake):
    """Iceberg's initial-default: the files do not have the column at all."""
    table, location = "h.n.defaulted", hadoop / "n/defaulted"
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, k INT, name STRING) USING iceberg TBLPROPERTIES ('format-version' = '3')")
    spark.session.sql(f"INSERT INTO {table} {RANGE.format(0, 10)}")
    iceberg = spark.session._jvm.org.apache.iceberg
    update = spark.java_table(location).updateSchema()
    literal = spark.session._jvm.org.apache.iceberg.expressions.Expressions.lit
    update.addColumn("level", iceberg.types.Types.IntegerType.get(), literal(7)).addColumn("state", iceberg.types.Types.StringType.get(), literal("new")).commit()
    spark.session.sql(f"REFRESH TABLE {table}")
    spark.session.sql(f"INSERT INTO {table} VALUES (10, 0, 'late', 8, NULL)")
    expected = canonical_of_spark(spark, table)
    assert {row[3] for row in expected[1]} == {7, 8}
    assert read_by_tarn(lake, "iceberg_table", location) == expected
    assert lake.sql(f"SELECT count(*) AS n FROM iceberg_table('{location}') WHERE level = 7 AND state = 'new'") == [{"n": 10}]
    error = lake.run("sql", "-c", f"CREATE TABLE lake.s.t FROM iceberg_table('{location}')", check=1).stderr
    assert "default" in error and "AS SELECT" in error


def test_equality_deletes_of_others(spark, equality_deleted, lake):
    table, location = equality_deleted
    expected = canonical_of_spark(spark, table)
    assert sorted(row[0] for row in expected[1]) == sorted([i for i in range(30) if i not in (3, 4, 5, 20)] + [4, 4, 1000])
    assert read_by_tarn(lake, "iceberg_table", location) == expected


# Of Spark's Delta: statements about {t}.
DELTA = {
    "widened": ["CREATE TABLE {t} (id BIGINT, b TINYINT, n INT, f FLOAT, d DECIMAL(6, 2)) USING delta TBLPROPERTIES ('delta.enableTypeWidening' = 'true')",
                "INSERT INTO {t} SELECT id, CAST(id AS TINYINT), CAST(id AS INT), CAST(id AS FLOAT) / 3, id / 4 FROM range(20)",
                "ALTER TABLE {t} ALTER COLUMN b TYPE INT", "ALTER TABLE {t} ALTER COLUMN n TYPE BIGINT", "ALTER TABLE {t} ALTER COLUMN f TYPE DOUBLE",
                "ALTER TABLE {t} ALTER COLUMN d TYPE DECIMAL(12, 2)",
                "INSERT INTO {t} SELECT id, CAST(id * 1000 AS INT), id * 4000000000, id / 3, id * 100000 FROM range(20, 30)"],
    "clustered": ["CREATE TABLE {t} (id BIGINT, k INT, name STRING) USING delta CLUSTER BY (k)", f"INSERT INTO {{t}} {RANGE.format(0, 50)}",
                  f"INSERT INTO {{t}} {RANGE.format(50, 90)}", "OPTIMIZE {t} FULL", "DELETE FROM {t} WHERE id % 7 = 3"],
    "renamed": ["CREATE TABLE {t} (id BIGINT, s STRUCT<a: INT, b: STRING>, part STRING) USING delta PARTITIONED BY (part) "
                "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
                "INSERT INTO {t} SELECT id, named_struct('a', CAST(id AS INT), 'b', 'b'), concat('p/ü=', id % 3) FROM range(20)",
                "ALTER TABLE {t} RENAME COLUMN s.a TO aa", "ALTER TABLE {t} DROP COLUMN s.b", "ALTER TABLE {t} RENAME COLUMN part TO region",
                "ALTER TABLE {t} ADD COLUMN s.b DATE", "INSERT INTO {t} VALUES (100, named_struct('aa', 1, 'b', DATE '2026-02-03'), NULL)"],
    "tracked": ["CREATE TABLE {t} (id BIGINT, k INT, name STRING) USING delta TBLPROPERTIES ('delta.enableRowTracking' = 'true', "
                "'delta.enableInCommitTimestamps' = 'true', 'delta.enableDeletionVectors' = 'true')",
                *(f"INSERT INTO {{t}} {RANGE.format(n * 20, n * 20 + 20)}" for n in range(3)), "UPDATE {t} SET name = 'x' WHERE id % 7 = 4", "OPTIMIZE {t}",
                "DELETE FROM {t} WHERE id % 7 = 3"],
    "ruled": ["CREATE TABLE {t} (id BIGINT NOT NULL, k INT, name STRING) USING delta TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')",
              "ALTER TABLE {t} ADD CONSTRAINT low CHECK (id < 1000)", "ALTER TABLE {t} ALTER COLUMN k SET DEFAULT 7", f"INSERT INTO {{t}} {RANGE.format(0, 20)}",
              "INSERT INTO {t} (id) VALUES (100)"],
    "replaced": ["CREATE TABLE {t} (id BIGINT, k INT) USING delta", "INSERT INTO {t} VALUES (1, 1)",
                 f"CREATE OR REPLACE TABLE {{t}} USING delta PARTITIONED BY (k) AS {RANGE.format(0, 30)}", "INSERT OVERWRITE {t} SELECT 1000, 1, 'over'",
                 f"INSERT INTO {{t}} {RANGE.format(0, 10)}", "INSERT INTO {t} REPLACE WHERE k = 1 SELECT 2000, 1, 'where'"],
    "moments": ["CREATE TABLE {t} (id BIGINT, at TIMESTAMP, wall TIMESTAMP_NTZ, day DATE, b BINARY) USING delta PARTITIONED BY (day)",
                "INSERT INTO {t} SELECT id, timestamp_micros(id * 123456789 - 1), timestamp_ntz '2026-01-01 00:00:00.123456', date_add(DATE '1969-12-30', CAST(id AS INT)), "
                "CAST('ü' AS BINARY) FROM range(5)", "INSERT INTO {t} VALUES (100, NULL, NULL, NULL, NULL)"],
}


def delta_of_spark(spark, tmp_path, name):
    table = f"delta.`{tmp_path}/{name}`"
    for statement in DELTA[name]:
        spark.session.sql(statement.replace("{t}", table))
    return table, tmp_path / name


@pytest.mark.parametrize("name", DELTA)
def test_delta_of_spark(spark, lake, tmp_path, name):
    table, location = delta_of_spark(spark, tmp_path, name)
    expected = canonical_of_spark(spark, table)
    assert len(expected[1]) > 1
    assert read_by_tarn(lake, "delta_table", location) == expected


def test_shallow_clones_of_spark(spark, lake, tmp_path):
    """Their log names the files of the other table."""
    table, _ = delta_of_spark(spark, tmp_path, "tracked")
    clone = tmp_path / "a clone"
    spark.session.sql(f"CREATE TABLE delta.`{clone}` SHALLOW CLONE {table}")
    spark.session.sql(f"DELETE FROM delta.`{clone}` WHERE id < 10")
    assert read_by_tarn(lake, "delta_table", clone) == canonical_of_spark(spark, f"delta.`{clone}`")


def test_versions_of_delta_by_their_time_in_the_commit(spark, lake, tmp_path):
    table, location = delta_of_spark(spark, tmp_path, "tracked")
    history = spark.sql(f"DESCRIBE HISTORY {table}").select(["version", "timestamp"]).to_pylist()
    assert len(history) > 5
    for version in history:
        # Files say another time: only the log's own can be right.
        for file in (location / "_delta_log").glob("*.json"):
            os.utime(file, (0, 0))
        expected = states.canonical(spark.session.read.format("delta").option("versionAsOf", version["version"]).load(str(location)).toArrow())
        moment = version["timestamp"].astimezone(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        assert read_by_tarn(lake, "delta_table", location, f", timestamp => TIMESTAMP '{moment}'") == expected, version


TRINO_ROWS = "SELECT CAST(i AS bigint) AS id, CAST(i % 5 AS integer) AS k, 'name ' || CAST(i AS varchar) AS name FROM UNNEST(sequence({}, {})) t(i)"
TRINO_CHANGES = ["DELETE FROM {t} WHERE id % 7 = 3", "UPDATE {t} SET name = upper(name) WHERE id % 7 = 4",
                 "MERGE INTO {t} t USING (VALUES BIGINT '5', BIGINT '500') s(id) ON t.id = s.id WHEN MATCHED THEN UPDATE SET k = -1 "
                 "WHEN NOT MATCHED THEN INSERT VALUES (s.id, 0, 'merged')"]


def written_by_trino(engine, catalog, location, properties, changes=TRINO_CHANGES):
    """A table of the engine's own at that folder; its name there."""
    table = f"{catalog}.s.own{abs(hash(str(location)))}"
    engine.query(f"CREATE TABLE {table} WITH (location = 'file://{location}'{properties}) AS {TRINO_ROWS.format(0, 40)}")
    engine.query(f"INSERT INTO {table} {TRINO_ROWS.format(100, 110)}")
    for statement in changes:
        engine.query(statement.replace("{t}", table))
    return table


@pytest.mark.parametrize("properties", ["", ", partitioning = ARRAY['bucket(id, 4)', 'k']"])
def test_version_3_of_trino_483(trino483, lake, tmp_path, properties):
    """Deletion vectors, before and after the rows were put together."""
    table = written_by_trino(trino483, "iceberg", tmp_path / "theirs", f", format_version = 3{properties}")
    expected = states.canonical(trino483.table(table))
    assert len(expected[1]) == 45
    assert list((tmp_path / "theirs").glob("data/**/*.puffin")), "Trino wrote no vectors"
    assert read_by_tarn(lake, "iceberg_table", tmp_path / "theirs") == expected
    trino483.query(f"ALTER TABLE {table} EXECUTE optimize")
    trino483.query(f"DELETE FROM {table} WHERE id % 7 = 5")
    assert read_by_tarn(lake, "iceberg_table", tmp_path / "theirs") == states.canonical(trino483.table(table))
