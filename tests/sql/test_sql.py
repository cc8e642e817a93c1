"""Runs tests/sql/*.test: whatever shows in SQL, in sqllogictest's form, each file on a fresh lake through `tarn sql`.

  statement ok            the statements below it run; several (a transaction, say) share one session
  statement error TEXT    they end with an error that has TEXT in it (in any case)
  query [rowsort]         the rows, as CSV without the head, must be those below ----
  # …                     a remark
Records are separated by empty lines.
"""
import pathlib
import re

import pytest

FILES = sorted(pathlib.Path(__file__).parent.glob("*.test"))


def records(text):
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            yield lines[0].strip(), "\n".join(lines[1:])


@pytest.fixture
def lake(project):
    project.yaml("name: sqltest\n")
    project.apply()
    return project


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_file(lake, file):
    count = 0
    for head, body in records(file.read_text()):
        count += 1
        sql, _, expected = body.partition("\n----")
        r = lake.run("sql", "-c", sql, "--format", "csv", check=None)
        if head.startswith("statement error"):
            wanted = head.removeprefix("statement error").strip()
            assert r.exit_code == 1 and wanted.lower() in r.stderr.lower(), f"{file.name}: {sql}\n{r}"
            continue
        assert r.exit_code == 0, f"{file.name}: {sql}\n{r}"
        if head.startswith("query"):
            got = r.stdout.splitlines()[1:]
            want = expected.strip("\n").splitlines()
            if "rowsort" in head:
                got, want = sorted(got), sorted(want)
            assert got == want, f"{file.name}: {sql}\n{r}"
        else:
            assert head == "statement ok", f"{file.name}: what is {head!r}?"
    assert count, f"{file.name} has no record"


def test_an_object_of_json_has_no_member_twice(lake):
    assert "two columns of the result are called a" in lake.run("sql", "-c", "SELECT 1 AS a, 2 AS a", "--format", "json", check=1).stderr
    assert lake.run("sql", "-c", "SELECT 1 AS a, 2 AS a", "--format", "csv").stdout == "a,a\n1,2\n"
