"""Every type of PostgreSQL with its edge values, and tables that are odd in other ways."""
import pytest

from harness import every_type, projects, readers, source
from harness.tarn import Tarn


@pytest.fixture(scope="module")
def filled(postgres):
    with postgres.database() as name:
        every_type.load(postgres, name)
        yield postgres.url(name)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, tarn_binary, filled):
    project = Tarn(tmp_path_factory.mktemp("types"), tarn_binary, {"SHOP_PG": filled})
    names = [f"odd.{projects.identifier(o.name)}" for o in every_type.ODD if o.readable_as_table]
    project.yaml(projects.mirror("SHOP_PG", ["public.every_type", *names], projects.warehouse()))
    project.apply()
    return project, filled


def test_sql_reads_every_type(lake):
    project, url = lake
    source.assert_same(source.Source(url, "public", "every_type"), project.arrow("SELECT * FROM lake.bronze.every_type"), "tarn sql")


@pytest.mark.parametrize("reader", readers.READERS.values(), ids=lambda r: r.name)
def test_every_reader_reads_every_type(lake, reader):
    project, url = lake
    source.assert_same(source.Source(url, "public", "every_type"), reader.read(project.location("bronze.every_type")), reader.name)


@pytest.mark.parametrize("odd", [o for o in every_type.ODD if o.readable_as_table], ids=lambda o: o.name)
def test_odd_tables_are_read_by_everybody(lake, odd):
    project, url = lake
    expected = source.Source(url, "odd", odd.name)
    source.assert_same(expected, project.arrow(f"SELECT * FROM lake.{projects.lake_name(odd.name)}"), "tarn sql")
    location = project.location(projects.lake_name(odd.name))
    problems = [source.difference(expected, reader.read(location), reader.name) for reader in readers.READERS.values()]
    assert not any(problems), "\n".join(filter(None, problems))


def test_a_table_without_columns_keeps_its_rows_or_is_refused_by_name(project, filled):
    project.yaml(projects.mirror("SHOP_PG", ["odd.zero_columns_rows"], projects.warehouse()))
    r = project.apply(env={"SHOP_PG": filled}, check=None)
    if r.exit_code:
        assert r.exit_code == 1 and "zero_columns_rows" in r.stderr, str(r)
    else:
        assert project.sql("SELECT count(*) AS n FROM lake.bronze.zero_columns_rows", env={"SHOP_PG": filled}) == [{"n": 2}]


@pytest.mark.parametrize("name", every_type.SPECIAL)
def test_values_without_a_counterpart_are_exact_or_refused_by_name(project, filled, name):
    """Never rounded, clipped or made NULL: equal for every reader, or an error that names table and column and a repair that works."""
    env, table = {"SHOP_PG": filled}, f"special_{name}"
    project.env |= env
    project.yaml(projects.mirror("SHOP_PG", [f"public.{table}"], projects.warehouse()))
    r = project.apply(check=None)
    if r.exit_code:
        assert r.exit_code == 1 and table in r.stderr and "v" in r.stderr, str(r)
        if every_type.SPECIAL[name][0] != "numeric(50,10)":  # refused for its type, not for a value
            assert "id" in r.stderr or "row" in r.stderr, f"the row is not named\n{r}"
        if (project.directory / "state").exists():  # refused for a value; for its type no plan came about
            shown = project.sql("SELECT count(*) AS n FROM information_schema.tables WHERE table_catalog = 'lake' AND table_schema = 'bronze'")
            assert shown == [{"n": 0}], "a refused table is visible"
        project.yaml(projects.mirror("SHOP_PG", [f"public.{table}"], projects.warehouse(), f"    types: {{public.{table}.v: string}}\n"))
        project.apply()
    expected = source.Source(filled, "public", table)
    source.assert_same(expected, project.arrow(f"SELECT * FROM lake.bronze.{table}"), "tarn sql")
    location = project.location(f"bronze.{table}")
    for reader in readers.READERS.values():
        source.assert_same(expected, reader.read(location), reader.name)
