"""Every step and every call of storage and catalog of `tarn up` is once the last one of its process, once fails, once loses its answer:
afterwards the lake is what the source is, every change is in the history once, and whole transactions come at one sequence number.

Each case changes the source anew: what was acknowledged is gone from the log, so that no state can be put back and tried again.
"""
import pytest

from harness import faults, readers
from harness.tarn import Tarn

YAML = """
name: shop
sources:
  crm: {type: postgres, url: "${SHOP_PG}", tables: [public.item, public.sale], mode: cdc, history: true}
limits: {lock_lease_ms: 1000, checkpoint_every_commits: 2}
"""
SOURCE = """
CREATE TABLE item (id bigint PRIMARY KEY, v text, big text);
CREATE TABLE sale (id bigint PRIMARY KEY, item bigint, n numeric(12,2));
INSERT INTO item SELECT i, md5(i::text), repeat(md5(i::text), 100) FROM generate_series(1, 200) i;
INSERT INTO sale SELECT i, i, i / 7.0 FROM generate_series(1, 200) i;
"""


class Shop:
    def __init__(self, folder, binary, server, name):
        self.server, self.name, self.round, self.changes = server, name, 0, 0
        self.tarn = Tarn(folder / "project", binary, {"SHOP_PG": server.url(name)})
        self.tarn.directory.mkdir(parents=True)
        self.tarn.yaml(YAML)
        self.tarn.apply()
        # The first checkpoint of a Delta log comes by at points that no later one does.
        for _ in range(3):
            self.change()
            self.tarn.run("up", "--once")

    def change(self):
        """Two transactions over both tables, and one that comes to nothing: 3 changes and 4."""
        self.round += 1
        n, key = self.round, 1000 + 10 * self.round
        self.server.execute(f"BEGIN; UPDATE item SET v = 'round {n}' WHERE id = {n % 100 + 1}; INSERT INTO sale VALUES ({key}, {n}, {n}); DELETE FROM sale WHERE id = {n};  COMMIT", self.name)
        self.server.execute("BEGIN; INSERT INTO item (id) VALUES (-1); ROLLBACK", self.name)
        self.server.execute(f"BEGIN; INSERT INTO item VALUES ({key}, 'new', NULL); UPDATE item SET id = id + 1 WHERE id = {key}; UPDATE sale SET n = n + 1 WHERE id IN ({key}, {150 + n % 50}); COMMIT", self.name)
        assert n <= 140, "the rows to be deleted are used up"
        self.changes += 7

    def sequences(self):
        """Both tables at every sequence number: whole rounds."""
        return self.tarn.sql("SELECT count(*) AS n, count(DISTINCT (_position, _ordinal)) AS places FROM ("
                             "SELECT _position, _ordinal FROM lake.bronze.item__changes WHERE _op NOT IN ('snapshot', 'update_preimage') UNION ALL "
                             "SELECT _position, _ordinal FROM lake.bronze.sale__changes WHERE _op NOT IN ('snapshot', 'update_preimage'))")

    def as_it_must_be(self):
        self.tarn.run("check")
        assert self.sequences() == [{"n": self.changes, "places": self.changes}], "changes are lost or doubled in the history"
        # A sale of every round stands there with its item, or neither does: at any moment.
        torn = self.tarn.sql("SELECT count(*) AS n FROM (SELECT id // 10 AS r FROM lake.bronze.item WHERE id > 1000) i "
                             "FULL JOIN (SELECT id // 10 AS r FROM lake.bronze.sale WHERE id > 1000) s USING (r) WHERE i.r IS NULL OR s.r IS NULL")
        assert torn == [{"n": 0}]

    def read_by_others(self):
        for table in ("item", "sale"):
            expected = self.server.query(f"SELECT count(*) FROM {table}", self.name)[0][0]
            location = self.tarn.location(f"bronze.{table}")
            for reader in (readers.pyiceberg, readers.deltalake):
                assert reader(location).num_rows == expected, f"{table}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tarn_faults_binary, postgres18):
    with postgres18.database() as name:
        postgres18.execute(SOURCE, name)
        shop = Shop(tmp_path_factory.mktemp("shop"), tarn_faults_binary, postgres18, name)
        yield shop
        shop.tarn.run("destroy", "-y")


@pytest.fixture(scope="module")
def trace(shop):
    shop.change()
    return faults.trace(shop.tarn, "up", "--once")


def cases(trace, actions):
    """`point:action@time`, the first time of every point before the others."""
    found = [(time_, point, f"{point}:{action}@{time_}") for (point, moment), count in trace.items() for action in actions
             if (moment == "after") == (action in ("die", "lose")) for time_ in faults.times(count)]
    return [fault for *_, fault in sorted(found)]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("actions", [["kill", "die"], ["fail", "lose"]], ids=["killed", "failed"])
def test_at_every_point(shop, trace, actions):
    wrong, tried = {}, 0
    for fault in cases(trace, actions):
        tried += 1
        print(fault, flush=True)
        for _ in range(3):  # a checkpoint comes with every other commit
            shop.change()
            struck = shop.tarn.run("up", "--once", env={"TARN_FAULT": fault}, check=None)
            if struck.exit_code != 0 or actions[0] != "kill":
                break
        try:
            if actions[0] == "kill" and fault.endswith("@1"):
                assert struck.exit_code == -9, str(struck)
            shop.tarn.run("up", "--once")
            shop.as_it_must_be()
        except Exception as e:  # noqa: BLE001, AssertionError is one: all are tried before the first is told
            wrong[fault] = f"{type(e).__name__}: {e}"[:1500]
            print(wrong[fault], flush=True)
    assert not wrong, f"{len(wrong)} of {tried}\n" + "\n".join(f"{k}\n    {v}" for k, v in wrong.items())
    assert tried > 15
    shop.read_by_others()
    shop.tarn.run("maintain")
    shop.as_it_must_be()
