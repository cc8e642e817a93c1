"""Renews the Avro golden files beside it: python make_avro.py (needs fastavro, cramjam, pyiceberg)."""

import datetime
import decimal
import shutil
import sys
import tempfile
from pathlib import Path

import fastavro

HERE = Path(__file__).parent

TYPES = {
    "type": "record",
    "name": "everything",
    "namespace": "tarn.test",
    "fields": [
        {"name": "a_null", "type": "null", "field-id": 1},
        {"name": "a_boolean", "type": "boolean", "field-id": 2},
        {"name": "an_int", "type": "int", "field-id": 3},
        {"name": "a_long", "type": "long", "field-id": 4},
        {"name": "a_float", "type": "float", "field-id": 5},
        {"name": "a_double", "type": "double", "field-id": 6},
        {"name": "some_bytes", "type": "bytes", "field-id": 7},
        {"name": "a_string", "type": "string", "field-id": 8},
        {"name": "a_fixed", "type": {"type": "fixed", "name": "four", "size": 4}, "field-id": 9},
        {"name": "an_enum", "type": {"type": "enum", "name": "suit", "symbols": ["HEARTS", "SPADES"]}, "field-id": 10},
        {"name": "optional", "type": ["null", "long"], "default": None, "field-id": 11},
        {"name": "either", "type": ["string", "null", "double", "four"], "field-id": 12},
        {"name": "numbers", "type": {"type": "array", "items": "int", "element-id": 14}, "field-id": 13},
        {"name": "texts", "type": {"type": "map", "values": ["null", "string"], "key-id": 16, "value-id": 17}, "field-id": 15},
        {
            "name": "pairs",
            "type": ["null", {
                "type": "array", "logicalType": "map",
                "items": {"type": "record", "name": "k18_v19", "fields": [
                    {"name": "key", "type": "int", "field-id": 18},
                    {"name": "value", "type": "bytes", "field-id": 19},
                ]}}],
            "default": None, "field-id": 20,
        },
        {
            "name": "nested",
            "type": {"type": "record", "name": "inner", "fields": [
                {"name": "a_long", "type": ["null", "long"], "field-id": 22},
                {"name": "lists", "field-id": 23, "type": {"type": "array", "element-id": 24, "items": {
                    "type": "array", "element-id": 25, "items": "suit"}}},
            ]},
            "field-id": 21,
        },
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}, "field-id": 26},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}], "field-id": 27},
        {"name": "tree", "field-id": 28, "type": ["null", {"type": "record", "name": "node", "fields": [
            {"name": "value", "type": "long", "field-id": 29},
            {"name": "next", "type": ["null", "node"], "field-id": 30},
        ]}]},
    ],
}


def everything(i):
    return {
        "a_null": None,
        "a_boolean": i % 2 == 1,
        "an_int": [0, 2**31 - 1, -(2**31)][i % 3],
        "a_long": [0, 2**63 - 1, -(2**63)][i % 3],
        "a_float": 0.5 * i,
        "a_double": 1e300 * i,
        "some_bytes": bytes([0, i % 256]),
        "a_string": "grün" * (i % 3),
        "a_fixed": bytes([1, 2, 3, i % 256]),
        "an_enum": ["HEARTS", "SPADES"][i % 2],
        "optional": None if i % 2 == 0 else i,
        "either": ["text", None, 2.5, b"four"][i % 4],
        "numbers": list(range(i % 5)),
        "texts": {f"k{k}": (None if k == 1 else "v" * k) for k in range(i % 4)},
        "pairs": None if i % 3 == 0 else [{"key": k, "value": b"x" * k} for k in range(i % 7)],
        "nested": {"a_long": None if i % 4 == 0 else -i, "lists": [["SPADES"] * k for k in range(i % 4)]},
        "price": decimal.Decimal(i - 50).scaleb(-2),
        "day": None if i == 0 else datetime.date(1970, 1, 1) + datetime.timedelta(days=i),
        "tree": {"value": 1, "next": {"value": 2, "next": None}} if i % 2 else None,
    }


def write_types():
    rows = [everything(i) for i in range(100)]
    for codec in ("null", "deflate", "snappy", "zstandard"):
        with open(HERE / f"types_{codec}.avro", "wb") as out:
            fastavro.writer(out, fastavro.parse_schema(TYPES), rows, codec=codec, sync_interval=1000,
                            metadata={"owner": "golden"})


def write_iceberg():
    import pyarrow as pa
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import DoubleType, LongType, NestedField, StringType

    with tempfile.TemporaryDirectory() as folder:
        catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=f"file://{folder}")
        catalog.create_namespace("s")
        schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "region", StringType()),
                        NestedField(3, "price", DoubleType()))
        table = catalog.create_table("s.t", schema, partition_spec=PartitionSpec(
            PartitionField(2, 1000, IdentityTransform(), "region")))
        table.append(pa.table({"id": [1, 2, 3], "region": ["north", "south", None], "price": [1.5, None, 3.5]}))
        metadata = Path(folder) / "s" / "t" / "metadata"
        lists = sorted(metadata.glob("snap-*.avro"))
        manifests = [p for p in metadata.glob("*.avro") if p not in lists]
        assert len(lists) == 1 and len(manifests) == 1, (lists, manifests)
        shutil.copy(lists[0], HERE / "pyiceberg_manifest_list.avro")
        shutil.copy(manifests[0], HERE / "pyiceberg_manifest.avro")


if __name__ == "__main__":
    write_types()
    try:
        write_iceberg()
    except ImportError as error:
        sys.exit(f"pyiceberg files not renewed: {error}")
