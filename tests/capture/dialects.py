"""The workload's tables in the words of PostgreSQL, of MySQL and MariaDB, and of the lake.

`digest` is the same text on all sides: of every table how many rows it has and the sum of a hash of each, of values as they are printed.
"""
from harness import every_type, mysql_types

# What counts of a table: a value as it is printed, or, where it is long or no text, its MD5.
COLUMNS = {
    "item": {"id": "printed", "v": "printed", "n": "printed", "price": "printed", "big": "hashed", "raw": "hashed", "day": "printed"},
    "pair": {"a": "printed", "b": "printed", "v": "printed"},
    "cut": {"id": "printed", "region": "printed", "n": "printed"},
    "every": {"id": "printed", "ver": "printed"},
    "bulk": {"id": "printed", "v": "printed"},
}
TABLES = [*COLUMNS, "wide"]  # `wide` is altered: its columns are known when it is looked at


class _Printed:
    """`text(column)`, `number(hash)` and `concat(…)` differ."""

    def _row(self, columns):
        cells = [f"coalesce({self.text(c) if kind == 'printed' else f'md5({c})'}, '~')" for c, kind in columns.items()]
        return f"concat_ws('|', {', '.join(cells)})"

    def _one(self, table, row, relation):
        return f"(SELECT concat('{table}=', count(*), ':', coalesce(sum({self.number(f'md5({row})')}), 0)) FROM {relation})"

    def pieces(self, relation):
        """SQL of `table=count:sum` for every table of fixed columns; relation(table) names it."""
        return [self._one(t, self._row(columns), relation(t)) for t, columns in COLUMNS.items()]


class _Source(_Printed):
    def digest(self, writer, wide_columns):
        """SQL of the state of a writer's tables; nulls of `wide` are left out, so that a new column changes nothing."""
        cells = ", ".join(self.pair(c) for c in sorted(wide_columns))
        wide = self._one("wide", f"concat_ws('|', {cells})", f"wide_{writer}")
        return f"concat_ws(' ', {', '.join([*self.pieces(lambda t: f'{t}_{writer}'), wide])})"


class Postgres(_Source):
    transactional_ddl = True

    def __init__(self, server, text_types):
        self.server = server
        self.types = {c: t for c, t in every_type.TYPES.items() if t[1] and (text_types or c in _BINARY) and (c != "c_xml" or every_type.has_xml(server))}
        self.types = {c: (t, [v.replace("100000)", "300)") for v in values]) for c, (t, values) in self.types.items()}

    text = staticmethod(lambda c: f"{c}::text")
    number = staticmethod(lambda h: f"('x' || substr({h}, 1, 8))::bit(32)::bigint")
    pair = staticmethod(lambda c: f"'{c}=' || {c}::text")
    literal = staticmethod(lambda s: "'" + s.replace("'", "''") + "'")
    binary = staticmethod(lambda b: f"'\\x{b.hex()}'")
    pause = staticmethod(lambda seconds: f"SELECT pg_sleep({seconds})")
    cast = staticmethod(lambda value, type_: f"({value})::{type_}")

    def tables(self, w):
        every = ", ".join(f"{c} {t}" for c, (t, _) in self.types.items())
        full = f"ALTER TABLE pair_{w} REPLICA IDENTITY FULL;" if w else ""
        return (f"CREATE TABLE item_{w} (id bigint PRIMARY KEY, v text, n int, price numeric(12,2), big text, raw bytea, day date);"
                f"ALTER TABLE item_{w} ALTER COLUMN big SET STORAGE EXTERNAL;"  # TOASTed and not compressed
                f"CREATE TABLE pair_{w} (a int, b text, v text, PRIMARY KEY (a, b)); {full}"
                f"CREATE TABLE cut_{w} (id bigint PRIMARY KEY, region text, n int);"
                f"CREATE TABLE wide_{w} (id bigint PRIMARY KEY, v text);"
                f"CREATE TABLE bulk_{w} (id bigint PRIMARY KEY, v text);"
                f"CREATE TABLE every_{w} (id int PRIMARY KEY, ver int, {every});"
                f"CREATE TABLE ledger_{w} (n bigint PRIMARY KEY, seen bigint NOT NULL, coming text, state text);")

    def schema(self, writers):
        return every_type.PRELUDE + "".join(self.tables(w) for w in range(writers))

    column_types = {"int": "bigint", "text": None, "varchar(10)": "varchar(100)", "numeric(10,2)": "numeric(14,2)"}
    widen = staticmethod(lambda column, type_: f"ALTER COLUMN {column} TYPE {type_}")


# Types that are read in their binary form: with these alone the stream is binary.
_BINARY = {"c_bool", "c_int2", "c_int4", "c_int8", "c_float4", "c_float8", "c_numeric_5_2", "c_numeric_18_0", "c_numeric_38_38", "c_text", "c_varchar", "c_char",
           "c_bytea", "c_date", "c_timestamp", "c_timestamptz", "c_uuid", "c_json", "c_int4_array", "c_text_array"}


class Mysql(_Source):
    transactional_ddl = False

    def __init__(self, server):
        self.server = server
        self.types = mysql_types.types(server.kind)

    text = staticmethod(lambda c: f"cast({c} AS char)")
    number = staticmethod(lambda h: f"cast(conv(substr({h}, 1, 8), 16, 10) AS unsigned)")
    pair = staticmethod(lambda c: f"concat('{c}=', {c})")
    literal = staticmethod(lambda s: "'" + s.replace("\\", "\\\\").replace("'", "''") + "'")
    binary = staticmethod(lambda b: f"x'{b.hex()}'")
    pause = staticmethod(lambda seconds: f"DO sleep({seconds})")
    cast = staticmethod(lambda value, type_: value)

    def tables(self, w):
        every = ", ".join(f"{c} {t}" for c, (t, _) in self.types.items())
        end = ") CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;"
        return (f"CREATE TABLE item_{w} (id bigint PRIMARY KEY, v text, n int, price decimal(12,2), big longtext, raw varbinary(100), day date{end}"
                f"CREATE TABLE pair_{w} (a int, b varchar(60), v text, PRIMARY KEY (a, b){end}"
                f"CREATE TABLE cut_{w} (id bigint PRIMARY KEY, region varchar(10), n int{end}"
                f"CREATE TABLE wide_{w} (id bigint PRIMARY KEY, v text{end}"
                f"CREATE TABLE bulk_{w} (id bigint PRIMARY KEY, v text{end}"
                f"CREATE TABLE every_{w} (id int PRIMARY KEY, ver int, {every}{end}"
                f"CREATE TABLE ledger_{w} (n bigint PRIMARY KEY, seen bigint NOT NULL, coming text, state text{end}")

    def schema(self, writers):
        return "".join(self.tables(w) for w in range(writers))

    column_types = {"int": "bigint", "text": None, "varchar(10)": "varchar(100)", "decimal(10,2)": "decimal(14,2)"}
    widen = staticmethod(lambda column, type_: f"MODIFY {column} {type_}")


class Lake(_Printed):
    text = staticmethod(lambda c: f"{c}::VARCHAR")
    number = staticmethod(lambda h: f"('0x' || substr({h}, 1, 8))::BIGINT")
