"""Constraints and append-only tables: what Tarn declares is kept by others, and what others declare is kept by Tarn."""
import json
import pathlib

import pyarrow as pa
import pytest

from harness import projects


@pytest.fixture
def lake(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s")
    return project


def do(project, *statements):
    project.run("sql", "-c", ";".join(statements))


def log(location):
    return [json.loads(line) for path in sorted(pathlib.Path(location).glob("_delta_log/*.json")) for line in path.read_text().splitlines()]


def last(location, action):
    return [entry[action] for entry in log(location) if action in entry][-1]


def test_constraints_of_tarn_are_kept_by_deltalake(lake):
    from deltalake import DeltaTable, write_deltalake
    do(lake, "CREATE TABLE lake.s.t AS SELECT 1::BIGINT AS id, 'a' AS \"odd name\"",
       "ALTER TABLE lake.s.t ADD CONSTRAINT low CHECK (id < 100)", "ALTER TABLE lake.s.t ADD CONSTRAINT named CHECK (\"odd name\" <> 'x')")
    location = lake.location("s.t")
    assert last(location, "protocol")["minWriterVersion"] == 3
    configuration = last(location, "metaData")["configuration"]
    assert configuration["delta.constraints.low"] == "id < 100"
    assert configuration["delta.constraints.named"] == "`odd name` <> 'x'"
    before = DeltaTable(location).version()
    with pytest.raises(Exception, match="(?i)validation|constraint|invariant"):
        write_deltalake(location, pa.table({"id": pa.array([1000], pa.int64()), "odd name": ["b"]}), mode="append")
    assert DeltaTable(location).version() == before
    # With features that only a list can name, the list has it.
    do(lake, "DELETE FROM lake.s.t WHERE id = 5", "INSERT INTO lake.s.t VALUES (2, 'b'), (3, 'c')", "DELETE FROM lake.s.t WHERE id = 2")
    assert "checkConstraints" in last(location, "protocol")["writerFeatures"]
    do(lake, "ALTER TABLE lake.s.t DROP CONSTRAINT low")
    assert "delta.constraints.low" not in last(location, "metaData")["configuration"]
    do(lake, "INSERT INTO lake.s.t VALUES (1000, 'd')")


def test_rules_of_an_adopted_table_are_kept_by_tarn(lake, tmp_path):
    from deltalake import DeltaTable, write_deltalake
    write_deltalake(tmp_path / "d", pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", "b"]}))
    DeltaTable(tmp_path / "d").alter.add_constraint({"low": "id < 100"})
    do(lake, f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/d')", "INSERT INTO lake.s.t VALUES (3, 'c')")
    assert 'breaks constraint "low"' in lake.run("sql", "-c", "INSERT INTO lake.s.t VALUES (300, 'c')", check=1).stderr
    write_deltalake(tmp_path / "a", pa.table({"id": [1]}), configuration={"delta.appendOnly": "true"})
    do(lake, f"CREATE TABLE lake.s.a FROM delta_table('{tmp_path}/a')", "INSERT INTO lake.s.a VALUES (2)")
    assert "delta.appendOnly" in lake.run("sql", "-c", "DELETE FROM lake.s.a WHERE id = 1", check=1).stderr
    assert lake.sql("SELECT sum(id) AS n FROM lake.s.a") == [{"n": 3}]


def test_a_constraint_that_nobody_here_understands_is_refused(lake, tmp_path):
    from deltalake import write_deltalake
    write_deltalake(tmp_path / "d", pa.table({"id": [1]}), configuration={})
    path = tmp_path / "d/_delta_log/00000000000000000000.json"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if "metaData" in line:
            line["metaData"]["configuration"]["delta.constraints.odd"] = "spark_only(id)"
        if "protocol" in line:
            line["protocol"] = {"minReaderVersion": 1, "minWriterVersion": 3}
    path.write_text("\n".join(map(json.dumps, lines)))
    error = lake.run("sql", "-c", f"CREATE TABLE lake.s.t FROM delta_table('{tmp_path}/d')", check=1).stderr
    assert 'constraint "odd"' in error and "spark_only" in error


def test_a_writer_that_did_not_know_a_constraint_runs_again(lake):
    """A constraint is added only when the rows that came meanwhile keep it too."""
    do(lake, "CREATE TABLE lake.s.t AS SELECT 1::BIGINT AS id")
    error = lake.run("sql", "-c", "BEGIN; INSERT INTO lake.s.t VALUES (2); ALTER TABLE lake.s.t ADD CONSTRAINT one CHECK (id = 1); COMMIT", check=1).stderr
    assert "break constraint one" in error
    assert lake.sql("SELECT count(*) AS n FROM lake.s.t") == [{"n": 1}]
