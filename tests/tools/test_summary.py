"""tools/summary.py counts what ctest and pytest report, and takes nothing missing for good."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import summary  # noqa: E402

CTEST = """<testsuite name="x">
<testcase name="A.Passes" classname="A.Passes" status="run"/>
<testcase name="A.Fails" classname="A.Fails" status="fail"><failure message="Failed"/><system-out>long ago
said last
</system-out></testcase>
<testcase name="A.Skips" classname="A.Skips" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
<testcase name="b_NOT_BUILT" classname="b_NOT_BUILT" status="notrun"><skipped message="Unable to find executable"/></testcase>
</testsuite>"""
PYTEST = """<testsuites><testsuite name="pytest">
<testcase classname="t.x" name="passes"/>
<testcase classname="t.x" name="fails"><failure message="no">E  1 is not 2</failure></testcase>
<testcase classname="t.x" name="breaks"><error message="no"/></testcase>
<testcase classname="t.x" name="skips"><skipped message="no"/></testcase>
</testsuite></testsuites>"""


def run(capsys, *arguments):
    status = summary.main([str(a) for a in arguments])
    return status, capsys.readouterr().out.splitlines()


def test_both_kinds_are_summed_and_the_sum_is_the_last_line(tmp_path, capsys):
    (tmp_path / "c.xml").write_text(CTEST)
    (tmp_path / "p.xml").write_text(PYTEST)
    status, lines = run(capsys, tmp_path / "c.xml", tmp_path / "p.xml")
    assert status == 1
    assert lines[-1] == "2 passed, 4 failed"
    assert "failed: A.Fails" in lines and "failed: b_NOT_BUILT" in lines and "skipped: A.Skips" in lines
    at = lines.index("failed: A.Fails")
    assert lines[at + 1 : at + 4] == ["    Failed", "    long ago", "    said last"]
    assert lines[lines.index("failed: t.x.fails") + 1] == "    E  1 is not 2"


def test_missing_results_are_a_failure(tmp_path, capsys):
    status, lines = run(capsys, tmp_path / "none.xml")
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")


def test_a_failed_stage_is_a_failure_beside_good_results(tmp_path, capsys):
    (tmp_path / "c.xml").write_text('<testsuite><testcase name="A.B" status="run"/></testsuite>')
    status, lines = run(capsys, "--failed-stage", "lint", tmp_path / "c.xml")
    assert (status, lines[-1]) == (1, "1 passed, 1 failed")
