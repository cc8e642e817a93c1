"""What the commands that only look cost and tell."""
import json

from harness import faults


def test_a_history_reads_each_metadata_file_once(project, tarn_faults_binary):
    """States that differ in the table's name only share one."""
    project.binary = tarn_faults_binary
    project.yaml("name: shop\n")
    project.apply()
    project.run("sql", "-c", "CREATE SCHEMA lake.s; CREATE TABLE lake.s.t0 AS SELECT 1 AS i")

    def looked(name):
        told = json.loads(project.run("history", name, "--json").stdout)
        reads = faults.trace(project, "history", name)
        return told, sum(n for (point, moment), n in reads.items() if point.startswith("store.get") and moment == "before")

    [first], once = looked("s.t0")
    assert once > 0
    for i in range(8):
        project.run("sql", "-c", f"ALTER TABLE lake.s.t{i} RENAME TO t{i + 1}")
    told, still = looked("s.t8")
    assert [{**state, "sequence": 0} for state in told] == [{**first, "sequence": 0}] * 9
    assert still == once
    project.run("sql", "-c", "INSERT INTO lake.s.t8 VALUES (2)")
    told, _ = looked("s.t8")
    assert [state["rows"] for state in told] == [1] * 9 + [2] and told[-1]["operation"] == "append"
    project.run("sql", "-c", "DROP TABLE lake.s.t8; DROP SCHEMA lake.s")
    project.run("destroy", "-y")
