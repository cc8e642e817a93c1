"""Spark 4.1 and Trino 476 read, by its folder alone, what Tarn wrote: as Iceberg and as Delta. Trino on S3 too."""
import pytest

from harness import every_type, pagila, projects, source
from harness.tarn import Tarn

FORMATS = ["iceberg", "delta"]


def read(engine, format_, location):
    return getattr(engine, f"read_{format_}")(location)


def applied(directory, binary, url, tables, s3=None):
    project = Tarn(directory, binary, {"SHOP_PG": url} | (s3.env() if s3 else {}))
    project.yaml(projects.mirror("SHOP_PG", tables, projects.warehouse(s3, s3 and s3.create_bucket())))
    project.apply()
    return project


@pytest.fixture(scope="module")
def pagila_url(postgres18):
    return postgres18.url(pagila.template(postgres18))


@pytest.fixture(scope="module")
def pagila_lake(tmp_path_factory, tarn_binary, pagila_url):
    return applied(tmp_path_factory.mktemp("pagila"), tarn_binary, pagila_url, ["public.*"])


@pytest.fixture(scope="module")
def pagila_lake_s3(tmp_path_factory, tarn_binary, pagila_url, s3):
    return applied(tmp_path_factory.mktemp("pagila-s3"), tarn_binary, pagila_url, ["public.*"], s3)


@pytest.fixture(scope="module")
def types_url(postgres18):
    with postgres18.database() as name:
        every_type.load(postgres18, name)
        yield postgres18.url(name)


@pytest.fixture(scope="module")
def types_lake(tmp_path_factory, tarn_binary, types_url):
    tables = ["public.every_type"] + [f"odd.{projects.identifier(o.name)}" for o in every_type.ODD if o.readable_as_table and o.kind == "table"]
    return applied(tmp_path_factory.mktemp("types"), tarn_binary, types_url, tables)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("table", pagila.TABLES)
def test_pagila(engine, pagila_lake, pagila_url, table, format_):
    name, reader = engine
    found = read(reader, format_, pagila_lake.location(projects.lake_name(table)))
    source.assert_same(source.Source(pagila_url, "public", table), found, f"{name} {format_}")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("table", pagila.TABLES)
def test_pagila_on_s3(trino, pagila_lake_s3, pagila_url, table, format_):
    found = read(trino, format_, pagila_lake_s3.location(projects.lake_name(table)))
    source.assert_same(source.Source(pagila_url, "public", table), found, f"trino {format_}")


@pytest.mark.parametrize("format_", FORMATS)
def test_every_type(engine, types_lake, types_url, format_):
    name, reader = engine
    found = read(reader, format_, types_lake.location("bronze.every_type"))
    source.assert_same(source.Source(types_url, "public", "every_type"), found, f"{name} {format_}")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("odd", [o for o in every_type.ODD if o.readable_as_table and o.kind == "table"], ids=lambda o: o.name)
def test_odd_tables(engine, types_lake, types_url, odd, format_):
    name, reader = engine
    found = read(reader, format_, types_lake.location(projects.lake_name(odd.name)))
    source.assert_same(source.Source(types_url, "odd", odd.name), found, f"{name} {format_}")
