"""`types: {…: variant}` of a source: the documents of JSON columns are variants in the lake, loaded and followed, from every kind of server."""
import json
import re

import pytest

from harness import readers, variants
from harness.capture import changes

BIG = {"big": "x" * 20000, "n": [1, 2.50, None]}


@pytest.fixture
def shop(project, followed):
    """A table with the documents that other tests have too, and a large one, which PostgreSQL keeps outside of the row."""
    json_type = "jsonb" if followed.is_postgres else "json"
    followed.run(f"CREATE TABLE event (id int PRIMARY KEY, doc {json_type}, n int, note text)")
    if followed.is_postgres:
        followed.run("ALTER TABLE event ALTER COLUMN doc SET STORAGE EXTERNAL")
    rows = [(i, text) for i, text in variants.DOCUMENTS] + [(20, json.dumps(BIG)), (21, json.dumps(BIG)), (22, "null")]
    for i, text in rows:
        followed.run(f"INSERT INTO event VALUES ({i}, {literal(followed, text)}, 0, '[{i}]')")
    yield project
    project.run("destroy", "-y")


def literal(database, text):
    if text is None:
        return "NULL"
    return variants.quoted(text if database.is_postgres else text.replace("\\", "\\\\"))


def types(database, *columns, table="event", more=""):
    chosen = ", ".join(f"{database.table(table)}.{column}: variant" for column in columns)
    return f"    types: {{{chosen}}}\n    commit: {{every: 200ms}}\n{more}"


def documents(project, column="doc", where="true"):
    rows = project.sql(f"SELECT id, {column}::JSON::VARCHAR AS doc FROM lake.bronze.event WHERE {where} ORDER BY id")
    return {row["id"]: None if row["doc"] is None else json.loads(row["doc"]) for row in rows}


def with_zeros(text):
    """What DuckDB's own cast to JSON makes of decimals below 1, `.25`, as JSON."""
    return re.sub(r"(?<=[:,\[])(-?)\.", r"\g<1>0.", text)


def expected():
    return dict(variants.expected()) | {20: BIG, 21: BIG, 22: None}


def type_of(project, column="doc"):
    return project.sql("SELECT data_type AS t FROM information_schema.columns WHERE table_catalog = 'lake' AND table_schema = 'bronze' "
                       f"AND table_name = 'event' AND column_name = '{column}'")[0]["t"]


def test_documents_are_loaded_and_followed(shop, followed):
    followed.follow(shop, tables=["event"], source=types(followed, "doc", "note"))
    shop.apply()
    assert type_of(shop) == type_of(shop, "note") == "VARIANT"
    assert documents(shop) == expected()
    assert documents(shop, "note", "id = 7") == {7: [7]}
    shop.run("check")
    live = shop.sql(f"SELECT id, doc::JSON::VARCHAR AS doc FROM crm.{followed.table('event')}")
    assert dict(variants.rows([row for row in live if row["id"] < 20])) == dict(variants.expected())

    followed.run("UPDATE event SET n = 1 WHERE id IN (1, 20)",  # the large one does not change
                 f"UPDATE event SET doc = {literal(followed, json.dumps({'now': 'é', 'd': 0.125}))} WHERE id = 3",
                 "UPDATE event SET id = 121 WHERE id = 21", "DELETE FROM event WHERE id IN (4, 5)",
                 "INSERT INTO event VALUES (30, '{\"k\": [true]}', 0, NULL)", "UPDATE event SET n = 2 WHERE id = 30", "UPDATE event SET doc = NULL WHERE id = 6")
    shop.run("up", "--once")
    now = expected() | {3: {"now": "é", "d": 0.125}, 121: BIG, 30: {"k": [True]}, 6: None}
    for gone in (21, 4, 5):
        del now[gone]
    assert documents(shop) == now
    assert shop.sql("SELECT n FROM lake.bronze.event WHERE id = 20") == [{"n": 1}]
    shop.run("check")
    shop.plan(check=0)

    followed.run("INSERT INTO event VALUES (31, '[31]', 0, '{}')")
    shop.run("resync", "bronze.event")
    followed.run("UPDATE event SET n = 3 WHERE id = 121", "UPDATE event SET doc = '[32]' WHERE id = 31")
    shop.run("up", "--once")
    assert documents(shop) == now | {31: [32]}
    shop.run("check")
    for function in ("iceberg_scan", "delta_scan"):
        found = readers.duckdb_connection().execute(f"SELECT id, doc::JSON::VARCHAR FROM {function}('{shop.location('bronze.event')}')").fetchall()
        assert {i: None if doc is None else json.loads(with_zeros(doc)) for i, doc in found} == now | {31: [32]}, function


def test_a_history_has_them_before_and_after(shop, followed):
    if followed.is_postgres:
        followed.run("ALTER TABLE event REPLICA IDENTITY FULL")
    followed.follow(shop, tables=["event"], source=types(followed, "doc", more="    history: true\n"))
    shop.apply()
    assert shop.sql("SELECT count(*) AS n, count(doc) AS docs FROM lake.bronze.event__changes WHERE _op = 'snapshot'")[0]["n"] == len(expected())
    followed.run("UPDATE event SET doc = '{\"a\": 2}' WHERE id = 3", "UPDATE event SET n = 1 WHERE id = 20", "DELETE FROM event WHERE id = 4",
                 "INSERT INTO event VALUES (30, '[]', 0, NULL)")
    shop.run("up", "--once")
    told = [(op, i, None if doc is None else json.loads(doc)) for op, i, doc in changes(shop, "event", "id, doc::JSON::VARCHAR AS doc")]
    assert told == [("update_preimage", 3, 42), ("update", 3, {"a": 2}), ("update_preimage", 20, BIG), ("update", 20, BIG), ("delete", 4, "text"),
                    ("insert", 30, [])]


def test_the_choice_is_made_and_taken_back(shop, followed):
    followed.follow(shop, tables=["event"])
    shop.apply()
    assert type_of(shop) == "VARCHAR"
    followed.run("UPDATE event SET n = 1 WHERE id = 20")
    followed.follow(shop, tables=["event"], source=types(followed, "doc"))
    assert "column doc becomes a variant: the table is loaded anew" in str(shop.plan(check=3))
    shop.apply()
    assert type_of(shop) == "VARIANT" and documents(shop) == expected()
    followed.run("UPDATE event SET n = 2 WHERE id IN (1, 20)", "DELETE FROM event WHERE id = 21")
    shop.run("up", "--once")
    now = {i: doc for i, doc in expected().items() if i != 21}
    assert documents(shop) == now
    followed.follow(shop, tables=["event"])
    assert "column doc is no variant any more: the table is loaded anew" in str(shop.plan(check=3))
    shop.apply()
    assert type_of(shop) == "VARCHAR" and documents(shop) == now
    shop.plan(check=0)


def test_a_column_that_is_added_follows_its_choice(shop, followed):
    followed.follow(shop, tables=["event"], source=types(followed, "doc"))
    shop.apply()
    followed.run("ALTER TABLE event ADD COLUMN extra json", "UPDATE event SET extra = '{\"k\": [1]}' WHERE id = 20")
    followed.follow(shop, tables=["event"], source=types(followed, "doc", "extra"))
    shop.run("up", "--once")
    assert type_of(shop, "extra") == "VARIANT"
    assert documents(shop, "extra", "extra IS NOT NULL") == {20: {"k": [1]}} and documents(shop) == expected()
    followed.run("UPDATE event SET n = 5", "UPDATE event SET extra = '[]' WHERE id = 20")
    shop.run("up", "--once")
    assert documents(shop, "extra", "extra IS NOT NULL") == {20: []} and documents(shop) == expected()
    shop.run("check")
    shop.plan(check=0)


def test_a_text_that_is_no_json_names_its_row_and_the_repair(shop, followed):
    followed.run("UPDATE event SET note = '{bad' WHERE id = 7")
    followed.follow(shop, tables=["event"], source=types(followed, "doc", "note"))
    error = shop.apply(check=1).stderr
    where = f"table {followed.table('event')}"
    assert where in error and "column note" in error and "not valid JSON at byte 2" in error and f"{followed.table('event')}.note: string" in error, error
    assert "id = 7" in error or "id 7" in error, error
    followed.run("UPDATE event SET note = '[7]' WHERE id = 7")
    shop.apply()
    followed.run("UPDATE event SET note = '' WHERE id = 8")
    told = str(shop.run("up", "--once"))
    assert where in told and "column note" in told and "not followed any more" in told and ("id = 8" in told or "id 8" in told), told
    followed.run("UPDATE event SET note = '[8]' WHERE id = 8")
    shop.run("resync", "bronze.event")
    assert documents(shop, "note", "id = 8") == {8: [8]}


@pytest.mark.parametrize("mode", ["mode: snapshot", "mode: incremental, cursor: n"])
def test_other_modes_load_them_too(shop, followed, mode):
    shop.env["SHOP_DB"] = followed.url()
    shop.yaml(f"name: shop\nserve: {{http: off}}\nsources:\n  crm: {{type: {'postgres' if followed.is_postgres else 'mysql'}, url: \"${{SHOP_DB}}\", "
              f"tables: [{followed.table('event')}], types: {{{followed.table('event')}.doc: variant}}, {mode}}}\n")
    shop.apply()
    assert type_of(shop) == "VARIANT" and documents(shop) == expected()
    followed.run("UPDATE event SET n = 1, doc = '{\"new\": 1}' WHERE id = 3", "INSERT INTO event VALUES (40, '[40]', 2, NULL)")
    shop.run("run")
    assert documents(shop) == expected() | {3: {"new": 1}, 40: [40]}
    shop.run("check")


def test_the_error_of_a_choice_lists_them(project, database):
    server, name = database
    server.execute("CREATE TABLE event (id int PRIMARY KEY, doc jsonb, tags jsonb[])", name)
    project.env["SHOP_PG"] = server.url(name)
    source = "name: shop\nsources:\n  crm: {type: postgres, url: \"${SHOP_PG}\", tables: [public.event], mode: snapshot, types: {public.event.%s}}\n"
    for choice, told in (("doc: json", "string, double, long, variant or decimal(p,s)"), ("tags: variant", "variant for json, jsonb and text"),
                         ("id: variant", "variant for json, jsonb and text")):
        project.yaml(source % choice)
        assert told in project.plan(check=1).stderr, choice
