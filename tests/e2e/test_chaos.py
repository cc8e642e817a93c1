"""Writers, readers, upkeep and a follower of Delta's log at work on one lake, all as processes of their own that are killed at random.

30 s on each storage; TARN_CHAOS_SECONDS=600 by hand, TARN_CHAOS_SEED=n for the same choices (not the same run: the kernel has a word).
Every writer has rows of its own, so that it knows what must be there; each of its operations keeps sum(t.amount) + sum(u.amount) at zero,
so that a reader sees from one statement whether it saw one moment.
"""
import os
import random
import subprocess
import threading
import time
import traceback

import pytest

from harness import projects, readers
from harness.delta_follower import Follower, LocalFolder, S3Folder

SECONDS = float(os.environ.get("TARN_CHAOS_SECONDS") or 30)
SEED = int(os.environ.get("TARN_CHAOS_SEED") or 1)
WRITERS = 3
LIMITS = "limits: {reader_grace_ms: 30000, snapshot_age_ms_max: 30000, checkpoint_every_commits: 5, lock_lease_ms: 1000}\n"


class Chaos:
    def __init__(self, project, faults_binary, s3):
        self.project, self.faults_binary, self.s3 = project, faults_binary, s3
        self.locations = {t: project.location(f"s.{t}") for t in "tu"}
        self.deadline = time.monotonic() + SECONDS
        self.wrong, self.counts, self.lock = [], {}, threading.Lock()

    def say(self, what):
        with self.lock:
            self.wrong.append(what)

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def going_on(self):
        return time.monotonic() < self.deadline and not self.wrong

    def run(self, choose, *args):
        """(exit code, stderr) of a command that may be killed from outside, or have faults inside."""
        env, binary = self.project.env, self.project.binary
        if choose.random() < 0.4:
            binary = self.faults_binary
            env = env | {"TARN_FAULT": f"random:{choose.randrange(10**9)}:{choose.choice([60, 200, 1000])}:{choose.choice(['fail+lose', 'kill+die', 'fail+lose+kill+die'])}"}
        process = subprocess.Popen([binary, *args], cwd=self.project.directory, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            error = process.communicate(timeout=choose.random() * 1.5 if choose.random() < 0.3 else 120)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            error = process.communicate()[1]
        self.count("killed" if process.returncode == -9 else "done" if process.returncode == 0 else "failed")
        return process.returncode, error.decode(errors="replace")


class Writer:
    def __init__(self, chaos, number):
        self.chaos, self.number, self.next = chaos, number, 0
        self.rows = {"t": {}, "u": {}}  # (amount, version) by id
        self.choose = random.Random(f"{SEED} writer {number}")

    def operation(self):
        """(statements, rows afterwards)."""
        after = {t: dict(rows) for t, rows in self.rows.items()}
        kind, mine = self.choose.randrange(6), sorted(self.rows["t"])
        some = self.choose.sample(mine, min(len(mine), self.choose.randint(1, 5)))
        ids = ", ".join(map(str, some))
        if kind < 2 or not some:
            new = [self.number + WRITERS * (self.next + i) for i in range(self.choose.randint(1, 20))]
            self.next += len(new)
            amount = self.choose.randint(1, 1000)
            for i in new:
                after["t"][i], after["u"][i] = (amount, 0), (-amount, 0)
            values = lambda a: ", ".join(f"({i}, {a}, 0)" for i in new)
            statements = [f"INSERT INTO lake.s.t VALUES {values(amount)}", f"INSERT INTO lake.s.u VALUES {values(-amount)}"]
        elif kind == 2:  # of its own, without a transaction
            for i in some:
                after["t"][i] = (after["t"][i][0], after["t"][i][1] + 1)
            return [f"UPDATE lake.s.t SET version = version + 1 WHERE id IN ({ids})"], after
        elif kind < 5:
            for i in some:
                (a, v), (b, w) = after["t"][i], after["u"][i]
                after["t"][i], after["u"][i] = (a + 7, v + 1), (b - 7, w + 1)
            statements = [f"UPDATE lake.s.t SET amount = amount + 7, version = version + 1 WHERE id IN ({ids})",
                          f"UPDATE lake.s.u SET amount = amount - 7, version = version + 1 WHERE id IN ({ids})"]
        else:
            for i in some:
                del after["t"][i], after["u"][i]
            statements = [f"DELETE FROM lake.s.t WHERE id IN ({ids})", f"DELETE FROM lake.s.u WHERE id IN ({ids})"]
        return ["BEGIN", *statements, "COMMIT"], after

    def stored(self):
        query = " UNION ALL ".join(f"SELECT '{t}' AS tab, id, amount, version FROM lake.s.{t} WHERE id % {WRITERS} = {self.number}" for t in "tu")
        found = self.chaos.project.arrow(query).to_pylist()
        rows = {"t": {}, "u": {}}
        for r in found:
            if r["id"] in rows[r["tab"]]:
                self.chaos.say(f"row {r['id']} of {r['tab']} is there twice")
            rows[r["tab"]][r["id"]] = (r["amount"], r["version"])
        return rows

    def turn(self):
        statements, after = self.operation()
        code, error = self.chaos.run(self.choose, "sql", "-c", "; ".join(statements))
        stored = self.stored()
        if code == 0 and stored != after:
            self.chaos.say(f"answered and not there: {statements}: {difference(stored, after)}")
        if stored not in (self.rows, after):
            self.chaos.say(f"ended with {code} and half done: {statements}: {difference(stored, after)}\n{error}")
        self.chaos.count("commits" if stored != self.rows else "nothing committed")
        self.rows = stored


def difference(found, wanted):
    lost = {t: {i: r for i, r in wanted[t].items() if found[t].get(i) != r} for t in "tu"}
    more = {t: {i: r for i, r in found[t].items() if wanted[t].get(i) != r} for t in "tu"}
    return f"missing {lost}, too many {more}"[:1500]


def one_moment(chaos, choose):
    """A reader within Tarn, and one that knows no catalog."""
    table = chaos.project.arrow("SELECT (SELECT coalesce(sum(amount), 0) FROM lake.s.t) + (SELECT coalesce(sum(amount), 0) FROM lake.s.u) AS rest, "
                                "(SELECT count(*) FROM lake.s.t) - (SELECT count(*) FROM lake.s.u) AS more, "
                                "(SELECT count(*) - count(DISTINCT id) FROM lake.s.t) AS twice")
    if (found := table.to_pylist()[0]) != {"rest": 0, "more": 0, "twice": 0}:
        chaos.say(f"a reader saw two moments at once: {found}")
    read = choose.choice([readers.pyiceberg, readers.deltalake])
    ids = read(chaos.locations[choose.choice("tu")], chaos.s3).column("id").to_pylist()
    if len(ids) != len(set(ids)):
        chaos.say(f"{read.__name__} sees rows twice")
    chaos.count("reads")


def upkeep(chaos, choose):
    code, error = chaos.run(choose, "maintain")
    if code == 1 and "a test" not in error:
        chaos.say(f"maintain failed: {error}")


def everybody(chaos, writers, followers):
    """Runs all of them until the time is up; what one throws is wrong too."""
    def loop(turn, *args):
        def body():
            try:
                while chaos.going_on():
                    turn(*args)
            except Exception:  # noqa: BLE001
                chaos.say(traceback.format_exc())
        return threading.Thread(target=body)

    def follow():
        for f in followers.values():
            f.poll()
        time.sleep(0.05)

    threads = [loop(w.turn) for w in writers] + [loop(follow)]
    threads += [loop(turn, chaos, random.Random(f"{SEED} {turn.__name__} {n}")) for n, turn in enumerate([one_moment, upkeep, upkeep])]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


@pytest.mark.timeout(SECONDS + 900)
@pytest.mark.parametrize("storage", ["disk", "s3"])
def test_everything_at_once_with_kills(project, tarn_faults_binary, storage, request):
    s3 = request.getfixturevalue("s3") if storage == "s3" else None
    if s3:
        project.env |= s3.env()
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse(s3, s3 and s3.create_bucket())}{LIMITS}")
    project.apply()
    columns = "(id BIGINT, amount BIGINT, version BIGINT)"
    project.run("sql", "-c", f"CREATE SCHEMA lake.s; CREATE TABLE lake.s.t {columns}; CREATE TABLE lake.s.u {columns} PARTITIONED BY (bucket(2, id))")
    chaos = Chaos(project, tarn_faults_binary, s3)
    folder = lambda t: S3Folder(chaos.locations[t], s3) if s3 else LocalFolder(chaos.locations[t])
    followers = {t: Follower(t, folder(t)) for t in "tu"}
    writers = [Writer(chaos, n) for n in range(WRITERS)]
    everybody(chaos, writers, followers)
    assert not chaos.wrong, "\n".join(chaos.wrong)

    # Whoever comes next picks up what the dead left.
    project.run("maintain")
    wanted = {t: sorted((i, *r) for w in writers for i, r in w.rows[t].items()) for t in "tu"}
    rows = lambda table: sorted(tuple(r[c] for c in ("id", "amount", "version")) for r in table.to_pylist())
    commits = {r["sequence"]: r["commit_id"] for r in project.sql("SELECT sequence, commit_id FROM system.commits")}
    for t, follower in followers.items():
        assert rows(project.arrow(f"SELECT * FROM lake.s.{t}")) == wanted[t]
        assert rows(readers.pyiceberg(chaos.locations[t], s3)) == wanted[t]
        assert rows(readers.deltalake(chaos.locations[t], s3)) == wanted[t]
        follower.poll()
        follower.check_again()
        assert not follower.wrong, "\n".join(follower.wrong)
        # The log told the table's commits, all of them, in their order; of those whose rows nobody can ask for the catalog keeps one.
        followed = [sequence for sequence, _ in follower.commits]
        first, *kept = sorted(r["sequence"] for r in project.run("history", f"s.{t}", "--json").rows())
        assert kept and [first, *kept] == [followed[0], *followed[-len(kept):]]
        assert all(commits[sequence] == identity for sequence, identity in follower.commits if identity)
    print(f"{storage}: {chaos.counts}, {sum(len(f.entries) for f in followers.values())} log entries")
    assert all(chaos.counts[what] > SECONDS / 60 for what in ("commits", "killed", "reads"))
