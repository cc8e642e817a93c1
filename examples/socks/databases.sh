#!/usr/bin/env bash
# A MySQL with socks and a PostgreSQL with their orders, of this example's own, to be thrown away.
#
#   ./databases.sh start            starts both on free ports of 127.0.0.1 and fills them; running ones are left as they are
#   ./databases.sh url mysql        prints the URL to connect with, password included; or: url postgres
#   ./databases.sh order [COUNT]    places so many orders (default: 1), each a transaction of its own
#   ./databases.sh price ID PRICE   changes the price of a sock
#   ./databases.sh stop             stops both and removes them with all their data
#
# Uses the servers of this system: mariadbd or mysqld (Debian: mariadb-server-core, mariadb-client-core), PostgreSQL (Debian:
# postgresql-15). All that it makes stands in .databases/. The servers refuse to run as root: root runs them as the users
# nobody and postgres, with the data in /tmp where those users cannot reach this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
home="$PWD/.databases"
umask 077

say() { printf 'databases: %s\n' "$*" >&2; }
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

# The first program of the arguments that this machine has, by its whole path; else nothing.
program() {
  local name folder
  for name in "$@"; do
    command -v "$name" && return
    for folder in /usr/sbin /usr/local/mysql/bin; do
      [ -x "$folder/$name" ] && printf '%s\n' "$folder/$name" && return
    done
  done
  return 0
}

find_programs() {
  local folder
  postgres_bin=
  while read -r folder; do
    [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && postgres_bin="$folder" && break
  done < <(dirname "$(command -v initdb || echo /none/x)"; printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
  [ -n "$postgres_bin" ] || fail "there is no PostgreSQL server on this machine: apt-get install postgresql-15"
  psql="$(program psql)"
  psql="${psql:-$postgres_bin/psql}"
  mysqld="$(program mariadbd mysqld)"
  [ -n "$mysqld" ] || fail "there is no MySQL or MariaDB server on this machine: apt-get install mariadb-server-core"
  mysql_client="$(program mariadb mysql)"
  [ -n "$mysql_client" ] || fail "there is no MySQL client on this machine: apt-get install mariadb-client-core"
}

# run_as USER COMMAND…: as that user where we are root, with an environment of its own.
run_as() {
  local user="$1" clean=(env -i PATH="$PATH" LC_ALL=C HOME=/)
  shift
  if as_root; then
    (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "${clean[@]}" "$@")
  else
    (cd / && "${clean[@]}" "$@")
  fi
}
mysql_user=nobody
postgres_user=postgres

# Sets `data`: the folder that was made for the servers of this example; a copy of the example has none.
find_data() { data="$(cat "$home/data.path" 2>/dev/null)" && [ "$(cat "$data/of" 2>/dev/null)" = "$home" ]; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port_of() { sed 's/.*:\([0-9]*\)\/.*/\1/' "$home/$1.url" 2>/dev/null; }
is_running() { find_data && answers "$(port_of mysql)" && answers "$(port_of postgres)"; }

make_data() {
  mkdir "$home"
  if as_root; then
    data="$(mktemp -d /tmp/tarn-socks-XXXXXX)"
    chmod 711 "$data"
  else
    data="$home/data"
    mkdir "$data"
  fi
  printf '%s\n' "$home" >"$data/of"
  printf '%s\n' "$data" >"$home/data.path"
  mkdir "$data/mysql" "$data/postgres"
  ! as_root || chown "$mysql_user:" "$data/mysql"
  ! as_root || chown "$postgres_user:" "$data/postgres"
}

# Nothing in the data is worth a clean end.
stop() {
  local pid
  if find_data; then
    run_as "$postgres_user" "$postgres_bin/pg_ctl" -D "$data/postgres/cluster" -s -w -t 10 -m immediate stop >/dev/null 2>&1 || true
    pid="$(cat "$data/mysql/pid" 2>/dev/null || true)"
    if [ -n "$pid" ]; then
      kill -9 "$pid" 2>/dev/null || true
      while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    fi
    rm -rf -- "$data"
  fi
  rm -rf -- "$home"
}

# Waits until a command succeeds, a minute at most.
wait_for() {
  local tries
  for tries in $(seq 600); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  return 1
}

mysql_root() { run_as "$mysql_user" "$mysql_client" --no-defaults --protocol=socket --socket="$data/mysql/sock" -uroot --default-character-set=utf8mb4 "$@"; }

start_mysql() {
  local password port installer
  password="$(random_text)"
  port="$(free_port)"
  installer="$(program mariadb-install-db)"
  case "$(basename "$mysqld")" in
    mariadbd) run_as "$mysql_user" "$installer" --no-defaults --datadir="$data/mysql/data" --auth-root-authentication-method=normal --skip-test-db ;;
    *) run_as "$mysql_user" "$mysqld" --no-defaults --initialize-insecure --datadir="$data/mysql/data" ;;
  esac >"$data/mysql.log" 2>&1 || { tail -n 20 "$data/mysql.log" >&2; fail "MySQL's data cannot be made"; }
  # What change capture needs: a log of rows, whole ones, and a server id.
  run_as "$mysql_user" "$mysqld" --no-defaults --datadir="$data/mysql/data" --socket="$data/mysql/sock" --pid-file="$data/mysql/pid" \
    --bind-address=127.0.0.1 --port="$port" --server-id=1 --log-bin=binlog --binlog-format=ROW --binlog-row-image=FULL \
    --innodb-flush-log-at-trx-commit=0 --sync-binlog=0 </dev/null >>"$data/mysql.log" 2>&1 &
  disown
  wait_for mysql_root -e 'SELECT 1' || { tail -n 20 "$data/mysql.log" >&2; fail "MySQL does not start on port $port"; }
  mysql_root -e "CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE USER socks@'%' IDENTIFIED BY '$password';
    GRANT ALL ON shop.* TO socks@'%'; GRANT RELOAD, REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO socks@'%'"
  mysql_root shop <mysql.sql
  printf 'mysql://socks:%s@127.0.0.1:%s/shop\n' "$password" "$port" >"$home/mysql.url"
}

start_postgres() {
  local password port
  password="$(random_text)"
  port="$(free_port)"
  run_as "$postgres_user" "$postgres_bin/initdb" -D "$data/postgres/cluster" -U postgres -E UTF8 --locale=C -A reject --no-sync >/dev/null
  run_as "$postgres_user" sh -c 'cat >"$1"' - "$data/postgres/cluster/pg_hba.conf" <<<"host all,replication socks 127.0.0.1/32 scram-sha-256"
  # A standalone server runs one statement a line, before anybody can connect.
  printf '%s\n' "CREATE ROLE socks LOGIN REPLICATION PASSWORD '$password'" "CREATE DATABASE shop OWNER socks" |
    run_as "$postgres_user" "$postgres_bin/postgres" --single -c password_encryption=scram-sha-256 -D "$data/postgres/cluster" postgres >/dev/null 2>&1
  run_as "$postgres_user" "$postgres_bin/pg_ctl" -D "$data/postgres/cluster" -s -w -t 60 -l "$data/postgres/server.log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c wal_level=logical -c fsync=off" start >/dev/null 2>&1 ||
    { run_as "$postgres_user" tail -n 20 "$data/postgres/server.log" >&2; fail "PostgreSQL does not start on port $port"; }
  printf 'postgres://socks:%s@127.0.0.1:%s/shop\n' "$password" "$port" >"$home/postgres.url"
  "$psql" -X -q -o /dev/null -f postgres.sql "$(cat "$home/postgres.url")"
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
  start_mysql
  start_postgres
  say "run: MySQL on 127.0.0.1:$(port_of mysql), PostgreSQL on 127.0.0.1:$(port_of postgres)"
}

url() { find_data && cat "$home/$1.url" 2>/dev/null || fail "are not running: ./databases.sh start"; }

order() {
  local count="$1" i
  for ((i = 0; i < count; i++)); do
    printf "INSERT INTO orders (product_id, customer, quantity, unit_price) VALUES (%d, 'customer %d', %d, %d);\n" \
      $((1 + RANDOM % 11)) $((1 + RANDOM % 97)) $((1 + RANDOM % 4)) $((5 + RANDOM % 20))
  done | "$psql" -X -q -v ON_ERROR_STOP=1 "$(url postgres)"
}

price() { find_data || url mysql >/dev/null; mysql_root shop -e "UPDATE product SET price = $2 WHERE product_id = $1"; }

usage() {
  sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]##*/}" >&2
  exit 2
}
number() { [[ "${1:-}" =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage; }

find_programs
case "${1:-}" in
  start) start ;;
  url) case "${2:-}" in mysql | postgres) url "$2" ;; *) usage ;; esac ;;
  order)
    number "${2:-1}"
    order "${2:-1}"
    ;;
  price)
    number "${2:-}"
    number "${3:-}"
    price "$2" "$3"
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
