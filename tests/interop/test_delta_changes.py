"""delta_changes(): the change data feed of Delta tables, as deltalake's load_cdf reads it."""
import datetime
import json

import pyarrow as pa
import pytest

from harness import projects

FEED = {"delta.enableChangeDataFeed": "true"}
ROWS = pa.table({"id": pa.array(range(10), pa.int64()), "k": [f"k{i % 3}" if i % 3 else None for i in range(10)], "v": pa.array([i / 2 for i in range(10)])})


@pytest.fixture
def lake(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    return project


def plain(table):
    table = pa.table(table)
    moment = table.column_names.index("_commit_timestamp")
    rows = [tuple(row.values()) for row in table.to_pylist()]
    rows = [row[:moment] + (int(row[moment].replace(tzinfo=datetime.timezone.utc).timestamp() * 1000),) + row[moment + 1:] for row in rows]
    return sorted(rows, key=str)


COLUMNS = ["id", "k", "v", "_change_type", "_commit_version", "_commit_timestamp"]


@pytest.mark.parametrize("partition", [[], ["k"]])
def test_as_deltalake_reads_it(lake, tmp_path, partition):
    from deltalake import DeltaTable, write_deltalake
    path = tmp_path / "d"
    write_deltalake(path, ROWS.slice(0, 6), configuration=FEED, partition_by=partition)
    write_deltalake(path, ROWS.slice(6), mode="append")
    table = DeltaTable(path)
    table.update(updates={"v": "v + 100"}, predicate="id = 3")
    table.delete("id = 4")
    table.delete("k = 'k2'")
    (table.merge(pa.table({"id": pa.array([1, 50], pa.int64()), "k": ["k1", "k1"], "v": [7.5, 8.5]}), "t.id = s.id", source_alias="s", target_alias="t")
     .when_matched_update_all().when_not_matched_insert_all().execute())
    table.optimize.compact()
    for first, last in ((0, None), (1, 3), (2, 2), (3, None)):
        theirs = DeltaTable(path).load_cdf(starting_version=first, ending_version=last)
        end = "" if last is None else f", {last}"
        ours = lake.arrow(f"SELECT {', '.join(COLUMNS)} FROM delta_changes('{path}', {first}{end})")
        assert plain(ours) == plain(pa.table(theirs.read_all()).select(COLUMNS)), (first, last)
    # By time, filtered, counted.
    assert lake.sql(f"SELECT count(*) AS n FROM delta_changes('{path}', TIMESTAMP '2020-01-01')") == lake.sql(f"SELECT count(*) AS n FROM delta_changes('{path}', 0)")
    found = lake.sql(f"SELECT v, _change_type AS t FROM delta_changes('{path}', 0) WHERE id = 3 ORDER BY _commit_version, t DESC")
    assert found == [{"v": 1.5, "t": "insert"}, {"v": 1.5, "t": "update_preimage"}, {"v": 101.5, "t": "update_postimage"}]


def test_deleted_rows_in_vectors_are_told_apart(lake, tmp_path):
    """A version without files of changes in which a file got another vector: the rows that differ."""
    lake.run("sql", "-c", "CREATE SCHEMA lake.s; CREATE TABLE lake.s.t AS SELECT i FROM range(10) r(i); DELETE FROM lake.s.t WHERE i = 3; "
             "DELETE FROM lake.s.t WHERE i IN (4, 5)")
    location = lake.location("s.t")
    log = sorted((lake.directory / location / "_delta_log").glob("*.json"))
    for path in log:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            if "metaData" in line:
                line["metaData"]["configuration"].update(FEED)
        path.write_text("\n".join(map(json.dumps, lines)))
    found = lake.sql(f"SELECT _commit_version AS v, _change_type AS t, i FROM delta_changes('{location}', 1) ORDER BY ALL")
    assert found == [{"v": 1, "t": "delete", "i": 3}, {"v": 2, "t": "delete", "i": 4}, {"v": 2, "t": "delete", "i": 5}]
    assert lake.sql(f"SELECT count(*) AS n FROM delta_changes('{location}', 0)") == [{"n": 13}]


def test_what_cannot_be_told_is_named(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "d", ROWS)
    run = lambda sql: lake.run("sql", "-c", sql, check=1).stderr  # noqa: E731
    assert "delta.enableChangeDataFeed" in run(f"SELECT * FROM delta_changes('{tmp_path}/d', 0)")
    write_deltalake(tmp_path / "e", ROWS, configuration=FEED)
    assert "cannot be told" in run(f"SELECT * FROM delta_changes('{tmp_path}/e', 5)")
    assert "no version 7" in run(f"SELECT * FROM delta_changes('{tmp_path}/e', 0, 7)")
    assert "cannot be told" in run(f"SELECT * FROM delta_changes('{tmp_path}/e', 1, 0)")
    assert str(tmp_path) in run(f"SELECT * FROM delta_changes('{tmp_path}/nothing', 0)")
