"""The other side of every comparison: what PostgreSQL itself says stands in a table."""
import collections
import json

import psycopg
import pyarrow as pa

from . import values

_TEXT = {"text", "varchar", "bpchar", "name", "char", "citext", "json", "xml"}


class Source:
    """A table of a PostgreSQL database, every value as the server prints it."""

    def __init__(self, url: str, schema: str, table: str):
        self.url, self.schema, self.table = url, schema, table
        with self._connect() as c:
            self._name = psycopg.sql.Identifier(schema, table).as_string(c)
            self.columns = c.execute(
                "SELECT attname, format_type(atttypid, atttypmod), typname FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid "
                "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum", [self._name]).fetchall()
            self.rows = self._fetch(c, "*" if self.columns else "")

    def _connect(self):
        return psycopg.connect(self.url, autocommit=True, options="-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex "
                               "-c extra_float_digits=3 -c synchronize_seqscans=off -c lc_monetary=C")

    def _fetch(self, connection, what):
        """Raw text, past every conversion of the client."""
        r = connection.pgconn.exec_(f"SELECT {what} FROM {self._name}".encode())
        if r.status != psycopg.pq.ExecStatus.TUPLES_OK:
            raise RuntimeError(r.error_message.decode())
        text = lambda v: None if v is None else v.decode()
        return [tuple(text(r.get_value(i, j)) for j in range(r.nfields)) for i in range(r.ntuples)]

    def _as_printed(self, type_name, strings):
        """What the server prints after it has read each string as that type, or None where it cannot be read so."""
        with self._connect() as c:
            cells = sorted({s for s in strings if s is not None})
            array = psycopg.sql.Literal(cells).as_string(c)
            try:
                r = c.execute(f"SELECT v, format('%s', v::{type_name}) FROM unnest({array}::text[]) v").fetchall()
            except psycopg.Error:
                return None
        return {**dict(r), None: None}

    def column(self, i: int, lake: list, lake_type: pa.DataType):
        """(source's values, lake's values) of column i in comparable form.

        A type that a lake does not have is kept there as text or JSON. Which spelling is Tarn's choice (docs/types.md), so such a column is
        equal when the server's own text is, or when the server reads the lake's text as the very same value, or as the same JSON.
        """
        _, type_name, typname = self.columns[i]
        source = [r[i] for r in self.rows]
        is_text = any(f(lake_type) for f in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))
        if not is_text:
            return [values.from_text(v, lake_type) for v in source], lake
        count = collections.Counter
        if typname in _TEXT or count(source) == count(lake):
            return source, lake
        printed = self._as_printed(type_name, lake)
        if printed and count(again := [printed[v] for v in lake]) == count(source):
            return source, again
        with self._connect() as c:
            as_json = [r[0] for r in self._fetch(c, f"to_jsonb({psycopg.sql.Identifier(self.columns[i][0]).as_string(c)})")]
        try:
            same = lambda vs: [None if v is None else json.dumps(json.loads(v, parse_float=str, parse_int=str), sort_keys=True) for v in vs]
            if count(same(as_json)) == count(same(lake)):
                return same(as_json), same(lake)
        except ValueError:
            pass
        return source, lake


def _to_milliseconds(column):
    return [v if v is None or isinstance(v[1], str) else ("micros", (v[1] + 500) // 1000 * 1000) for v in column]


def difference(source: Source, lake: pa.Table, reader: str) -> str | None:
    """None when the lake holds exactly the source's rows, else what differs first, in words.

    The name of the reader decides on two allowances, for Trino alone: it gives column names in lower case, and its Delta connector
    rounds timestamps with time zone to milliseconds.
    """
    names = [c[0] for c in source.columns]
    if reader.startswith("trino") and len({n.lower() for n in names}) == len(names):
        lower = {n.lower(): n for n in names}
        lake = lake.rename_columns([lower.get(n, n) for n in lake.column_names])
    if set(lake.column_names) != set(names) or len(lake.column_names) != len(names):
        return f"{reader}: columns of {source.table} are {lake.column_names}, in the source {names}"
    if lake.num_rows != len(source.rows):
        return f"{reader}: {source.table} has {lake.num_rows} rows, the source has {len(source.rows)}"
    theirs, ours = [], []
    for i, name in enumerate(names):
        column = lake.column(name)
        a, b = source.column(i, values.from_arrow(column), column.type)
        if reader == "trino delta" and pa.types.is_timestamp(column.type) and column.type.tz:
            a, b = _to_milliseconds(a), _to_milliseconds(b)
        missing, extra = collections.Counter(a) - collections.Counter(b), collections.Counter(b) - collections.Counter(a)
        if missing or extra:
            short = lambda c: ", ".join(repr(v)[:200] for v in list(c)[:4])
            return (f"{reader}: {source.table}.{name} ({source.columns[i][1]} as {column.type}): {sum(missing.values())} values differ; "
                    f"only in the source: {short(missing)}; only in the lake: {short(extra)}")
        theirs.append(a)
        ours.append(b)
    if collections.Counter(zip(*theirs)) != collections.Counter(zip(*ours)):
        return f"{reader}: {source.table}: each column has the right values, but not in the right rows"
    return None


def assert_same(source: Source, lake: pa.Table, reader: str):
    problem = difference(source, lake, reader)
    assert not problem, problem
