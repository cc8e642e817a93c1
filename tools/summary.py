#!/usr/bin/env python3
"""Sums JUnit files of ctest and pytest into one line, `N passed, N failed`; names what failed or was skipped before it, and
tells the end of what each of the first failures printed.

Usage: tools/summary.py [--failed-stage NAME]… FILE…
A file that is missing or unreadable counts as one failure, and so does a stage that failed. A test that was not run
(its program is missing) is a failure; one that chose to skip itself is named, and counted as neither.
Exit status 0 only if nothing failed.
"""

import argparse
import sys
import xml.etree.ElementTree as ElementTree

FAILURES_TOLD = 20


def outcome(case):
    """passed, failed or skipped of one <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    skipped = case.find("skipped")
    if skipped is not None:
        # ctest says why a test did not run; only these two are the test's own choice.
        chosen = ("SKIP_REGULAR_EXPRESSION_MATCHED", "SKIP_RETURN_CODE")
        from_ctest = case.get("status") is not None
        return "skipped" if not from_ctest or (skipped.get("message") or "").startswith(chosen) else "failed"
    return "passed" if case.get("status") in (None, "run") else "skipped"


def told(case, lines=12, width=300):
    """The end of what a failed <testcase> said: pytest's account of it, or what the program of ctest printed."""
    texts = [element.text or element.get("message") or "" for kind in ("failure", "error", "system-out") for element in case.iter(kind)]
    return [line[:width] for line in "\n".join(texts).splitlines() if line.strip()][-lines:]


def read(path):
    """(name, outcome, what it said if it failed) of each test of a JUnit file."""
    cases = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        group = case.get("classname") or ""
        name = case.get("name") or ""
        result = outcome(case)
        said = told(case) if result == "failed" else []
        cases.append((name if group == name or not group else f"{group}.{name}", result, said))
    return cases


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--failed-stage", action="append", default=[])
    parser.add_argument("files", nargs="*")
    options = parser.parse_args(arguments)
    passed, failed = 0, 0
    for stage in options.failed_stage:
        failed += 1
        print(f"failed: stage {stage}")
    for path in options.files:
        try:
            cases = read(path)
        except (OSError, ElementTree.ParseError) as error:
            failed += 1
            print(f"failed: no results in {path}: {error}")
            continue
        for name, result, said in cases:
            passed += result == "passed"
            failed += result == "failed"
            if result != "passed":
                print(f"{result}: {name}")
            if failed <= FAILURES_TOLD:
                for line in said:
                    print(f"    {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
