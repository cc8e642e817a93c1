"""Live tables of a source in SQL: a statement that reads one of them more than once."""
from harness import projects


def test_scans_that_differ_only_far_into_a_text_stay_two(project, database):
    server, name = database
    one, other = "a" * 300 + "X", "a" * 300 + "Y"
    server.execute(f"CREATE TABLE t (id int, c text, b bytea); INSERT INTO t SELECT i, c, ('\\x' || repeat('ff', 150))::bytea || convert_to(right(c, 1), 'UTF8') "
                   f"FROM (VALUES (1, '{one}'), (2, '{other}'), (3, '{other}'), (4, '{other}')) v(i, c)", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.t"], projects.warehouse()))
    project.apply()
    sums = lambda column, values: project.sql(" UNION ALL ".join(f"SELECT sum(id)::INT AS n FROM postgres.public.t WHERE {column} = {v}" for v in values) + " ORDER BY n")
    assert sums("c", [f"'{one}'", f"'{other}'"]) == [{"n": 1}, {"n": 9}]
    assert sums("b", [f"unhex('{'ff' * 150}58')", f"unhex('{'ff' * 150}59')"]) == [{"n": 1}, {"n": 9}]
