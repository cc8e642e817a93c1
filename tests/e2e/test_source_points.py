"""AT (VERSION => '<source> <position>'): what the lake held when the source stood there."""
import random

import pytest

YAML = """
name: shop
sources:
  crm:
    type: postgres
    url: ${SHOP_PG}
    tables: [public.*]
    mode: cdc
    history: [public.a]
"""


@pytest.fixture
def shop(project, postgres):
    with postgres.database() as name:
        postgres.execute("CREATE TABLE a (id int PRIMARY KEY, v int); CREATE TABLE b (id int PRIMARY KEY, v int); INSERT INTO a VALUES (1, 0); INSERT INTO b VALUES (1, 0)", name)
        project.env["SHOP_PG"] = postgres.url(name)
        project.yaml(YAML)
        project.source = lambda statement: postgres.execute(statement, name)
        project.ask = lambda query: postgres.query(query, name)
        yield project
        project.run("destroy", "-y")


def value(shop, table, point):
    return shop.sql(f"SELECT v FROM lake.{table} AT (VERSION => '{point}') ORDER BY ALL")


def test_every_point_is_what_the_source_held_there(shop):
    shop.write("models/gold/sums.sql", "SELECT (SELECT max(v) FROM bronze.a) AS v\n")
    shop.apply()
    at = lambda: shop.ask("SELECT pg_current_wal_insert_lsn()::text")[0][0]
    chance, points = random.Random(3), []
    for v in range(1, 5):
        for table in chance.choice([("a",), ("b",), ("a", "b")]):
            shop.source(f"UPDATE {table} SET v = {v}")
        state = (shop.ask("SELECT v FROM a")[0][0], shop.ask("SELECT v FROM b")[0][0])
        points.append((at(), state))
        shop.run("up", "--once")
        shop.run("run", "gold.sums")
    for position, (a, b) in points:
        # By the source's name or its type; both tables are of one point.
        assert value(shop, "bronze.a", f"crm {position}") == [{"v": a}]
        assert value(shop, "bronze.b", f"POSTGRES {position}") == [{"v": b}]
        joined = shop.sql(f"SELECT a.v AS a, b.v AS b FROM lake.bronze.a AT (VERSION => 'crm {position}') JOIN lake.bronze.b AT (VERSION => 'crm {position}') USING (id)")
        assert joined == [{"a": a, "b": b}]
        # A model is as it was in the last commit that has nothing of later.
        assert value(shop, "gold.sums", f"crm {position}") == [{"v": a}]
    changes = shop.sql(f"SELECT count(*) AS n FROM lake.bronze.a__changes AT (VERSION => 'crm {points[0][0]}')")
    assert changes[0]["n"] <= shop.sql("SELECT count(*) AS n FROM lake.bronze.a__changes")[0]["n"]


def test_points_that_are_not_there_say_so(shop):
    shop.apply()
    shop.source("UPDATE a SET v = 1")
    shop.run("up", "--once")
    ask = lambda point, table="bronze.a": shop.run("sql", "-c", f"SELECT * FROM lake.{table} AT (VERSION => '{point}')", check=1).stderr
    assert "not yet up to FFFF/0" in ask("crm FFFF/0") and "tarn up" in ask("crm FFFF/0")
    assert "was not loaded yet at crm 0/1" in ask("crm 0/1")
    assert "16/B374D848" in ask("crm yesterday")
    assert "no branch or tag" in ask("nobody 0/1")
    # Snapshots that upkeep took away.
    shop.source("UPDATE a SET v = 2")
    shop.run("up", "--once")
    shop.yaml(YAML + "limits: {snapshots_kept_min: 1, snapshot_age_ms_max: 0, reader_grace_ms: 0}\n")
    shop.run("maintain")
    told = ask("crm 0/1")
    assert "expired" in told and "the oldest state that is left" in told, told


@pytest.mark.parametrize("loaded_by", ["resync", "apply"])
def test_while_a_table_was_not_followed_nothing_is_known_of_it(shop, loaded_by):
    at = lambda: shop.ask("SELECT pg_current_wal_insert_lsn()::text")[0][0]
    shop.apply()
    shop.source("UPDATE a SET v = 1; UPDATE b SET v = 1")
    before = at()
    shop.run("up", "--once")
    shop.source("ALTER TABLE b RENAME TO c; UPDATE c SET v = 2")
    shop.source("UPDATE a SET v = 2")
    shop.run("up", "--once", check=None)
    shop.source("ALTER TABLE c RENAME TO b; UPDATE b SET v = 3")
    between = at()
    shop.source("UPDATE b SET v = 4; UPDATE a SET v = 4")
    shop.run(*(("resync", "bronze.b") if loaded_by == "resync" else ("apply", "-y")))
    after = at()
    shop.source("UPDATE b SET v = 5; UPDATE a SET v = 5")
    shop.run("up", "--once")
    assert value(shop, "bronze.b", f"crm {before}") == [{"v": 1}]
    refused = shop.run("sql", "-c", f"SELECT v FROM lake.bronze.b AT (VERSION => 'crm {between}')", check=1)
    assert f"was not followed at crm {between}" in refused.stderr and "loaded anew" in refused.stderr
    assert value(shop, "bronze.b", f"crm {after}") == [{"v": 4}]
    assert value(shop, "bronze.a", f"crm {between}") == [{"v": 2}]
