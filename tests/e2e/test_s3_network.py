"""Load, changes, reload and upkeep on S3 through a network that resets, stalls, cuts, reorders, and a server that is busy: exactly once."""
import dataclasses
import os

import pytest

from harness import projects, readers
from harness.fault_proxy import FATES, FaultProxy

LIMITS = ("limits: {storage_timeout_ms: 1000, storage_connect_timeout_ms: 1000, reader_grace_ms: 0, snapshot_age_ms_max: 0, "
          "checkpoint_every_commits: 3, storage_cache_bytes: 0}\n")
ROWS = 20_000
EVERY = bool(os.environ.get("TARN_FAULTS_EVERY"))


@dataclasses.dataclass
class Shop:
    project: object
    s3: object
    url: str
    server: object
    database: str

    def until_done(self, *args):
        """As somebody does whose network is bad: the same command again. How often it failed."""
        for failures in range(20):
            if (result := self.project.run(*args, check=None)).exit_code == 0:
                return failures
            assert result.exit_code == 1, str(result)
        raise AssertionError(f"20 times in vain: {result}")

    def rows(self, table, columns):
        return sorted(tuple(r[c] for c in columns) for r in self.project.arrow(f"SELECT * FROM lake.{table}").to_pylist())


def shop_through(project, s3, database, proxy, more=LIMITS):
    server, name = database
    server.execute(f"CREATE TABLE item (id bigint PRIMARY KEY, v text); INSERT INTO item SELECT i, md5(i::text) FROM generate_series(1, {ROWS}) i", name)
    project.env |= s3.env() | {"SHOP_PG": server.url(name)}
    near = dataclasses.replace(s3, endpoint=f"http://127.0.0.1:{proxy.port}")
    project.yaml(projects.mirror("SHOP_PG", ["public.item"], projects.warehouse(near, s3.create_bucket()), more))
    return Shop(project, s3, server.url(name), server, name)


def changes(shop):
    """Load, reload, changes by hand, upkeep; statements of a transaction that lost its answer are looked at before they are repeated."""
    source = lambda: sorted(shop.server.query("SELECT id, v FROM item", shop.database))
    shop.until_done("apply", "-y")
    assert shop.rows("bronze.item", ("id", "v")) == source()
    shop.server.execute("UPDATE item SET v = v || '!' WHERE id % 3 = 0; DELETE FROM item WHERE id % 7 = 0", shop.database)
    shop.until_done("run")
    assert shop.rows("bronze.item", ("id", "v")) == source()
    shop.until_done("sql", "-c", "CREATE SCHEMA IF NOT EXISTS lake.s; CREATE TABLE IF NOT EXISTS lake.s.t (i BIGINT, v VARCHAR)")
    wanted = []
    for n in range(12):
        statement = f"INSERT INTO lake.s.t SELECT i, 'n{n}' FROM range({n * 50}, {n * 50 + 50}) r(i)"
        after = sorted(wanted + [(i, f"n{n}") for i in range(n * 50, n * 50 + 50)])
        if n % 4 == 3:
            statement = f"DELETE FROM lake.s.t WHERE i % 10 = {n // 4}"
            after = [r for r in wanted if r[0] % 10 != n // 4]
        for _ in range(20):
            shop.project.run("sql", "-c", statement, check=None)
            if (found := shop.rows("s.t", ("i", "v"))) == after:
                break
            assert found == wanted, "something half, or something twice"
        assert found == after
        wanted = after
    shop.until_done("maintain")
    assert shop.rows("s.t", ("i", "v")) == wanted
    return source(), wanted


def check_readers(shop, item, t):
    for name, columns, wanted in (("bronze.item", ("id", "v"), item), ("s.t", ("i", "v"), t)):
        location = shop.project.location(name)
        for read in (readers.pyiceberg, readers.deltalake):
            found = sorted(tuple(r[c] for c in columns) for r in read(location, shop.s3).to_pylist())
            assert found == wanted, f"{read.__name__} reads other rows of {name}"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fate", FATES if EVERY else ["lost"])
def test_exactly_once_through_a_network_that_has_one_illness(project, s3, database, fate):
    with FaultProxy(int(s3.endpoint.rsplit(":", 1)[1]), seed=len(fate), one_in=12, fates=[fate]) as proxy:
        shop = shop_through(project, s3, database, proxy)
        item, t = changes(shop)
        # What was sent long ago may arrive last, and turn the hint back; the next commit puts it right.
        proxy.heal()
        shop.until_done("sql", "-c", "INSERT INTO lake.s.t VALUES (-1, 'last')")
        shop.until_done("run")
        check_readers(shop, item, sorted(t + [(-1, "last")]))
        assert proxy.counts[fate] > 5, proxy.counts


def every_illness(project, s3, database):
    with FaultProxy(int(s3.endpoint.rsplit(":", 1)[1]), seed=1, one_in=8) as proxy:
        shop = shop_through(project, s3, database, proxy)
        item, t = changes(shop)
        proxy.heal()
        shop.until_done("sql", "-c", "INSERT INTO lake.s.t VALUES (-1, 'last')")
        shop.until_done("run")
        check_readers(shop, item, sorted(t + [(-1, "last")]))
        assert set(FATES) <= set(proxy.counts), proxy.counts


if EVERY:
    test_exactly_once_through_a_network_that_has_them_all = pytest.mark.timeout(1800)(every_illness)


def test_a_server_that_is_always_busy_is_told_and_leaves_nothing_behind(project, s3, database):
    """A load that gives up says which object and what to do; the next one is as the first."""
    with FaultProxy(int(s3.endpoint.rsplit(":", 1)[1]), decide=lambda method, target: "busy" if method == "PUT" else None) as proxy:
        shop = shop_through(project, s3, database, proxy, LIMITS.replace("{", "{storage_retries_max: 2, "))
        error = project.run("apply", "-y", check=1).stderr
        assert "SlowDown" in error or "503" in error
        proxy.heal()
        project.apply()
        assert len(shop.rows("bronze.item", ("id", "v"))) == ROWS
