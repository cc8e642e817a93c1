#!/usr/bin/env bash
# The whole example in one command: starts PostgreSQL and S3, makes both environments, follows the bank in both while money
# moves, shows that every account adds up, and stops all of it.
# Usage: ./demo.sh     needs `tarn` on the path, and what ./services.sh names
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
command -v tarn >/dev/null || { echo "demo: tarn is not on the path" >&2; exit 1; }

show() { printf '\n$ %s\n' "$*"; }
step() {
  show "$@"
  "$@"
}
running=()
finish() {
  local pid env
  for pid in "${running[@]}"; do { kill "$pid" 2>/dev/null && wait "$pid"; } || true; done
  for env in dev prod; do
    [ ! -e "state-$env" ] || tarn destroy -y --env "$env" || true
  done
  ./services.sh stop
}
trap 'status=$?; finish; exit $status' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step ./services.sh start
show 'eval "$(./services.sh env)"'
eval "$(./services.sh env)"
for env in dev prod; do
  step tarn apply -y --env "$env"
  show tarn up --env "$env" '&'
  tarn up --env "$env" &
  running+=($!)
done
step ./services.sh transfer 1000
# 100 accounts were opened with an entry each; a transfer has two.
entries() { tarn sql --env "$1" --format csv -c "SELECT coalesce(sum(entries), 0)::BIGINT AS n FROM lake.silver.balance" | tail -n 1; }
for env in dev prod; do
  for _ in $(seq 300); do
    [ "$(entries "$env")" -ge 2100 ] && break
    sleep 0.2
  done
  step tarn sql --env "$env" --format table -c "SELECT count(*) AS accounts, sum(balance) AS balance, sum(booked) AS booked, sum(entries)::BIGINT AS entries FROM lake.silver.balance"
  step tarn status --env "$env"
  [ "$(entries "$env")" -eq 2100 ]
done
