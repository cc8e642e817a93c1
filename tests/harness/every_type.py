"""A table with a column of every built-in type of PostgreSQL and its edge values, and tables that are odd in other ways.

Row 1 of every_type is all NULL; row n+1 holds the n-th edge value of each type, and NULL in the columns that have fewer.
What a lake may refuse (by name) rather than store stands in tables of its own: see REFUSED.
"""
import dataclasses

# column -> (type, values as SQL literals). The types are those of pg_type that a table column may have.
TYPES: dict[str, tuple[str, list[str]]] = {
    "c_bool": ("boolean", ["true", "false"]),
    "c_int2": ("smallint", ["-32768", "32767", "0"]),
    "c_int4": ("integer", ["-2147483648", "2147483647", "0"]),
    "c_int8": ("bigint", ["-9223372036854775808", "9223372036854775807", "0"]),
    "c_float4": ("real", ["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "1.1", "3.4028235e38", "1e-45", "-1.17549435e-38", "0"]),
    "c_float8": ("double precision", ["'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0.1", "1.7976931348623157e308", "5e-324", "-2.2250738585072014e-308", "0"]),
    "c_numeric_5_2": ("numeric(5,2)", ["999.99", "-999.99", "0", "0.005", "-0.01"]),
    "c_numeric_18_0": ("numeric(18,0)", ["999999999999999999", "-999999999999999999", "0"]),
    "c_numeric_19_4": ("numeric(19,4)", ["999999999999999.9999", "-0.0001"]),
    "c_numeric_38_0": ("numeric(38,0)", ["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"]),
    "c_numeric_38_38": ("numeric(38,38)", ["0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001", "0"]),
    "c_numeric": ("numeric", ["0", "1.10", "-12345678901234567890.123456789", "0.000000001", "1e10"]),
    "c_money": ("money", ["'92233720368547758.07'", "'-92233720368547758.08'", "'0.01'"]),
    "c_text": ("text", ["''", "'plain'", "E'tab\\t newline\\n return\\r quote\\' double\" back\\\\ bell\\x07 escape\\x1b delete\\x7f'", "'grüße 表 Ω 🦀 𝔘𝔫𝔦 é'",
                        "E'\\u200b\\ufeff\\u202e\\uffff'", "' lead and trail '", "'NULL'", "repeat('表🦀', 100000)"]),
    "c_varchar": ("varchar(10)", ["''", "'0123456789'", "'🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀'", "'pad   '"]),
    "c_char": ("char(5)", ["''", "'ab'", "'abcde'", "'é'", "'  x'"]),
    "c_char_1": ("char", ["'x'", "' '"]),
    "c_internal_char": ('"char"', ["'x'", "''", "' '", "(-56)::int4::\"char\""]),
    "c_name": ("name", ["'a name'", "''", "repeat('n', 63)::name"]),
    "c_bytea": ("bytea", ["''", "'\\x00'", "'\\x00ff5c27220a'", "decode(repeat('00ff', 50000), 'hex')"]),
    "c_date": ("date", ["'0001-01-01'", "'9999-12-31'", "'1970-01-01'", "'1969-12-31'", "'2000-02-29'", "'0044-03-15 BC'", "'0001-12-31 BC'", "'4713-01-01 BC'",
                        "'10000-01-01'", "'294276-12-31'", "'5874897-12-31'", "'1582-10-10'"]),
    "c_time": ("time", ["'00:00:00'", "'23:59:59.999999'", "'12:34:56.7'"]),
    "c_timetz": ("timetz", ["'00:00:00+00'", "'23:59:59.999999-15:59'", "'12:00:00+05:30'", "'12:00:00+15:59:59'"]),
    "c_timestamp": ("timestamp", ["'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "'1970-01-01 00:00:00'", "'1969-12-31 23:59:59.999999'",
                                  "'0044-03-15 12:00:00.000001 BC'", "'10000-01-01 00:00:00'", "'4713-01-01 00:00:00 BC'", "'294246-12-31 23:59:59.999999'",
                                  "'1582-10-10 00:00:00'"]),
    "c_timestamptz": ("timestamptz", ["'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999999+00'", "'1970-01-01 00:00:00+00'", "'1969-12-31 23:59:59.999999+00'",
                                      "'2024-03-31 02:30:00+02'", "'0044-03-15 12:00:00.000001+00 BC'", "'10000-01-01 00:00:00+00'", "'4713-01-02 00:00:00+00 BC'",
                                      "'70000-12-31 23:59:59.999999+00'"]),
    "c_timestamp_0": ("timestamp(0)", ["'2024-01-01 00:00:00.6'"]),
    "c_interval": ("interval", ["'0'", "'1 year 2 mons 3 days 04:05:06.789'", "'-1 year -2 mons +3 days -04:05:06.000001'", "'178000000 years'", "'-178000000 years'",
                                "'2147483647 days'", "'2562047788:00:54.775807'"]),
    "c_uuid": ("uuid", ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"]),
    "c_json": ("json", ["'null'", "'{}'", "'[]'", "' { \"b\" : 1, \"a\": 1.10 , \"a\":2}'", "'\"\\u00fc 🦀 \\\\ \\\"\"'", "'\"\\u0000\"'", "'1e400'"]),
    "c_jsonb": ("jsonb", ["'null'", "'{}'", "'[]'", "'{\"b\":1,\"a\":[1.10,{\"ü\":\"🦀\"}]}'", "'\"line\\nbreak\"'", "'123456789012345678901234567890.5'"]),
    "c_xml": ("xml", ["'<a>ü &amp; <b x=\"1\"/></a>'", "'text'"]),
    "c_inet": ("inet", ["'127.0.0.1'", "'192.168.1.5/24'", "'::1'", "'2001:db8::ff00:42:8329/64'", "'0.0.0.0/0'"]),
    "c_cidr": ("cidr", ["'10.0.0.0/8'", "'192.168.1.5/32'", "'2001:db8::/32'"]),
    "c_macaddr": ("macaddr", ["'08:00:2b:01:02:03'", "'00:00:00:00:00:00'"]),
    "c_macaddr8": ("macaddr8", ["'08:00:2b:01:02:03:04:05'", "'ff:ff:ff:ff:ff:ff:ff:ff'"]),
    "c_bit": ("bit(3)", ["B'101'", "B'000'"]),
    "c_bit_9": ("bit(9)", ["B'101010101'"]),
    "c_varbit": ("varbit", ["B''", "B'1'", "B'101010101'"]),
    "c_point": ("point", ["'(1.5,-2.5)'", "'(NaN,Infinity)'"]),
    "c_line": ("line", ["'{1,-1,0.5}'"]),
    "c_lseg": ("lseg", ["'[(0,0),(1,1.5)]'"]),
    "c_box": ("box", ["'(1,1),(0,0)'"]),
    "c_path": ("path", ["'[(0,0),(1,1),(2,0)]'", "'((0,0),(1,1),(2,0))'"]),
    "c_polygon": ("polygon", ["'((0,0),(1,1),(2,0))'"]),
    "c_circle": ("circle", ["'<(0,0),1.5>'"]),
    "c_tsvector": ("tsvector", ["''", "to_tsvector('english', 'The quick brown foxes jumped')", "'''it''''s'':1A b:2,3C'"]),
    "c_tsquery": ("tsquery", ["'fat & (rat | !cat) <-> dog:*AB'"]),
    "c_oid": ("oid", ["0", "4294967295"]),
    "c_xid": ("xid", ["'4294967295'"]),
    "c_xid8": ("xid8", ["'18446744073709551615'"]),
    "c_cid": ("cid", ["'4294967295'"]),
    "c_tid": ("tid", ["'(4294967295,65535)'"]),
    "c_regclass": ("regclass", ["'pg_class'", "0"]),
    "c_regtype": ("regtype", ["'integer'"]),
    "c_regproc": ("regproc", ["'pg_catalog.now'"]),
    "c_pg_lsn": ("pg_lsn", ["'0/0'", "'FFFFFFFF/FFFFFFFF'", "'16/B374D848'"]),
    "c_txid_snapshot": ("pg_snapshot", ["'10:20:10,14,15'"]),
    "c_jsonpath": ("jsonpath", ["'$.a[*] ? (@ > 1)'"]),
    "c_enum": ("mood", ["'sad'", "'sehr gut, \"äh\"'"]),
    "c_domain": ("positive", ["1", "2147483647"]),
    "c_domain_text": ("short_text", ["'abc'"]),
    "c_domain_array": ("int_list", ["'{1,2,NULL}'"]),
    "c_composite": ("pair", ["ROW(1, 'a,\"b\" \\ (c)')", "ROW(NULL, NULL)", "ROW(NULL, '')"]),
    "c_nested_composite": ("pair_of_pairs", ["ROW(ROW(1,'x'), ARRAY[ROW(2,'y')::pair, NULL])", "ROW(NULL, '{}')"]),
    "c_int4range": ("int4range", ["'empty'", "'[1,10)'", "'(,5]'", "'(,)'"]),
    "c_int8range": ("int8range", ["'[-9223372036854775808,9223372036854775807)'"]),
    "c_numrange": ("numrange", ["'[1.10,2.200]'", "'empty'"]),
    "c_tsrange": ("tsrange", ["'[2024-01-01 00:00:00.5,infinity)'"]),
    "c_tstzrange": ("tstzrange", ["'[2024-01-01 00:00:00+00,2024-01-02 00:00:00+00)'"]),
    "c_daterange": ("daterange", ["'[2024-01-01,2024-01-05]'", "'[-infinity,infinity]'"]),
    "c_int4multirange": ("int4multirange", ["'{}'", "'{[1,3),[5,8)}'"]),
    "c_datemultirange": ("datemultirange", ["'{[2024-01-01,2024-01-02)}'"]),
    "c_own_range": ("float_range", ["'[1.5,2.5]'"]),
    "c_int4_array": ("integer[]", ["'{}'", "'{1,NULL,-2147483648}'", "'{NULL}'"]),
    "c_text_array": ("text[]", ["'{}'", "ARRAY['', 'NULL', 'a,b', 'q\"q', 'b\\s', '{}', NULL, '🦀']"]),
    "c_bool_array": ("boolean[]", ["'{t,f,NULL}'"]),
    "c_float8_array": ("double precision[]", ["'{NaN,Infinity,-0,0.1}'"]),
    "c_numeric_array": ("numeric(10,2)[]", ["'{1.10,-0.01,NULL}'"]),
    "c_date_array": ("date[]", ["'{2024-02-29,0044-03-15 BC}'"]),
    "c_timestamptz_array": ("timestamptz[]", ["'{2024-02-29 12:00:00+00,NULL}'"]),
    "c_bytea_array": ("bytea[]", ["ARRAY['\\x00ff'::bytea, '\\x', NULL]"]),
    "c_uuid_array": ("uuid[]", ["'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'"]),
    "c_jsonb_array": ("jsonb[]", ["ARRAY['{\"a\": 1}'::jsonb, 'null']"]),
    "c_enum_array": ("mood[]", ["'{sad}'"]),
    "c_composite_array": ("pair[]", ["ARRAY[ROW(1,'a')::pair, ROW(NULL,NULL)::pair, NULL]"]),
    "c_int4_array_2d": ("integer[][]", ["'{{1,2},{3,NULL}}'", "'{}'"]),
    "c_text_array_2d": ("text[][]", ["ARRAY[['a','b'],[NULL,'c']]"]),
    "c_generated": ("integer GENERATED ALWAYS AS (id * 2) STORED", []),
    "c_identity": ("bigint GENERATED BY DEFAULT AS IDENTITY", []),
}

PRELUDE = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'sehr gut, "äh"');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN short_text AS varchar(5);
CREATE DOMAIN int_list AS integer[];
CREATE TYPE pair AS (number integer, "the Text" text);
CREATE TYPE pair_of_pairs AS (one pair, more pair[]);
CREATE TYPE float_range AS RANGE (subtype = float8);
"""


def every_type_sql(version: int, xml=True) -> str:
    """Creates and fills public.every_type; version is PostgreSQL's major one."""
    types = {c: t for c, t in TYPES.items() if xml or c != "c_xml"}
    filled = {c: v for c, (_, v) in types.items() if v}
    rows = max(map(len, filled.values()))
    lines = [f"CREATE TABLE every_type (id integer PRIMARY KEY, {', '.join(f'{c} {t}' for c, (t, _) in types.items())});"]
    for n in range(-1, rows):
        cells = [f"({v[n]})::{types[c][0]}" if 0 <= n < len(v) else "NULL" for c, v in filled.items()]
        lines.append(f"INSERT INTO every_type (id, {', '.join(filled)}) VALUES ({n + 2}, {', '.join(cells)});")
    return PRELUDE + "\n".join(lines) + ";"


# Values that no column of a lake holds as they are: Tarn's docs/types.md says for each what becomes of it. Each has a table of its own,
# `special_<name>`, so that one refusal does not hide another.
SPECIAL: dict[str, tuple[str, list[str]]] = {
    "date_infinity": ("date", ["'infinity'", "'-infinity'", "'2024-01-01'"]),
    "timestamp_infinity": ("timestamp", ["'infinity'", "'-infinity'", "'2024-01-01 00:00:00'"]),
    "timestamptz_infinity": ("timestamptz", ["'infinity'", "'-infinity'", "'2024-01-01 00:00:00+00'"]),
    "timestamptz_far": ("timestamptz", ["'294246-12-31 23:59:59.999999+00'"]),  # fits, but Trino's own type ends in the year 73326
    "timestamp_last": ("timestamp", ["'294276-12-31 23:59:59.999999'"]),  # more microseconds since 1970 than 64 bits hold
    "numeric_nan": ("numeric(10,2)", ["'NaN'", "1.10"]),
    "numeric_infinity": ("numeric", ["'NaN'", "'Infinity'", "'-Infinity'", "1.10"]),
    "numeric_wide": ("numeric", ["12345678901234567890123456789012345678", "0.00000000000000000000000000000000000001"]),
    "numeric_1000_digits": ("numeric", ["1", "(repeat('9', 1000))::numeric", "2"]),
    "numeric_50_10": ("numeric(50,10)", ["1234567890123456789012345678901234567890.0123456789"]),
    "numeric_scale_beyond": ("numeric(3,5)", ["0.00999"]),
    "numeric_negative_scale": ("numeric(5,-3)", ["12345000"]),
    "array_3d_in_2d": ("integer[][]", ["'{{1,2}}'", "'{{{1},{2}},{{3},{4}}}'"]),  # PostgreSQL does not hold a column to its dimensions
    "array_2d_in_1d": ("integer[]", ["'{1}'", "'{{1,2},{3,4}}'"]),
    "array_lower_bound": ("integer[]", ["'[0:1]={7,8}'"]),
    "time_24": ("time", ["'24:00:00'", "'00:00:00'"]),
}


def special_sql() -> str:
    return "\n".join(f"CREATE TABLE special_{n} (id integer PRIMARY KEY, v {t}); "
                     + " ".join(f"INSERT INTO special_{n} VALUES ({i + 1}, ({v})::{t});" for i, v in enumerate(vs))
                     for n, (t, vs) in SPECIAL.items())


@dataclasses.dataclass(frozen=True)
class Odd:
    """A table (or view) that is odd in something other than its types."""
    name: str           # as PostgreSQL has it, unquoted
    kind: str = "table"  # or partitioned, view, materialized view, inheritance
    readable_as_table: bool = True  # False: readers of Delta or Iceberg may refuse it (no column at all, names equal but for case, names that the formats keep for themselves)


ODD = [Odd("Capitals"), Odd("with space"), Odd('quo"te'), Odd("apostro'phe"), Odd("grüße_表_🦀"), Odd("select"), Odd("semi;colon -- comment"), Odd("dot.ted"), Odd("per%cent%20"),
       Odd("slash/and\\back"), Odd("n" * 63), Odd("odd_columns"), Odd("no_key"), Odd("no_key_duplicates"), Odd("zero_rows"), Odd("zero_columns", readable_as_table=False),
       Odd("zero_columns_rows", readable_as_table=False), Odd("two_column_key"), Odd("partitioned", "partitioned"), Odd("a_view", "view"), Odd("a_matview", "materialized view"),
       Odd("parent", "inheritance"), Odd("child", "inheritance"), Odd("dropped_columns"), Odd("wide"), Odd("late_default"), Odd("generated_only"),
       Odd("case_twins", readable_as_table=False), Odd("reserved_columns", readable_as_table=False)]


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def odd_sql(schema="odd") -> str:
    plain = [o.name for o in ODD[:11]]
    out = [f"CREATE SCHEMA {quote(schema)}; SET search_path = {quote(schema)};"]
    out += [f"CREATE TABLE {quote(n)} (id integer PRIMARY KEY, v text); INSERT INTO {quote(n)} VALUES (1, 'one'), (2, NULL), (3, $odd${n}$odd$);" for n in plain]
    columns = ["Capital", "with space", 'quo"te', "apostro'phe", "grüße_表_🦀", "select", "semi;colon", "dot.ted", "per%cent", "slash/back\\", "eq=uals,comma", "br[a]ck{et}", "a\nnewline",
               "__index_level_0__", "c" * 63]
    out += [f"CREATE TABLE odd_columns (id integer PRIMARY KEY, {', '.join(quote(c) + ' text' for c in columns)});"
            f"INSERT INTO odd_columns VALUES (1, {', '.join('$odd$' + c + '$odd$' for c in columns)}), (2{', NULL' * len(columns)});"]
    wide = [f"c{i}" for i in range(1, 1601)]
    out += ["""
CREATE TABLE no_key (a integer, b text); INSERT INTO no_key SELECT i, 'b' || i FROM generate_series(1, 1000) i;
CREATE TABLE no_key_duplicates (a integer, b text); INSERT INTO no_key_duplicates SELECT 1, NULL FROM generate_series(1, 500); INSERT INTO no_key_duplicates SELECT NULL, 'x' FROM generate_series(1, 500);
CREATE TABLE zero_rows (id integer PRIMARY KEY, v text, n numeric(10,2), t timestamptz, a integer[]);
CREATE TABLE zero_columns ();
CREATE TABLE zero_columns_rows (); INSERT INTO zero_columns_rows DEFAULT VALUES; INSERT INTO zero_columns_rows DEFAULT VALUES;
CREATE TABLE two_column_key (b text, a integer, v text, PRIMARY KEY (a, b)); INSERT INTO two_column_key SELECT 'b' || i % 7, i / 7, 'v' FROM generate_series(1, 100) i;
CREATE TABLE partitioned (id integer, region text, at date, PRIMARY KEY (id, region, at)) PARTITION BY LIST (region);
CREATE TABLE partitioned_eu PARTITION OF partitioned FOR VALUES IN ('eu') PARTITION BY RANGE (at);
CREATE TABLE partitioned_eu_23 PARTITION OF partitioned_eu FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE partitioned_eu_24 (at date NOT NULL, gone text, region text NOT NULL, id integer NOT NULL);
ALTER TABLE partitioned_eu_24 DROP COLUMN gone;
ALTER TABLE partitioned_eu ATTACH PARTITION partitioned_eu_24 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE partitioned_rest PARTITION OF partitioned DEFAULT;
INSERT INTO partitioned SELECT i, CASE i % 3 WHEN 0 THEN 'us' ELSE 'eu' END, date '2023-01-01' + i FROM generate_series(1, 700) i;
CREATE VIEW a_view AS SELECT id, region FROM partitioned WHERE id < 10;
CREATE MATERIALIZED VIEW a_matview AS SELECT region, count(*) AS n FROM partitioned GROUP BY region;
CREATE TABLE parent (id integer PRIMARY KEY, v text); INSERT INTO parent VALUES (1, 'parent');
CREATE TABLE child (extra integer) INHERITS (parent); INSERT INTO child VALUES (2, 'child', 3);
CREATE TABLE dropped_columns (a integer, id integer PRIMARY KEY, b text, c text); ALTER TABLE dropped_columns DROP COLUMN a; ALTER TABLE dropped_columns DROP COLUMN b;
INSERT INTO dropped_columns VALUES (1, 'c');
CREATE TABLE late_default (id integer PRIMARY KEY); INSERT INTO late_default VALUES (1); ALTER TABLE late_default ADD COLUMN v text DEFAULT 'late'; INSERT INTO late_default VALUES (2, NULL);
CREATE TABLE case_twins (id integer PRIMARY KEY, "Twin" text, twin text); INSERT INTO case_twins VALUES (1, 'upper', 'lower');
CREATE TABLE reserved_columns (id integer PRIMARY KEY, _file text, _pos bigint, _partition text, _row_id bigint, _change_type text); INSERT INTO reserved_columns VALUES (1, 'f', 2, 'p', 3, 'c');
CREATE TABLE generated_only (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED); INSERT INTO generated_only (id) VALUES (1), (2);
""",
            f"CREATE TABLE wide ({', '.join(c + ' smallint' for c in wide)}); INSERT INTO wide SELECT {', '.join(str(i % 100) for i in range(1600))} FROM generate_series(1, 3);"
            f"INSERT INTO wide (c1, c1600) VALUES (7, 8);", "RESET search_path;"]
    return "\n".join(out)


def has_xml(server) -> bool:
    try:
        server.execute("SELECT '<a/>'::xml")
    except Exception:  # built without libxml: the type exists and refuses every value
        return False
    return True


def load(server, database):
    """Makes every_type, special_… (schema public) and the odd tables (schema odd) in the database."""
    with server.connect(database) as c:
        c.execute(every_type_sql(server.major, has_xml(server)))
        c.execute(special_sql())
        c.execute(odd_sql())
