"""Being asked to stop: SIGINT and SIGTERM end what runs, at once and cleanly; the shell stays."""
import contextlib
import dataclasses
import glob
import os
import pty
import select
import signal
import sqlite3
import subprocess
import time

import pytest

from harness import process, projects
from harness.fault_proxy import FaultProxy

ENDLESS = "SELECT count(*) AS n FROM range(100000000000) t(i) WHERE i % 7 = 3"


@pytest.fixture
def shop(project, database):
    server, name = database
    server.execute("CREATE TABLE customer (id integer PRIMARY KEY); INSERT INTO customer SELECT i FROM generate_series(1, 50) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.customer"], projects.warehouse()))
    project.server, project.database = server, name
    return project


def stopped(project, running, sig, seconds=10):
    begin = time.monotonic()
    os.kill(running.popen.pid, sig)
    r = running.wait(seconds)
    assert r.exit_code == 1 and "stopped on request" in r.stderr and "nothing half done is visible" in r.stderr, r
    assert time.monotonic() - begin < seconds
    return r


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_models_statement_is_stopped(shop, sig):
    shop.write("models/silver/a.sql", "SELECT id FROM bronze.customer")
    shop.apply()
    shop.write("models/silver/a.sql", ENDLESS)
    running = shop.start("apply", "-y")
    started = "SELECT 1 AS n FROM system.runs WHERE name = 'silver.a' AND status = 'running'"
    process.wait_for(lambda: shop.sql(started), 60, "the model's start")
    stopped(shop, running, sig)
    assert shop.sql("SELECT count(*) AS n FROM lake.silver.a") == [{"n": 50}]
    assert shop.sql("SELECT status FROM system.runs WHERE name = 'silver.a' ORDER BY started DESC LIMIT 1") == [{"status": "interrupted"}]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_load_that_waits_for_a_lock_is_stopped(shop, sig):
    with shop.server.connect(shop.database) as other:
        other.execute("BEGIN; LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        running = shop.start("apply", "-y")
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
        process.wait_for(lambda: shop.server.query(waits), 60, "the wait for the lock")
        stopped(shop, running, sig)
    assert not list(shop.directory.glob("warehouse/**/*.parquet"))
    shop.apply()


def test_a_running_load_is_stopped(shop):
    """The source sends nothing for a while in the middle of a COPY: a view that sleeps."""
    shop.server.execute("CREATE VIEW slow AS SELECT i, CASE WHEN i = 5000 THEN pg_sleep(600)::text END AS v FROM generate_series(1, 100000) i", shop.database)
    shop.yaml(projects.mirror("SHOP_PG", ["public.slow"], projects.warehouse()))
    running = shop.start("apply", "-y")
    process.wait_for(lambda: shop.server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 60, "the sleep")
    stopped(shop, running, signal.SIGTERM)
    assert not list(shop.directory.glob("warehouse/**/*.parquet"))


class Shell:
    """`tarn sql` on a terminal."""

    def __init__(self, project):
        self.master, slave = pty.openpty()
        self.popen = subprocess.Popen([project.binary, "sql"], cwd=project.directory, env=project.env, stdin=slave, stdout=slave, stderr=slave,
                                      start_new_session=True, preexec_fn=self.own_terminal)
        os.close(slave)
        self.seen = ""

    @staticmethod
    def own_terminal():
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, seconds=30):
        """Everything printed up to that text."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], f"{text!r} did not come:\n{self.seen}"
            try:
                more = os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                more = ""
            assert more, f"the shell ended before {text!r} came:\n{self.seen}"
            self.seen += more
        before, self.seen = self.seen.split(text, 1)
        return before

    def close(self):
        self.popen.kill()
        self.popen.wait()
        os.close(self.master)


@pytest.fixture
def shell(shop):
    shop.apply()
    shell = Shell(shop)
    shell.expect("lake=>")
    yield shell
    shell.close()


def busy(shell):
    """Whether the statement burns the processor: it has begun."""
    fields = open(f"/proc/{shell.popen.pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_control_c_in_the_shell_stops_the_statement_and_not_the_shell(shell):
    for _ in range(2):
        before = busy(shell)
        shell.type(ENDLESS + ";\n")
        process.wait_for(lambda: busy(shell) > before + 30, 60, "the statement's start")
        shell.type("\x03")
        shell.expect("stopped by request", 10)
        shell.expect("lake=>")
    shell.type("SELECT 40 + 2 AS answer;\n")
    shell.expect("42")
    shell.expect("lake=>")
    shell.type("\\q\n")
    assert shell.popen.wait(10) == 0


def test_control_c_at_the_prompt_throws_the_line_away(shell):
    shell.type("SELECT nonsense\n")
    shell.expect("lake->")
    shell.type("\x03")
    shell.expect("lake=>")
    shell.type("SELECT 40 + 2 AS answer;\n")
    shell.expect("42")
    os.kill(shell.popen.pid, signal.SIGTERM)
    shell.popen.wait(10)


def test_control_c_ends_the_question_of_apply(shop):
    master, slave = pty.openpty()
    running = subprocess.Popen([shop.binary, "apply"], cwd=shop.directory, env=shop.env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    asked = b""
    while b"[y/N]" not in asked:
        more = os.read(running.stderr.fileno(), 4096)
        assert more, asked
        asked += more
    running.send_signal(signal.SIGINT)
    error = running.communicate(timeout=10)[1].decode()
    os.close(master)
    os.close(slave)
    assert running.returncode == 1 and "not confirmed" in error, error
    assert not (shop.directory / "state").exists()


@pytest.fixture
def followed(project, database):
    """A project whose one source is to be followed: see follow()."""
    server, name = database
    server.execute("CREATE TABLE sale (id int PRIMARY KEY); INSERT INTO sale SELECT i FROM generate_series(1, 9) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.server, project.database, project.heal = server, name, lambda: None
    yield project
    project.heal()
    project.run("destroy", "-y")


def follow(project, s3=None):
    """On local disk, or on an S3 that may fall silent."""
    where = s3.where if s3 else projects.warehouse()
    if s3:
        project.env |= s3.env
        project.heal = s3.heal
    project.yaml(projects.mirror("SHOP_PG", ["public.sale"], where).replace("mode: snapshot", "mode: cdc\n    commit: {every: 200ms}"))
    project.apply()


def started_up(project):
    up = project.start("up")
    process.wait_for(lambda: up.logged("following 1 source"), 30, "the start")
    return up


def insert(project, key):
    """Returns when the server has sent the row."""
    project.server.execute(f"INSERT INTO sale VALUES ({key})", project.database)
    end = project.server.query("SELECT pg_current_wal_lsn()")[0][0]
    sent = f"SELECT 1 FROM pg_stat_replication WHERE sent_lsn >= '{end}'"
    process.wait_for(lambda: project.server.query(sent), 30, "the row on its way")


def stopped_soon(up, sig=signal.SIGTERM):
    begin = time.monotonic()
    os.kill(up.popen.pid, sig)
    try:
        r = up.wait(30)
    finally:
        up.kill()
    assert time.monotonic() - begin < 5, r
    return r


def nothing_is_lost(project):
    """What follows after the stop has every row once, and every state of the catalog is published."""
    project.run("up", "--once")
    source = [{"id": key} for key, in project.server.query("SELECT id FROM sale ORDER BY id", project.database)]
    assert project.sql("SELECT id FROM bronze.sale ORDER BY id") == source
    project.run("check")


@contextlib.contextmanager
def catalog_locked(project):
    with contextlib.closing(sqlite3.connect(project.directory / "state/catalog.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_up_stops_while_the_catalog_is_locked(followed, sig):
    follow(followed)
    up = started_up(followed)
    with catalog_locked(followed):
        insert(followed, 300)
        assert stopped_soon(up, sig).exit_code == 0
    nothing_is_lost(followed)


def test_up_stops_while_its_start_waits_for_the_catalogs_lock(followed):
    follow(followed)
    with catalog_locked(followed):
        up = followed.start("up")
        opened = lambda: any(os.path.realpath(fd).endswith("catalog.db") for fd in glob.glob(f"/proc/{up.popen.pid}/fd/*"))
        process.wait_for(opened, 30, "the catalog open")
        stopped_soon(up)
    nothing_is_lost(followed)


@pytest.fixture
def silent(s3):
    """S3 through a proxy that keeps the answers to some requests to itself: set `silent.about`."""
    with FaultProxy(int(s3.endpoint.rsplit(":", 1)[1]), stall_seconds=600, decide=lambda method, target: "stall" if proxy.about(target) else None) as proxy:
        proxy.about = lambda target: False
        proxy.env = s3.env()
        proxy.where = projects.warehouse(dataclasses.replace(s3, endpoint=f"http://127.0.0.1:{proxy.port}"), s3.create_bucket())
        yield proxy


def keeps_silent(proxy):
    process.wait_for(lambda: proxy.counts["stall"], 30, "a request without answer")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_up_stops_while_s3_does_not_answer_a_commit(silent, followed, sig):
    follow(followed, silent)
    up = started_up(followed)
    silent.about = lambda target: True
    insert(followed, 300)
    keeps_silent(silent)
    assert stopped_soon(up, sig).exit_code == 0
    silent.heal()
    nothing_is_lost(followed)


def test_up_stops_while_s3_does_not_answer_what_is_published_and_at_the_next_start(silent, followed):
    follow(followed, silent)
    up = started_up(followed)
    silent.about = lambda target: "_delta_log" in target
    insert(followed, 300)
    keeps_silent(silent)
    assert stopped_soon(up).exit_code == 0
    silent.about = lambda target: True
    silent.counts.clear()
    up = followed.start("up")
    keeps_silent(silent)
    stopped_soon(up)
    silent.heal()
    nothing_is_lost(followed)


def test_up_stops_while_s3_does_not_answer_a_model(silent, followed):
    followed.write("models/gold/total.sql", "/* tarn\ntrigger: on_change\n*/\nSELECT count(*) AS n FROM bronze.sale")
    follow(followed, silent)
    up = started_up(followed)
    silent.about = lambda target: "/gold/" in target
    insert(followed, 300)
    keeps_silent(silent)
    assert stopped_soon(up).exit_code == 0
    silent.heal()
    nothing_is_lost(followed)
    assert followed.sql("SELECT n FROM gold.total") == [{"n": 10}]
