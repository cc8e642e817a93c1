"""One form of a value, whoever read it, so that rows of a lake and of PostgreSQL can be compared exactly.

Python's own datetime cannot hold infinity, BC, or a year over 9999, so nothing temporal passes through it:
dates are days and timestamps microseconds since 1970-01-01 as plain integers.

    NULL None · boolean bool · integers int · decimal Decimal without trailing zeros · string str · binary bytes
    float ('float', repr): NaN equals NaN, -0.0 differs from 0.0 · date ('date', days) · timestamp ('micros', n), or ('nanos', n) where that says more · time ('time', micros)
    list tuple · struct ('struct', values…) · map ('map', sorted pairs…)

PostgreSQL's side starts from its own text output and is read as the *lake's* type of the column, because the lake's schema says
what Tarn claims to have stored; see source.py for the columns that the lake keeps as text.
"""
import decimal
import re
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_EXACT = decimal.Context(prec=200_000, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def exact(d: decimal.Decimal) -> decimal.Decimal:
    return d.normalize(_EXACT) if d else decimal.Decimal(0)


def floating(x: float):
    return ("float", "nan" if x != x else repr(float(x)))


# --- from Arrow ---------------------------------------------------------------------------------------------------

def _infinity(value, extreme):
    """Infinite dates and timestamps are the extremes of their integers (docs/types.md)."""
    return {extreme: "infinity", -extreme: "-infinity"}.get(value, value)


def from_arrow(a) -> list:
    """The values of an Arrow array or chunked array."""
    if isinstance(a, pa.ChunkedArray):
        return [v for chunk in a.chunks for v in from_arrow(chunk)]
    t = a.type
    if isinstance(t, pa.BaseExtensionType):
        if t.extension_name == "arrow.uuid":
            return [v and str(uuid.UUID(bytes=v)) for v in a.storage.to_pylist()]
        return from_arrow(a.storage)
    if pa.types.is_dictionary(t):
        return from_arrow(a.dictionary_decode())
    if pa.types.is_null(t):
        return [None] * len(a)
    if pa.types.is_boolean(t) or pa.types.is_integer(t):
        return a.to_pylist()
    if pa.types.is_floating(t):
        return [None if v is None else floating(v) for v in a.to_pylist()]
    if pa.types.is_decimal(t):
        return [None if v is None else exact(v) for v in a.to_pylist()]
    if pa.types.is_date32(t):
        return [None if v is None else ("date", _infinity(v, 2**31 - 1)) for v in a.view(pa.int32()).to_pylist()]
    if pa.types.is_date64(t):
        return from_arrow(a.cast(pa.date32()))
    if pa.types.is_timestamp(t) and t.unit == "ns":
        return [None if v is None else ("nanos", v) if v % 1000 else ("micros", v // 1000) for v in a.view(pa.int64()).to_pylist()]
    if pa.types.is_timestamp(t):
        return [None if v is None else ("micros", _infinity(v, 2**63 - 1)) for v in a.cast(pa.timestamp("us", t.tz)).view(pa.int64()).to_pylist()]
    if pa.types.is_time(t):
        return [None if v is None else ("time", v) for v in a.cast(pa.time64("us")).view(pa.int64()).to_pylist()]
    if any(f(t) for f in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary,
                          pa.types.is_binary_view, pa.types.is_fixed_size_binary)):
        return a.to_pylist()
    if pa.types.is_map(t):
        keys, items, out = iter(from_arrow(a.keys)), iter(from_arrow(a.items)), []
        for entry in a.to_pylist():
            out.append(None if entry is None else ("map", *sorted(((next(keys), next(items)) for _ in entry), key=sort_key)))
        return out
    if any(f(t) for f in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view, pa.types.is_large_list_view)):
        flat, out = iter(from_arrow(a.flatten())), []
        for n in pc.list_value_length(a).to_pylist():
            out.append(None if n is None else tuple(next(flat) for _ in range(n)))
        return out
    if pa.types.is_struct(t):
        fields = [from_arrow(pc.struct_field(a, [i])) for i in range(t.num_fields)]
        return [("struct", *(f[i] for f in fields)) if ok else None for i, ok in enumerate(a.is_valid().to_pylist())]
    raise TypeError(f"no canonical form for Arrow's {t}")


def rows(table: pa.Table) -> list[tuple]:
    """The rows of a table in canonical form, in the table's order."""
    columns = [from_arrow(c) for c in table.columns]
    return list(zip(*columns)) if columns else [()] * table.num_rows


def sort_key(v):
    """Any order will do, as long as it depends on nothing but the value."""
    return repr(v)


# --- from PostgreSQL's text output --------------------------------------------------------------------------------

def days_from_civil(y: int, m: int, d: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC."""
    y -= m <= 2
    era, yoe = divmod(y, 400)
    doy = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


_MOMENT = re.compile(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?([+-]\d\d(?::\d\d){0,2})?( BC)?")


def clock(h, m, s, fraction):
    return ((int(h) * 60 + int(m)) * 60 + int(s)) * 1_000_000 + int((fraction or "").ljust(6, "0"))


def _moment(text: str):
    """(days, microseconds of the day), UTC."""
    x = _MOMENT.fullmatch(text)
    if not x:
        raise ValueError(f"not a moment: {text!r}")
    year = 1 - int(x[1]) if x[9] else int(x[1])
    micros = clock(x[4], x[5], x[6], x[7]) if x[4] else 0
    if x[8]:
        parts = x[8][1:].split(":") + ["0", "0"]
        offset = clock(*parts[:3], None)
        micros += offset if x[8][0] == "-" else -offset
    return days_from_civil(year, int(x[2]), int(x[3])), micros


def parse_array(text: str):
    """PostgreSQL's array literal as nested lists of strings and None."""
    pos = text.index("=") + 1 if text.startswith("[") else 0

    def value(i):
        if text[i] == "{":
            out, i = [], i + 1
            while text[i] != "}":
                v, i = value(i)
                out.append(v)
                i += text[i] == ","
            return out, i + 1
        if text[i] == '"':
            i, s = i + 1, []
            while text[i] != '"':
                i += text[i] == "\\"
                s.append(text[i])
                i += 1
            return "".join(s), i + 1
        end = re.compile(r"[,}]").search(text, i).start()
        return (None if text[i:end] == "NULL" else text[i:end]), end

    return value(pos)[0]


def parse_record(text: str):
    """PostgreSQL's composite literal as a list of strings and None."""
    out, i = [], 1
    while True:
        if text[i] in ",)":
            out.append(None)
        else:
            s = []
            quoted = False
            while quoted or text[i] not in ",)":
                if text[i] == '"':
                    if quoted and text[i + 1] == '"':
                        s.append('"')
                        i += 1
                    else:
                        quoted = not quoted
                elif text[i] == "\\":
                    i += 1
                    s.append(text[i])
                else:
                    s.append(text[i])
                i += 1
            out.append("".join(s))
        if text[i] == ")":
            return out
        i += 1


def from_text(text, t: pa.DataType):
    """The value that PostgreSQL printed, as a column of the lake's type t should hold it."""
    if text is None:
        return None
    if pa.types.is_boolean(t):
        return {"t": True, "true": True, "f": False, "false": False}[text]
    if pa.types.is_integer(t):
        return int(text)
    if pa.types.is_floating(t):
        return floating(float(np.float32(text)) if t.bit_width == 32 else float(text))
    if pa.types.is_decimal(t):
        d = decimal.Decimal(re.sub(r"[$,]", "", text))
        return exact(d) if d.is_finite() else text
    if pa.types.is_date(t):
        return ("date", text if "infinity" in text else _moment(text)[0])
    if pa.types.is_timestamp(t):
        if "infinity" in text:
            return ("micros", text)
        days, micros = _moment(text)
        return ("micros", days * 86_400_000_000 + micros)
    if pa.types.is_time(t):
        h, m, s = text.split(":")
        return ("time", clock(h, m, *(s.split(".") + [None])[:2]))
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_fixed_size_binary(t) or pa.types.is_binary_view(t):
        if text.startswith("\\x"):
            return bytes.fromhex(text[2:])
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
            return uuid.UUID(text).bytes
        return text.encode()
    if pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t) or isinstance(t, pa.BaseExtensionType):
        return text
    if pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_list_view(t):
        return _nested(parse_array(text), t)
    if pa.types.is_struct(t):
        values = parse_record(text)
        if len(values) != t.num_fields:
            raise ValueError(f"{len(values)} fields for {t}")
        return ("struct", *(from_text(v, t.field(i).type) for i, v in enumerate(values)))
    raise TypeError(f"no rule to read PostgreSQL's text as {t}")


def _nested(v, t):
    if v is None:
        return None
    if pa.types.is_list(t) or pa.types.is_large_list(t) or pa.types.is_list_view(t):
        if not isinstance(v, list):
            v = parse_array(v)  # a domain or composite over an array
        return tuple(_nested(x, t.value_type) for x in v)
    return from_text(v, t)
