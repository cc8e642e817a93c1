"""Variants between Tarn, Spark and Trino."""
import uuid

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


def test_trino_reads_variants_of_tarn(trino483, lake):
    lake.run("sql", "-c", f"CREATE TABLE lake.s.t (id BIGINT, doc VARIANT); {variants.inserted_by_tarn('lake.s.t')}")
    table = f"iceberg.s.v{uuid.uuid4().hex}"
    trino483.query(f"CALL iceberg.system.register_table('s', '{table.rpartition('.')[2]}', 'file://{lake.location('s.t')}')")
    found = trino483.query(f"SELECT id, json_format(CAST(doc AS JSON)) FROM {table}")
    assert variants.rows([{"id": i, "doc": doc} for i, doc in found]) == variants.expected()
