"""What changes of columns, settings and databases do to tables of mode incremental, which hold rows that their source no longer has."""
import sqlite3

import pytest

from harness import projects

KEYS = {"with a key": "id int PRIMARY KEY", "without a key": "id int"}


@pytest.fixture(params=KEYS.values(), ids=KEYS.keys())
def log(request, project, database):
    """Rows 1 to 11 of public.ev are loaded; then the source forgets 1 to 8."""
    server, name = database
    server.execute(f"CREATE TABLE ev ({request.param}, at date, v int);"
                   "INSERT INTO ev SELECT i, '2024-01-01'::date + i, i * 10 FROM generate_series(1, 11) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.has_key = "KEY" in request.param
    project.execute = lambda sql: server.execute(sql, name)
    yaml(project)
    project.apply()
    project.execute("DELETE FROM ev WHERE id <= 8")
    return project


def yaml(project, cursor="at", extra=""):
    text = projects.mirror("SHOP_PG", ["public.ev"], projects.warehouse(), extra)
    project.yaml(text.replace("mode: snapshot", f"mode: incremental\n    cursor: {cursor}"))


def rows(project, columns="id"):
    return [tuple(row.values()) for row in project.sql(f"SELECT {columns} FROM lake.bronze.ev ORDER BY id")]


def ids(*numbers):
    return [(n,) for n in numbers]


def planned(project):
    return next(line for line in project.plan(check=3).stdout.splitlines() if "bronze.ev" in line)


def test_columns_that_come_go_and_widen_keep_every_row(log):
    log.execute("ALTER TABLE ev ADD COLUMN note text DEFAULT 'some'; ALTER TABLE ev DROP COLUMN v, ALTER COLUMN id TYPE bigint; INSERT INTO ev VALUES (12, '2024-02-01', 'mine')")
    line = planned(log)
    assert "column note text added" in line and ("merged with the rows that stand" if log.has_key else "new rows are added") in line, line
    log.apply()
    log.plan(check=0)
    # A row of before has the value where its key tells which row it is.
    some = "some" if log.has_key else None
    assert rows(log, "*") == [(i, f"2024-01-{i + 1:02}", None) for i in range(1, 9)] + [(i, f"2024-01-{i + 1:02}", some) for i in (9, 10, 11)] + [(12, "2024-02-01", "mine")]
    log.execute("INSERT INTO ev VALUES (13, '2024-02-02', 'more')")
    log.run("run")
    assert rows(log) == ids(*range(1, 14)) and log.sql("SELECT typeof(id) AS t FROM lake.bronze.ev LIMIT 1") == [{"t": "BIGINT"}]


def test_a_partition_rule_keeps_every_row(log):
    log.execute("INSERT INTO ev VALUES (12, '2024-02-01', 1)")
    yaml(log, extra="tables: {bronze.ev: {partition: [month(at)]}}\n")
    line = planned(log)
    assert "→ month(at): " + ("merged with the rows that stand" if log.has_key else "new rows are added, and those that stand stay") in line, line
    log.apply()
    log.plan(check=0)
    assert rows(log) == ids(*range(1, 13))


ANEW = {
    "cursor": (None, "id", "cursor at → id"),
    "type": ("ALTER TABLE ev ALTER COLUMN v TYPE text", "at", "column v: integer → text (column \"v\" of type int cannot become string in place)"),
    "key": ("ALTER TABLE ev DROP CONSTRAINT IF EXISTS ev_pkey; ALTER TABLE ev ADD PRIMARY KEY (id, v)", "at", "id, v (by another key)"),
}


@pytest.mark.parametrize("change, cursor, why", ANEW.values(), ids=ANEW.keys())
def test_a_load_that_lets_rows_go_is_told(log, change, cursor, why):
    if change:
        log.execute(change)
    yaml(log, cursor)
    line = planned(log)
    assert f"{why}: loaded anew, and rows that the source no longer has go" in line, line
    log.apply()
    assert rows(log) == ids(9, 10, 11)
    log.plan(check=0)
    log.execute("DELETE FROM ev; INSERT INTO ev VALUES (12, '2024-02-01', 1)")
    log.run("run")
    assert rows(log) == ids(9, 10, 11, 12)


def test_another_database_is_loaded_anew(log, postgres15):
    with postgres15.database() as other:
        key = "PRIMARY KEY" if log.has_key else ""
        postgres15.execute(f"CREATE TABLE ev (id int {key}, at date, v int); INSERT INTO ev SELECT i, '2020-01-01', 0 FROM generate_series(101, 104) i", other)
        log.env["SHOP_PG"] = postgres15.url(other)
        line = planned(log)
        assert f" → {other}: loaded anew, and rows that the source no longer has go" in line, line
        log.apply()
        log.plan(check=0)
        assert rows(log) == ids(101, 102, 103, 104)


def test_another_server_goes_on_after_the_mark_and_says_so(log):
    url = log.env["SHOP_PG"]
    log.env["SHOP_PG"] = url.replace("127.0.0.1", "localhost")
    assert log.env["SHOP_PG"] != url
    log.execute("INSERT INTO ev VALUES (12, '2024-02-01', 1)")
    plan = log.plan(check=3).stdout
    assert "taken for the same database" in plan and "bronze.ev" not in plan, plan
    log.apply()
    log.plan(check=0)
    log.run("run")
    assert rows(log) == ids(*range(1, 13))


def test_a_load_that_an_ended_apply_owes_is_made_up_for(log):
    yaml(log, "id")
    log.apply()
    with sqlite3.connect(log.directory / "state/catalog.db") as catalog:
        catalog.execute("DELETE FROM positions")  # as an apply that ends between its declaration and its load leaves them
    line = planned(log)
    assert "its last load is void: loaded anew, and rows that the source no longer has go" in line, line
    log.apply()
    log.plan(check=0)


def test_modes_that_come_and_go_need_no_second_apply(log):
    text = (log.directory / "tarn.yaml").read_text()
    for mode in ("snapshot", "incremental\n    cursor: id", "incremental\n    cursor: at"):
        log.yaml(text.replace("mode: incremental\n    cursor: at", f"mode: {mode}"))
        log.apply()
        log.plan(check=0)
        log.run("run")
        log.plan(check=0)
        assert rows(log) == ids(9, 10, 11)


def test_a_table_that_comes_back_says_what_goes(log):
    log.execute("CREATE TABLE other (id int, at date)")
    text = (log.directory / "tarn.yaml").read_text()
    log.yaml(text.replace("'public.ev'", "'public.other'"))
    log.apply()
    log.yaml(text)
    line = planned(log)
    assert line.lstrip().startswith("~") and "its table stands: loaded anew, and rows that the source no longer has go" in line, line
    log.apply()
    log.plan(check=0)
    assert rows(log) == ids(9, 10, 11)


def test_a_name_that_comes_back_says_what_goes(log):
    text = (log.directory / "tarn.yaml").read_text()
    log.yaml(text.replace("into: bronze", "into: {public.ev: bronze.ev2}"))
    log.apply()
    log.yaml(text)
    line = planned(log)
    assert "was bronze.ev2" in line and "rows that the source no longer has go" in line, line
    log.apply()
    log.plan(check=0)
    assert rows(log) == ids(9, 10, 11)


def test_a_renamed_source_is_refused_before_anything_is_forgotten(log):
    text = (log.directory / "tarn.yaml").read_text()
    log.yaml(text.replace("  postgres:\n", "  crm:\n"))
    for command in (["plan"], ["apply", "-y"]):
        error = log.run(*command, check=1).stderr
        assert "tarn.yaml:7:5: " in error and "the table bronze.ev was made by the source postgres and not by source crm" in error, error
        assert "with `into:`" in error, error
    log.yaml(text)
    log.plan(check=0)
    log.run("run")
    assert rows(log) == ids(*range(1, 12))
    # What the hint says: without either first.
    log.execute("CREATE TABLE other (id int, at date)")
    log.yaml(text.replace("'public.ev'", "'public.other'").replace("  postgres:\n", "  crm:\n"))
    log.apply()
    log.sql("DROP TABLE lake.bronze.ev", format="csv")
    log.yaml(text.replace("  postgres:\n", "  crm:\n"))
    log.apply()
    assert rows(log) == ids(9, 10, 11)


@pytest.mark.parametrize("kind", ["table", "view"])
def test_what_was_made_by_hand_is_not_loaded_into(log, kind):
    log.execute("CREATE TABLE other (id int, at date)")
    log.sql(f"CREATE {kind} lake.bronze.other AS SELECT 1 AS id", format="csv")
    text = (log.directory / "tarn.yaml").read_text()
    log.yaml(text.replace("'public.ev'", "'public.ev', 'public.other'"))
    error = log.plan(check=1).stderr
    assert f"the {kind} bronze.other was made by hand" in error and f"or DROP {kind.upper()} bronze.other" in error, error
    assert log.apply(check=1).stderr == error
    log.sql(f"DROP {kind} lake.bronze.other", format="csv")
    log.apply()
    log.plan(check=0)
    assert rows(log) == ids(*range(1, 12))
