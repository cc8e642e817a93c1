#!/usr/bin/env bash
# The whole example in one command: starts both databases, loads them, follows them while orders arrive, and stops all of it.
# Usage: ./demo.sh     needs `tarn` on the path
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v tarn >/dev/null || { echo "demo: tarn is not on the path" >&2; exit 1; }

show() { printf '\n$ %s\n' "$*"; }
step() {
  show "$@"
  "$@"
}
up=
finish() {
  [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up"; } || true
  [ ! -e state ] || tarn destroy -y || true
  ./databases.sh stop
}
trap 'status=$?; finish; exit $status' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step ./databases.sh start
show 'export SOCKS_MYSQL="$(./databases.sh url mysql)" SOCKS_POSTGRES="$(./databases.sh url postgres)"'
SOCKS_MYSQL="$(./databases.sh url mysql)" SOCKS_POSTGRES="$(./databases.sh url postgres)"
export SOCKS_MYSQL SOCKS_POSTGRES
step tarn apply -y
ask="SELECT product_id, name, price, orders, quantity, revenue FROM awsdatacatalog.sales.product_orders ORDER BY product_id"
step tarn sql --format table -c "$ask"

show tarn up '&'
tarn up &
up=$!
orders() { tarn sql --format csv -c "SELECT sum(orders)::BIGINT AS n FROM awsdatacatalog.sales.product_orders" | tail -n 1; }
before="$(orders)"
step ./databases.sh order 500
step ./databases.sh price 5 89.99
for _ in $(seq 300); do
  [ "$(orders)" -ge $((before + 500)) ] &&
    [ "$(tarn sql --format csv -c "SELECT price FROM awsdatacatalog.sales.product_orders WHERE product_id = 5" | tail -n 1)" = 89.99 ] && break
  sleep 0.2
done
step tarn sql --format table -c "$ask"
step tarn status
[ "$(orders)" -eq $((before + 500)) ]
