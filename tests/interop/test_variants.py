"""Variants with the readers that need no server; Spark and Trino are in engines/test_variant_engines.py."""
import json
import pathlib
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.ipc
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
SHREDDING = ", SHREDDING {doc: 'STRUCT(\"name\" VARCHAR, n INTEGER, \"at\" STRUCT(b DOUBLE, deep INTEGER[][]))'}"


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


@pytest.mark.parametrize("options", ["", SHREDDING], ids=["inferred", "shredded"])
def test_variants_that_their_file_does_not_mark_are_read(project, tmp_path, options):
    states.open_lake(project)
    delta_table(tmp_path / "theirs", f"SELECT id, doc FROM {documents()}", options, without_mark, **VARIANT_IN)
    source = f"delta_table('{tmp_path}/theirs')"
    for doc in ("doc", "list[1]", "struct.v", "map['k']"):
        assert variants.rows(project.sql(f"SELECT id, {doc}::JSON::VARCHAR AS doc FROM {source}")) == variants.expected(), doc
    assert project.sql(f"SELECT doc.at.b::DOUBLE AS b, struct.n AS n, struct.v.n::INTEGER AS m FROM {source} WHERE doc.name::VARCHAR = 'ann' AND list IS NOT NULL") == [{"b": 1.5, "n": 1, "m": 1}]


def test_tables_with_shredded_variants_are_adopted(project, tmp_path):
    states.open_lake(project, "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0}\n")
    delta_table(tmp_path / "theirs", f"SELECT id, doc FROM {documents()}", SHREDDING)
    project.run("sql", "-c", f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/theirs')")
    expected = variants.expected()

    def check():
        assert variants.rows(project.sql("SELECT id, doc::JSON::VARCHAR AS doc FROM lake.s.t")) == expected
        location = project.location("s.t")
        found = readers.duckdb_connection().execute(f"SELECT id, doc::JSON::VARCHAR FROM iceberg_scan('{location}')").fetchall()
        assert variants.rows([{"id": i, "doc": doc} for i, doc in found]) == expected
        for read, message in ((lambda: readers.duckdb_connection().execute(f"FROM delta_scan('{location}')").fetchall(), "variantShredding"),
                              (lambda: readers.deltalake(location), "(?i)variantShredding")):
            with pytest.raises(Exception, match=message):
                read()
    check()
    assert "variantShredding" in "".join(p.read_text() for p in pathlib.Path(project.location("s.t")).glob("_delta_log/*.json"))
    error = project.run("sql", "-c", "ALTER TABLE lake.s.t SET ('tarn.adopted.shredded-variants' = 'false')", check=1).stderr
    assert "cannot be set by hand" in error, error
    project.run("sql", "-c", "DELETE FROM lake.s.t WHERE id = 3; INSERT INTO lake.s.t VALUES (10, 'ten')")
    project.run("maintain")
    expected = [row for row in expected if row[0] != 3] + [(10, "ten")]
    check()


def test_tables_whose_files_mark_no_variants_are_not_adopted(project, tmp_path):
    states.open_lake(project)
    delta_table(tmp_path / "theirs", f"SELECT id, doc FROM {documents()}", rewrite=without_mark, **VARIANT_IN)
    error = project.run("sql", "-c", f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/theirs')", check=1).stderr
    assert "part.parquet" in error and 'does not mark column "doc" as a variant' in error and "AS SELECT" in error, error
    project.run("sql", "-c", f"CREATE TABLE lake.s.t AS SELECT id, doc FROM delta_table('{tmp_path}/theirs')")
    assert variants.rows(project.sql("SELECT id, doc::JSON::VARCHAR AS doc FROM lake.s.t")) == variants.expected()


@pytest.mark.parametrize("change, said", [((b"a text to be found", b"a text \xff\xff be found"), "not UTF-8"), ((b"typed_value", b"typed_valux"), "it is stored as"),
                                          ((b"metadata", b"metadatx"), "it is stored as")])
@pytest.mark.parametrize("marked", [True, False])
def test_corrupt_shredded_variants_name_file_and_column(project, tmp_path, marked, change, said):
    states.open_lake(project)

    def spoil(file):
        if not marked:
            rows = pyarrow.parquet.read_table(file)
            pyarrow.parquet.write_table(rows, file, compression="none", use_dictionary=False, store_schema=False)
        content = file.read_bytes()
        assert change[0] in content
        file.write_bytes(content.replace(*change))
    delta_table(tmp_path / "theirs", "SELECT 1::INTEGER AS id, {'a': 'a text to be found'}::VARIANT AS doc", ", SHREDDING {doc: 'STRUCT(a VARCHAR)'}", spoil)
    error = project.run("sql", "-c", f"SELECT doc FROM delta_table('{tmp_path}/theirs')", check=1).stderr
    assert "part.parquet" in error and '"doc"' in error and said in error, error


def test_arrow_says_what_is_a_variant(project):
    states.open_lake(project)
    stream = subprocess.run([project.binary, "sql", "-c", "SELECT 1::VARIANT AS v, [2::VARIANT] AS l, {'v': 3::VARIANT} AS s, {'metadata': ''::BLOB, 'value': ''::BLOB} AS none", "--format", "arrow"],
                            cwd=project.directory, env=project.env, capture_output=True, check=True).stdout
    schema = pa.ipc.open_stream(stream).schema

    def name(field):
        if isinstance(field.type, pa.BaseExtensionType):
            return field.type.extension_name
        return (field.metadata or {}).get(b"ARROW:extension:name", b"").decode()
    assert [name(f) for f in (schema.field("v"), schema.field("l").type.value_field, schema.field("s").type.field("v"), schema.field("none"))] == ["arrow.parquet.variant"] * 3 + [""]


def test_a_corrupt_variant_is_an_error_that_names_file_and_column(project, tmp_path):
    states.open_lake(project)
    file = delta_table(tmp_path / "theirs", "SELECT 1::INTEGER AS id, {'a': 'a text to be found'}::VARIANT AS doc")
    content = file.read_bytes()
    assert b"a text to be found" in content
    file.write_bytes(content.replace(b"a text to be found", b"a text \xff\xff be found"))
    error = project.run("sql", "-c", f"SELECT doc FROM delta_table('{tmp_path}/theirs')", check=1).stderr
    assert "part.parquet" in error and '"doc"' in error and "corrupt variant" in error, error
    assert project.sql(f"SELECT id FROM delta_table('{tmp_path}/theirs')") == [{"id": 1}]
