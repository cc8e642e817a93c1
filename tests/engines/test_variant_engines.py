"""Variants between Tarn, Spark and Trino."""
import json
import pathlib
import uuid

import pyarrow.parquet as pq
import pytest
from harness import variants

JSON_OF = "SELECT id, to_json(doc) AS doc FROM {}"


def read_by_tarn(lake, source):
    return variants.rows(lake.sql(f"SELECT id, doc::JSON::VARCHAR AS doc FROM {source}"))


def test_spark_reads_variants_of_tarn_in_both_formats(spark, lake):
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t (id BIGINT, doc VARIANT); {variants.inserted_by_tarn('lake.s.t')}")
    location = lake.location("s.t")
    for format_ in ("iceberg", "delta"):
        frame = spark.session.read.format(format_).load(location)
        assert frame.schema["doc"].dataType.simpleString() == "variant", format_
        frame.createOrReplaceTempView("theirs")
        assert variants.rows(spark.sql(JSON_OF.format("theirs")).to_pylist()) == variants.expected(), format_
        # Found by their keys, also where an object has so many that they are looked for by halves.
        found = spark.sql("SELECT variant_get(doc, '$.name', 'string') AS name, variant_get(doc, '$.key250', 'int') AS n FROM theirs WHERE id IN (1, 9) ORDER BY id").to_pylist()
        assert found == [{"name": "ann", "n": None}, {"name": None, "n": 250}], format_


def test_spark_reads_every_type_of_a_variant(spark, lake):
    lake.run("sql", "-c", "CREATE TABLE lake.s.t (id BIGINT, doc VARIANT)", "-c", "INSERT INTO lake.s.t VALUES (1, {'dec': 1.25::DECIMAL(10, 2), 'date': DATE '2020-02-29', "
             "'ts': TIMESTAMP '2020-01-01 00:00:00.000001', 'tz': TIMESTAMPTZ '2020-01-01 00:00:00+05', 'bin': 'ab'::BLOB, 'f': 0.5::FLOAT, 'big': 18446744073709551615::UBIGINT, "
             "'small': 0.001::DECIMAL(30, 20), 'uuid': '550e8400-e29b-41d4-a716-446655440000'::UUID})")
    spark.session.read.format("iceberg").load(lake.location("s.t")).createOrReplaceTempView("theirs")
    types = {"dec": "DECIMAL", "date": "DATE", "ts": "TIMESTAMP_NTZ", "tz": "TIMESTAMP", "bin": "BINARY", "f": "FLOAT", "big": "DECIMAL", "small": "DECIMAL", "uuid": "UUID"}
    found = spark.sql("SELECT " + ", ".join(f"schema_of_variant(variant_get(doc, '$.{k}')) AS {k}" for k in types) + " FROM theirs").to_pylist()[0]
    assert {k: v.split("(")[0] for k, v in found.items()} == types
    values = spark.sql("SELECT CAST(variant_get(doc, '$.dec', 'decimal(10,2)') AS STRING) AS d, CAST(variant_get(doc, '$.tz', 'timestamp') AS STRING) AS t, "
                       "CAST(variant_get(doc, '$.small', 'decimal(30,20)') AS STRING) AS s FROM theirs").to_pylist()
    assert values == [{"d": "1.25", "t": "2019-12-31 19:00:00", "s": "0.00100000000000000000"}]


def test_changed_and_compacted_variants_are_read_by_spark(spark, lake):
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t (id BIGINT, doc VARIANT); {variants.inserted_by_tarn('lake.s.t')}; INSERT INTO lake.s.t VALUES (10, {{'late': true}}); "
             "DELETE FROM lake.s.t WHERE id = 3; UPDATE lake.s.t SET doc = {'name': 'zoe'} WHERE doc.name::VARCHAR = 'bob'")
    lake.run("maintain")
    expected = [r for r in variants.expected() if r[0] not in (3, 6)] + [(6, {"name": "zoe"}), (10, {"late": True})]
    assert read_by_tarn(lake, "lake.s.t") == sorted(expected, key=lambda r: r[0])
    for format_ in ("iceberg", "delta"):
        spark.session.read.format(format_).load(lake.location("s.t")).createOrReplaceTempView("theirs")
        assert variants.rows(spark.sql(JSON_OF.format("theirs")).to_pylist()) == sorted(expected, key=lambda r: r[0]), format_


def test_iceberg_variants_of_spark(spark, hadoop, lake):
    table = "h.n.variants_plain"
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, doc VARIANT) USING iceberg TBLPROPERTIES ('format-version' = '3')")
    spark.session.sql(variants.inserted_by_spark(table))
    location = hadoop / "n" / table.rpartition(".")[2]
    assert read_by_tarn(lake, f"iceberg_table('{location}')") == variants.expected()
    assert lake.sql(f"SELECT doc.at.b::DOUBLE AS b FROM iceberg_table('{location}') WHERE doc.name::VARCHAR = 'ann'") == [{"b": 1.5}]
    # Their rows in a table of the lake, of its own encoding.
    lake.run("sql", "-c", f"CREATE TABLE lake.s.mine AS SELECT * FROM iceberg_table('{location}')")
    assert read_by_tarn(lake, "lake.s.mine") == variants.expected()


def test_delta_variants_of_spark(spark, lake, tmp_path):
    folder = tmp_path / "theirs"
    spark.session.sql(f"CREATE TABLE delta.`{folder}` (id BIGINT, doc VARIANT) USING delta")
    spark.session.sql(variants.inserted_by_spark(f"delta.`{folder}`"))
    assert read_by_tarn(lake, f"delta_table('{folder}')") == variants.expected()


def test_a_table_of_spark_is_adopted_and_compacted(spark, hadoop, lake):
    table = "h.n.adopted_variants"
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, doc VARIANT) USING iceberg TBLPROPERTIES ('format-version' = '3')")
    spark.session.sql(variants.inserted_by_spark(table))
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t FROM iceberg_table('{hadoop}/n/adopted_variants')")
    lake.run("sql", "-c", "INSERT INTO lake.s.t VALUES (10, {'late': true}); DELETE FROM lake.s.t WHERE id = 3")
    lake.run("maintain")
    assert read_by_tarn(lake, "lake.s.t") == sorted([r for r in variants.expected() if r[0] != 3] + [(10, {"late": True})], key=lambda r: r[0])


# What Spark shreds as these types, and what it has to leave as it is: every kind of value that it knows.
SHREDDED = ("b boolean, i8 tinyint, i int, l bigint, f float, d double, d4 decimal(9,2), d16 decimal(30,5), date date, ts timestamp, ntz timestamp_ntz, s string, bin binary, "
            "arr array<struct<x bigint, y int>>, other int, absent string")
TYPED = """SELECT id, to_variant_object(named_struct('b', id % 2 = 0, 'i8', CAST(id AS TINYINT), 'i', CAST(id * 1000 AS INT), 'l', id * 10000000000, 'f', CAST(id / 4 AS FLOAT), 'd', id / 3D,
    'd4', CAST(id AS DECIMAL(9, 2)) / 4, 'd16', CAST(id AS DECIMAL(30, 5)), 'date', DATE '1969-12-30' + CAST(id AS INT), 'ts', TIMESTAMP '2020-01-01 00:00:00.000001',
    'ntz', TIMESTAMP_NTZ '1969-12-31 23:59:59.999999', 's', concat('s', id), 'bin', CAST(concat('b', id) AS BINARY), 'arr', array(named_struct('x', id, 'y', CAST(NULL AS INT)), named_struct('x', NULL, 'y', 2)),
    'other', IF(id = 2, 'no int', NULL), 'rest', array('r', concat('r', id)))) AS doc FROM range(5) UNION ALL VALUES (5, NULL), (6, parse_json('[1, null, "x"]')), (7, parse_json('{}'))"""


@pytest.fixture
def shredding(spark):
    """(annotated, schema) -> how Spark's own writer makes files from now on."""
    conf = spark.session.conf

    def set_to(annotated="true", schema=None):
        conf.set("spark.sql.parquet.variant.annotateLogicalType.enabled", annotated)
        conf.set("spark.sql.variant.writeShredding.enabled", str(schema is not None).lower())
        conf.set("spark.sql.variant.inferShreddingSchema", "false")
        conf.set("spark.sql.variant.forceShreddingSchemaForTest", schema or "")
        conf.set("spark.sql.iceberg.shred-variants", str(schema is not None).lower())
    yield set_to
    set_to()


def documents_of_spark(spark, query):
    """As Tarn prints them: without what Spark's JSON loses, the type of a number."""
    return {row["id"]: row["doc"] and json.loads(row["doc"]) for row in spark.sql(f"SELECT id, to_json(doc) AS doc FROM ({query})").to_pylist()}


def documents_of_tarn(lake, source):
    found = {row["id"]: row["doc"] and json.loads(row["doc"]) for row in lake.sql(f"SELECT id, doc::JSON::VARCHAR AS doc FROM {source}")}
    for doc in found.values():
        if isinstance(doc, dict) and "ts" in doc:
            doc["ts"] += ":00"  # Spark: +00:00
    return found


@pytest.mark.parametrize("annotated", ["true", "false"], ids=["marked", "not-marked"])
@pytest.mark.parametrize("schema", [None, SHREDDED], ids=["whole", "shredded"])
def test_delta_variants_of_spark_however_they_are_stored(spark, lake, tmp_path, shredding, annotated, schema):
    shredding(annotated, schema)
    theirs = tmp_path / "theirs"
    spark.session.sql(f"CREATE TABLE delta.`{theirs}` (id BIGINT, doc VARIANT) USING delta TBLPROPERTIES ('delta.enableVariantShredding' = '{str(schema is not None).lower()}')")
    spark.session.sql(f"INSERT INTO delta.`{theirs}` SELECT /*+ COALESCE(1) */ * FROM ({TYPED})")
    stored = str(pq.read_metadata(next(theirs.glob("*.parquet"))).schema)
    assert ("Variant" in stored) == (annotated == "true") and ("typed_value" in stored) == (schema is not None)
    expected = documents_of_spark(spark, TYPED)
    assert documents_of_tarn(lake, f"delta_table('{theirs}')") == expected
    types = lake.sql("SELECT " + ", ".join(f"variant_typeof(doc.{k}) AS {k}" for k in ("i8", "l", "f", "d", "date", "ts", "ntz", "s", "bin", "b")) + f" FROM delta_table('{theirs}') WHERE doc.i::INTEGER = 2000")
    assert types == [{"i8": "INT8", "l": "INT64", "f": "FLOAT", "d": "DOUBLE", "date": "DATE", "ts": "TIMESTAMP_MICROS_TZ", "ntz": "TIMESTAMP_MICROS", "s": "VARCHAR", "bin": "BLOB", "b": "BOOL_TRUE"}]
    adopt = f"CREATE TABLE lake.s.t FROM delta_table('{theirs}')"
    if annotated == "false":
        error = lake.run("sql", "-c", adopt, check=1).stderr
        assert "does not mark column" in error and "AS SELECT" in error, error
        return
    adopted(spark, lake, adopt, expected, schema is not None)


def test_iceberg_variants_of_spark_that_are_shredded(spark, hadoop, lake, shredding):
    shredding(schema="")
    table = "h.n.shredded"
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, doc VARIANT) USING iceberg TBLPROPERTIES ('format-version' = '3', 'write.parquet.shred-variants' = 'true')")
    # It finds the types by itself, in files of objects alone.
    objects, others = TYPED.split(" UNION ALL ")[0], " UNION ALL ".join(TYPED.split(" UNION ALL ")[1:])
    for rows in (objects, others):
        spark.session.sql(f"INSERT INTO {table} SELECT /*+ COALESCE(1) */ * FROM ({rows}) AS r(id, doc)")
    assert any("typed_value" in str(pq.read_metadata(file).schema) for file in (hadoop / "n/shredded/data").glob("*.parquet"))
    expected = documents_of_spark(spark, TYPED)
    assert documents_of_tarn(lake, f"iceberg_table('{hadoop}/n/shredded')") == expected
    adopted(spark, lake, f"CREATE TABLE lake.s.t FROM iceberg_table('{hadoop}/n/shredded')", expected, shredded=True)


def adopted(spark, lake, statement, expected, shredded):
    """Adopted without a copy, the rows are there for Tarn and Spark in both formats; and after changes and compaction, which writes them whole."""
    def check():
        assert documents_of_tarn(lake, "lake.s.t") == expected
        for format_ in ("iceberg", "delta"):
            # Iceberg 1.12 has no vectorized reader for shredded ones, its own included.
            spark.session.read.format(format_).option("vectorization-enabled", "false").load(lake.location("s.t")).createOrReplaceTempView("theirs")
            assert documents_of_spark(spark, "SELECT * FROM theirs") == expected, format_
    lake.run("sql", "-c", statement)
    log = "".join(p.read_text() for p in pathlib.Path(lake.location("s.t")).glob("_delta_log/*.json"))
    assert ("variantShredding" in log) == shredded and "enableVariantShredding" not in log
    check()
    lake.run("sql", "-c", "INSERT INTO lake.s.t VALUES (10, {'late': true}); DELETE FROM lake.s.t WHERE id = 3; UPDATE lake.s.t SET doc = {'n': 1} WHERE doc.s::VARCHAR = 's1'")
    expected = {i: doc for i, doc in expected.items() if i != 3} | {1: {"n": 1}, 10: {"late": True}}
    check()
    lake.run("maintain")
    check()


def test_trino_reads_variants_of_tarn(trino483, lake):
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t (id BIGINT, doc VARIANT); {variants.inserted_by_tarn('lake.s.t')}")
    table = f"iceberg.s.v{uuid.uuid4().hex}"
    trino483.query(f"CALL iceberg.system.register_table('s', '{table.rpartition('.')[2]}', 'file://{lake.location('s.t')}')")
    found = trino483.query(f"SELECT id, json_format(CAST(doc AS JSON)) FROM {table}")
    assert variants.rows([{"id": i, "doc": doc} for i, doc in found]) == variants.expected()
