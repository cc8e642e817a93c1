"""Variants with the readers that need no server; Spark and Trino are in engines/test_variant_engines.py."""
import json

import duckdb
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


def delta_table(folder, query):
    """A Delta table of one file that DuckDB wrote, shredded as it sees fit."""
    file = folder / "part.parquet"
    (folder / "_delta_log").mkdir(parents=True)
    duckdb.connect().execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION uncompressed)")
    features = ["variantType", "variantShredding-preview"]
    schema = {"type": "struct", "fields": [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in (("id", "integer"), ("doc", "variant"))]}
    actions = [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}},
               {"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(schema), "partitionColumns": [], "configuration": {}}},
               {"add": {"path": "part.parquet", "partitionValues": {}, "size": file.stat().st_size, "modificationTime": 0, "dataChange": True}}]
    (folder / "_delta_log" / f"{0:020}.json").write_text("".join(json.dumps(a) + "\n" for a in actions))
    return file


def test_shredded_variants_are_read_and_copied(project, tmp_path):
    states.open_lake(project)
    values = ", ".join(f"({i}, {'NULL' if text is None else variants.quoted(text) + '::JSON::VARIANT'})" for i, text in variants.DOCUMENTS)
    delta_table(tmp_path / "theirs", f"SELECT id, doc FROM (VALUES {values}) v(id, doc)")
    project.run("sql", "-c", f"CREATE TABLE lake.s.t AS SELECT * FROM delta_table('{tmp_path}/theirs')")
    for source in (f"delta_table('{tmp_path}/theirs')", "lake.s.t"):
        assert variants.rows(project.sql(f"SELECT id, doc::JSON::VARCHAR AS doc FROM {source}")) == variants.expected()


def test_a_corrupt_variant_is_an_error_that_names_file_and_column(project, tmp_path):
    states.open_lake(project)
    file = delta_table(tmp_path / "theirs", "SELECT 1::INTEGER AS id, {'a': 'a text to be found'}::VARIANT AS doc")
    content = file.read_bytes()
    assert b"a text to be found" in content
    file.write_bytes(content.replace(b"a text to be found", b"a text \xff\xff be found"))
    error = project.run("sql", "-c", f"SELECT doc FROM delta_table('{tmp_path}/theirs')", check=1).stderr
    assert "part.parquet" in error and '"doc"' in error and "corrupt variant" in error, error
    assert project.sql(f"SELECT id FROM delta_table('{tmp_path}/theirs')") == [{"id": 1}]
