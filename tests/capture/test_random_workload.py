"""A random workload of every kind of change, followed into a lake on S3 behind a bad network, by processes that are killed, while the source is restarted.

Afterwards the lake is the source, for every reader; and at every sequence number that was ever committed it was a prefix of the source's transactions.

    TARN_CAPTURE_SEED=7 TARN_CAPTURE_SECONDS=600 python -m pytest tests/capture/test_random_workload.py

A seed gives the same choices, not the same run: the kernel has a word. What is wrong is told with the seed and with what was done to the processes.
"""
import contextlib
import dataclasses
import json
import os
import random
import re
import signal
import time

import pytest

from harness import capture, projects, readers, servers, source, values
from harness.fault_proxy import FATES, FaultProxy
from harness.tarn import Tarn

from . import dialects, prefix
from .workload import Workload

SECONDS = float(os.environ.get("TARN_CAPTURE_SECONDS") or 14)
pytestmark = pytest.mark.skipif("TARN_CAPTURE_SECONDS" not in os.environ, reason="runs where TARN_CAPTURE_SECONDS says how long")
SEED = int(os.environ.get("TARN_CAPTURE_SEED") or 1)
WRITERS = 2
LIMITS = ("limits: {storage_timeout_ms: 1500, storage_connect_timeout_ms: 1000, lock_lease_ms: 1500, checkpoint_every_commits: 4, "
          "capture_transaction_memory_bytes: 20000}\n")
# In the steps of `up`, with what happens there; a random choice among all points comes beside them.
POINTS = ["store.put:kill@{}", "store.put:die@{}", "store.put:lose@{}", "store.put_if_absent:die@{}", "store.put_if_absent:lose@{}", "store.close:die@{}", "store.close:fail@{}",
          "store.get:fail@{}", "store.get_range:fail@{}", "catalog.commit:kill@{}", "catalog.commit:die@{}", "catalog.commit:fail@{}", "catalog.commit:lose@{}", "commit.staged:kill@{}",
          "commit.answered:kill@{}", "publish.begin:kill@{}", "publish.entry:kill@{}", "publish.checkpoint:kill", "publish.hint:kill@{}", "catalog.read:fail@{}", "catalog.lock:fail@{}"]
# PostgreSQL's log has no numbers of columns: read after its table was altered again, it may not tell a rename from a drop and an add. The table stops, and says so.
UNTOLD = re.compile(r"\.(wide_\d+) is not followed any more: column \S+ of table \S+ was added with a value for the rows of before, which is not known")
# Why a command may end with 1 here: what was done to it, in its own words.
EXCUSES = re.compile(r"by a test|a test (made|lost)|SlowDown|InternalError|127\.0\.0\.1|timed out|the lease of lock|lock was lost|is held by|connection|shutting down|starting up|server closed")


@contextlib.contextmanager
def followed_server(kind):
    """A server that keeps what it acknowledged when it is stopped at once, and hands transactions over while they go on."""
    if kind.startswith("postgres"):
        started = servers.postgres(int(kind.removeprefix("postgres")), "logical_decoding_work_mem = '64kB'\nsynchronous_commit = on\nwal_sender_timeout = 10s")
    else:
        started = servers.mysql(kind, "--innodb-flush-log-at-trx-commit=2")
    with started as server:
        yield server


class Chaos:
    """What happens to `up` and to the source while the workload goes on."""

    def __init__(self, project, faults_binary, database, workload, choose):
        self.project, self.database, self.workload, self.choose = project, database, workload, choose
        self.faulty = Tarn(project.directory, faults_binary, project.env)
        self.log, self.wrong, self.counts = [], [], {"killed": 0, "stopped": 0, "died": 0, "restarts": 0, "commits": 0}
        self.lives_without_commit = 0
        self.untold = set()  # tables that stopped because they were altered too often meanwhile
        self.began = time.monotonic()

    def note(self, what):
        self.log.append(f"{time.monotonic() - self.began:7.2f} s  {what}")

    def judge(self, what, ended, codes=(0, 1, -9)):
        """Nothing but what was done to it may have ended a command, and no table may have stopped."""
        if ended.exit_code not in codes or (ended.exit_code == 1 and not EXCUSES.search(ended.stderr)):
            self.wrong.append(f"{what} ended with {ended.exit_code}: {ended.stderr[-2000:]}")
        told = UNTOLD.findall(ended.stderr) if self.database.is_postgres else []
        self.untold.update(told)
        if ended.stderr.count("is not followed any more") > len(told):
            self.wrong.append(f"{what}: a table stopped: {ended.stderr[-2000:]}")

    def first_load(self):
        """`apply` while the source is busy, killed before it is done."""
        seconds = self.choose.uniform(0.3, 2)
        applying = self.project.start("apply", "-y")
        with contextlib.suppress(Exception):
            applying.popen.wait(seconds)
        self.judge("apply", applying.kill())
        for _ in range(20):
            applied = self.project.apply(check=None)
            if applied.exit_code == 0:
                break
            self.judge("apply", applied)
        assert applied.exit_code == 0, str(applied)
        self.note(f"applied, killed after {seconds:.2f} s before")
        return self.project.sql("SELECT max(sequence) AS s FROM system.commits")[0]["s"]

    def start_up(self):
        kind = self.choose.random()
        if kind < 0.35:
            return "up", self.project.start("up")
        if kind < 0.6:
            fault = f"random:{self.choose.randrange(10**9)}:{self.choose.choice([300, 1000])}:fail+lose+kill+die"
        else:
            fault = self.choose.choice(POINTS).format(self.choose.randint(1, 25))
        return f"up with {fault}", self.faulty.start("up", env={"TARN_FAULT": fault})

    def restart_source(self):
        hard = self.choose.random() < 0.5
        if self.database.is_postgres:
            self.database.server.restart(signal.SIGQUIT if hard else signal.SIGINT)
        else:
            self.database.server.restart(signal.SIGKILL if hard else signal.SIGTERM)
        self.counts["restarts"] += 1
        self.note(f"the source was restarted, {'at once' if hard else 'in order'}")

    def enough(self):
        """On a busy machine little happens in a time that is enough elsewhere."""
        return self.counts["commits"] >= 4 and self.counts["restarts"] >= 2 and self.counts["killed"] + self.counts["died"] >= 3

    def run(self, seconds):
        self.began = time.monotonic()
        restarts = [seconds * 0.35, seconds * 0.7] if seconds < 75 else [i * 25.0 for i in range(1, int(seconds // 25))]
        upkeep, next_upkeep = None, seconds * 0.25
        while (now := time.monotonic() - self.began) < seconds or (not self.enough() and now < seconds + 120):
            if self.wrong or self.workload.wrong:
                break
            what, up = self.start_up()
            self.note(what)
            lives = self.choose.choice([self.choose.uniform(0.2, 1.5), self.choose.uniform(2, 5)])
            # Behind this network, on a busy machine, it may take longer than that to come to a commit.
            lives *= 1 + min(self.lives_without_commit, 10) / 2
            with contextlib.suppress(Exception):
                up.popen.wait(lives / 2)
            if restarts and now > restarts[0]:
                restarts.pop(0)
                self.restart_source()
            if upkeep is None and now > next_upkeep:
                upkeep = self.project.start("maintain")
                self.note("maintain")
            with contextlib.suppress(Exception):
                up.popen.wait(lives / 2)
            self.end(what, up, lives)
            if upkeep is not None and (upkeep.popen.poll() is not None or self.choose.random() < 0.3):
                self.judge("maintain", upkeep.kill())
                upkeep, next_upkeep = None, time.monotonic() - self.began + self.choose.uniform(1, 6)
        if upkeep is not None:
            self.judge("maintain", upkeep.kill())

    def end(self, what, up, lives):
        if up.popen.poll() is not None:
            self.counts["died"] += 1
            ended = up.wait()
        elif self.choose.random() < 0.75:
            self.counts["killed"] += 1
            ended = up.kill()
        else:
            self.counts["stopped"] += 1
            up.popen.send_signal(signal.SIGTERM)
            try:
                ended = up.wait(90)
            except Exception:  # noqa: BLE001
                ended = up.kill(signal.SIGABRT)
                self.wrong.append(f"{what} does not stop: {ended.stderr[-2000:]}")
        commits = len(re.findall(r", sequence \d+", ended.stderr))
        self.counts["commits"] += commits
        self.lives_without_commit = 0 if commits > 0 else self.lives_without_commit + 1
        self.note(f"  ended with {ended.exit_code} after {lives:.2f} s at most" + (f": {ended.stderr.strip().splitlines()[-1][:300]}" if ended.exit_code == 1 and ended.stderr.strip() else ""))
        # Asked to stop before it listens, it is ended.
        self.judge(what, ended, codes=(0, 1, -9, -signal.SIGTERM))


def rows_of(table):
    """In a form that is the same whoever read it, in any order."""
    columns = [values.from_arrow(table.column(name)) for name in sorted(table.column_names)]
    return sorted(map(values.sort_key, zip(*columns)))


def compare_readers(project, s3, database):
    """The end: SQL, and two libraries that know nothing of the catalog, have the source's rows."""
    names = [f"{t}_{w}" for t in [*dialects.TABLES, "ledger"] for w in range(WRITERS)]
    for name in names:
        ours = project.arrow(f"SELECT * FROM lake.bronze.{name}")
        if database.is_postgres:
            source.assert_same(source.Source(database.url(), "public", name), ours, "tarn sql")
        wanted, location = rows_of(ours), project.location(f"bronze.{name}")
        for read in (readers.pyiceberg, readers.deltalake):
            assert rows_of(read(location, s3)) == wanted, f"{read.__name__} reads other rows of {name}"


def report(wrong, looked_at, workload):
    """What is wrong, and what was done to the first table that is."""
    writer, n, table, _ = next((w for w in wrong if w[2]), wrong[0])
    return f"{len(wrong)} at {looked_at} sequence numbers:\n" + "\n".join(words for *_, words in wrong[:15]) + "\n" + (workload.writers[writer].told(table, n) if table else "")


@pytest.mark.timeout(SECONDS * 3 + 600)
@pytest.mark.parametrize("kind", ["postgres15", "postgres18", "mysql", "mariadb"])
def test_every_committed_state_is_a_prefix_of_the_source(project, tarn_faults_binary, s3, kind):
    choose = random.Random(f"{SEED} {kind}")
    with followed_server(kind) as server, server.database() as name, FaultProxy(int(s3.endpoint.rsplit(":", 1)[1]), seed=SEED, one_in=20, stall_seconds=2.0) as proxy:
        database = capture.Database(server, name)
        dialect = dialects.Postgres(server, text_types=choose.random() < 0.5) if database.is_postgres else dialects.Mysql(server)
        near = dataclasses.replace(s3, endpoint=f"http://127.0.0.1:{proxy.port}")
        project.env |= s3.env()
        histories = ", ".join(f'"{database.table(f"item_{w}")}"' for w in range(WRITERS))
        partitions = "tables: {" + ", ".join(f"bronze.cut_{w}: {{partition: [region]}}" for w in range(WRITERS)) + "}\n"
        database.follow(project, head=projects.warehouse(near, s3.create_bucket()), more=partitions + LIMITS,
                        source=f"    commit: {{every: 300ms, rows: 3000}}\n    history: [{histories}]\n")
        workload = Workload(SEED, database, dialect, WRITERS)
        chaos = Chaos(project, tarn_faults_binary, database, workload, choose)
        try:
            workload.start()
            first = chaos.first_load()
            workload.calm.clear()
            chaos.run(SECONDS)
            workload.stop()
            proxy.heal()
            assert not chaos.wrong and not workload.wrong, "\n".join(chaos.wrong + workload.wrong)
            chaos.judge("the last up", project.run("up", "--once", timeout=180 + SECONDS))
            for table in sorted(chaos.untold):
                project.run("resync", f"bronze.{table}", timeout=180)
            project.run("up", "--once", timeout=180)
            stopped = [s["stopped_tables"] for s in json.loads(project.run("status", "--json").stdout)["sources"]]
            assert stopped == [[]], stopped
            wrong, looked_at = prefix.wrong_sequences(project, database, WRITERS, first, without=chaos.untold)
            assert not wrong, report(wrong, looked_at, workload)
            project.run("check")
            for w in range(WRITERS):
                capture.assert_each_change_once(project, f"item_{w}")
                capture.assert_folds_to_the_mirror(project, f"item_{w}", "id, v, n, price, big, raw, day")
            compare_readers(project, s3, database)
            # The next commit puts right what a late request turned back; nothing that is needed leaves.
            project.run("maintain")
            compare_readers(project, s3, database)
            counts = [w.counts for w in workload.writers]
            print(f"{kind}: {looked_at} sequence numbers; source {counts}; up {chaos.counts}; network {dict(proxy.counts)}")
            assert chaos.enough() and looked_at > 5, "too little happened to say anything"
            assert all(c["transactions"] > SECONDS and c["altered"] and c["truncated"] and c["rolled back"] for c in counts), counts
            assert sum(proxy.counts[f] for f in FATES) > 10, proxy.counts
        except BaseException:
            print("\n".join([f"again: TARN_CAPTURE_SEED={SEED} TARN_CAPTURE_SECONDS={SECONDS:g} … -k {kind}", *chaos.log]))
            raise
        finally:
            workload.stop()
            project.run("destroy", "-y", check=None, timeout=180 + SECONDS)
