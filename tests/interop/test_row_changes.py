"""UPDATE, DELETE and MERGE by Tarn, read by everybody else: vectors on Iceberg 3 and in Delta, position deletes on Iceberg 2, files
written anew where the table asks for copy on write."""
import pathlib

import pytest

from harness import projects, readers

ROWS = "SELECT i::INTEGER AS i, i % 7 AS k, 'name ' || i AS name FROM range(5000) r(i)"
CHANGES = [
    "DELETE FROM lake.s.t WHERE i % 10 = 3",
    "UPDATE lake.s.t SET name = upper(name), k = -1 WHERE i % 10 = 4",
    "DELETE FROM lake.s.t WHERE i BETWEEN 4000 AND 4100",
    "MERGE INTO lake.s.t USING (SELECT i::INTEGER AS i FROM range(4990, 5010) r(i)) u ON t.i = u.i "
    "WHEN MATCHED THEN UPDATE SET name = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (u.i, 0, 'new')",
]


def expected():
    rows = {i: (i, i % 7, f"name {i}") for i in range(5000) if i % 10 != 3}
    rows |= {i: (i, -1, f"NAME {i}") for i in rows if i % 10 == 4}
    rows = {i: r for i, r in rows.items() if not 4000 <= i <= 4100}
    for i in range(4990, 5010):
        rows[i] = (i, rows[i][1], "merged") if i in rows else (i, 0, "new")
    return sorted(rows.values())


def do(project, statement):
    project.run("sql", "-c", statement)


COPY_ON_WRITE = ", ".join(f"'write.{command}.mode' = 'copy-on-write'" for command in ("delete", "update", "merge"))


def changed(project, partition="", version="auto", where=None, properties=""):
    project.yaml(f"name: shop\ncatalog: lake\n{where or projects.warehouse()}")
    project.apply()
    do(project, "CREATE SCHEMA lake.s")
    do(project, f"CREATE TABLE lake.s.t {partition} AS {ROWS}")
    if version != "auto":
        do(project, f"ALTER TABLE lake.s.t SET ('tarn.iceberg' = '{version}')")
    if properties:
        do(project, f"ALTER TABLE lake.s.t SET ({properties})")
    for change in CHANGES:
        do(project, change)
    return project.location("s.t")


def rows_of(table):
    return sorted(zip(*(table.column(c).to_pylist() for c in ("i", "k", "name"))))


@pytest.mark.parametrize("version", ["auto", "2"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (bucket(4, i))", "PARTITIONED BY (k)"])
def test_every_reader_sees_the_changes(project, version, partition):
    assert not unlike(changed(project, partition, version))


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize("partition", ["", "PARTITIONED BY (k)"])
def test_every_reader_sees_files_written_anew(project, version, partition):
    location = changed(project, partition, version, properties=COPY_ON_WRITE)
    assert not unlike(location)
    # Nothing is left for readers that know no deletes.
    assert not list(pathlib.Path(location).glob("deletes/*"))
    log = "".join(path.read_text() for path in sorted(pathlib.Path(location).glob("_delta_log/*.json")))
    assert '"remove"' in log and "deletionVector" not in log and "deletionVectors" not in log
    from deltalake import DeltaTable
    assert rows_of(DeltaTable(location).to_pyarrow_table()) == expected()


def unlike(location):
    """The readers that do not find the expected rows, and what they found."""
    wrong = {}
    for reader in readers.READERS.values():
        try:
            found = rows_of(reader.read(location))
        except Exception as e:  # noqa: BLE001: all readers are tried before the first that fails is told
            wrong[reader.name] = f"{type(e).__name__}: {e}"[:300]
            continue
        if found != expected():
            wrong[reader.name] = f"{len(found)} rows, {len(expected())} expected"
    return wrong


def test_tarn_reads_its_own_changes(project):
    changed(project)
    assert rows_of(project.arrow("SELECT i, k, name FROM lake.s.t")) == expected()


def test_large_vectors_stand_in_a_file_of_their_own_for_delta(project):
    location = pathlib.Path(changed(project))
    assert list(location.glob("deletes/*.puffin"))
    do(project, "CREATE TABLE lake.s.big AS SELECT i FROM range(100000) r(i)")
    do(project, "DELETE FROM lake.s.big WHERE hash(i) % 3 = 0")
    big = project.location("s.big")
    assert list(pathlib.Path(big).glob("deletes/deletion_vector_*.bin"))
    counts = {r.name: r.read(big).num_rows for r in readers.READERS.values()}
    assert len(set(counts.values())) == 1, counts


def test_a_delta_reader_that_follows_the_log_sees_every_step(project):
    from deltalake import DeltaTable, QueryBuilder
    location = changed(project)
    counts = []
    for version in range(DeltaTable(location).version() + 1):
        table = DeltaTable(location, version=version)
        counts.append(QueryBuilder().register("t", table).execute("SELECT count(*) AS n FROM t").read_all()["n"][0].as_py())
    assert counts == [5000, 4500, 4500, 4409, 4420]
