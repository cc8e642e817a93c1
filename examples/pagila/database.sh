#!/usr/bin/env bash
# A PostgreSQL of this example's own, filled with database.sql, to be thrown away.
#
#   ./database.sh start [PORT]   starts it on 127.0.0.1 (default: a free port) and fills it; a running one is left as it is
#   ./database.sh url            prints the URL to connect with, password included
#   ./database.sh stop           stops it and removes it with all its data
#
# Uses the PostgreSQL programs of this system (initdb, pg_ctl, psql; Debian: postgresql-15). All that it makes stands in
# .database/. PostgreSQL refuses to run as root: root runs it as the user postgres, with the data in /tmp where that user
# cannot reach this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
home="$PWD/.database"
umask 077

say() { printf 'database: %s\n' "$*" >&2; }
fail() {
  say "$@"
  exit 1
}

find_programs() {
  local folder candidates=()
  candidates+=("$(dirname "$(command -v initdb || echo /none)")" "$(pg_config --bindir 2>/dev/null || echo /none)")
  mapfile -t -O "${#candidates[@]}" candidates < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
  programs=
  for folder in "${candidates[@]}"; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ -x "$folder/postgres" ]; then
      programs="$folder"
      break
    fi
  done
  [ -n "$programs" ] || fail "there is no PostgreSQL server on this machine: apt-get install postgresql-15"
  command -v psql >/dev/null || PATH="$PATH:$programs"
  command -v psql >/dev/null || fail "there is no psql on this machine: apt-get install postgresql-client-15"
}

# Runs a program as the user of the server, without the PG* variables that could lead it elsewhere.
as_server() {
  local clean=(env -i PATH="$PATH" LC_ALL=C HOME=/)
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "${clean[@]}" "$@")
  else
    (cd / && "${clean[@]}" "$@")
  fi
}

# Sets `cluster` to the folder that was made for this example; a copy of the example has none.
find_cluster() {
  cluster="$(cat "$home/cluster.path" 2>/dev/null)" && [ "$(cat "$cluster/../of" 2>/dev/null)" = "$home" ]
}

is_running() {
  find_cluster && [ -e "$home/url" ] && (exec 3<>"/dev/tcp/127.0.0.1/$(sed 's/.*:\([0-9]*\)\/pagila$/\1/' "$home/url")") 2>/dev/null
}

# Sets `cluster`, an empty folder of the server's user.
make_cluster_folder() {
  local parent="$home"
  mkdir "$home"
  if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || fail "PostgreSQL does not run as root, and there is no user postgres to run it as"
    chmod 711 "$home"
    if ! as_server test -x "$home"; then
      parent="$(mktemp -d /tmp/tarn-pagila-XXXXXX)"
      chmod 711 "$parent"
    fi
  fi
  printf '%s\n' "$home" >"$parent/of"
  cluster="$parent/cluster"
  printf '%s\n' "$cluster" >"$home/cluster.path"
  mkdir "$cluster"
  [ "$(id -u)" -ne 0 ] || chown postgres: "$cluster"
}

# Nothing in the data is worth a clean end. A server that was killed, or that lost its folder, counts as stopped.
stop() {
  if find_cluster; then
    as_server "$programs/pg_ctl" -D "$cluster" -s -w -t 10 -m immediate stop >/dev/null 2>&1 || true
    case "$cluster" in
      /tmp/tarn-pagila-??????/cluster) rm -rf -- "$(dirname "$cluster")" ;;
    esac
  fi
  rm -rf -- "$home"
}

random_text() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# A port that nobody listens on at this moment.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s\n' "$port"
}

server_log() { as_server cat "$cluster/server.log" 2>/dev/null || true; }

start_on() {
  as_server rm -f "$cluster/server.log"
  as_server "$programs/pg_ctl" -D "$cluster" -s -w -t 60 -l "$cluster/server.log" -o \
    "-p $1 -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=50 -c fsync=off" start >/dev/null 2>&1
}

# Only the role pagila gets in, only to the database pagila, only with its password.
make_cluster() {
  as_server "$programs/initdb" -D "$cluster" -U postgres -E UTF8 --locale=C -A reject --no-sync >/dev/null
  as_server sh -c 'cat >"$1"' - "$cluster/pg_hba.conf" <<<"host pagila pagila 127.0.0.1/32 scram-sha-256"
  # A standalone server runs one statement a line, before anybody can connect.
  printf '%s\n' "CREATE ROLE pagila LOGIN PASSWORD '$password'" "CREATE DATABASE pagila OWNER pagila" |
    as_server "$programs/postgres" --single -c password_encryption=scram-sha-256 -D "$cluster" postgres >/dev/null 2>&1
}

start() {
  local password port attempt
  if is_running; then
    say "is already running"
    return
  fi
  stop
  trap 'status=$?; [ $status -eq 0 ] || stop; exit $status' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  make_cluster_folder
  password="$(random_text)"
  make_cluster
  for attempt in 1 2 3 4 5; do
    port="${1:-$(free_port)}"
    start_on "$port" && break
    # Somebody else was quicker to take a port that was free.
    if [ -n "${1:-}" ] || [ "$attempt" -eq 5 ] || ! server_log | grep -q "could not create any TCP/IP sockets"; then
      server_log | tail -n 20 >&2
      fail "PostgreSQL does not start on port $port"
    fi
  done
  env -i PATH="$PATH" PGHOST=127.0.0.1 PGPORT="$port" PGUSER=pagila PGDATABASE=pagila PGPASSWORD="$password" \
    psql -X -q -o /dev/null -f database.sql
  printf 'postgres://pagila:%s@127.0.0.1:%s/pagila\n' "$password" "$port" >"$home/url"
  say "runs on 127.0.0.1:$port"
}

url() { find_cluster && cat "$home/url" 2>/dev/null || fail "is not running: ./database.sh start"; }

usage() {
  sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]##*/}" >&2
  exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] || usage
case "$1" in
  start)
    case "${2:-}" in *[!0-9]*) usage ;; esac
    find_programs
    start "${2:-}"
    ;;
  url) url ;;
  stop)
    find_programs
    if [ -e "$home" ]; then
      stop
      say "stopped and removed"
    else
      say "is not running"
    fi
    ;;
  *) usage ;;
esac
