"""`tarn sql --timing` tells on standard error how long each statement took."""
import re

from harness import projects


def test_every_statement_is_timed(project):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}")
    project.apply()
    run = project.run("sql", "--timing", "-c", "SELECT 1 AS one; CREATE SCHEMA lake.s", "--format", "csv")
    assert run.stdout == "one\n1\n"
    assert len(re.findall(r"^time: \d+\.\d{6} s, of all processors \d+\.\d{6} s$", run.stderr, re.M)) == 2
    assert "time:" not in project.run("sql", "-c", "SELECT 1").stderr
