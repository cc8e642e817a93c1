"""The C++ tests of change capture from PostgreSQL, which run on 15 by themselves, on PostgreSQL 18."""
import os
import pathlib
import subprocess

from tests.harness import fetch


def test_capture_from_postgres_18():
    program = pathlib.Path(os.environ.get("TARN_BUILD", "build")).resolve() / "bin/source_postgres_test"
    run = subprocess.run([program, "--gtest_filter=PostgresCapture*:PostgresStreamed*:PostgresSlot*:PostgresTypes.*", "--gtest_brief=1"],
                         env={**os.environ, "TARN_TEST_POSTGRES_BIN": str(fetch.postgres_bin(18))}, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
