"""What `tarn up` does by itself: models whose inputs changed, schedules, and what its HTTP door tells."""
import re
import signal
import socket
import time
import urllib.error
import urllib.request

import pytest

from harness import process
from harness.up import Up, eventually

YAML = """
name: shop
sources:
  crm:
    type: postgres
    url: ${SHOP_PG}
    tables: [public.sale, public.other]
    mode: cdc
    commit: {every: 200ms}
serve: {http: "127.0.0.1:0"}
"""
MODELS = {
    "silver/by_item": "/* tarn\ntrigger: on_change\n*/\nSELECT item, sum(qty)::BIGINT AS qty FROM bronze.sale GROUP BY item",
    "silver/named": "/* tarn\nmaterialize: view\n*/\nSELECT 'item ' || item AS name, qty FROM silver.by_item",
    "gold/total": "/* tarn\ntrigger: on_change\n*/\nSELECT sum(qty)::BIGINT AS total, count(*) AS items FROM silver.named",
    "gold/by_hand": "SELECT count(*) AS n FROM bronze.sale",
    "gold/checked": "/* tarn\ntrigger: on_change\nchecks: [expect: 'qty >= 0']\n*/\nSELECT id, qty FROM bronze.sale",
    "gold/others": "/* tarn\ntrigger: on_change\n*/\nSELECT count(*) AS n FROM bronze.other",
}


@pytest.fixture
def source(postgres18):
    with postgres18.database() as name:
        postgres18.execute("CREATE TABLE sale (id int PRIMARY KEY, item int, qty int); INSERT INTO sale SELECT i, i % 3, 1 FROM generate_series(1, 9) i;"
                           "CREATE TABLE other (id int PRIMARY KEY)", name)
        yield postgres18, name


@pytest.fixture
def shop(project, source):
    server, name = source
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(YAML)
    for path, sql in MODELS.items():
        project.write(f"models/{path}.sql", sql)
    project.apply()
    yield project
    project.run("destroy", "-y")


def runs(project, model):
    return project.sql(f"SELECT count(*) AS n FROM system.runs WHERE kind = 'model' AND name = '{model}' AND status <> 'running'")[0]["n"]


def test_models_run_when_what_they_read_has_changed(shop, source):
    server, name = source
    before = {model: runs(shop, model) for model in ("gold.by_hand", "gold.others", "gold.total")}
    with Up(shop) as up:
        server.execute("INSERT INTO sale VALUES (100, 7, 40)", name)
        # Through the table that reads it, and the view over that one.
        eventually(lambda: shop.sql("SELECT total, items FROM gold.total") == [{"total": 49, "items": 4}], "the total")
        eventually(lambda: shop.sql("SELECT count(*) AS n FROM gold.checked") == [{"n": 10}], "the checked rows")
        assert up.sample('tarn_model_runs_total{model="gold.total",status="succeeded"}') >= 1
        assert runs(shop, "gold.by_hand") == before["gold.by_hand"] and runs(shop, "gold.others") == before["gold.others"]

        # Rows that were only put together are the same rows.
        server.execute("INSERT INTO sale VALUES (101, 7, 1)", name)
        eventually(lambda: shop.sql("SELECT total FROM gold.total") == [{"total": 50}], "the total")
        eventually(lambda: shop.sql("SELECT count(*) AS n FROM gold.checked") == [{"n": 11}], "the checked rows")
        settled = runs(shop, "gold.total")
        told = shop.run("maintain", "bronze.sale")
        assert shop.sql('SELECT count(*) AS n FROM bronze."sale$snapshots" WHERE operation = \'replace\'')[0]["n"] > 0, str(told)
        server.execute("INSERT INTO other VALUES (1)", name)
        eventually(lambda: shop.sql("SELECT n FROM gold.others") == [{"n": 1}], "the others")
        assert runs(shop, "gold.total") == settled


def test_a_model_that_fails_is_tried_again_when_its_inputs_change(shop, source):
    server, name = source
    with Up(shop) as up:
        server.execute("INSERT INTO sale VALUES (200, 1, -5)", name)
        eventually(lambda: up.health()["status"] == "degraded", "the failure")
        assert up.running.logged(r"model gold.checked failed: .*expect\(qty >= 0\)"), up.running.output["stderr"]
        eventually(lambda: shop.sql("SELECT total FROM gold.total") == [{"total": 4}], "the total, which has no part in it")
        failed = runs(shop, "gold.checked")
        server.execute("INSERT INTO other VALUES (7)", name)
        eventually(lambda: shop.sql("SELECT n FROM gold.others") == [{"n": 1}], "the others")
        assert runs(shop, "gold.checked") == failed, "nothing that it reads has changed"
        server.execute("UPDATE sale SET qty = 5 WHERE id = 200", name)
        eventually(lambda: up.health()["status"] == "ok", "the repair")
        assert shop.sql("SELECT count(*) AS n FROM gold.checked") == [{"n": 10}]
        assert up.sample('tarn_model_runs_total{model="gold.checked",status="failed"}') >= 1


def test_an_apply_beside_it_is_seen(shop, source):
    server, name = source
    with Up(shop):
        shop.write("models/gold/others.sql", "/* tarn\ntrigger: on_change\n*/\nSELECT 10 * count(*) AS n FROM bronze.other")
        shop.write("models/gold/new.sql", "/* tarn\ntrigger: on_change\n*/\nSELECT max(id) AS highest FROM bronze.other")
        shop.apply()
        server.execute("INSERT INTO other VALUES (1), (2)", name)
        eventually(lambda: shop.sql("SELECT n FROM gold.others") == [{"n": 20}], "the new query")
        eventually(lambda: shop.sql("SELECT highest FROM gold.new") == [{"highest": 2}], "the new model")


def test_once_runs_what_is_due_and_no_more(shop, source):
    server, name = source
    server.execute("INSERT INTO sale VALUES (100, 7, 40)", name)
    shop.run("up", "--once")
    assert shop.sql("SELECT total, items FROM gold.total") == [{"total": 49, "items": 4}]
    counts = [runs(shop, model) for model in ("silver.by_item", "gold.total", "gold.checked")]
    shop.run("up", "--once")
    assert [runs(shop, model) for model in ("silver.by_item", "gold.total", "gold.checked")] == counts
    server.execute("INSERT INTO sale VALUES (101, 7, -1)", name)
    failed = shop.run("up", "--once", check=1)
    assert "models failed: gold.checked" in failed.stderr
    # It is behind until it succeeds.
    assert "models failed: gold.checked" in shop.run("up", "--once", check=1).stderr
    server.execute("DELETE FROM sale WHERE id = 101", name)
    shop.run("up", "--once")
    assert shop.sql("SELECT count(*) AS n FROM gold.checked") == [{"n": 10}]


def test_a_change_of_what_a_check_names_runs_its_model(shop, source):
    server, name = source
    server.execute("INSERT INTO other VALUES (1), (2)", name)
    shop.write("models/gold/linked.sql", "/* tarn\ntrigger: on_change\nchecks: [relationships: {column: qty, to: bronze.other, field: id}]\n*/\nSELECT id, qty FROM bronze.sale")
    shop.run("up", "--once")
    shop.apply()
    server.execute("INSERT INTO sale VALUES (100, 7, 3)", name)
    assert "models failed: gold.linked" in shop.run("up", "--once", check=1).stderr
    server.execute("INSERT INTO other VALUES (3)", name)
    shop.run("up", "--once")
    assert shop.sql("SELECT count(*) AS n FROM gold.linked") == [{"n": 10}]


def test_what_a_model_has_read_is_forgotten_with_it(shop):
    positions = lambda: {r["source"] for r in shop.sql("SELECT source FROM system.positions") if r["source"].startswith("model:")}
    assert "model:gold.total" in positions()
    (shop.directory / "models/gold/total.sql").unlink()
    shop.apply()
    assert "model:gold.total" not in positions()


def test_the_door_tells_health_and_numbers(shop, source):
    server, name = source
    with Up(shop) as up:
        server.execute("INSERT INTO sale SELECT i, 1, 1 FROM generate_series(1000, 1099) i", name)
        eventually(lambda: up.sample('tarn_capture_changes_total{source="crm"}') == 100, "the changes")
        assert up.sample('tarn_capture_up{source="crm"}') == 1
        assert up.sample('tarn_capture_transactions_total{source="crm"}') == 1
        assert 0 < up.sample('tarn_capture_delay_seconds{source="crm"}') < 60
        assert up.sample("process_resident_memory_bytes") > 1e6
        assert up.sample("process_open_fds") > 3
        health = up.health()
        assert health["status"] == "ok" and health["sources"]["crm"]["state"] == "following"
        assert up.get("/nothing")[0] == 404
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(up.url + "/health", headers={"Host": "lake.example"}), timeout=10)
        assert refused.value.code == 421
        # A table that stops is told, and the others go on.
        server.execute("ALTER TABLE other ALTER COLUMN id TYPE text USING id::text; INSERT INTO other VALUES ('x')", name)
        eventually(lambda: up.health()["status"] == "degraded", "the stop")
        assert "public.other" in up.health()["sources"]["crm"]["stopped_tables"]
        assert up.sample('tarn_capture_tables_stopped{source="crm"}') == 1


def test_every_metric_has_a_head_and_every_sample_a_number(shop):
    with Up(shop) as up:
        page = up.get("/metrics")[1]
    heads = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", page, re.M))
    for line in page.splitlines():
        if line.startswith("#"):
            continue
        sample = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\S+)', line)
        assert sample and sample[1] in heads, line
        float(sample[4])


def test_it_makes_way_for_what_changes_what_it_follows(shop, source):
    server, name = source
    count = lambda table: shop.sql(f"SELECT count(*) AS n FROM bronze.{table}")[0]["n"]
    with Up(shop) as up:
        # A table joins.
        server.execute("CREATE TABLE extra (id int PRIMARY KEY); INSERT INTO extra SELECT generate_series(1, 50)", name)
        shop.yaml(YAML.replace("public.other]", "public.other, public.extra]"))
        shop.apply()
        assert count("extra") == 50
        server.execute("INSERT INTO extra VALUES (51); INSERT INTO sale VALUES (300, 1, 1)", name)
        eventually(lambda: count("extra") == 51 and count("sale") == 10, "the rows after the way")
        assert up.running.logged(r"makes way for apply, pid \d+") and up.running.logged(r"goes on: following 1 source, 3 tables"), up.running.output["stderr"]
        # A table that stopped is loaded again.
        server.execute("ALTER TABLE other ALTER COLUMN id TYPE text USING id::text; INSERT INTO other VALUES ('x')", name)
        eventually(lambda: up.health()["sources"]["crm"]["stopped_tables"], "the stop")
        server.execute("INSERT INTO sale VALUES (301, 1, 1)", name)
        assert "bronze.other: 1 rows" in shop.run("resync", "bronze.other").stdout
        eventually(lambda: up.health()["sources"]["crm"]["state"] == "following" and not up.health()["sources"]["crm"]["stopped_tables"], "the repair")
        server.execute("INSERT INTO other VALUES ('y'); DELETE FROM sale WHERE id = 300", name)
        eventually(lambda: count("other") == 2 and count("sale") == 10, "the rows after the second way")
        # All of it again, from a new slot.
        shop.run("resync")
        server.execute("INSERT INTO extra VALUES (52)", name)
        eventually(lambda: count("extra") == 52, "the rows from the new slot")
    shop.run("check")


def test_a_destroy_beside_it_ends_it(shop):
    up = shop.start("up")
    process.wait_for(lambda: up.logged("following 1 source"), 60, "its beginning")
    shop.run("destroy", "-y")
    ended = up.wait(60)
    assert ended.exit_code == 1 and "was not applied" in ended.stderr, str(ended)
    assert not (shop.directory / "state").exists()
    shop.apply()  # for the fixture's destroy


SCHEDULED = """
name: shop
sources:
  crm: {type: postgres, url: "${SHOP_PG}", tables: [public.sale], schedule: "* * * * *"}
schedules:
  minutely: {cron: "* * * * *", time_zone: Europe/Berlin, run: [gold.*]}
serve: {http: "127.0.0.1:0"}
"""


def test_schedules_run_when_they_are_due(project, source):
    server, name = source
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(SCHEDULED)
    project.write("models/gold/total.sql", "SELECT sum(qty)::BIGINT AS total FROM bronze.sale")
    planned = project.plan(check=3).stdout
    assert re.search(r"\+ schedule +minutely +\* \* \* \* \* Europe/Berlin → gold\.\*", planned), planned
    assert re.search(r"\+ schedule +source crm +\* \* \* \* \* → all its tables", planned), planned
    project.apply()
    project.plan(check=0)
    with Up(project) as up:
        eventually(lambda: set(up.health()["schedules"]) == {"minutely", "source crm"}, "the schedules")
        assert re.search(r":00(\.0+)?Z$", up.health()["schedules"]["minutely"]["next"])
        server.execute("INSERT INTO sale VALUES (100, 7, 40)", name)
        # Both are due at one minute; which of them is first is told by their names.
        process.wait_for(lambda: project.sql("SELECT total FROM gold.total") == [{"total": 49}], 150, "two minutes")
    # What is under way when it is stopped is told as interrupted.
    done = project.sql("SELECT DISTINCT name, status FROM system.runs WHERE kind = 'schedule' AND status NOT IN ('running', 'interrupted') ORDER BY name")
    assert done == [{"name": "minutely", "status": "succeeded"}, {"name": "source crm", "status": "succeeded"}]
    project.yaml(SCHEDULED.replace('minutely: {cron: "* * * * *"', 'hourly: {cron: "@hourly"'))
    planned = project.plan(check=3).stdout
    assert re.search(r"\+ schedule +hourly", planned) and re.search(r"- schedule +minutely", planned), planned
    project.apply()
    project.run("destroy", "-y")


HELD = """
name: shop
sources:
  crm: {type: postgres, url: "${SHOP_PG}", tables: [public.held]}
schedules:
  minutely: {cron: "* * * * *", run: [gold.*]}
serve: {http: "127.0.0.1:0"}
limits: {lock_wait_ms: 300}
"""


def test_a_schedule_that_is_due_while_another_run_goes_on_runs_after_it(project, source):
    server, name = source
    # Whoever reads the view waits for the advisory lock, if it is held.
    server.execute("CREATE VIEW held AS SELECT id FROM sale WHERE (SELECT pg_advisory_xact_lock_shared(7)) IS NOT NULL", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(HELD)
    project.write("models/gold/total.sql", "SELECT count(*) AS n FROM bronze.held")
    project.apply()
    scheduled = lambda: project.sql("SELECT status FROM system.runs WHERE kind = 'schedule'")
    with Up(project) as up, server.connect(name) as holder:
        holder.execute("SELECT pg_advisory_lock(7)")
        other = project.start("run", "bronze.*")
        try:
            process.wait_for(lambda: up.running.logged("schedule minutely is put off"), 90, "a whole minute")
            assert scheduled() == []
            holder.execute("SELECT pg_advisory_unlock(7)")
            # Long before the next minute begins.
            process.wait_for(lambda: scheduled() == [{"status": "succeeded"}], 40, "the schedule")
        finally:
            other.kill()
    project.run("destroy", "-y")


def test_a_schedule_that_is_due_while_an_apply_is_taken_up_is_not_forgotten(project, source):
    server, name = source
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(SCHEDULED)
    project.write("models/gold/total.sql", "SELECT 1 AS n")
    project.apply()
    with Up(project) as up:
        eventually(lambda: set(up.health()["schedules"]) == {"minutely", "source crm"}, "the schedules")
        due = up.health()["schedules"]["minutely"]["next"]
        number = 0
        # Applied all the time, from before the minute begins until after it.
        while time.time() < time.mktime(time.strptime(due[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + 2:
            number += 1
            project.write("models/gold/total.sql", f"/* tarn\ndescription: number {number}\n*/\nSELECT 1 AS n")
            project.apply()
        process.wait_for(lambda: up.running.logged("schedule minutely is due"), 30, "the schedule")
    project.run("destroy", "-y")


@pytest.mark.parametrize("yaml, told", [
    ('schedules: {s: {cron: "61 * * * *", run: [gold.x]}}', 'tarn.yaml:2:17: "61 * * * *" is no schedule: "61" is no minute'),
    ('schedules: {s: {cron: "0 2 * * *"}}', "schedule s runs nothing"),
    ('schedules: {s: {cron: "0 2 * * *", time_zone: Mars/Olympus, run: [gold.x]}}', "Mars/Olympus is not in this machine's time zone database"),
    ('schedules: {s: {cron: "0 2 * * *", run: [gold.y]}}', "schedule s: "),
    ("serve: {http: 0.0.0.0:8181}", "listens on this machine only"),
    ("serve: {http: '8181'}", '"8181" is no address'),
    ("serve: {postgres: 127.0.0.1:5439}", "the door postgres is not available"),
])
def test_mistakes_are_errors_of_plan(project, yaml, told):
    project.yaml(f"name: shop\n{yaml}\n")
    project.write("models/gold/x.sql", "SELECT 1 AS a")
    assert told in project.plan(check=1).stderr


def test_without_anything_to_do_it_says_so(project):
    project.yaml("name: shop\n")
    project.write("models/gold/x.sql", "SELECT 1 AS a")
    project.apply()
    assert "there is nothing to do" in project.run("up", check=1).stderr


def test_an_address_that_is_taken(project):
    project.write("models/gold/x.sql", "/* tarn\ntrigger: on_change\n*/\nSELECT 1 AS a")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        project.yaml(f"name: shop\nserve: {{http: '{address}'}}\n")
        project.apply()
        assert f"another process listens on {address}" in project.run("up", check=1).stderr
    project.yaml("name: shop\nserve: {http: off}\n")
    up = project.start("up")
    process.wait_for(lambda: up.logged("1 model on change"), 60, "its beginning")
    assert up.kill(signal.SIGTERM).exit_code == 0
    assert "listening" not in up.output["stderr"]
