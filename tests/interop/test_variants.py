"""Variants with the readers that need no server; Spark and Trino are in engines/test_variant_engines.py."""
import json

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from harness import readers, states, variants

# reader -> a part of its refusal
REFUSES = {"pyiceberg": "variant", "polars_iceberg": "variant", "polars_delta": "variant"}


@pytest.fixture
def table(project):
    states.open_lake(project, "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0}\n")
    project.run("sql", "-c", f"CREATE TABLE lake.s.t (id BIGINT, doc VARIANT); {variants.inserted_by_tarn('lake.s.t')}; INSERT INTO lake.s.t VALUES (10, 0); "
                "DELETE FROM lake.s.t WHERE id = 10")
    return project.location("s.t")


def test_duckdb_reads_variants_in_both_formats(table):
    for function in ("iceberg_scan", "delta_scan"):
        found = readers.duckdb_connection().execute(f"SELECT id, doc::JSON::VARCHAR FROM {function}('{table}')").fetchall()
        assert variants.rows([{"id": i, "doc": doc} for i, doc in found]) == variants.expected(), function


def test_deltalake_gives_the_encoding(table):
    found = {row["id"]: row["doc"] for row in readers.deltalake(table).to_pylist()}
    assert found[3] == {"metadata": b"\x11\x00\x00", "value": b"\x0c\x2a"} and found[2] is None and len(found) == len(variants.DOCUMENTS)


@pytest.mark.parametrize("reader", REFUSES)
def test_others_refuse_the_table(table, reader):
    with pytest.raises(Exception, match=f"(?i){REFUSES[reader]}"):
        readers.READERS[reader].read(table)


VARIANT_IN = {"list": {"type": "array", "elementType": "variant", "containsNull": True},
              "struct": {"type": "struct", "fields": [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in (("n", "integer"), ("v", "variant"))]},
              "map": {"type": "map", "keyType": "string", "valueType": "variant", "valueContainsNull": True}}


def delta_table(folder, query, options="", rewrite=None, **columns):
    """A Delta table of one file that DuckDB wrote, shredded as it sees fit or as `options` say, and `rewrite` changed: id, doc and other columns of these types."""
    file = folder / "part.parquet"
    (folder / "_delta_log").mkdir(parents=True)
    duckdb.connect().execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION uncompressed{options})")
    if rewrite:
        rewrite(file)
    features = ["variantType", "variantShredding-preview"]
    types = {"id": "integer", "doc": "variant"} | columns
    schema = {"type": "struct", "fields": [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in types.items()]}
    actions = [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}},
               {"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(schema), "partitionColumns": [], "configuration": {}}},
               {"add": {"path": "part.parquet", "partitionValues": {}, "size": file.stat().st_size, "modificationTime": 0, "dataChange": True}}]
    (folder / "_delta_log" / f"{0:020}.json").write_text("".join(json.dumps(a) + "\n" for a in actions))
    return file


def without_mark(file):
    """The same file without the annotation VARIANT, as Spark 4.0 writes them, and 4.1 where it is told to: pyarrow keeps none. With them in a list, a struct, a map as well."""
    rows = pyarrow.parquet.read_table(file).combine_chunks()
    doc, places = rows["doc"].chunk(0), pa.array(range(len(rows) + 1), pa.int32())
    rows = rows.append_column("list", pa.ListArray.from_arrays(places, doc))
    rows = rows.append_column("struct", pa.StructArray.from_arrays([rows["id"].chunk(0), doc], ["n", "v"]))
    rows = rows.append_column("map", pa.MapArray.from_arrays(places, pa.array(["k"] * len(rows)), doc))
    pyarrow.parquet.write_table(rows, file)
    assert "Variant" not in str(pyarrow.parquet.read_metadata(file).schema)


def documents():
    """id, doc as rows of SQL."""
    return "(VALUES " + ", ".join(f"({i}, {'NULL' if text is None else variants.quoted(text) + '::JSON::VARIANT'})" for i, text in variants.DOCUMENTS) + ") v(id, doc)"


def test_shredded_variants_are_read_and_copied(project, tmp_path):
    states.open_lake(project)
    delta_table(tmp_path / "theirs", f"SELECT id, doc FROM {documents()}")
    project.run("sql", "-c", f"CREATE TABLE lake.s.t AS SELECT * FROM delta_table('{tmp_path}/theirs')")
    for source in (f"delta_table('{tmp_path}/theirs')", "lake.s.t"):
        assert variants.rows(project.sql(f"SELECT id, doc::JSON::VARCHAR AS doc FROM {source}")) == variants.expected()


@pytest.mark.parametrize("options", ["", ", SHREDDING {doc: 'STRUCT(\"name\" VARCHAR, n INTEGER, \"at\" STRUCT(b DOUBLE, deep INTEGER[][]))'}"], ids=["inferred", "shredded"])
def test_variants_that_their_file_does_not_mark_are_read(project, tmp_path, options):
    states.open_lake(project)
    delta_table(tmp_path / "theirs", f"SELECT id, doc FROM {documents()}", options, without_mark, **VARIANT_IN)
    source = f"delta_table('{tmp_path}/theirs')"
    for doc in ("doc", "list[1]", "struct.v", "map['k']"):
        assert variants.rows(project.sql(f"SELECT id, {doc}::JSON::VARCHAR AS doc FROM {source}")) == variants.expected(), doc
    assert project.sql(f"SELECT doc.at.b::DOUBLE AS b, struct.n AS n, struct.v.n::INTEGER AS m FROM {source} WHERE doc.name::VARCHAR = 'ann' AND list IS NOT NULL") == [{"b": 1.5, "n": 1, "m": 1}]


def test_a_corrupt_variant_is_an_error_that_names_file_and_column(project, tmp_path):
    states.open_lake(project)
    file = delta_table(tmp_path / "theirs", "SELECT 1::INTEGER AS id, {'a': 'a text to be found'}::VARIANT AS doc")
    content = file.read_bytes()
    assert b"a text to be found" in content
    file.write_bytes(content.replace(b"a text to be found", b"a text \xff\xff be found"))
    error = project.run("sql", "-c", f"SELECT doc FROM delta_table('{tmp_path}/theirs')", check=1).stderr
    assert "part.parquet" in error and '"doc"' in error and "corrupt variant" in error, error
    assert project.sql(f"SELECT id FROM delta_table('{tmp_path}/theirs')") == [{"id": 1}]
