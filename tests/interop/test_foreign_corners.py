"""Tables of others in the corners of their formats: what a log may leave out, and two spellings of one thing."""
import decimal
import json
import os
import pathlib
import uuid

import pyarrow as pa
import pyarrow.parquet
import pytest

from harness import projects

N = 12
ROWS = pa.table({"id": pa.array(range(N), pa.int64()), "region": [["eu", "us"][i % 2] for i in range(N)]})


@pytest.fixture
def lake(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    return project


def ids(lake, source, where="true"):
    return [row["id"] for row in lake.sql(f"SELECT id FROM {source} WHERE {where} ORDER BY id")]


def edit_log(folder, change):
    """Passes every action of a Delta log through `change`."""
    for path in sorted((pathlib.Path(folder) / "_delta_log").glob("*.json")):
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("\n".join(json.dumps(change(action) or action) for action in actions))


def test_delta_files_without_statistics_are_found_by_their_partition(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "d", ROWS, partition_by=["region"])

    def forget(action):
        if "add" in action:
            del action["add"]["stats"]

    edit_log(tmp_path / "d", forget)
    table = f"delta_table('{tmp_path}/d')"
    assert ids(lake, table) == list(range(N))
    assert ids(lake, table, "region = 'eu'") == list(range(0, N, 2))
    assert ids(lake, table, "region IS NOT NULL AND id > 5") == list(range(6, N))
    assert ids(lake, table, "region IS NULL OR region = 'us'") == list(range(1, N, 2))


def test_delta_partitions_of_float_are_found_by_their_value(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "d", pa.table({"id": [1, 2, 3], "f": pa.array([0.1, 0.5, None], pa.float32())}), partition_by=["f"])
    table = f"delta_table('{tmp_path}/d')"
    assert ids(lake, table, "f = 0.1::FLOAT") == [1]
    assert ids(lake, table, "f >= 0.1::FLOAT") == [1, 2]
    assert ids(lake, table, "f IN (0.1::FLOAT, 7)") == [1]


def test_delta_partitions_of_decimals_may_have_an_exponent(lake, tmp_path):
    """So Spark writes decimals with many digits behind the point."""
    from deltalake import write_deltalake
    values = pa.array([decimal.Decimal(0), decimal.Decimal("0.00000001"), None], pa.decimal128(38, 18))
    write_deltalake(tmp_path / "d", pa.table({"id": [1, 2, 3], "p": values}), partition_by=["p"])

    def spell(action):
        if "add" in action and action["add"]["partitionValues"]["p"] is not None:
            action["add"]["partitionValues"]["p"] = "0E-18" if decimal.Decimal(action["add"]["partitionValues"]["p"]) == 0 else "1E-8"

    edit_log(tmp_path / "d", spell)
    table = f"delta_table('{tmp_path}/d')"
    assert ids(lake, table) == [1, 2, 3]
    assert ids(lake, table, "p = 0") == [1]
    assert ids(lake, table, "p = 0.00000001") == [2]


@pytest.mark.parametrize("spelt", ["encoded", "with a dot"])
def test_a_delta_file_is_removed_however_its_path_is_spelt(lake, tmp_path, spelt):
    """Writers encode different characters of one path."""
    from deltalake import DeltaTable, write_deltalake
    rows = pa.table({"id": [1, 2], "city": ["são paulo", "x=1:2"]})
    write_deltalake(tmp_path / "d", rows, partition_by=["city"])
    table = f"delta_table('{tmp_path}/d')"
    assert ids(lake, table) == [1, 2]
    DeltaTable(tmp_path / "d").delete("id = 1")

    def otherwise(action):
        if "remove" in action:
            path = action["remove"]["path"]
            whole = path.encode()
            action["remove"]["path"] = "./" + path if spelt == "with a dot" else "".join(
                chr(b) if chr(b) in "/%=" or chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in whole)
            assert action["remove"]["path"] != path

    edit_log(tmp_path / "d", otherwise)
    assert ids(lake, table) == [2]


def test_the_default_of_a_uuid_is_what_older_rows_have(lake, catalog):
    t = catalog.create_table("n.t", schema=ROWS.schema, properties={"format-version": "2"})
    t.append(ROWS)
    path = pathlib.Path(catalog.load_table("n.t").metadata_location.removeprefix("file://"))
    metadata = json.loads(path.read_text())
    default = str(uuid.uuid4())
    metadata |= {"format-version": 3, "next-row-id": 0, "last-column-id": metadata["last-column-id"] + 1}
    metadata["schemas"][-1]["fields"].append({"id": metadata["last-column-id"], "name": "u", "type": "uuid", "required": False, "initial-default": default, "write-default": default})
    path.write_text(json.dumps(metadata))
    assert lake.sql(f"SELECT DISTINCT u::VARCHAR AS u FROM iceberg_table('{t.location()}')") == [{"u": default}]
    assert ids(lake, f"iceberg_table('{t.location()}')", f"u = '{default}'") == list(range(N))
    assert ids(lake, f"iceberg_table('{t.location()}')", "u IS NULL") == []


def test_nanoseconds_with_a_time_zone_are_refused_rather_than_cut(lake):
    """DuckDB reads such columns in microseconds."""
    lake.run("sql", "-c", "CREATE SCHEMA lake.s; CREATE TABLE lake.s.t (id INT, ts TIMESTAMPTZ) WITH ('tarn.delta' = 'off', 'tarn.iceberg' = '3'); "
             "INSERT INTO lake.s.t VALUES (1, '2020-01-01 00:00:00+00'), (2, NULL)")
    folder = pathlib.Path(lake.location("s.t").removeprefix("file://")) / "metadata"
    metadata = json.loads(sorted(folder.glob("*.metadata.json"))[-1].read_text())
    for schema in metadata["schemas"]:
        schema["fields"][1]["type"] = "timestamptz_ns"
    (folder / "v99.metadata.json").write_text(json.dumps(metadata))
    table = f"iceberg_table('{folder}/v99.metadata.json')"
    assert ids(lake, table) == [1, 2]
    for asked in (f"SELECT ts FROM {table}", f"SELECT id FROM {table} WHERE ts > TIMESTAMP_NS '1970-01-01'"):
        assert 'column "ts" in ' in (error := lake.run("sql", "-c", asked, check=1).stderr) and "timestamptz_ns" in error, error


def test_iceberg_whose_hint_is_behind_is_read_as_it_is(lake):
    """A writer that names its files by versions may die between the file and the hint to it; its readers go on from the hint."""
    lake.run("sql", "-c", "CREATE SCHEMA lake.s; CREATE TABLE lake.s.t (id INTEGER)")
    for i in range(3):
        lake.run("sql", "-c", f"INSERT INTO lake.s.t VALUES ({i})")
    folder = pathlib.Path(lake.location("s.t"))
    hint = folder / "metadata/version-hint.text"
    last = int(hint.read_text())
    for behind in (1, last - 1, last):
        hint.write_text(str(behind))
        assert ids(lake, f"iceberg_table('{folder}')") == [0, 1, 2], behind
    # What does not follow on it was never committed.
    os.rename(folder / f"metadata/v{last - 1}.metadata.json", folder / "metadata/aside.json")
    hint.write_text(str(last - 2))
    assert ids(lake, f"iceberg_table('{folder}')") == [0]
