#!/usr/bin/env bash
# A PostgreSQL and an S3 server of this example's own, to be thrown away.
#
#   ./services.sh start              starts both on free ports of 127.0.0.1; running ones are left as they are
#   ./services.sh env                prints what tarn.yaml reads: eval "$(./services.sh env)"
#   ./services.sh transfer [COUNT]   makes so many transfers between accounts (default: 1), each a transaction of its own
#   ./services.sh stop               stops both and removes them with all their data
#
# Uses the PostgreSQL of this system (Debian: postgresql-15), and versitygw as the S3 server: on the path, or named by
# $VERSITYGW (one program: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0). All that it makes stands in
# .services/. PostgreSQL refuses to run as root: root runs it as the user postgres, with the data in /tmp where that user
# cannot reach this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
home="$PWD/.services"
umask 077

say() { printf 'services: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}
random_text() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
as_root() { [ "$(id -u)" -eq 0 ]; }

# A port that nobody listens on at this moment.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s\n' "$port"
}

find_programs() {
  local folder
  postgres_bin=
  while read -r folder; do
    [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && postgres_bin="$folder" && break
  done < <(dirname "$(command -v initdb || echo /none/x)"; printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
  [ -n "$postgres_bin" ] || fail "there is no PostgreSQL server on this machine: apt-get install postgresql-15"
  psql="$(command -v psql || echo "$postgres_bin/psql")"
  s3_server="$(command -v "${VERSITYGW:-versitygw}" || true)"
  [ -n "$s3_server" ] || fail "there is no versitygw on this machine: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0"
}

# As the server's user where we are root, with an environment of its own.
as_postgres() {
  local clean=(env -i PATH="$PATH" LC_ALL=C HOME=/)
  if as_root; then
    (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "${clean[@]}" "$@")
  else
    (cd / && "${clean[@]}" "$@")
  fi
}

# Sets `data`: the folder that was made for the servers of this example; a copy of the example has none.
find_data() { data="$(cat "$home/data.path" 2>/dev/null)" && [ "$(cat "$data/of" 2>/dev/null)" = "$home" ]; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
is_running() { find_data && [ -e "$home/ports" ] && read -r postgres_port s3_port <"$home/ports" && answers "$postgres_port" && answers "$s3_port"; }

make_data() {
  mkdir "$home"
  if as_root; then
    data="$(mktemp -d /tmp/tarn-cdc-XXXXXX)"
    chmod 711 "$data"
  else
    data="$home/data"
    mkdir "$data"
  fi
  printf '%s\n' "$home" >"$data/of"
  printf '%s\n' "$data" >"$home/data.path"
  # A folder of the S3 server's is a bucket.
  mkdir -p "$data/postgres" "$data/s3/cdc-dev" "$data/s3/cdc-prod" "$data/sidecar"
  ! as_root || chown postgres: "$data/postgres"
}

# Nothing in the data is worth a clean end.
stop() {
  local pid
  if find_data; then
    as_postgres "$postgres_bin/pg_ctl" -D "$data/postgres/cluster" -s -w -t 10 -m immediate stop >/dev/null 2>&1 || true
    pid="$(cat "$data/s3.pid" 2>/dev/null || true)"
    if [ -n "$pid" ]; then
      kill -9 "$pid" 2>/dev/null || true
      while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    fi
    rm -rf -- "$data"
  fi
  rm -rf -- "$home"
}

start_postgres() {
  local password
  password="$(random_text)"
  postgres_port="$(free_port)"
  as_postgres "$postgres_bin/initdb" -D "$data/postgres/cluster" -U postgres -E UTF8 --locale=C -A reject --no-sync >/dev/null
  as_postgres sh -c 'cat >"$1"' - "$data/postgres/cluster/pg_hba.conf" <<<"host all,replication bank 127.0.0.1/32 scram-sha-256"
  # A standalone server runs one statement a line, before anybody can connect.
  printf '%s\n' "CREATE ROLE bank LOGIN REPLICATION PASSWORD '$password'" "CREATE DATABASE bank OWNER bank" |
    as_postgres "$postgres_bin/postgres" --single -c password_encryption=scram-sha-256 -D "$data/postgres/cluster" postgres >/dev/null 2>&1
  as_postgres "$postgres_bin/pg_ctl" -D "$data/postgres/cluster" -s -w -t 60 -l "$data/postgres/server.log" \
    -o "-p $postgres_port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c wal_level=logical -c fsync=off" start >/dev/null 2>&1 ||
    { as_postgres tail -n 20 "$data/postgres/server.log" >&2; fail "PostgreSQL does not start on port $postgres_port"; }
  printf 'postgres://bank:%s@127.0.0.1:%s/bank\n' "$password" "$postgres_port" >"$home/url"
  "$psql" -X -q -o /dev/null -f postgres.sql "$(cat "$home/url")"
}

start_s3() {
  local key secret tries store=("$data/s3")
  key="key$(random_text | cut -c1-12)"
  secret="$(random_text)"
  s3_port="$(free_port)"
  # A file system without extended attributes has them in files beside.
  setfattr -n user.tarn -v 1 "$data/s3" 2>/dev/null || store=(--sidecar "$data/sidecar" "$data/s3")
  env -i PATH="$PATH" ROOT_ACCESS_KEY="$key" ROOT_SECRET_KEY="$secret" "$s3_server" --quiet --port "127.0.0.1:$s3_port" posix "${store[@]}" \
    </dev/null >"$data/s3.log" 2>&1 &
  printf '%s\n' $! >"$data/s3.pid"
  disown
  for tries in $(seq 300); do
    answers "$s3_port" && break
    [ "$tries" -lt 300 ] || { tail -n 20 "$data/s3.log" >&2; fail "the S3 server does not start on port $s3_port"; }
    sleep 0.1
  done
  printf 'AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s CDC_S3_ENDPOINT=http://127.0.0.1:%s\n' "$key" "$secret" "$s3_port" >"$home/s3"
}

start() {
  if is_running; then
    say "are already running"
    return
  fi
  stop
  trap 'status=$?; [ $status -eq 0 ] || stop; exit $status' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  make_data
  start_postgres
  start_s3
  printf '%s %s\n' "$postgres_port" "$s3_port" >"$home/ports"
  say "run: PostgreSQL on 127.0.0.1:$postgres_port, S3 on 127.0.0.1:$s3_port"
}

print_env() {
  is_running || fail "are not running: ./services.sh start"
  printf 'export CDC_POSTGRES=%s %s\n' "$(cat "$home/url")" "$(cat "$home/s3")"
}

transfer() {
  local count="$1" i from
  is_running || fail "are not running: ./services.sh start"
  for ((i = 0; i < count; i++)); do
    from=$((1 + RANDOM % 100))
    printf 'SELECT transfer(%d, %d, %d.%02d);\n' "$from" $((1 + (from + RANDOM % 99) % 100)) $((RANDOM % 50)) $((RANDOM % 100))
  done | "$psql" -X -q -o /dev/null -v ON_ERROR_STOP=1 "$(cat "$home/url")"
}

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]##*/}" >&2
  exit 2
}

find_programs
case "${1:-}" in
  start) start ;;
  env) print_env ;;
  transfer)
    [[ "${2:-1}" =~ ^[0-9]+$ ]] || usage
    transfer "${2:-1}"
    ;;
  stop)
    if [ -e "$home" ]; then
      stop
      say "stopped and removed"
    else
      say "are not running"
    fi
    ;;
  *) usage ;;
esac
