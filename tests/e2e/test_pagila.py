"""The real Pagila out of real PostgreSQL 15 and 18, on local disk and on S3: every bronze table is its source."""
import pytest

from harness import pagila, projects, readers, source


@pytest.fixture(scope="module", params=["local", "s3"])
def lake(request, tmp_path_factory, tarn_binary, pagila_database):
    """(project, source database, S3 or None), applied once."""
    from harness.tarn import Tarn
    server, database = pagila_database
    s3 = request.getfixturevalue("s3") if request.param == "s3" else None
    project = Tarn(tmp_path_factory.mktemp("pagila"), tarn_binary, {"SHOP_PG": server.url(database)} | (s3.env() if s3 else {}))
    project.yaml(projects.mirror("SHOP_PG", ["public.*"], projects.warehouse(s3, s3 and s3.create_bucket())))
    project.apply()
    return project, server.url(database), s3


@pytest.mark.parametrize("table", pagila.TABLES)
def test_sql_reads_what_the_source_holds(lake, table):
    project, url, _ = lake
    source.assert_same(source.Source(url, "public", table), project.arrow(f"SELECT * FROM lake.{projects.lake_name(table)}"), "tarn sql")


@pytest.mark.parametrize("reader", readers.READERS.values(), ids=lambda r: r.name)
@pytest.mark.parametrize("table", pagila.TABLES)
def test_every_reader_reads_what_the_source_holds(lake, table, reader):
    project, url, s3 = lake
    source.assert_same(source.Source(url, "public", table), reader.read(project.location(projects.lake_name(table)), s3), reader.name)


def test_partitions_and_views_are_not_tables_of_their_own(lake):
    project, _, _ = lake
    names = {r["table_name"] for r in project.sql("SELECT table_name FROM information_schema.tables WHERE table_catalog = 'lake' AND table_schema = 'bronze'")}
    assert names == set(pagila.TABLES)


def test_a_second_plan_has_nothing_to_do(lake):
    project, _, _ = lake
    project.plan(check=0)


def test_check_compares_source_and_lake(lake):
    project, _, _ = lake
    project.run("check", check=0)
