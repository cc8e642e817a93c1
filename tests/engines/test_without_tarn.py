"""What Spark and Trino accept of a folder, shown on tables of pyiceberg and deltalake: the layout that Tarn's tables follow."""
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

from harness import values

DATA = pa.table({"id": pa.array([1, 2], pa.int64()), "s": ["a", "ü"], "at": pa.array([0, -1000], pa.int64()).cast(pa.timestamp("us", "UTC")), "l": [[1.5, None], []]})
ROWS = [(1, "a", ("micros", 0), (("float", "1.5"), None)), (2, "ü", ("micros", -1000), ())]


@pytest.fixture
def folder(tmp_path):
    """An Iceberg and a Delta table in one folder, metadata named v1, v2 with the hint 2."""
    catalog = SqlCatalog("c", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("n")
    folder = tmp_path / "t"
    catalog.create_table("n.t", DATA.schema, location=f"file://{folder}").append(DATA)
    for old in folder.glob("metadata/*.metadata.json"):
        old.rename(folder / f"metadata/v{int(old.name.split('-')[0]) + 1}.metadata.json")
    (folder / "metadata/version-hint.text").write_text("2")
    write_deltalake(str(folder), DATA)
    return folder


def test_both_formats_are_read_by_folder(engine, folder):
    _, reader = engine
    assert sorted(values.rows(reader.read_iceberg(str(folder)))) == ROWS
    assert sorted(values.rows(reader.read_delta(str(folder)))) == ROWS


def test_trino_refuses_a_second_file_of_the_same_version(trino, folder):
    (folder / "metadata/00002-d39b4f97-893c-4a0f-92be-0a0c1f4cfe4e.metadata.json").write_bytes((folder / "metadata/v2.metadata.json").read_bytes())
    with pytest.raises(Exception, match="More than one latest metadata file"):
        trino.read_iceberg(str(folder))


def test_spark_reads_ahead_of_the_hint(spark, folder):
    """Which is why metadata may not stand under its final name before it is committed."""
    (folder / "metadata/version-hint.text").write_text("1")
    assert spark.read_iceberg(str(folder)).num_rows == 2
