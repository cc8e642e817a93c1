"""The harness itself: a comparison that cannot fail proves nothing, and a server that outlives its test spoils the next."""
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest

from harness import every_type, process, readers, source, values


@pytest.mark.parametrize("text, type_, value", [
    ("0044-03-15 BC", pa.date32(), ("date", -735160)),
    ("5874897-12-31", pa.date32(), ("date", 2145042905)),
    ("1969-12-31 23:59:59.999999", pa.timestamp("us"), ("micros", -1)),
    ("2024-03-31 00:30:00+00", pa.timestamp("us", "UTC"), ("micros", 1711845000000000)),
    ("12:00:00.5", pa.time64("us"), ("time", 43200500000)),
    ("-0", pa.float64(), ("float", "-0.0")),
    ("NaN", pa.float32(), ("float", "nan")),
    ('{1,NULL,"a,\\"b"}', pa.list_(pa.string()), ("1", None, 'a,"b')),
    ("{{1,2},{3,NULL}}", pa.list_(pa.list_(pa.int32())), ((1, 2), (3, None))),
    ('(1,"a ""q"" (x)",)', pa.struct([("a", pa.int32()), ("b", pa.string()), ("c", pa.string())]), ("struct", 1, 'a "q" (x)', None)),
    ("$92,233,720,368,547,758.07", pa.decimal128(19, 2), values.decimal.Decimal("92233720368547758.07")),
    ("\\x00ff", pa.binary(), b"\x00\xff"),
])
def test_text_of_postgres_is_read_as_the_type_of_the_lake(text, type_, value):
    assert values.from_text(text, type_) == value


def test_values_beyond_python_keep_their_place():
    micros = [-(2**63) + 1, 2**63 - 1, None]
    assert values.from_arrow(pa.array(micros, pa.timestamp("us"))) == [("micros", "-infinity"), ("micros", "infinity"), None]
    nested = pa.array([[[1], None], [], None], pa.list_(pa.list_(pa.int32())))
    assert values.from_arrow(nested) == [((1,), None), (), None]
    assert values.from_arrow(nested[1:]) == [(), None]


def as_arrow(expected, change=None):
    """A table of text that equals the source, after one change."""
    rows = [list(r) for r in expected.rows]
    if change:
        change(rows)
    return pa.table([pa.array([r[i] for r in rows], pa.string()) for i in range(len(expected.columns))], names=[c[0] for c in expected.columns])


def test_a_single_wrong_value_is_a_difference(database):
    server, name = database
    every_type.load(server, name)
    expected = source.Source(server.url(name), "public", "every_type")
    assert source.difference(expected, as_arrow(expected), "text") is None
    for i in range(1, len(expected.columns)):
        def change(rows, i=i):
            rows[1][i] = None if rows[1][i] is not None else "1"
        assert source.difference(expected, as_arrow(expected, change), "text"), expected.columns[i]
    swap = lambda rows: [r.__setitem__(1, v) for r, v in zip(rows, [r[1] for r in rows][::-1])]
    assert "right rows" in source.difference(expected, as_arrow(expected, swap), "text")
    assert source.difference(expected, as_arrow(expected, lambda rows: rows.pop()), "text")
    assert source.difference(expected, as_arrow(expected).drop_columns(["c_bool"]), "text")


def test_every_base_type_of_postgres_has_a_column(postgres18, database):
    """Left out are reg… (regclass stands for them), pseudo-types, and types that no user's table has."""
    server, name = database
    every_type.load(server, name)
    missing = server.query("SELECT typname FROM pg_type t WHERE typtype IN ('b', 'r') AND typelem = 0 AND typnamespace = 'pg_catalog'::regnamespace AND typisdefined "
                           "AND oid NOT IN (SELECT atttypid FROM pg_attribute WHERE attrelid = 'every_type'::regclass) AND typname !~ '^(pg_|reg)'", name)
    assert {m[0] for m in missing} <= {"aclitem", "gtsvector", "refcursor", "txid_snapshot"}


def test_readers_find_a_table_of_pyiceberg_and_deltalake_by_its_folder(tmp_path):
    """Without Tarn: what the readers accept, so that a later failure is Tarn's."""
    from deltalake import write_deltalake
    from pyiceberg.catalog.sql import SqlCatalog
    data = pa.table({"id": pa.array([1, 2], pa.int64()), "s": ["a", "ü"]})
    catalog = SqlCatalog("c", uri="sqlite:///:memory:", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("n")
    folder = tmp_path / "t"
    table = catalog.create_table("n.t", data.schema, location=f"file://{folder}")
    table.append(data)
    for old in folder.glob("metadata/*.metadata.json"):
        old.rename(folder / f"metadata/v{int(old.name.split('-')[0]) + 1}.metadata.json")
    (folder / "metadata/version-hint.text").write_text("2")
    write_deltalake(str(folder), data)
    for reader in readers.READERS.values():
        assert sorted(values.rows(reader.read(str(folder)))) == [(1, "a"), (2, "ü")], reader.name


@pytest.mark.parametrize("start, name", [("servers.postgres(18)", "postgres"), ("servers.s3()", "versitygw")])
def test_a_server_dies_with_a_killed_test_run(start, name):
    program = f"from harness import servers\nwith {start} as s:\n    print(s.child.pid, flush=True)\n    input()"
    run = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.path.dirname(os.path.dirname(__file__)))
    pid = int(run.stdout.readline())
    assert os.path.exists(f"/proc/{pid}")
    run.send_signal(signal.SIGKILL)
    run.wait()

    def gone():  # an orphan that nobody reaps stays behind as a zombie
        try:
            return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True
    process.wait_for(gone, 20, f"the end of {name}")


def test_a_server_that_cannot_start_shows_its_log(tmp_path):
    child = process.Child(["/bin/sh", "-c", "echo the reason; exit 3"], tmp_path / "log")
    with pytest.raises(RuntimeError, match="ended with 3:\nthe reason"):
        child.wait_until(lambda: False, 10)
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        process.Child(["/bin/sleep", "60"], tmp_path / "log2").wait_until(lambda: False, 0.2)
    assert time.monotonic() - begin < 10
