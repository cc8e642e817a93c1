#!/usr/bin/env bash
# Runs the tests and closes with one line: N passed, N failed.
# Usage: tools/test.sh [--preset P] [--jobs N] [--unit | --engines | --dist] [--build]
#   nothing:   builds, C++ unit tests (ctest), tests/ without the folders below (pytest)
#   --unit:    C++ unit tests alone; builds only what they need
#   --engines: builds, tests/engines (pytest)
#   --dist:    tests/dist (pytest) on the tarball that `make dist` made
#   --build:   builds what the tests need, and runs none
# JUnit files are left in <build folder>/results.
# tests/harness/setup.sh makes the tests' Python environment; the last line it prints is the Python to run them with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=release jobs="$(nproc)" what=all build_only=false
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset="$2"; shift 2 ;;
    --jobs) jobs="$2"; shift 2 ;;
    --unit | --engines | --dist) what="${1#--}"; shift ;;
    --build) build_only=true; shift ;;
    *) echo "test: not understood: $1" >&2; exit 2 ;;
  esac
done
build="build-$preset"
[ "$preset" != release ] || build=build
results="$PWD/$build/results"
export TARN_BUILD="$PWD/$build" TARN="$PWD/$build/tarn" PYTHONDONTWRITEBYTECODE=1

say() { printf '+ %s\n' "$*" >&2; }
show() { say "$@"; "$@"; }

if [ "$what" != dist ]; then
  show cmake --preset "$preset" -DBUILD_TESTING=ON
  targets=()
  [ "$what" != unit ] || targets=(--target unit_tests)
  show cmake --build "$build" -j "$jobs" "${targets[@]}"
fi
if "$build_only"; then exit 0; fi
mkdir -p "$results"

status=0
files=()
case "$what" in
  unit)
    rm -f "$results/ctest.xml"
    files=("$results/ctest.xml")
    show ctest --test-dir "$build" -j "$jobs" --no-tests=error --output-on-failure --output-junit "$results/ctest.xml" || status=1
    ;;
  all)
    rm -f "$results/ctest.xml" "$results/pytest.xml"
    files=("$results/ctest.xml" "$results/pytest.xml")
    show ctest --test-dir "$build" -j "$jobs" --no-tests=error --output-on-failure --output-junit "$results/ctest.xml" || status=1
    python="$(tests/harness/setup.sh | tail -n 1)"
    # Each process has servers of its own; most tests wait for them.
    show "$python" -m pytest tests --ignore=tests/engines --ignore=tests/dist -q -n "$jobs" --dist worksteal --junitxml="$results/pytest.xml" || status=1
    ;;
  engines)
    rm -f "$results/engines.xml"
    files=("$results/engines.xml")
    python="$(tests/harness/setup.sh --engines | tail -n 1)"
    show "$python" -m pytest tests/engines -q --junitxml="$results/engines.xml" || status=1
    ;;
  dist)
    rm -f "$results/dist.xml"
    files=("$results/dist.xml")
    python="$(tests/harness/setup.sh | tail -n 1)"
    show "$python" -m pytest tests/dist -q --junitxml="$results/dist.xml" || status=1
    ;;
esac
python3 tools/summary.py "${files[@]}" || status=1
exit $status
