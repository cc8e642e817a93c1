"""Every reader of Iceberg and Delta that runs inside this process. Each opens a table by its folder alone, as a user without a catalog would.

    READERS[name].read(location, s3=None) -> pyarrow.Table      (location: a folder, or s3://bucket/prefix with s3 a servers.S3)

Iceberg's current metadata is found by `metadata/version-hint.text`; nothing here helps a reader to find it.
Spark and Trino are in engines.py.
"""
import dataclasses
import os
import pathlib
import re
import typing

import pyarrow as pa

os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")  # the plug-in that polars would like better is not on the list of readers


@dataclasses.dataclass(frozen=True)
class Reader:
    name: str
    format: str  # iceberg | delta
    read: typing.Callable[..., pa.Table]


def metadata_location(location: str, s3=None) -> str:
    """What version-hint.text points to: for tests that look at the metadata themselves."""
    def text(path):
        if not s3:
            return pathlib.Path(path).read_text()
        bucket, key = re.fullmatch(r"s3://([^/]+)/(.*)", path).groups()
        return s3.client().get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return f"{location}/metadata/v{int(text(f'{location}/metadata/version-hint.text'))}.metadata.json"


def pyiceberg(location, s3=None):
    from pyiceberg.table import StaticTable
    return StaticTable.from_metadata(location, s3.pyiceberg() if s3 else {}).scan().to_arrow()


def polars_iceberg(location, s3=None):
    import polars
    return polars.scan_iceberg(location, storage_options=s3.pyiceberg() if s3 else None).collect().to_arrow()


def deltalake(location, s3=None):
    """QueryBuilder, because to_pyarrow_table refuses tables with deletion vectors."""
    from deltalake import DeltaTable, QueryBuilder
    table = DeltaTable(location, storage_options=s3.delta() if s3 else None)
    return pa.table(QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all())


def polars_delta(location, s3=None):
    import polars
    return polars.scan_delta(location, storage_options=s3.delta() if s3 else None).collect().to_arrow()


_connection = None


def duckdb_connection():
    """DuckDB's own release from PyPI with its own extensions: another build and version than the one inside Tarn."""
    global _connection
    if _connection is None:
        import duckdb
        packages = pathlib.Path(duckdb.__file__).parent.parent
        c = duckdb.connect(config={"allow_unsigned_extensions": "true", "autoinstall_known_extensions": "false"})
        for e in ("avro", "httpfs", "iceberg", "delta"):
            c.execute(f"LOAD '{packages}/duckdb_extension_{e}/extensions/v{duckdb.__version__}/{e}.duckdb_extension'")
        _connection = c
    return _connection.cursor()


def _duckdb(function, location, s3):
    c = duckdb_connection()
    if s3:
        c.execute(s3.duckdb())
    quoted = location.replace("'", "''")
    return c.execute(f"SELECT * FROM {function}('{quoted}')").to_arrow_table()


def duckdb_iceberg(location, s3=None):
    return _duckdb("iceberg_scan", location, s3)


def duckdb_delta(location, s3=None):
    return _duckdb("delta_scan", location, s3)


READERS = {r.name: r for r in [
    Reader("pyiceberg", "iceberg", pyiceberg),
    Reader("polars_iceberg", "iceberg", polars_iceberg),
    Reader("duckdb_iceberg", "iceberg", duckdb_iceberg),
    Reader("deltalake", "delta", deltalake),
    Reader("polars_delta", "delta", polars_delta),
    Reader("duckdb_delta", "delta", duckdb_delta),
]}
