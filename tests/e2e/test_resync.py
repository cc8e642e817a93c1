"""`tarn resync TABLE…` beside a running `tarn up`, on real PostgreSQL, MySQL and MariaDB: the other tables go on while a table is loaded anew,
source transactions stay whole at every sequence number, and a kill -9 at any point leaves nothing behind that upkeep does not find."""
import json
import os
import pathlib
import signal
import threading
import time

import pytest

from harness import faults, process, readers, servers
from harness.capture import ORDER, assert_folds_to_the_mirror
from harness.tarn import Tarn

YAML = """
name: shop
sources:
  crm:
    type: %s
    url: ${SHOP_URL}
    tables: [%s]
    mode: cdc
    commit: {every: 200ms}
serve: {http: "127.0.0.1:0"}
limits: {lock_lease_ms: 3000}
"""
ROWS = 20_000


class Postgres:
    kind = "postgres"
    tables = "public.big, public.sale"
    schema = f"""
        CREATE TABLE big (id bigint PRIMARY KEY, v text, n int, k int, large text);
        CREATE TABLE sale (id bigint PRIMARY KEY, n int);
        INSERT INTO big SELECT i, md5(i::text), 0, i, CASE WHEN i % 50 = 0 THEN (SELECT string_agg(md5((i * j)::text), '') FROM generate_series(1, 100) j) END
          FROM generate_series(0, {ROWS - 1}) i;
        INSERT INTO sale VALUES (0, 0);"""
    incompatible = "ALTER TABLE big ALTER COLUMN k TYPE text USING 'k' || k"

    def __init__(self, server, name):
        self.server, self.name = server, name

    def url(self):
        return self.server.url(self.name)

    def execute(self, sql):
        self.server.execute(sql, self.name)

    def query(self, sql):
        return [[str(v) for v in row] for row in self.server.query(sql, self.name)]

    def transaction(self, sql):
        self.execute(f"BEGIN; {sql} COMMIT")


class Mysql(Postgres):
    kind = "mysql"
    tables = "big, sale"
    incompatible = "ALTER TABLE big MODIFY k varchar(12)"

    @property
    def schema(self):
        recursion = f"SET @@{'max_recursive_iterations' if self.server.kind == 'mariadb' else 'cte_max_recursion_depth'} = 100000;"
        return f"""
        CREATE TABLE big (id bigint PRIMARY KEY, v varchar(40), n int, k int, large longtext);
        CREATE TABLE sale (id bigint PRIMARY KEY, n int);
        {recursion}
        INSERT INTO big WITH RECURSIVE s (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < {ROWS - 1})
          SELECT i, LEFT(MD5(i), 9), 0, i, IF(i % 50 = 0, REPEAT(MD5(i), 100), NULL) FROM s;
        INSERT INTO sale VALUES (0, 0);"""

    def execute(self, sql):
        self.server.query(sql, self.name)

    def query(self, sql):
        return self.server.query(sql, self.name)


@pytest.fixture(params=["postgres", "mysql", "mariadb"])
def source(request):
    if request.param == "postgres":
        server = request.getfixturevalue("postgres18")
        with server.database() as name:
            yield filled(Postgres(server, name))
    else:
        with servers.mysql(request.param) as server, server.database() as name:
            yield filled(Mysql(server, name))


@pytest.fixture
def on_postgres(postgres18):
    with postgres18.database() as name:
        yield filled(Postgres(postgres18, name))


def filled(source):
    source.execute(source.schema)
    return source


def declare(shop, source, more="", tables=""):
    shop.yaml((YAML % (source.kind, source.tables + tables)).replace("serve:", f"{more}serve:"))


def make(folder, binary, source, more=""):
    shop = Tarn(folder / "project", binary, {"SHOP_URL": source.url()})
    shop.directory.mkdir(parents=True)
    declare(shop, source, more)
    shop.apply()
    return shop


@pytest.fixture
def shop(tmp_path, tarn_faults_binary, source):
    shop = make(tmp_path, tarn_faults_binary, source)
    yield shop
    shop.run("destroy", "-y")


class Writer:
    """Commits one transaction over both tables after the other: row 0 of each tells how many there were, whenever one looks."""

    def __init__(self, source):
        self.source, self.rounds, self.stop, self.error = source, int(source.query("SELECT n FROM sale WHERE id = 0")[0][0]), threading.Event(), None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.stop.is_set():
                n = self.rounds + 1
                at = n * 7919 % ROWS
                # Rows come, go, change their key, and change beside a large value that they keep.
                self.source.transaction(
                    f"UPDATE sale SET n = {n} WHERE id = 0; UPDATE big SET n = {n} WHERE id = 0; INSERT INTO sale VALUES ({n}, {n});"
                    f"INSERT INTO big (id, v, n) VALUES ({ROWS + 3 * n}, 'new', {n}); UPDATE big SET n = {n} WHERE id = {n * 50 % ROWS} AND id > 0;"
                    f"DELETE FROM big WHERE id = {at + 1 if at % 50 == 0 else at}; UPDATE big SET id = id + 1 WHERE id = {ROWS + 3 * n};")
                self.rounds = n
        except Exception as error:  # noqa: BLE001, told by __exit__
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(60)
        assert self.error is None, self.error


class Up:
    def __init__(self, shop):
        self.running = shop.start("up")

    def __enter__(self):
        process.wait_for(lambda: self.running.logged("following 1 source") or self.running.popen.poll() is not None, 60, "its beginning")
        assert self.running.popen.poll() is None, str(self.running.wait())
        return self

    def __exit__(self, *_):
        ended = self.running.kill(signal.SIGTERM)
        assert ended.exit_code == 0, str(ended)


def tick(shop, table):
    return shop.sql(f"SELECT n FROM lake.bronze.{table} WHERE id = 0")[0]["n"]


def place(shop):
    """Up to where the log is in the lake."""
    return shop.sql("SELECT position FROM system.positions WHERE source = 'crm' AND source_table = '*'")[0]["position"]


def sequence(shop):
    return shop.sql("SELECT max(sequence) AS n FROM system.commits")[0]["n"]


def torn(shop, first, last):
    """Sequence numbers at which the two tables are of different moments of the source."""
    wrong = []
    for begin in range(first, last + 1, 40):
        seen = " UNION ALL ".join(f"SELECT {s} AS s, (SELECT n FROM lake.bronze.big AT (VERSION => 'sequence {s}') WHERE id = 0) AS big, "
                                  f"(SELECT n FROM lake.bronze.sale AT (VERSION => 'sequence {s}') WHERE id = 0) AS sale"
                                  for s in range(begin, min(begin + 40, last + 1)))
        wrong += shop.sql(f"SELECT * FROM ({seen}) WHERE big IS DISTINCT FROM sale OR big IS NULL")
    return wrong


def caught_up(shop, source, writer_rounds):
    process.wait_for(lambda: tick(shop, "sale") == writer_rounds, 60, "the last transaction")
    assert tick(shop, "big") == writer_rounds
    shop.run("check")
    expected = source.query("SELECT count(*), sum(id), sum(n) FROM big")[0]
    ours = shop.sql("SELECT count(*) AS a, sum(id) AS b, sum(n) AS c FROM lake.bronze.big")[0]
    assert [str(v) for v in ours.values()] == expected


def read_by_others(shop, source):
    expected = int(source.query("SELECT count(*) FROM big")[0][0])
    for reader in (readers.pyiceberg, readers.deltalake):
        assert reader(shop.location("bronze.big")).num_rows == expected, reader.__name__


def beside(shop, *args):
    """A command that goes as far as it gets beside the one that stands at its point: it has ended, or waits for that one."""
    running = shop.start(*args)
    process.wait_for(lambda: running.popen.poll() is not None or running.logged("waiting: "), 60, f"tarn {' '.join(args)}")
    return running


def held(shop, point, tmp_path, *tables):
    """A resync that stands at the point until release() is called."""
    gate = tmp_path / "gate"
    running = shop.start("resync", *tables, env={"TARN_FAULT": f"{point}:hold={gate}", "TARN_FAULT_TRACE": str(tmp_path / "trace")})
    process.wait_for(lambda: point in (tmp_path / "trace").read_text() if (tmp_path / "trace").exists() else running.popen.poll() is not None, 120, point)
    assert running.popen.poll() is None, str(running.wait())
    return running, gate.touch


def test_the_others_and_the_table_itself_go_on_while_it_is_loaded(shop, source, tmp_path):
    with Up(shop) as up, Writer(source) as writer:
        first = sequence(shop)
        running, release = held(shop, "reload.written", tmp_path, "bronze.big")
        before = place(shop), tick(shop, "sale"), tick(shop, "big")
        process.wait_for(lambda: tick(shop, "sale") >= before[1] + 20 and tick(shop, "big") >= before[2] + 20, 60, "both tables to go on")
        assert place(shop) != before[0]
        assert not up.running.logged("makes way"), "it made way for the load"
        # A second one waits, and what stands there is not upkeep's.
        second = shop.start("resync", "bronze.sale")
        process.wait_for(lambda: second.logged(r"waiting: .*resync, pid"), 60, "the second resync to wait")
        second.kill(signal.SIGINT)
        age(shop.directory / "warehouse")
        shop.run("maintain", "bronze.big")
        release()
        done = running.wait(180)
        assert done.exit_code == 0, str(done)
        assert "bronze.big: " in done.stdout
        process.wait_for(lambda: up.running.logged("goes on: following"), 60, "up to go on")
        after = tick(shop, "sale")
        process.wait_for(lambda: tick(shop, "sale") > after, 60, "the others after it")
    with Up(shop):
        caught_up(shop, source, writer.rounds)
    assert torn(shop, first, sequence(shop)) == []
    read_by_others(shop, source)


def test_a_table_that_stopped_is_loaded_while_the_others_go_on(shop, source, tmp_path):
    with Up(shop) as up, Writer(source) as writer:
        source.execute(source.incompatible)
        process.wait_for(lambda: up.running.logged("big is not followed any more"), 60, "the stop")
        running, release = held(shop, "reload.staged", tmp_path, "bronze.big")
        before = tick(shop, "sale"), tick(shop, "big")
        process.wait_for(lambda: tick(shop, "sale") >= before[0] + 20, 60, "the other table to go on")
        assert tick(shop, "big") == before[1], "it is seen before all of it is there"
        swapped_after = sequence(shop)
        release()
        done = running.wait(180)
        assert done.exit_code == 0, str(done)
        swap = shop.sql(f"SELECT min(sequence) AS n FROM system.commits WHERE sequence > {swapped_after} AND author = 'resync' AND message LIKE 'load %'")[0]["n"]
    with Up(shop):
        caught_up(shop, source, writer.rounds)
    assert torn(shop, swap, sequence(shop)) == []
    assert tick(shop, "big") > before[1]
    read_by_others(shop, source)
    shop.plan(check=0)


def test_another_table_that_stopped_waits_for_its_own_resync(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source)
    shop.write("models/silver/sales.sql", "SELECT count(*) AS n FROM bronze.sale")
    shop.apply()
    with Up(shop) as up:
        source.execute(f"{source.incompatible}; UPDATE big SET v = 'stops' WHERE id = 1; INSERT INTO sale VALUES (1, 1)")
        process.wait_for(lambda: up.running.logged("big is not followed any more"), 60, "the stop")
        done = shop.run("resync", "bronze.sale")
        assert "bronze.sale: 2 rows" in done.stdout and "bronze.big" not in done.stdout
        assert shop.sql("SELECT n FROM lake.silver.sales") == [{"n": 2}], "the model that reads it was not run"
        # `up` passes over what it is told of the table that stopped.
        source.execute("UPDATE big SET n = 77 WHERE id = 1; INSERT INTO sale VALUES (2, 2)")
        process.wait_for(lambda: shop.sql("SELECT count(*) AS n FROM lake.bronze.sale") == [{"n": 3}], 60, "the other table")
    with Up(shop):
        assert "bronze.big: " in shop.run("resync", "bronze.big").stdout
        source.execute("UPDATE big SET n = 1 WHERE id = 2; UPDATE sale SET n = 5 WHERE id = 0")
        process.wait_for(lambda: tick(shop, "sale") == 5, 60, "the last transaction")
        assert shop.sql("SELECT id, v, n FROM lake.bronze.big WHERE n > 0 ORDER BY id") == [{"id": 1, "v": "stops", "n": 77}, {"id": 2, "v": source.query("SELECT v FROM big WHERE id = 2")[0][0], "n": 1}]
    shop.run("destroy", "-y")


def test_a_table_that_apply_adds_meanwhile_is_followed(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source)
    source.execute("CREATE TABLE extra (id bigint PRIMARY KEY); INSERT INTO extra VALUES (0)")
    # It has planned, and is about to say which tables the log is to tell.
    running, release = held(shop, "catalog.run", tmp_path, "bronze.big")
    declare(shop, source, tables=", public.extra")
    applying = beside(shop, "apply", "-y")
    release()
    for one in (running, applying):
        done = one.wait(180)
        assert done.exit_code == 0, str(done)
    source.execute("INSERT INTO extra VALUES (1)")
    shop.run("up", "--once")
    assert shop.sql("SELECT id FROM lake.bronze.extra ORDER BY id") == [{"id": 0}, {"id": 1}]
    shop.run("destroy", "-y")


def test_what_apply_made_of_the_table_meanwhile_is_not_taken_back(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source)
    for rule, what in (("tags: {owner: growth}", "tags were"), ('tags: {owner: growth}, partition: ["bucket(2, id)"]', "partitioning was")):
        running, release = held(shop, "reload.written", tmp_path, "bronze.big")
        declare(shop, source, f"tables: {{bronze.big: {{{rule}}}}}\n")
        shop.apply()
        release()
        done = running.wait(180)
        assert done.exit_code == 1 and f"bronze.big's {what} changed" in done.stderr and "run it again" in done.stderr, str(done)
        (tmp_path / "gate").unlink()
        (tmp_path / "trace").unlink()
        for _ in range(2):
            shown = json.loads(shop.run("show", "bronze.big", "--json").stdout)
            assert shown["properties"]["tarn.tag.owner"] == "growth"
            assert bool(shown["partition"]) == ("bucket" in rule), shown
            shop.plan(check=0)
            shop.run("resync", "bronze.big")
    shop.run("up", "--once")
    caught_up(shop, source, 0)
    shop.run("destroy", "-y")


def test_models_that_are_applied_meanwhile_are_what_apply_says(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source)
    model = "SELECT count(*) AS n FROM bronze.big"
    shop.write("models/silver/early.sql", model)
    shop.apply()
    # One that is dropped at the very moment of the swap does not come back.
    running, release = held(shop, "reload.at_place", tmp_path, "bronze.big")
    (shop.directory / "models/silver/early.sql").unlink()
    applying = beside(shop, "apply", "-y")
    release()
    for one in (running, applying):
        done = one.wait(180)
        assert done.exit_code == 0, str(done)
    shop.plan(check=0)
    (tmp_path / "gate").unlink()
    (tmp_path / "trace").unlink()
    # One that is built while the rows are loaded has read those of before.
    source.execute("DELETE FROM big WHERE id = 1")
    running, release = held(shop, "reload.written", tmp_path, "bronze.big")
    shop.write("models/silver/late.sql", model)
    shop.apply()
    release()
    done = running.wait(180)
    assert done.exit_code == 1 and "models that read them are still due" in done.stderr, str(done)
    shop.apply()
    assert shop.sql("SELECT n FROM lake.silver.late") == [{"n": ROWS - 1}]
    shop.run("destroy", "-y")


def test_what_was_loaded_waits_for_the_log_until_it_is_free(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source)
    shop.yaml((shop.directory / "tarn.yaml").read_text().replace("limits: {", "limits: {lock_wait_ms: 1000, "))
    source.execute("UPDATE sale SET n = 1; UPDATE big SET n = 1 WHERE id = 0")
    # One that makes way for nobody.
    gate, trace = tmp_path / "up_gate", tmp_path / "up_trace"
    once = shop.start("up", "--once", env={"TARN_FAULT": f"commit.staged:hold={gate}", "TARN_FAULT_TRACE": str(trace)})
    process.wait_for(lambda: once.popen.poll() is not None or trace.exists() and "commit.staged" in trace.read_text(), 60, "up to commit")
    running = shop.start("resync", "bronze.big")
    process.wait_for(lambda: running.popen.poll() is not None or running.output["stderr"].count("waiting: lock capture") >= 3, 60, "the resync to go on waiting")
    gate.touch()
    for one in (once, running):
        done = one.wait(180)
        assert done.exit_code == 0, str(done)
    caught_up(shop, source, 1)
    # A stop ends the wait, and leaves nothing.
    source.execute("UPDATE sale SET n = 2; UPDATE big SET n = 2 WHERE id = 0")
    gate.unlink()
    trace.unlink()
    once = shop.start("up", "--once", env={"TARN_FAULT": f"commit.staged:hold={gate}", "TARN_FAULT_TRACE": str(trace)})
    process.wait_for(lambda: once.popen.poll() is not None or trace.exists() and "commit.staged" in trace.read_text(), 60, "up to commit")
    running = shop.start("resync", "bronze.big")
    process.wait_for(lambda: running.popen.poll() is not None or running.logged("waiting: lock capture"), 60, "the resync to wait")
    assert running.kill(signal.SIGINT).exit_code not in (0, -signal.SIGKILL)
    gate.touch()
    assert once.wait(180).exit_code == 0
    caught_up(shop, source, 2)
    nothing_left_over(shop)
    shop.run("destroy", "-y")


def test_without_up_the_log_is_followed_to_where_the_rows_were_read(shop, source):
    first = sequence(shop)
    with Writer(source) as writer:
        process.wait_for(lambda: writer.rounds > 30 or writer.error, 60, "changes")
        done = shop.run("resync", "bronze.big")
        assert "bronze.big: " in done.stdout
        assert tick(shop, "big") == tick(shop, "sale") > 0
    shop.run("up", "--once")
    caught_up(shop, source, writer.rounds)
    assert torn(shop, first, sequence(shop)) == []


def test_json_tells_what_was_loaded_and_which_models_were_run(tmp_path, tarn_faults_binary, on_postgres):
    shop = make(tmp_path, tarn_faults_binary, on_postgres)
    shop.write("models/gold/n.sql", "SELECT count(*) AS n FROM bronze.sale")
    shop.apply()
    for names, tables in ((["bronze.sale"], {"bronze.sale": 1}), ([], {"bronze.big": ROWS, "bronze.sale": 1})):
        told = json.loads(shop.run("resync", *names, "--json").stdout)
        assert {t["table"]: t["rows"] for t in told["loaded"]} == tables, told
        assert all(t["bytes"] > 0 and t["sequence"] > 0 for t in told["loaded"]), told
        assert [(m["model"], m["status"], m["rows"]) for m in told["models"]] == [("gold.n", "succeeded", 1)], told
    shop.run("destroy", "-y")


def test_a_history_goes_on_through_it(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source, "    history: true\n")
    shop.write("models/silver/reloads.sql", "SELECT count(*) FILTER (_op = 'reload') AS n FROM bronze.big__changes")
    shop.apply()
    with Up(shop), Writer(source) as writer:
        for loads in range(2):
            running, release = held(shop, "reload.written", tmp_path, "bronze.big")
            begun = tick(shop, "big")
            process.wait_for(lambda: tick(shop, "big") >= begun + 10, 60, "the table to go on")
            release()
            done = running.wait(180)
            assert done.exit_code == 0, str(done)
            assert shop.sql("SELECT n FROM lake.silver.reloads") == [{"n": loads + 1}], "what reads the history alone was not run"
            (tmp_path / "gate").unlink()
            (tmp_path / "trace").unlink()
    with Up(shop):
        caught_up(shop, source, writer.rounds)
    assert_folds_to_the_mirror(shop, "big", "id, v, n, k, large")
    # Every change is there once, in its place beside the rows of the loads.
    rounds = shop.sql(f"SELECT n FROM lake.bronze.big__changes WHERE id = 0 AND _op = 'update' {ORDER}")
    assert [row["n"] for row in rounds] == list(range(1, writer.rounds + 1))
    at_loads = shop.sql("SELECT s.n, (SELECT max(n) FROM lake.bronze.big__changes u WHERE u.id = 0 AND u._op = 'update' AND u._log_order < s._log_order) AS before "
                        "FROM lake.bronze.big__changes s WHERE s.id = 0 AND s._op = 'snapshot' AND s._log_order > (SELECT min(_log_order) FROM lake.bronze.big__changes)")
    assert len(at_loads) == 2 and all(row["n"] == row["before"] for row in at_loads), at_loads
    # One that stopped lacks what came since: `up` makes way for the whole load, and the history goes on with it.
    source.execute(f"{source.incompatible}; UPDATE big SET v = 'altered' WHERE id = 100")
    assert "big is not followed any more" in shop.run("up", "--once").stderr
    shop.run("resync", "bronze.big")
    source.execute("UPDATE big SET v = 'last' WHERE id = 50")
    shop.run("up", "--once")
    assert_folds_to_the_mirror(shop, "big", "id, v, n, k, large")
    shop.run("destroy", "-y")


def age(folder, days=60):
    then = time.time() - days * 86400
    for path in pathlib.Path(folder).rglob("*"):
        try:
            os.utime(path, (then, then))
        except FileNotFoundError:
            pass  # what `up` writes at this moment


POINTS = ["reload.marked", "reload.written", "reload.staged", "reload.caught_up", "reload.at_place", "commit.staged", "catalog.applied", "reload.committed", "reload.indexed"]


@pytest.mark.timeout(1800)
def test_killed_at_every_point(tmp_path, tarn_faults_binary, on_postgres):
    source = on_postgres
    shop = make(tmp_path, tarn_faults_binary, source)
    seen = faults.trace(shop, "resync", "bronze.big")
    assert {point for point in faults.names(tarn_faults_binary) if point.startswith("reload.")} == {point for point, _ in seen if point.startswith("reload.")}
    with Up(shop) as up, Writer(source) as writer:
        first = sequence(shop)
        for point in POINTS:
            # The second commit of a resync is the swap.
            time_ = 2 if point in ("commit.staged", "catalog.applied") else 1
            killed = shop.run("resync", "bronze.big", env={"TARN_FAULT": f"{point}:kill@{time_}"}, check=None, timeout=180)
            assert killed.exit_code == -9, f"{point}: {killed}"
            went_on = tick(shop, "sale")
            process.wait_for(lambda: tick(shop, "sale") > went_on, 60, f"the others after {point}")
            assert "bronze.big: " in shop.run("resync", "bronze.big", timeout=180).stdout, point
        assert torn(shop, first, sequence(shop)) == []
    with Up(shop):
        caught_up(shop, source, writer.rounds)
    assert source.query("SELECT count(*) FROM pg_replication_slots WHERE temporary") == [["0"]]
    nothing_left_over(shop)
    read_by_others(shop, source)
    shop.run("destroy", "-y")


def nothing_left_over(shop):
    """Upkeep has removed the files of killed loads."""
    from pyiceberg.table import StaticTable
    age(shop.directory / "warehouse")
    shop.run("maintain", "bronze.big")
    location = shop.location("bronze.big")
    table = StaticTable.from_metadata(location)
    known = set()
    for snapshot in table.snapshots():
        known |= {e.data_file.file_path.removeprefix("file://") for m in snapshot.manifests(table.io) for e in m.fetch_manifest_entry(table.io, discard_deleted=True)}
    found = {str(p) for p in pathlib.Path(location, "data").rglob("*.parquet")}
    assert found <= known, f"nobody needs {found - known}, and maintain leaves it"
    assert not list((shop.directory / "state" / "keys" / "reload").glob("*")), "an index of a killed load"
