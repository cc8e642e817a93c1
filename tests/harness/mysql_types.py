"""A column of every type of MySQL and MariaDB with edge values, as SQL literals that a strict session takes."""

_TYPES: dict[str, tuple[str, list[str]]] = {
    "c_tinyint": ("tinyint", ["-128", "127", "0"]),
    "c_tinyint_u": ("tinyint unsigned", ["255", "0"]),
    "c_smallint": ("smallint", ["-32768", "32767"]),
    "c_smallint_u": ("smallint unsigned", ["65535", "0"]),
    "c_mediumint": ("mediumint", ["-8388608", "8388607"]),
    "c_mediumint_u": ("mediumint unsigned", ["16777215", "0"]),
    "c_int": ("int", ["-2147483648", "2147483647"]),
    "c_int_u": ("int unsigned", ["4294967295", "0"]),
    "c_bigint": ("bigint", ["-9223372036854775808", "9223372036854775807"]),
    "c_bigint_u": ("bigint unsigned", ["18446744073709551615", "0"]),
    "c_float": ("float", ["-1.5e30", "3.25", "0"]),
    "c_double": ("double", ["1e308", "-0.1", "5e-324", "0"]),
    "c_decimal_20_6": ("decimal(20,6)", ["-12345678901234.123456", "0.5", "0"]),
    "c_decimal_30_30": ("decimal(30,30)", ["0.000000000000000000000000000001", "-0.5"]),
    "c_decimal_38_0": ("decimal(38,0)", ["-99999999999999999999999999999999999999", "1"]),
    "c_bit_1": ("bit(1)", ["b'1'", "b'0'"]),
    "c_bit_9": ("bit(9)", ["b'100000001'", "0"]),
    "c_bit_64": ("bit(64)", ["x'FFFFFFFFFFFFFFFF'", "1"]),
    "c_date": ("date", ["'9999-12-31'", "'1000-01-01'", "'1970-01-01'"]),
    "c_time": ("time", ["'-838:59:59'", "'838:59:59'", "'-00:00:01'"]),
    "c_time_6": ("time(6)", ["'-838:59:58.999999'", "'00:00:00.000001'"]),
    "c_time_3": ("time(3)", ["'-00:00:00.001'", "'12:00:00.5'"]),
    "c_datetime": ("datetime", ["'9999-12-31 23:59:59'", "'1000-01-01 00:00:00'"]),
    "c_datetime_6": ("datetime(6)", ["'1000-01-01 00:00:00.000001'", "'2024-02-29 12:34:56.789'"]),
    "c_timestamp": ("timestamp NULL", ["'1970-01-02 00:00:01'", "'2037-01-19 03:14:07'"]),
    "c_timestamp_6": ("timestamp(6) NULL", ["'2037-01-19 03:14:07.999999'", "'2024-06-01 12:00:00.5'"]),
    "c_year": ("year", ["1901", "2155", "0"]),
    "c_char": ("char(10)", ["'abc  '", "''", "'é'"]),
    "c_varchar": ("varchar(300)", ["''", "repeat('é', 290)", "' lead'", "'quo''te'"]),
    "c_varbinary": ("varbinary(300)", ["''", "repeat(x'00ff', 140)"]),
    "c_binary": ("binary(8)", ["x'0102'", "x'0102030405060700'"]),
    "c_tinytext": ("tinytext", ["'tiny'", "''"]),
    "c_text": ("text", ["repeat('text ', 300)", "'grüße 表 🦀'"]),
    "c_mediumtext": ("mediumtext", ["repeat('m', 70000)", "'x'"]),
    "c_longtext": ("longtext", ["repeat('l', 70000)", "''"]),
    "c_tinyblob": ("tinyblob", ["x'00'", "''"]),
    "c_blob": ("blob", ["repeat(x'fe', 300)", "''"]),
    "c_enum": ("enum('a','b''c','ü')", ["'a'", "'b''c'", "'ü'"]),
    "c_set": ("set('x','y','z')", ["''", "'x,y,z'", "'y'"]),
    "c_latin1": ("varchar(20) CHARACTER SET latin1", ["'Grüße €'", "''"]),
    "c_ucs2": ("varchar(20) CHARACTER SET ucs2", ["'añ€'", "''"]),
    "c_utf16": ("varchar(20) CHARACTER SET utf16", ["'😀é'", "''"]),
    "c_cp1251": ("varchar(20) CHARACTER SET cp1251", ["'Привет'", "'x'"]),
    "c_geometry": ("geometry", ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0, 1 1)')"]),
}
_OWN = {
    "mysql": {"c_json": ("json", ["'{\"b\": [1, 2.5, -3, 65536, 1e100], \"a\": {\"ü\": null}, \"t\": true}'", "'[]'", "'\"text\"'"])},
    "mariadb": {"c_uuid": ("uuid", ["'123e4567-e89b-12d3-a456-426655440000'"]), "c_inet4": ("inet4", ["'192.168.0.1'"]), "c_inet6": ("inet6", ["'2001:db8::ff00:42:8329'"])},
}


def types(kind) -> dict[str, tuple[str, list[str]]]:
    """column -> (type, values); kind: mysql | mariadb."""
    return _TYPES | _OWN[kind]
