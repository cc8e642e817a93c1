#!/usr/bin/env python3
"""Polices the tree: layers, walls around third-party libraries, house style. Prints `file:line: message`.

Usage: tools/lint.py [ROOT]   exit status 1 if anything was found.
The tables below are the rules; the code below them only applies them.
"""

import pathlib
import re
import sys

# --- Layers -----------------------------------------------------------------------------------------------------------
# Folders of src/ by layer, low to high. A file may include its own folder, lower layers, and within its layer what
# BESIDE allows. `x/*` is any folder right below x; a folder that is not listed belongs to the nearest listed one above.
LAYERS = [
    (0, ["base"]),
    (1, ["storage", "storage/*"]),
    (2, ["columnar"]),
    (3, ["table/model", "table/iceberg", "table/delta", "table/dual", "change"]),
    (4, ["catalog", "catalog/*", "source", "source/*"]),
    (5, ["sql", "sql/*"]),
    (6, ["pipeline", "pipeline/*"]),
    (7, ["project", "server", "server/*"]),
    (8, ["app"]),
]

# Within one layer: folder -> what it may include besides itself.
BESIDE = {
    "storage/*": ["storage"],
    "table/iceberg": ["table/model"],
    "table/delta": ["table/model"],
    "table/dual": ["table/model", "table/iceberg", "table/delta"],
    "change": ["table/model"],
    "catalog/*": ["catalog"],
    "source/*": ["source"],
    "sql/*": ["sql"],
    "pipeline/*": ["pipeline"],
    "server/*": ["server"],
}

# Folders of concrete classes: named by these folders and by tests, and by nobody else.
CONCRETE = ["storage/*", "catalog/*", "source/*", "sql/*", "server/*"]
WIRING = ["app"]

# --- Third-party headers: (first match wins) pattern of the include, folders that may name it -------------------------
THIRD_PARTY = [
    (r"duckdb(\.h|\.hpp|/)", ["sql/duckdb"]),
    (r"libpq-fe\.h|libpq/|postgres_ext\.h", ["source/postgres", "catalog/postgres"]),
    (r"sqlite3(ext)?\.h", ["catalog/sqlite"]),
    (r"(mysql|mariadb)(/|_|\.h)", ["source/mysql"]),
    (r"curl/", ["storage/s3", "catalog/rest", "sql/trino"]),
    (r"arrow/filesystem/", ["storage/s3"]),
    (r"arrow/flight/", ["server/flight"]),
    (r"arrow/", ["storage/s3", "columnar", "table", "change", "catalog", "source", "sql", "pipeline", "project", "server", "app"]),
    (r"parquet/", ["columnar"]),
    (r"roaring/", ["columnar"]),
    (r"yaml-cpp/", ["project"]),
    (r"CLI/", ["app"]),
    (r"nlohmann/", ["base"]),
    (r"simdjson", ["base", "source/files"]),
    (r"spdlog/", ["base"]),
    (r"fmt/", ["base"]),
    (r"openssl/", ["base", "storage/s3", "server"]),
    (r"boost/unordered/", ["pipeline/ingest"]),
    (r"boost/(?!unordered/)", ["server"]),
]
# gtest and gmock: in tests, and in headers made for tests.
TEST_HEADERS = r"(gtest|gmock)/"
TEST_FILES = r"(_test\.cc|(conformance|testing|test_util|test_support|fake|matchers)\w*\.(h|cc))$"

# --- House style ------------------------------------------------------------------------------------------------------
# Where an exception may be caught: the edges of libraries that throw, and the last walls of threads.
WALLS = {
    "src/sql/duckdb/": "DuckDB throws",
    "src/columnar/": "parquet throws",
    "src/project/": "yaml-cpp throws",
    "src/base/json": "nlohmann throws",
    "src/base/thread": "last wall of a thread",
    "src/server/": "last wall of a connection",
    "src/app/": "last wall of the program; CLI11 throws",
}

LINES_MAX = 500  # of a file of src/
# path -> why it may be longer than LINES_MAX
LONG_FILES = {}

# (pattern, suffixes or None for all, only below these folders or None for all, message)
MARKS = "TO" "DO|FIX" "ME|XX" "X"
MACHINE_ROOTS = "home|root|Users|work|workspace"
FORBIDDEN = [
    (rf"\b({MARKS})\b", None, None, "no notes for later: do it or leave it"),
    (r"(?<![\w.})/\-])/(" + MACHINE_ROOTS + r")/\w", None, None, "path of one machine"),
]

SCANNED_FOLDERS = ["src", "tests", "bench", "fuzz", "tools", "cmake", "examples", "deploy", "docs", "web"]
SCANNED_SUFFIXES = {".cc", ".h", ".py", ".sh", ".cmake", ".txt", ".sql", ".yaml", ".yml", ".md", ".js", ".ts", ".css", ".html"}
SKIPPED_FOLDERS = {"testdata", "node_modules", "dist", "__pycache__", ".pytest_cache", "golden"}


def listed(folder):
    """The entry of LAYERS that `folder` (relative to src/) belongs to, and its layer, or (None, None)."""
    parts = folder.split("/")
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        star = "/".join(parts[: length - 1] + ["*"]) if length > 1 else None
        for layer, entries in LAYERS:
            if name in entries:
                return name, layer
        for layer, entries in LAYERS:
            if star in entries:
                return name, layer
    return None, None


def is_in(folder, entries):
    """Whether `folder` is one of `entries` or below one of them; `x/*` is anything below x."""
    for entry in entries:
        if entry.endswith("/*"):
            if folder.startswith(entry[:-1]):
                return True
        elif folder == entry or folder.startswith(entry + "/"):
            return True
    return False


def may_include(from_folder, to_folder, is_test):
    """None if allowed, else why not. Both folders are relative to src/."""
    source, source_layer = listed(from_folder)
    target, target_layer = listed(to_folder)
    if source is None:
        return f"src/{from_folder} stands in no layer: list it in tools/lint.py"
    if target is None:
        return f"src/{to_folder} stands in no layer: list it in tools/lint.py"
    if source == target:
        return None
    if target_layer > source_layer:
        return f"{source} (layer {source_layer}) includes {target} (layer {target_layer}), which stands above it"
    # A concrete class has siblings of its own layer in tests only, where they are compared.
    if is_test:
        return None
    if target_layer == source_layer:
        allowed = [name for folder, names in BESIDE.items() if is_in(source, [folder]) for name in names]
        if target not in allowed:
            return f"{source} includes {target}, which stands beside it"
        return None
    if is_in(target, CONCRETE) and not is_in(source, WIRING):
        return f"{source} names {target}: concrete classes are named by {', '.join(WIRING)} and by tests only"
    return None


def third_party(folder, include, is_test):
    """None if allowed, else why not."""
    if re.match(TEST_HEADERS, include):
        return None if is_test else "gtest outside a test"
    for pattern, folders in THIRD_PARTY:
        if re.match(pattern, include):
            if is_in(folder, folders):
                return None
            return f"<{include}> is known to {', '.join('src/' + f for f in folders)} only"
    return None


def check_cpp(root, path, lines, report):
    relative = path.relative_to(root).as_posix()
    in_src = relative.startswith("src/")
    is_test = not in_src or re.search(TEST_FILES, relative) is not None
    if path.suffix == ".h" and "#pragma once" not in lines:
        report(1, "header without #pragma once")
    folder = path.parent.relative_to(root / "src").as_posix() if in_src else None
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if include and in_src:
            name = include.group(2)
            first = name.split("/")[0]
            if include.group(1) == '"' and (root / "src" / first).is_dir() and "/" in name:
                why = may_include(folder, str(pathlib.PurePosixPath(name).parent), is_test)
            elif include.group(1) == '"' and (path.parent / name).exists():
                why = f'write includes from src/: "{folder}/{name}"'
            else:
                why = third_party(folder, name, is_test)
            if why:
                report(number, why)
        code = line.split("//")[0]
        if in_src and not is_test and re.search(r"\bcatch\s*\(", code) and not any(map(relative.startswith, WALLS)):
            report(number, "catch outside a wall (WALLS in tools/lint.py)")
        if is_test and re.search(r"\bsleep_(for|until)\b", code):
            report(number, "a test sleeps: wait for the condition, with a deadline")
    if in_src and len(lines) > LINES_MAX and relative not in LONG_FILES:
        report(len(lines), f"{len(lines)} lines, more than {LINES_MAX}: split it, or list it in LONG_FILES with the reason")


def files_of(root):
    for folder in SCANNED_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SCANNED_SUFFIXES and path.is_file():
                if not SKIPPED_FOLDERS.intersection(path.relative_to(root).parts):
                    yield path


def check(root):
    """Every finding below `root`, as `file:line: message`."""
    root = pathlib.Path(root).resolve()
    found = []
    for path in files_of(root):
        relative = path.relative_to(root).as_posix()
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()

        def report(number, message, relative=relative):
            found.append(f"{relative}:{number}: {message}")

        if path.suffix in (".cc", ".h"):
            check_cpp(root, path, lines, report)
        for pattern, suffixes, folders, message in FORBIDDEN:
            if suffixes and path.suffix not in suffixes or folders and not relative.startswith(tuple(folders)):
                continue
            for number, line in enumerate(lines, 1):
                if re.search(pattern, line):
                    report(number, message)
    for name in LONG_FILES:
        if not (root / name).is_file():
            found.append(f"tools/lint.py:1: LONG_FILES lists {name}, which is not there")
    return found


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = check(root)
    for finding in found:
        print(finding)
    print(f"lint: {len(found)} findings" if found else "lint: clean", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
