#!/usr/bin/env bash
# Prepares what the Python tests need and prints the path of the Python to run them with (the last line of standard output).
#
#   tests/harness/setup.sh            the readers (pyiceberg, deltalake, polars, DuckDB), pytest; PostgreSQL 18, versitygw
#   tests/harness/setup.sh --engines  the same, and Spark 4.1, Trino 476 and 483 with their Java (about 2.5 GB)
#
# Everything lies in ${XDG_CACHE_HOME:-~/.cache}/tarn and is made once per content of the requirements files: a second run takes
# a fraction of a second. Progress goes to standard error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${TARN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tarn}
engines=no
case "${1:-}" in
  "") ;;
  --engines) engines=yes ;;
  *) echo "usage: $0 [--engines]" >&2; exit 2 ;;
esac

# A virtual environment is complete when its mark exists; an interrupted one is made again from the start.
make_venv() {  # name, requirements file, [venv whose packages it also sees]
  local dir=$1 requirements=$2 base=${3:-}
  [ -e "$dir/.complete" ] && return
  echo "tests: making $dir" >&2
  mkdir -p "$(dirname "$dir")"
  rm -rf "$dir"
  python3 -m venv "$dir" >&2 || { echo "tests: python3 cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
  if [ -n "$base" ]; then
    "$dir/bin/python" - "$base" <<'PY'
import glob, sys, sysconfig
base = glob.glob(sys.argv[1] + "/lib/python3*/site-packages")[0]
open(sysconfig.get_path("purelib") + "/base.pth", "w").write(base + "\n")
PY
  fi
  "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2
  "$dir/bin/python" -m pip check >&2
  touch "$dir/.complete"
}

hash_of() { cat "$@" "$(readlink -f "$(command -v python3)")" | sha256sum | cut -c1-12; }

mkdir -p "$cache"
exec 9>"$cache/setup.lock"
flock 9
venv=$cache/venv-test-$(hash_of "$here/requirements.txt")
make_venv "$venv" "$here/requirements.txt"
if [ "$engines" = yes ]; then
  engine_venv=$cache/venv-engines-$(hash_of "$here/requirements.txt" "$here/requirements-engines.txt")
  make_venv "$engine_venv" "$here/requirements-engines.txt" "$venv"
  venv=$engine_venv
fi
exec 9>&-
cd "$here/.."
"$venv/bin/python" -m harness.fetch "$([ $engines = yes ] && echo engines || echo servers)" >&2
echo "$venv/bin/python"
