"""tarn status beside and after `up`: where each source stands, how far behind, and what is wrong."""
import json
import signal
import time

import pytest

YAML = """
name: shop
sources:
  crm: {type: postgres, url: "${SHOP_PG}", tables: [public.*], mode: cdc, commit: {every: 200ms}}
  live: {type: postgres, url: "${SHOP_PG}", mode: query}
"""


@pytest.fixture
def shop(project, database):
    server, name = database
    server.execute("CREATE TABLE sale (id int PRIMARY KEY, qty int); INSERT INTO sale SELECT i, 1 FROM generate_series(1, 100) i; CREATE TABLE other (id int PRIMARY KEY, qty int)", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(YAML)
    project.source = lambda statement: server.execute(statement, name)
    yield project
    project.run("destroy", "-y")
    assert not (project.directory / "state").exists()


def status(shop):
    told = json.loads(shop.run("status", "--json").stdout)
    return {source["name"]: source for source in told["sources"]}


def until(shop, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition(told := status(shop)["crm"]):
        assert time.monotonic() < deadline, told
    return told


def test_what_is_told_before_while_and_after_it_is_followed(shop):
    shop.apply()
    live = status(shop)["live"]
    assert live["mode"] == "query" and "lag_bytes" not in live
    shop.source("INSERT INTO sale SELECT i, 1 FROM generate_series(1001, 1500) i")
    crm = status(shop)["crm"]
    assert (crm["running"], crm["error"], crm["tables"], crm["stopped_tables"], crm["last_commit"], crm["rows_per_second"]) == (False, None, 2, [], None, 0)
    assert crm["lag_bytes"] > 0 and crm["retained_bytes"] > 0 and crm["position"] and crm["source_position"]
    assert "nobody reads it: run `tarn up`" in shop.run("status").stdout
    up = shop.start("up")
    try:
        caught_up = until(shop, lambda crm: crm["running"] and crm["lag_seconds"] == 0 and crm["last_commit"])
        assert caught_up["rows_per_second"] > 0 and caught_up["transaction"] and caught_up["transaction_time"] and caught_up["error"] is None
        assert "changes a second" in shop.run("status").stdout
        # A table that stops is told with its reason; the other goes on.
        shop.source("ALTER TABLE sale ALTER COLUMN qty TYPE text USING 'n' || qty; INSERT INTO sale VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET qty = 'y'; INSERT INTO other VALUES (1, 1)")
        stopped = until(shop, lambda crm: crm["stopped_tables"])
        assert [t["table"] for t in stopped["stopped_tables"]] == ["public.sale"] and stopped["stopped_tables"][0]["reason"]
        assert "public.sale is not followed any more" in shop.run("status").stdout
    finally:
        up.kill(signal.SIGKILL)
    # The record that the dead process left is known as such.
    dead = status(shop)["crm"]
    assert dead["running"] is False and dead["rows_per_second"] == 0 and dead["last_commit"]


def test_a_source_that_does_not_answer_is_told_and_the_rest_too(shop):
    shop.apply()
    good = shop.env["SHOP_PG"]
    shop.env["SHOP_PG"] = good.rsplit(":", 1)[0] + ":1/" + good.rsplit("/", 1)[1]
    crm = status(shop)["crm"]
    assert crm["error"] and crm["lag_bytes"] is None and crm["source_position"] is None and crm["position"]
    shop.env["SHOP_PG"] = good
