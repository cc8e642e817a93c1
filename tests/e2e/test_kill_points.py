"""Every step and every call of storage and catalog is once the last one of its process, once fails, once loses its answer.

The commands are run once undisturbed, which tells how often each comes by at which fault point. Then each command is struck at every
point that it comes by at, the first time (TARN_FAULTS_EVERY=1: every time), in the very state in which it began.
Afterwards: nobody sees half of anything; the same command succeeds; the rows are those that they must be, once; Iceberg and Delta agree;
every file that is needed stands; upkeep finds every file that is not.
"""
import dataclasses
import os
import pathlib
import shutil
import time

import pyarrow as pa
import pytest

from harness import faults, readers
from harness.tarn import Tarn

PROJECT = """
name: shop
catalog: lake
warehouse: ./warehouse
state: ./state
sources:
  pg: {type: postgres, url: "${SHOP_PG}", tables: ['public.*'], mode: snapshot, into: bronze}
limits: {lock_lease_ms: 1000, reader_grace_ms: 0, snapshot_age_ms_max: 0, checkpoint_every_commits: 2, statistics_rows_min: 1}
"""
MODELS = {
    "silver/kept.sql": "/* tarn\nkey: id\nchecks: [not_null: id, unique: id]\n*/\nSELECT id, v FROM bronze.one WHERE id % 3 > 0",
    "gold/totals.sql": "SELECT k, count(*) AS n FROM bronze.two GROUP BY k",
    "gold/shown.sql": "/* tarn\nmaterialize: view\n*/\nSELECT * FROM gold.totals",
}
SOURCE = """
CREATE TABLE one (id bigint PRIMARY KEY, v text);
CREATE TABLE two (id bigint PRIMARY KEY, k int, n numeric(12,2));
INSERT INTO one SELECT i, md5(i::text) FROM generate_series(1, 400) i;
INSERT INTO two SELECT i, i % 7, i / 7.0 FROM generate_series(1, 300) i;
"""
CHANGE = "UPDATE one SET v = v || '!' WHERE id % 5 = 0; DELETE FROM two WHERE id % 4 = 0; INSERT INTO two SELECT i, 1, 0 FROM generate_series(900, 950) i"
BY_HAND = ["CREATE SCHEMA lake.s", "CREATE TABLE lake.s.t AS SELECT i, 'first' AS v FROM range(100) r(i)",
           "CREATE TABLE lake.s.u (i BIGINT, v VARCHAR)", "INSERT INTO lake.s.u SELECT i, 'other' FROM range(40) r(i)"]
DML = """BEGIN;
INSERT INTO lake.s.t SELECT i, 'second' FROM range(100, 130) r(i);
UPDATE lake.s.t SET v = upper(v) WHERE i % 10 = 3;
DELETE FROM lake.s.u WHERE i < 10;
MERGE INTO lake.s.u USING (SELECT i, v FROM lake.s.t WHERE i BETWEEN 35 AND 45) n ON u.i = n.i
  WHEN MATCHED THEN UPDATE SET v = n.v WHEN NOT MATCHED THEN INSERT VALUES (n.i, n.v);
COMMIT"""
COMMANDS = {"apply": ("apply", "-y"), "run": ("run",), "dml": ("sql", "-c", DML), "maintain": ("maintain",), "destroy": ("destroy", "-y")}
READERS = {"iceberg": readers.pyiceberg, "delta": readers.deltalake}


def age(folder, days=60):
    """As if everything had been written long ago."""
    then = time.time() - days * 86400
    for path in pathlib.Path(folder).rglob("*"):
        os.utime(path, (then, then))


def rows(table: pa.Table):
    return sorted(tuple(r.values()) for r in table.to_pylist())


@dataclasses.dataclass
class Command:
    name: str
    before: pathlib.Path  # the project as it was when the command began
    rows_before: dict
    rows_after: dict
    trace: dict


class Shop:
    """The project, its commands one after another, and what was there before and after each."""

    def __init__(self, folder, binary, url):
        self.saved = folder / "saved"
        self.tarn = Tarn(folder / "project", binary, {"SHOP_PG": url})
        self.tarn.directory.mkdir(parents=True)
        self.commands = {}

    def save(self, name):
        shutil.copytree(self.tarn.directory, self.saved / name)
        return self.saved / name

    def restore(self, name):
        shutil.rmtree(self.tarn.directory)
        shutil.copytree(self.saved / name, self.tarn.directory)

    def locations(self):
        """Folder by table name, of tables that readers find."""
        return {f"{hint.parts[-4]}.{hint.parts[-3].split('-')[0]}": str(hint.parent.parent)
                for hint in self.tarn.directory.glob("warehouse/*/*/metadata/version-hint.text")}

    def visible(self, names=None):
        """Rows by table and format, as a reader without a catalog finds them; a format that is not out yet has none."""
        found = {}
        for name, location in self.locations().items():
            if names is not None and name not in names:
                continue
            for format, read in READERS.items():
                if format == "iceberg" or pathlib.Path(location, "_delta_log").exists():
                    found[name, format] = rows(read(location))
        return found

    def by_name(self):
        alive = {t["name"] for t in self.tarn.run("ls", "--json").rows()} if self.locations() else set()
        return {name: r for (name, format), r in self.visible(alive).items() if format == "iceberg"}

    def traced(self, name):
        before = self.save(name)
        seen = self.by_name()
        trace = faults.trace(self.tarn, *COMMANDS[name])
        self.commands[name] = Command(name, before, seen, self.by_name(), trace)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, tarn_faults_binary, postgres18):
    with postgres18.database() as name:
        postgres18.execute(SOURCE, name)
        shop = Shop(tmp_path_factory.mktemp("shop"), tarn_faults_binary, postgres18.url(name))
        tarn = shop.tarn
        tarn.yaml(PROJECT)
        for path, text in MODELS.items():
            tarn.write(f"models/{path}", text)
        shop.traced("apply")
        # The source stays changed for the rest: whoever applies anew finds it so.
        postgres18.execute(CHANGE, name)
        shop.traced("run")
        shop.commands["apply"].rows_after = shop.by_name()
        tarn.run("sql", *(a for s in BY_HAND for a in ("-c", s)))
        shop.traced("dml")
        tarn.run("sql", *(a for n in range(12) for a in ("-c", f"INSERT INTO lake.s.t VALUES ({1000 + n}, 'small')")))
        (tarn.directory / "models/gold/shown.sql").unlink()
        tarn.write("models/gold/totals.sql", "/* tarn\nmaterialize: view\n*/\nSELECT k, count(*) AS n FROM bronze.two GROUP BY k")
        tarn.apply()
        age(tarn.directory / "warehouse")
        (pathlib.Path(shop.locations()["s.t"]) / "data/orphan.parquet").write_bytes(b"nobody's")
        age(tarn.directory / "warehouse")
        shop.traced("maintain")
        tarn.run("sql", "-c", "DROP TABLE lake.s.t", "-c", "DROP TABLE lake.s.u", "-c", "DROP SCHEMA lake.s")
        shutil.rmtree(tarn.directory / "warehouse/s")
        before, seen = shop.save("destroy"), shop.by_name()
        shop.commands["destroy"] = Command("destroy", before, seen, {}, faults.trace(tarn, *COMMANDS["destroy"]))
        assert not (tarn.directory / "warehouse").exists()
        yield shop


def test_every_fault_point_is_reached(shop, tarn_faults_binary):
    reached = {point for c in shop.commands.values() for point, _ in c.trace}
    # Those of a resync are reached by test_resync.py, which says so.
    assert {point for point in faults.names(tarn_faults_binary) if not point.startswith("reload.")} - reached == set()


def whole(shop, command):
    """Every reader sees a table as it was before or as it is after. One that is being removed is nobody's any more."""
    for (name, format), found in shop.visible(command.rows_after).items():
        assert found in (command.rows_before.get(name), command.rows_after.get(name)), f"{format} shows {len(found)} rows of {name}, neither the old nor the new ones"


def go_on(shop, command):
    if command.name == "dml":
        # Somebody whose statement was cut off looks before he repeats it.
        [now] = [rows(shop.tarn.arrow("SELECT * FROM lake.s.t"))]
        other = rows(shop.tarn.arrow("SELECT * FROM lake.s.u"))
        if now == command.rows_after["s.t"]:
            assert other == command.rows_after["s.u"], "half of a transaction was committed"
            return
        assert (now, other) == (command.rows_before["s.t"], command.rows_before["s.u"]), "half of a transaction was committed"
    shop.tarn.run(*COMMANDS[command.name])


def as_it_must_be(shop, command):
    if command.name == "destroy":
        # What SQLite keeps beside a file that is gone means nothing, and goes when a new one is made there.
        left = {p.name for sub in ("warehouse", "state") for p in (shop.tarn.directory / sub).rglob("*")} - {"catalog.db-wal", "catalog.db-shm"}
        assert not left and not (shop.tarn.directory / "warehouse").exists(), f"destroy leaves {left}"
        return
    if command.name in ("apply", "run"):
        shop.tarn.plan()
    locations = shop.locations()
    for name, wanted in command.rows_after.items():
        for format, read in READERS.items():
            assert rows(read(locations[name])) == wanted, f"{format} shows other rows of {name} than it must have"


def nothing_left_over(shop, command):
    """Upkeep has removed what nothing refers to; what remains is what the present snapshot needs."""
    from pyiceberg.table import StaticTable
    age(shop.tarn.directory / "warehouse")
    shop.tarn.run("maintain")
    assert set(shop.locations()) == set(command.rows_after)
    for name, location in shop.locations().items():
        table = StaticTable.from_metadata(location)
        needed = {t.file.file_path for t in table.scan().plan_files()} | {d.file_path for t in table.scan().plan_files() for d in t.delete_files}
        snapshot = table.current_snapshot()
        if snapshot:
            needed |= {snapshot.manifest_list} | {m.manifest_path for m in snapshot.manifests(table.io)}
        needed |= {s.statistics_path for s in table.metadata.statistics}
        needed = {p.removeprefix("file://") for p in needed}
        found = {str(p) for sub in ("data", "deletes", "metadata") for p in pathlib.Path(location, sub).glob("*") if p.suffix in (".parquet", ".puffin", ".avro", ".stats")}
        found |= {str(p) for p in pathlib.Path(location, "data").rglob("*.parquet")}
        assert needed <= found, f"{name} needs {needed - found}"
        assert found <= needed, f"nobody needs {found - needed} of {name}, and maintain leaves it"
    assert not [p for p in (shop.tarn.directory / "warehouse").glob(".tarn-tmp/*") if not p.name.endswith(".lock")]


def cases(command, actions):
    """`point:action@time`, the first time of every point before the others."""
    found = [(n, time_, f"{point}:{action}@{time_}") for (point, moment), count in command.trace.items() for action in actions
             if (moment == "after") == (action in ("die", "lose")) for n, time_ in enumerate(faults.times(count))]
    return [fault for *_, fault in sorted(found)]


def tried_one_by_one(shop, command, actions, expected):
    """`expected` says what is wrong with how the command ended, whether it may be repeated; then everything must be as it must be."""
    wrong, tried = {}, 0
    for fault in cases(command, actions):
        tried += 1
        print(command.name, fault, flush=True)
        shop.restore(command.name)
        ended = shop.tarn.run(*COMMANDS[command.name], env={"TARN_FAULT": fault}, check=None)
        if ended.exit_code == 0 and not fault.endswith("@1"):
            continue  # how often a lock is renewed is a matter of time
        try:
            assert expected(ended), str(ended)
            whole(shop, command)
            if ended.exit_code != 0:
                go_on(shop, command)
            elif command.name != "destroy":
                shop.tarn.run("ls")  # what is committed and could not be published is by whoever comes next
            as_it_must_be(shop, command)
            if command.name != "destroy":
                nothing_left_over(shop, command)
        except Exception as e:  # noqa: BLE001, AssertionError is one: all are tried before the first is told
            wrong[fault] = f"{type(e).__name__}: {e}"[:1500]
            print(wrong[fault], flush=True)
    assert not wrong, f"{len(wrong)} of {tried}\n" + "\n".join(f"{k}\n    {v}" for k, v in wrong.items())
    return tried


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_every_point(shop, name):
    assert tried_one_by_one(shop, shop.commands[name], ["kill"], lambda ended: ended.exit_code == -9) > 15


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", COMMANDS)
def test_failed_and_unanswered_at_every_point(shop, name):
    """Whoever says that it went well has done it; whoever says that it failed can be asked again."""
    assert tried_one_by_one(shop, shop.commands[name], ["fail", "lose"], lambda ended: ended.exit_code == 0 or ended.exit_code == 1 and "a test" in ended.stdout + ended.stderr) > 15


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", COMMANDS)
def test_slow_at_every_point(shop, name):
    command = shop.commands[name]
    shop.restore(name)
    shop.tarn.run(*COMMANDS[name], env={"TARN_FAULT": "*:stall=10@1+"})
    as_it_must_be(shop, command)
    if name != "destroy":
        nothing_left_over(shop, command)
