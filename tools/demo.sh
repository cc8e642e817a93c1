#!/usr/bin/env bash
# The whole round, on a PostgreSQL that is started for it and stopped at the end: what `make demo` runs.
# Usage: tools/demo.sh [FOLDER]   default: ./demo, which is made anew; any other folder must be empty or new
# Needs build/tarn, or $TARN, and the PostgreSQL programs. The lake stays in FOLDER to be looked at.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
tarn="$(realpath -- "${TARN:-$root/build/tarn}")"
[ -x "$tarn" ] || {
  echo "demo: there is no ${TARN:-build/tarn}: make build" >&2
  exit 1
}

bold='' plain=''
[ ! -t 1 ] || bold=$'\033[1m' plain=$'\033[0m'
show() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; }

# Shows what the reader could type, with the command as `tarn`, whatever its place, and runs it.
step() {
  show "$@"
  if [ "$1" = tarn ]; then
    shift
    "$tarn" "$@"
  else
    "$@"
  fi
}
sql() {
  show "tarn sql -c \"$1\""
  "$tarn" sql --format table -c "$1"
}

folder="${1:-$root/demo}"
if [ $# -eq 0 ] && [ -e "$folder" ]; then
  # An earlier demo: its database is stopped if it still runs.
  [ -e "$folder/tarn.yaml" ] && [ -x "$folder/database.sh" ] || {
    echo "demo: demo/ is not an earlier demo: remove it, or name another folder" >&2
    exit 1
  }
  "$folder/database.sh" stop 2>/dev/null
  rm -rf -- "$folder"
fi
mkdir -p -- "$(dirname "$folder")"
cd "$(dirname "$folder")"
folder="$(basename "$folder")"

step tarn init pagila "$folder"
cd "$folder"
stop_database() {
  step ./database.sh stop
}
trap 'status=$?; stop_database || true; exit $status' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step ./database.sh start
show 'export PAGILA_URL="$(./database.sh url)"'
PAGILA_URL="$(./database.sh url)"
export PAGILA_URL

# 3 is what `plan` says when there are changes.
step tarn plan || [ $? -eq 3 ]
step tarn apply -y
step tarn plan
sql "SHOW SCHEMAS FROM minio;"
sql "SELECT * FROM minio.silver.customer_active LIMIT 5;"
sql "SELECT l.customer_id, l.first_name, p.email FROM minio.silver.customer_active l JOIN postgres.public.customer p ON l.customer_id = p.customer_id LIMIT 5;"
sql "SELECT * FROM minio.gold.customer_counts ORDER BY store_id;"

cat <<END

The lake stands in $PWD/warehouse: every table is a folder with
Parquet files, an Iceberg log (metadata/) and a Delta log (_delta_log/). Where to look next:
$(printf '  %-22s %s\n' "$folder/README.md" "the same round by hand, and what to change to see it follow" \
  "$folder/pagila.ipynb" "the tables in a notebook, with pyiceberg and polars" \
  README.md "a project of your own; other engines")
To go on from here:
  cd $(printf %q "$PWD") && export PATH="$(dirname "$tarn"):\$PATH"
  ./database.sh start && export PAGILA_URL="\$(./database.sh url)" && tarn sql
END
