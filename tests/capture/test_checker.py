"""The checker of the random workload finds what it looks for: states that no transaction of the source left behind."""
import random

import pytest

from harness import capture

from . import dialects, prefix
from .workload import Workload


@pytest.fixture
def started(project, database):
    """(project, database, workload, first sequence): a calm workload of one thread, loaded."""
    there = capture.Database(*database)
    there.follow(project)
    workload = Workload(1, there, dialects.Postgres(there.server, text_types=False))
    project.apply()
    first = project.sql("SELECT max(sequence) AS s FROM system.commits")[0]["s"]
    yield project, there, workload, first
    for w in workload.writers:
        w.session.close()
    project.run("destroy", "-y")


def turns(workload, count):
    for _ in range(count):
        for w in workload.writers:
            w.turn(calm=False)


def test_what_is_right_passes_and_torn_states_do_not(started):
    project, database, workload, first = started
    turns(workload, 10)
    project.run("up", "--once")
    wrong, looked_at = prefix.wrong_sequences(project, database, 2, first)
    assert not wrong and looked_at >= 2, wrong
    # A change that no transaction of the ledger tells: as if a part of one were there, or one too many.
    for table, statement in {"item": "UPDATE item_0 SET big = coalesce(big, '') || 'x'", "wide": "DELETE FROM wide_1", "every": "UPDATE every_0 SET ver = ver + 1"}.items():
        database.run(statement)
        project.run("up", "--once")
        wrong, _ = prefix.wrong_sequences(project, database, 2, first)
        assert any(found == table for _, _, found, _ in wrong), (table, wrong)


def test_a_gap_in_the_ledger_and_what_came_before_are_missed(started):
    project, database, workload, first = started
    turns(workload, 4)
    database.run("DELETE FROM ledger_0 WHERE n = 2; UPDATE ledger_1 SET seen = 1000 WHERE n = (SELECT max(n) FROM ledger_1)")
    project.run("up", "--once")
    wrong, _ = prefix.wrong_sequences(project, database, 2, first)
    assert all(any(mark in words for *_, words in wrong) for mark in ("its ledger has", "it began after transaction 1000")), wrong


def test_a_seed_gives_the_same_choices(database):
    there = capture.Database(*database)
    workload = Workload(5, there, dialects.Postgres(there.server, text_types=True))
    writer = workload.writers[0]
    planned = []
    for _ in range(2):
        writer.choose = random.Random(3)
        known, script = type(writer.known)(), []
        for act in ["_insert_item", "_insert_pair", "_insert_wide", "_alter_wide", "_savepoint", "_rekey_pair", "_insert_every"] * 5:
            script += getattr(writer, act)(known)
        planned.append([s for s in script if "SAVEPOINT" not in s])
    assert planned[0] == planned[1]
    for w in workload.writers:
        w.session.close()
