"""Tables of Tarn in every state that a writer can bring them to, and who reads them: what docs/formats/readers.md shows.

A state is a list of statements about lake.s.t. Those that begin with "tarn:" are of Tarn alone (partitioning, properties, upkeep); all others run in
a plain DuckDB as well, whose rows are what every reader has to find. `UNREAD` says who cannot read a state, and how it shows.
"""
import dataclasses
import json

import duckdb
import pyarrow as pa

from . import projects, values

ICEBERG = ["pyiceberg", "polars_iceberg", "duckdb_iceberg", "spark_iceberg", "trino476_iceberg", "trino483_iceberg"]
DELTA = ["deltalake", "polars_delta", "duckdb_delta", "spark_delta", "trino476_delta"]


@dataclasses.dataclass(frozen=True)
class State:
    name: str
    about: str
    statements: tuple
    delta: bool = True

    def __str__(self):
        return self.name

    def readers(self):
        return ICEBERG + (DELTA if self.delta else [])


def _inserts(select, count, step):
    return [f"INSERT INTO lake.s.t {select.format(n=n * step, m=(n + 1) * step)}" for n in range(count)]


_PLAIN = "CREATE TABLE lake.s.t (i INTEGER, k INTEGER, name VARCHAR)"
_ROWS = "SELECT i::INTEGER, (i % 5)::INTEGER, CASE WHEN i % 11 <> 0 THEN 'name ' || i END FROM range({n}, {m}) r(i)"
_CHANGES = ["DELETE FROM lake.s.t WHERE i % 10 = 3", "UPDATE lake.s.t SET name = upper(name), k = k + 1 WHERE i % 10 = 4",
            "DELETE FROM lake.s.t WHERE i BETWEEN 100 AND 120",
            "MERGE INTO lake.s.t USING (SELECT i::INTEGER AS i FROM range(190, 210) r(i)) u ON t.i = u.i "
            "WHEN MATCHED THEN UPDATE SET name = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (u.i, 0, 'new')"]
_COPY = "tarn:ALTER TABLE lake.s.t SET (" + ", ".join(f"'write.{c}.mode' = 'copy-on-write'" for c in ("delete", "update", "merge")) + ")"
_NESTED = ["CREATE TABLE lake.s.t (i INTEGER, s STRUCT(a INTEGER, b VARCHAR), l STRUCT(x INTEGER)[], m MAP(VARCHAR, STRUCT(v INTEGER)))",
           "INSERT INTO lake.s.t VALUES (1, {a: 1, b: 'one'}, [{x: 1}, {x: 2}], MAP {'k': {v: 1}}), (2, NULL, [], MAP {})"]
_MAINTAIN = "tarn:maintain"


def _version(n):
    return f"tarn:ALTER TABLE lake.s.t SET ('tarn.iceberg' = '{n}')"


STATES = {s.name: s for s in [
    State("appended", "rows were only added: Iceberg 2", (_PLAIN, *_inserts(_ROWS, 3, 100))),
    State("positions", "Iceberg 2 with files of positions, partitioned",
          (_PLAIN, "tarn:ALTER TABLE lake.s.t SET PARTITIONED BY (k)", _version(2), *_inserts(_ROWS, 2, 100), *_CHANGES)),
    State("vectors", "Iceberg 3 with deletion vectors", (_PLAIN, *_inserts(_ROWS, 2, 100), *_CHANGES)),
    State("copied", "files written anew instead of deletes", (_PLAIN, _COPY, *_inserts(_ROWS, 2, 100), *_CHANGES)),
    State("upgraded", "Iceberg 2 with positions became 3 with vectors",
          (_PLAIN, _version(2), *_inserts(_ROWS, 2, 100), *_CHANGES, _version(3), "DELETE FROM lake.s.t WHERE i % 10 = 5", *_inserts(_ROWS, 1, 7))),
    State("evolved", "columns renamed, dropped, added, promoted; a name that came back",
          ("CREATE TABLE lake.s.t (i INTEGER, n INTEGER, f FLOAT, d DECIMAL(6, 2), name VARCHAR, gone DATE)",
           "INSERT INTO lake.s.t SELECT i, i * 3, i / 4, i / 8, 'name ' || i, DATE '2026-01-01' + i::INTEGER FROM range(50) r(i)",
           "ALTER TABLE lake.s.t RENAME COLUMN name TO title", "ALTER TABLE lake.s.t DROP COLUMN gone", "ALTER TABLE lake.s.t ADD COLUMN gone VARCHAR",
           "ALTER TABLE lake.s.t ALTER COLUMN n TYPE BIGINT", "ALTER TABLE lake.s.t ALTER COLUMN f TYPE DOUBLE",
           "ALTER TABLE lake.s.t ALTER COLUMN d TYPE DECIMAL(12, 2)",
           "INSERT INTO lake.s.t SELECT i, i * 3000000000, i / 3, i * 1000000 + 0.25, 'later ' || i, 'back ' || i FROM range(50, 80) r(i)",
           "DELETE FROM lake.s.t WHERE i % 7 = 3", "UPDATE lake.s.t SET gone = 'was null' WHERE i < 5")),
    State("nested", "fields within structs, lists and maps renamed, dropped and added",
          (*_NESTED, "ALTER TABLE lake.s.t RENAME COLUMN s.a TO aa", "ALTER TABLE lake.s.t DROP COLUMN s.b", "ALTER TABLE lake.s.t ADD COLUMN s.b INTEGER",
           "ALTER TABLE lake.s.t RENAME COLUMN l.element.x TO xx", "ALTER TABLE lake.s.t ADD COLUMN l.element.y VARCHAR",
           "INSERT INTO lake.s.t VALUES (3, {aa: 3, b: 33}, [{xx: 3, y: 'y'}], MAP {'k': {v: 3}, 'j': {v: 4}})", "DELETE FROM lake.s.t WHERE i = 1")),
    State("promoted", "wider types within structs and lists",
          (*_NESTED, "ALTER TABLE lake.s.t ALTER COLUMN s TYPE STRUCT(a BIGINT, b VARCHAR)", "ALTER TABLE lake.s.t ALTER COLUMN l TYPE STRUCT(x BIGINT)[]",
           "INSERT INTO lake.s.t VALUES (3, {a: 5000000000, b: 'three'}, [{x: 6000000000}], MAP {'k': {v: 3}})")),
    State("repartitioned", "files of four partitionings, deletes in all of them",
          ("CREATE TABLE lake.s.t (i INTEGER, day DATE, seen TIMESTAMP, name VARCHAR)",
           *(part for n, spec in enumerate(["(name)", "(bucket(3, i), day(seen))", "(truncate(2, name), year(day))", "(month(seen))"])
             for part in (f"tarn:ALTER TABLE lake.s.t SET PARTITIONED BY {spec}",
                          "INSERT INTO lake.s.t SELECT i, DATE '1968-12-30' + i::INTEGER, TIMESTAMP '1969-12-30 22:00:00' + to_hours(i::INTEGER), "
                          f"CASE WHEN i % 4 <> 0 THEN 'n' || i % 3 END FROM range({n * 20}, {n * 20 + 20}) r(i)")),
           "DELETE FROM lake.s.t WHERE i % 5 = 2", "UPDATE lake.s.t SET name = 'n9' WHERE i % 5 = 3")),
    State("sorted", "a sort order, then another one, then upkeep",
          (_PLAIN, "tarn:ALTER TABLE lake.s.t SET SORTED BY (name)", *_inserts(_ROWS, 2, 50), "tarn:ALTER TABLE lake.s.t SET SORTED BY (k DESC NULLS FIRST, i)",
           *_inserts(_ROWS.replace("range({n}, {m})", "range({n} + 100, {m} + 100)"), 2, 50), _MAINTAIN, "DELETE FROM lake.s.t WHERE k = 2")),
    State("compacted", "files put together with the row ids that rows had, then changed again",
          (_PLAIN, *_inserts(_ROWS, 4, 60), *_CHANGES, _MAINTAIN, "DELETE FROM lake.s.t WHERE i % 10 = 6", "UPDATE lake.s.t SET k = -1 WHERE i % 10 = 7",
           "INSERT INTO lake.s.t VALUES (1000, 0, 'last')")),
    State("defaults", "columns with defaults, in rows of before and after",
          (_PLAIN, *_inserts(_ROWS, 1, 20), "ALTER TABLE lake.s.t ADD COLUMN c INTEGER DEFAULT 7", "ALTER TABLE lake.s.t ADD COLUMN d DATE DEFAULT DATE '2020-02-29'",
           "INSERT INTO lake.s.t (i) VALUES (100)", "ALTER TABLE lake.s.t ALTER COLUMN c SET DEFAULT 8", "INSERT INTO lake.s.t (i) VALUES (101)",
           "DELETE FROM lake.s.t WHERE i = 3")),
    State("mapped_by_id", "Delta's column mapping by id and V2 checkpoints",
          (_PLAIN, "tarn:ALTER TABLE lake.s.t SET ('delta.columnMapping.mode' = 'id', 'delta.checkpointPolicy' = 'v2')", *_inserts(_ROWS, 12, 5),
           "ALTER TABLE lake.s.t RENAME COLUMN name TO label", "DELETE FROM lake.s.t WHERE i % 10 = 3", *_inserts(_ROWS, 1, 3))),
    State("ruled", "a check constraint, and statistics of distinct values",
          (_PLAIN, "tarn:ALTER TABLE lake.s.t ADD CONSTRAINT low CHECK (i < 100000)", *_inserts(_ROWS, 2, 50), "tarn:ANALYZE lake.s.t",
           "DELETE FROM lake.s.t WHERE i % 10 = 3")),
    State("replaced", "CREATE OR REPLACE with other columns under old names",
          (_PLAIN, *_inserts(_ROWS, 1, 30), "CREATE OR REPLACE TABLE lake.s.t AS SELECT i::BIGINT AS i, 'k' || i AS k, i % 2 = 0 AS name FROM range(10, 60) r(i)",
           "DELETE FROM lake.s.t WHERE i % 10 = 3")),
    State("nanoseconds", "timestamps of nanoseconds, without a Delta log",
          ("tarn:CREATE TABLE lake.s.t (i INTEGER, ts TIMESTAMP_NS) WITH ('tarn.delta' = 'off')", "duckdb:CREATE TABLE lake.s.t (i INTEGER, ts TIMESTAMP_NS)",
           "INSERT INTO lake.s.t VALUES (1, '2020-01-01 00:00:00.123456789'), (2, NULL), (3, '1969-12-31 23:59:59.999999999')", "DELETE FROM lake.s.t WHERE i = 2"),
          delta=False),
]}

# (reader, state) -> a part of the error.
UNREAD = {("polars_delta", state): "columnMapping" for state in ("evolved", "nested", "mapped_by_id")}
UNREAD |= {("trino476_iceberg", state): "Unexpected PUFFIN file format" for state in ("vectors", "upgraded", "evolved", "nested", "repartitioned", "sorted", "compacted", "defaults",
                                                               "mapped_by_id", "ruled", "replaced")}
UNREAD[("trino476_iceberg", "nanoseconds")] = "Iceberg"
UNREAD[("spark_iceberg", "nanoseconds")] = "unsupported type to Spark: timestamp_ns"


def open_lake(project, extra=""):
    project.yaml(f"name: shop\ncatalog: lake\n{projects.warehouse()}{extra}")
    project.apply()
    project.run("sql", "-c", "CREATE SCHEMA lake.s")


def make(state, project):
    """Brings lake.s.t of the project into that state; returns the rows that it has then."""
    open_lake(project, "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0}\n")
    reference = duckdb.connect()
    reference.execute("ATTACH ':memory:' AS lake; CREATE SCHEMA lake.s")
    pending = []

    def flush():
        if pending:
            project.run("sql", "-c", ";".join(pending))
            pending.clear()

    for statement in state.statements:
        dialect, colon, rest = statement.partition(":")
        if not colon or dialect not in ("tarn", "duckdb"):
            dialect, rest = "both", statement
        if rest == "maintain":
            flush()
            report = json.loads(project.run("maintain", "--json").stdout)
            assert {s["outcome"] for t in report for s in t["steps"]} <= {"done", "nothing"}, report
            continue
        if dialect != "duckdb":
            pending.append(rest)
        if dialect != "tarn":
            reference.execute(rest)
    flush()
    expected = canonical(reference.execute("SELECT * FROM lake.s.t").to_arrow_table())
    assert canonical(project.arrow("SELECT * FROM lake.s.t")) == expected, "Tarn itself reads other rows"
    assert len(expected[1]) > 1, "a state without rows shows nothing"
    return expected


def canonical(table: pa.Table):
    """(column names in lower case, sorted rows): equal for equal rows, whoever read them."""
    return [n.lower() for n in table.column_names], sorted(values.rows(table), key=values.sort_key)


def verdict(reader, state, read, expected):
    """None when the reader does as UNREAD says, else what it did instead."""
    known = UNREAD.get((reader, state.name))
    try:
        found = canonical(read())
    except Exception as e:  # noqa: BLE001: what readers raise is theirs to choose
        told = f"{type(e).__name__}: {e}"
        if known is not None and known in told:
            return None
        return f"{reader} fails on {state}: {told[:600]}"
    if found == expected:
        return None if known is None else f"{reader} reads {state}, which UNREAD denies: take it out"
    differ = [(a, b) for a, b in zip(found[1], expected[1]) if a != b][:3]
    return f"{reader} reads other rows of {state}: columns {found[0]}, {len(found[1])} rows for {len(expected[1])}; first of them {differ}"


def document_table():
    """The table of docs/formats/readers.md."""
    def cell(reader, state):
        if reader not in state.readers():
            return "–"
        known = UNREAD.get((reader, state.name))
        return "yes" if known is None else "refuses"

    names = ICEBERG + DELTA
    lines = ["| state | " + " | ".join(n.replace("_", " ") for n in names) + " |", "|---" * (len(names) + 1) + "|"]
    for state in STATES.values():
        lines.append(f"| **{state}**: {state.about} | " + " | ".join(cell(n, state) for n in names) + " |")
    return "\n".join(lines)
