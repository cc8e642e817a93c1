"""What becomes of `<table>__rejected` when its model is built again as a whole."""
import pytest

KINDS = ["incremental", "merge\nkey: id"]


@pytest.fixture(params=KINDS, ids=["incremental", "merge"])
def model(request, project):
    """silver.m of hand.src, of whose rows two are rejected; the mark of one of them is far ahead."""
    project.yaml("name: shop\nstate: ./state\nwarehouse: ./warehouse\n")
    project.apply()
    project.sql("CREATE SCHEMA lake.hand; CREATE TABLE lake.hand.src (id int, ts timestamp, v int)", format="csv")
    project.come = lambda rows: project.sql(f"INSERT INTO lake.hand.src VALUES {rows}", format="csv")
    project.come("(1, '2024-01-01', 1), (2, '2024-01-02', NULL), (5, '2030-01-03', NULL)")

    def write(query, cursor="ts", on_failure="quarantine", checks="checks: [not_null: v]\n"):
        project.write("models/silver/m.sql", f"/* tarn\nmaterialize: {request.param}\ncursor: {cursor}\n{checks}on_failure: {on_failure}\n*/ {query}")
    project.model = write
    write("SELECT id, ts, v FROM hand.src")
    project.apply()
    assert stand(project) == ([1], [2, 5])
    return project


def stand(project):
    listed = lambda table: [row["id"] for row in project.sql(f"SELECT id FROM lake.silver.{table} ORDER BY id")]
    return listed("m"), listed("m__rejected")


@pytest.mark.parametrize("checks", ["checks: [not_null: v]\n", ""], ids=["checked", "unchecked"])
def test_rows_of_a_query_of_before_are_no_mark(model, checks):
    model.model("SELECT id, ts, v FROM hand.src WHERE v IS NOT NULL", on_failure="fail", checks=checks)
    model.apply()
    assert stand(model) == ([1], [])
    model.come("(7, '2024-06-01', 7)")
    model.run("run", "silver.m")
    assert stand(model) == ([1, 7], [])


def test_a_table_that_was_dropped_takes_its_rejected_rows_along(model):
    (model.directory / "models/silver/m.sql").unlink()
    model.apply()
    model.sql("DROP TABLE lake.silver.m", format="csv")
    model.model("SELECT id, ts, v FROM hand.src WHERE v IS NOT NULL", on_failure="warn")
    model.apply()
    assert stand(model) == ([1], [])
    model.come("(7, '2024-06-01', 7)")
    model.run("run", "silver.m")
    assert stand(model) == ([1, 7], [])


def test_it_has_the_columns_of_the_query_that_is_run(model):
    changed = "SELECT id, ts AS seen_at, v::VARCHAR AS v FROM hand.src"
    model.model(changed + " WHERE v IS NOT NULL", cursor="seen_at")
    model.apply()
    assert stand(model) == ([1], [])
    # Once more while it is empty: its columns are those of this query all the same.
    model.model("SELECT id, ts AS seen, v::BOOLEAN AS v FROM hand.src WHERE v IS NOT NULL", cursor="seen")
    model.apply()
    model.come("(7, '2024-06-01', 7)")
    model.run("run", "silver.m")
    assert stand(model) == ([1, 7], [])
    model.model("SELECT id, ts AS seen, v::BOOLEAN AS v FROM hand.src WHERE id <> 2 AND id <> 5", cursor="seen")
    model.apply()
    model.come("(8, '2024-06-02', NULL)")
    for _ in range(2):
        model.run("run", "silver.m")
        assert stand(model) == ([1, 7], [8])
    assert model.sql("SELECT seen, v FROM lake.silver.m__rejected") == [{"seen": "2024-06-02 00:00:00", "v": None}]


def test_a_table_of_that_name_that_somebody_else_made_is_no_mark(project):
    project.yaml("name: shop\nstate: ./state\nwarehouse: ./warehouse\n")
    project.apply()
    project.sql("CREATE SCHEMA lake.hand; CREATE SCHEMA lake.silver; CREATE TABLE lake.hand.src AS SELECT 1 AS id;"
                "CREATE TABLE lake.silver.m__rejected AS SELECT 100 AS id", format="csv")
    project.write("models/silver/m.sql", "/* tarn\nmaterialize: incremental\ncursor: id\n*/ SELECT id FROM hand.src")
    project.apply()
    project.sql("INSERT INTO lake.hand.src VALUES (2)", format="csv")
    project.run("run")
    assert stand(project) == ([1, 2], [100])
