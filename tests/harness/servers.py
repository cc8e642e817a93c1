"""Real servers for tests, each on a free loopback port and in a temporary directory: PostgreSQL 15 and 18, MySQL 8.0.15, MariaDB 10.11,
S3 (versitygw).

Each is a context manager; conftest.py has them as fixtures of the whole session. PostgreSQL is started from a template of an
initialised data directory, kept in the cache, so that a fresh server costs about a second. Crash safety is switched off in it
(fsync = off): a test that kills the database itself must say so in `settings`.
"""
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import typing
import urllib.error
import urllib.request

import psycopg
from psycopg import sql

from . import fetch, process

_PREFIX = "tarn-tests-"


@contextlib.contextmanager
def temporary(name):
    """A directory which any user may enter; those of test runs that were killed are removed on the way."""
    base = pathlib.Path(tempfile.gettempdir())
    for old in base.glob(f"{_PREFIX}*"):
        pid = re.match(rf"{_PREFIX}(\d+)-", old.name)
        if pid and not os.path.exists(f"/proc/{pid[1]}"):
            shutil.rmtree(old, ignore_errors=True)
    d = pathlib.Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{name}-", dir=base))
    d.chmod(0o755)
    try:
        yield d
    finally:
        if not os.environ.get("TARN_TESTS_KEEP"):
            shutil.rmtree(d, ignore_errors=True)


@dataclasses.dataclass
class Postgres:
    """A running server. Everybody may log in as anybody from 127.0.0.1, except `locked`, who needs the password `open sesame`."""
    major: int
    port: int
    child: process.Child
    data: pathlib.Path
    start: typing.Callable[[], process.Child]  # on the same port and data, until it answers

    def restart(self, sig=signal.SIGINT):
        """Stops it (SIGINT: it tells everybody; SIGQUIT: as if it had crashed) and starts it again where it was."""
        self.child.stop(sig)
        self.child = self.start()

    def url(self, database="postgres", user="postgres", password=""):
        return f"postgresql://{user}{':' + password if password else ''}@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", user="postgres", **kw):
        return psycopg.connect(self.url(database, user), autocommit=True, **kw)

    def execute(self, statement, database="postgres"):
        """Runs one or more statements."""
        with self.connect(database) as c:
            c.execute(statement)

    def query(self, statement, database="postgres"):
        with self.connect(database) as c:
            return c.execute(statement).fetchall()

    def psql(self, *files, database="postgres"):
        """Feeds SQL files with psql, all or nothing."""
        cmd = [fetch.postgres_client("psql"), self.url(database), "-XqAt", "-v", "ON_ERROR_STOP=1", "--single-transaction"]
        r = subprocess.run(cmd + [a for f in files for a in ("-f", str(f))], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if r.returncode:
            raise RuntimeError(f"psql failed: {r.stderr[-2000:]}")

    def create_database(self, name, template="template0"):
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name):
        """With the slots that a test left which failed: they would keep it."""
        self.query(sql.SQL("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = {} AND NOT active").format(name))
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def has_database(self, name):
        return bool(self.query(sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(name)))

    @contextlib.contextmanager
    def database(self, template="template0", name=None):
        """A database for one test."""
        name = name or f"t_{os.urandom(4).hex()}"
        self.create_database(name, template)
        try:
            yield name
        finally:
            self.drop_database(name)

    def kill(self):
        self.child.stop(signal.SIGKILL)


_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = logical
max_wal_senders = 20
max_replication_slots = 40
max_connections = 200
shared_buffers = 128MB
max_wal_size = 4GB
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""
_HBA = "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"


def _template(major, user):
    bin_ = fetch.postgres_bin(major)
    version = subprocess.run([bin_ / "postgres", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]

    def init(scratch):
        if user:
            os.chown(scratch, user.pw_uid, user.pw_gid)
        r = subprocess.run([bin_ / "initdb", "-D", scratch / "data", "-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync"],
                           capture_output=True, text=True, cwd="/", env={**os.environ, "HOME": "/tmp"},
                           **(dict(user=user.pw_uid, group=user.pw_gid, extra_groups=[]) if user else {}))
        if r.returncode:
            raise fetch.Missing(f"initdb {version} failed: {r.stderr}")
        (scratch / "data/pg_hba.conf").write_text(_HBA)

    return fetch.make_once(fetch.server_cache() / f"pgdata-{version}", init) / "data"


def _on_free_port(start, taken):
    """(port, child) of start(port); another process may take the free port before the server does, which then says `taken`."""
    for attempt in range(5):
        port = process.free_port()
        try:
            return port, start(port)
        except RuntimeError as e:
            if attempt == 4 or taken not in str(e):
                raise


@contextlib.contextmanager
def postgres(major=18, settings=""):
    """A fresh PostgreSQL; `settings` are lines for postgresql.conf."""
    user = fetch.server_user()
    bin_, template = fetch.postgres_bin(major), _template(major, user)
    with temporary(f"pg{major}") as d:
        data = d / "data"
        subprocess.run(["cp", "-a", "--reflink=auto", template, data], check=True)
        with open(data / "postgresql.conf", "a") as f:
            f.write(_SETTINGS + settings + "\n")

        def start(port):
            child = process.Child([bin_ / "postgres", "-D", data, "-p", port], d / "log", user=user, cwd="/", death_signal=signal.SIGQUIT)
            isready = [fetch.postgres_client("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            return child.wait_until(lambda: subprocess.run(isready).returncode == 0 and child.popen.poll() is None, 60)

        port, child = _on_free_port(start, "Address already in use")
        server = Postgres(major, port, child, data, lambda: start(port))
        try:
            server.execute("CREATE ROLE locked LOGIN PASSWORD 'open sesame'; CREATE ROLE nobody LOGIN")
            yield server
        finally:
            server.child.stop(signal.SIGINT)


@dataclasses.dataclass
class Mysql:
    """A running MySQL or MariaDB. `root` has no password; `locked`, who may only read, has `open sesame`."""
    kind: str  # mysql | mariadb
    port: int
    child: process.Child
    data: pathlib.Path
    start: typing.Callable[[], process.Child]  # on the same port and data, until it answers

    def restart(self, sig=signal.SIGTERM):
        """Stops it (SIGKILL: as if it had crashed) and starts it again where it was."""
        self.child.stop(sig)
        (self.data.parent / "pid").unlink(missing_ok=True)
        self.child = self.start()

    def url(self, database="", user="root"):
        """`user` may be name:password."""
        return f"mysql://{user}@127.0.0.1:{self.port}/{database}"

    def query(self, statements, database=""):
        """Runs one or more statements; the rows as lists of text, NULL as the word."""
        cmd = [fetch.mysql_client(), "--no-defaults", "--batch", "--raw", "-N", "--binary-mode", "--default-character-set=utf8mb4",
               "--max-allowed-packet=1G", "-h127.0.0.1", f"-P{self.port}", "-uroot", *([database] if database else [])]
        r = subprocess.run(cmd, input=statements, capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError(f"{self.kind}: {r.stderr.strip()} in: {statements[:2000]}")
        return [line.split("\t") for line in r.stdout.splitlines()]

    @contextlib.contextmanager
    def database(self, statements=""):
        """A database for one test."""
        name = f"t_{os.urandom(4).hex()}"
        self.query(f"CREATE DATABASE {name}")
        try:
            if statements:
                self.query(statements, name)
            yield name
        finally:
            self.query(f"DROP DATABASE IF EXISTS {name}")

    def kill(self):
        self.child.stop(signal.SIGKILL)


_MYSQL_OPTIONS = ["--bind-address=127.0.0.1", "--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL",
                  "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--innodb-flush-method=nosync",
                  "--innodb-log-file-size=8M", "--character-set-server=utf8mb4"]


def _mysql_template(kind, user):
    def init(scratch):
        if user:
            os.chown(scratch, user.pw_uid, user.pw_gid)
        data = f"--datadir={scratch}/data"
        if kind == "mysql":
            cmd = [fetch.mysqld(), "--no-defaults", "--initialize-insecure", data, "--innodb-log-file-size=8M"]
        else:
            cmd = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M"]
        fetch.run(*cmd, cwd="/", **(dict(user=user.pw_uid, group=user.pw_gid, extra_groups=[]) if user else {}))

    fetch.mariadbd()
    return fetch.make_once(fetch.server_cache() / f"{kind}-data", init) / "data"


@contextlib.contextmanager
def mysql(kind, *options):
    """A fresh MySQL 8.0.15 ("mysql") or MariaDB 10.11 ("mariadb"); `options` are further arguments of the server."""
    user = fetch.server_user()
    binary = fetch.mysqld() if kind == "mysql" else fetch.mariadbd()
    template = _mysql_template(kind, user)
    with temporary(kind) as d:
        if user:
            os.chown(d, user.pw_uid, user.pw_gid)
        subprocess.run(["cp", "-a", "--reflink=auto", template, d / "data"], check=True)
        own = ["--mysqlx=OFF", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"] if kind == "mysql" else []

        def start(port):
            child = process.Child([binary, "--no-defaults", f"--datadir={d}/data", f"--port={port}", f"--socket={d}/sock", f"--tmpdir={d}", f"--pid-file={d}/pid",
                                   *_MYSQL_OPTIONS, *own, *options], d / "log", user=user, cwd="/")
            ping = [fetch.mysql_client(), "--no-defaults", "-h127.0.0.1", f"-P{port}", "-uroot", "-e", "SELECT 1"]
            return child.wait_until(lambda: (d / "pid").exists() and subprocess.run(ping, capture_output=True).returncode == 0, 120)

        port, child = _on_free_port(start, "already in use")
        server = Mysql(kind, port, child, d / "data", lambda: start(port))
        try:
            server.query("CREATE USER locked@'%' IDENTIFIED BY 'open sesame'; GRANT SELECT ON *.* TO locked@'%'")
            yield server
        finally:
            server.child.stop(signal.SIGKILL)  # nothing of it is wanted again


@dataclasses.dataclass
class S3:
    """A running S3 server; the same values in the words of each client."""
    endpoint: str
    access_key: str
    secret_key: str
    child: process.Child
    directory: pathlib.Path
    region: str = "us-east-1"

    def client(self):
        import boto3
        from botocore.config import Config
        return boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key,
                            region_name=self.region, config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}))

    def create_bucket(self, name=None):
        name = name or f"b-{os.urandom(4).hex()}"
        self.client().create_bucket(Bucket=name)
        return name

    def keys(self, bucket, prefix=""):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [o["Key"] for p in pages for o in p.get("Contents", [])]

    def env(self):
        """For `${…}` in a project file, and for whoever finds credentials as the AWS SDK does."""
        return {"S3_ENDPOINT": self.endpoint, "S3_KEY": self.access_key, "S3_SECRET": self.secret_key}

    def tarn_yaml(self):
        return f"storage: {{endpoint: '{self.endpoint}', region: {self.region}, access_key: '${{S3_KEY}}', secret_key: '${{S3_SECRET}}'}}\n"

    def pyiceberg(self):
        return {"s3.endpoint": self.endpoint, "s3.access-key-id": self.access_key, "s3.secret-access-key": self.secret_key, "s3.region": self.region}

    def delta(self):
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": self.region, "AWS_ALLOW_HTTP": "true", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false"}

    def duckdb(self):
        host = self.endpoint.removeprefix("http://")
        return (f"CREATE OR REPLACE SECRET (TYPE s3, KEY_ID '{self.access_key}', SECRET '{self.secret_key}', REGION '{self.region}', "
                f"ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)")


def _answers(url):
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError:
        return True  # an S3 error is an answer
    except OSError:
        return False
    return True


@contextlib.contextmanager
def s3():
    """versitygw over a temporary directory: it checks signatures, and its conditional puts have one winner."""
    binary = fetch.versitygw()
    with temporary("s3") as d:
        for sub in ("objects", "versions", "sidecar"):
            (d / sub).mkdir()
        options = ["--versioning-dir", d / "versions"]
        try:
            os.setxattr(d / "objects", "user.tarn", b"1")
        except OSError:
            options = ["--sidecar", d / "sidecar"]  # a file system without extended attributes: no versions then
        key, secret = "tarn-test-key", "tarn-test-secret-" + os.urandom(8).hex()
        env = {**{k: v for k, v in os.environ.items() if not k.startswith(("VGW_", "ROOT_"))}, "ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret}
        for attempt in range(5):
            port = process.free_port()
            child = process.Child([binary, "--quiet", "--port", f"127.0.0.1:{port}", "posix", *options, d / "objects"], d / "log", env=env)
            try:
                child.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/"), 30)
                break
            except RuntimeError:
                if attempt == 4 or "address already in use" not in child.tail():
                    raise
        try:
            yield S3(f"http://127.0.0.1:{port}", key, secret, child, d / "objects")
        finally:
            child.stop(signal.SIGTERM)
