"""tools/lint.py finds what it should and nothing else, on trees of a few lines; and this repository is clean."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import lint  # noqa: E402


def findings(tmp_path, files):
    """What lint says about a tree of {path: text}; every header gets its #pragma once unless it starts with !."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".h"):
            text = text[1:] if text.startswith("!") else "#pragma once\n" + text
        path.write_text(text)
    return lint.check(tmp_path)


def include_finding(tmp_path, source, include):
    folders = ["base", "storage", "storage/s3", "storage/local", "columnar", "table/model", "table/iceberg",
               "table/delta", "table/dual", "change", "catalog", "catalog/sqlite", "source", "source/postgres", "sql",
               "sql/duckdb", "pipeline", "pipeline/ingest", "pipeline/transform", "project", "server", "server/http",
               "app"]
    tree = {f"src/{folder}/x.h": "" for folder in folders}
    tree[source] = f"#include {include}\n"
    return findings(tmp_path, tree)


@pytest.mark.parametrize("source, include", [
    ("src/table/iceberg/a.cc", '"base/x.h"'),
    ("src/table/iceberg/a.cc", '"table/model/x.h"'),
    ("src/table/iceberg/a.cc", '"table/iceberg/x.h"'),
    ("src/table/dual/a.cc", '"table/delta/x.h"'),
    ("src/storage/s3/a.cc", '"storage/x.h"'),
    ("src/catalog/sqlite/a.cc", '"catalog/x.h"'),
    ("src/catalog/sqlite/a.cc", '"table/iceberg/x.h"'),
    ("src/sql/duckdb/a.cc", '"catalog/x.h"'),
    ("src/pipeline/ingest/a.cc", '"source/x.h"'),
    ("src/app/a.cc", '"storage/s3/x.h"'),
    ("src/table/dual/a_test.cc", '"storage/local/x.h"'),
    ("src/catalog/sqlite/a.cc", "<sqlite3.h>"),
    ("src/sql/duckdb/a.cc", '"duckdb.hpp"'),
    ("src/storage/s3/a.cc", "<arrow/filesystem/s3fs.h>"),
    ("src/table/model/a.cc", "<arrow/type.h>"),
    ("src/base/a_test.cc", "<gtest/gtest.h>"),
    ("src/base/a.cc", "<vector>"),
])
def test_an_include_that_points_down_is_allowed(tmp_path, source, include):
    assert include_finding(tmp_path, source, include) == []


@pytest.mark.parametrize("source, include, message", [
    ("src/base/a.cc", '"storage/x.h"', "stands above it"),
    ("src/table/model/a.cc", '"table/iceberg/x.h"', "stands beside it"),
    ("src/table/iceberg/a.cc", '"table/delta/x.h"', "stands beside it"),
    ("src/storage/s3/a.cc", '"storage/local/x.h"', "stands beside it"),
    ("src/storage/a.cc", '"storage/s3/x.h"', "stands beside it"),
    ("src/source/postgres/a.cc", '"catalog/x.h"', "stands beside it"),
    ("src/pipeline/ingest/a.cc", '"pipeline/transform/x.h"', "stands beside it"),
    ("src/project/a.cc", '"server/x.h"', "stands beside it"),
    ("src/pipeline/ingest/a.cc", '"sql/duckdb/x.h"', "concrete classes"),
    ("src/table/dual/a.cc", '"storage/s3/x.h"', "concrete classes"),
    ("src/catalog/a_test.cc", '"sql/x.h"', "stands above it"),
    ("src/elsewhere/a.cc", '"base/x.h"', "stands in no layer"),
    ("src/base/a.cc", '"x.h"', 'write includes from src/: "base/x.h"'),
    ("src/sql/a.cc", '"duckdb.hpp"', "src/sql/duckdb only"),
    ("src/sql/duckdb/a.cc", "<libpq-fe.h>", "source/postgres"),
    ("src/columnar/a.cc", "<arrow/filesystem/s3fs.h>", "src/storage/s3 only"),
    ("src/base/a.cc", "<arrow/api.h>", "is known to"),
    ("src/table/iceberg/a.cc", "<parquet/arrow/writer.h>", "src/columnar only"),
    ("src/base/a.cc", "<gtest/gtest.h>", "gtest outside a test"),
])
def test_an_include_that_breaks_a_wall_is_found(tmp_path, source, include, message):
    found = include_finding(tmp_path, source, include)
    assert len(found) == 1
    assert found[0].startswith(f"{source}:1: ") and message in found[0]


@pytest.mark.parametrize("path, text, message", [
    ("src/base/a.cc", "int a;  // TO" "DO: later\n", "notes for later"),
    ("tools/a.sh", "# FIX" "ME\n", "notes for later"),
    ("docs/a.md", "see /ho" "me/someone/tarn\n", "path of one machine"),
    ("src/catalog/a.cc", "void F() { try { G(); } catch (...) {} }\n", "catch outside a wall"),
    ("src/base/a_test.cc", "std::this_thread::sleep_for(1s);\n", "a test sleeps"),
    ("src/base/a.h", "!int a;\n", "without #pragma once"),
    ("src/base/a.cc", "int a;\n" * 501, "501 lines"),
])
def test_a_breach_of_house_style_is_found(tmp_path, path, text, message):
    found = findings(tmp_path, {path: text})
    assert len(found) == 1
    assert found[0].startswith(f"{path}:") and message in found[0]


@pytest.mark.parametrize("path, text", [
    ("src/sql/duckdb/a.cc", "try { G(); } catch (const std::exception& e) {}\n"),
    ("src/base/a.cc", "// a catch (of fish)\n"),
    ("src/base/a.cc", "int a;\n" * 500),
    ("src/base/testdata/a.txt", "TO" "DO\n"),
    ("src/base/a.cc", 'auto url = "http://host/ho' 'me/x";\n'),
    ("src/base/a.cc", 'auto path = "/tmp/x";\n'),
])
def test_what_is_no_breach_is_left_alone(tmp_path, path, text):
    assert findings(tmp_path, {path: text}) == []


def test_this_repository_is_clean():
    assert lint.check(ROOT) == []
