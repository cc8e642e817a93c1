"""What src/table/iceberg writes as version 3, as pyiceberg understands it: the golden files of its tests."""
import json
import pathlib

import pytest

GOLDEN = pathlib.Path(__file__).parents[2] / "src/table/iceberg/testdata/v3"


@pytest.fixture(scope="module")
def manifests():
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from pyiceberg.manifest import read_manifest_list
    io = PyArrowFileIO()
    found = []
    for manifest in read_manifest_list(io.new_input(str(GOLDEN / "list.avro"))):
        manifest[0] = str(GOLDEN / pathlib.PurePosixPath(manifest.manifest_path).name)
        found.append((manifest, manifest.fetch_manifest_entry(io, discard_deleted=False)))
    return found


def test_metadata_of_version_3_has_row_ids_defaults_and_nanoseconds():
    from pyiceberg.table.metadata import TableMetadataUtil
    table = TableMetadataUtil.parse_raw((GOLDEN / "v1.metadata.json").read_text())
    assert table.format_version == 3
    assert table.next_row_id == 1125
    snapshot = table.current_snapshot()
    assert (snapshot.first_row_id, snapshot.added_rows) == (1000, 125)
    schema = table.schema()
    assert str(schema.find_field("at").field_type) == "timestamp_ns"
    assert (schema.find_field("extra").initial_default, schema.find_field("extra").write_default) == (5, 6)
    assert [str(f.transform) for f in table.spec().fields] == ["day"]


def test_manifests_of_version_3_are_read(manifests):
    (data, files), (deletes, vectors) = manifests
    assert (data.content, data.added_rows_count, data.existing_rows_count) == (0, 100, 25)
    assert [(f.data_file.file_path.rsplit("/", 1)[1], f.data_file.record_count, f.sequence_number) for f in files] == [
        ("data1", 25, 3), ("data2", 50, 7), ("data3", 50, 7)]
    assert deletes.content == 1
    assert [(v.data_file.file_format.value, v.data_file.record_count) for v in vectors] == [("PUFFIN", 3), ("PUFFIN", 3)]


def test_row_ids_and_vectors_stand_under_the_field_ids_of_the_specification():
    """pyiceberg shows neither: the Avro schemas are asked themselves."""
    from pyiceberg.avro.decoder_fast import CythonBinaryDecoder
    from pyiceberg.avro.file import META_SCHEMA, AvroFileHeader
    from pyiceberg.avro.resolver import construct_reader

    def fields(name):
        reader = construct_reader(META_SCHEMA, {-1: AvroFileHeader})
        header = reader.read(CythonBinaryDecoder((GOLDEN / name).read_bytes()))
        assert header.meta["format-version"] == "3"
        found = {}

        def walk(node):
            if isinstance(node, dict):
                if "field-id" in node:
                    found[node["field-id"]] = node["name"]
                for child in node.values():
                    walk(child)
            elif isinstance(node, list):
                for child in node:
                    walk(child)
        walk(json.loads(header.meta["avro.schema"]))
        return found

    wanted = {142: "first_row_id", 143: "referenced_data_file", 144: "content_offset", 145: "content_size_in_bytes"}
    for name in ("data.avro", "deletes.avro"):
        assert {k: v for k, v in fields(name).items() if k in wanted} == wanted
    assert fields("list.avro")[520] == "first_row_id"
