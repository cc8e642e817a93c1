"""What `tarn up` makes of trouble that passes, of what was taken out of the project, and of a stop before it is done."""
import os
import signal
import time

import pytest

from harness import process
from harness.up import Up, eventually

YAML = """
name: shop
sources:
  crm: {type: postgres, url: "${SHOP_PG}", tables: [public.sale], mode: cdc, commit: {every: 200ms}}
serve: {http: "127.0.0.1:0"}
"""
SCHEDULE = 'schedules:\n  hourly: {cron: "@hourly", run: [gold.total]}\n'
TOTAL = "/* tarn\ntrigger: on_change\n*/\nSELECT sum(qty)::BIGINT AS total FROM bronze.sale"
BAD = "/* tarn\ntrigger: on_change\nchecks: [expect: 'qty < 40']\n*/\nSELECT id, qty FROM bronze.sale"


@pytest.fixture
def shop(project, postgres18):
    with postgres18.database() as name:
        postgres18.execute("CREATE TABLE sale (id int PRIMARY KEY, item int, qty int); INSERT INTO sale SELECT i, i % 3, 1 FROM generate_series(1, 9) i", name)
        project.server, project.database = postgres18, name
        project.env["SHOP_PG"] = postgres18.url(name)
        project.yaml(YAML)
        project.write("models/gold/total.sql", TOTAL)
        project.apply()
        yield project
        project.run("destroy", "-y")


def execute(shop, sql):
    shop.server.execute(sql, shop.database)


def walsenders(shop):
    return shop.server.query(f"SELECT pid FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.database = '{shop.database}'")


def test_an_idle_source_whose_connection_broke_once_is_healthy_again(shop):
    with Up(shop) as up:
        eventually(lambda: len(walsenders(shop)) == 1, "the reader of the log")
        execute(shop, f"SELECT pg_terminate_backend({walsenders(shop)[0][0]})")
        eventually(lambda: up.sample('tarn_capture_retries_total{source="crm"}') >= 1, "the lost connection")
        # Nothing is committed: the log's own movement would say so only after a minute.
        process.wait_for(lambda: up.health()["status"] == "ok", 20, "following again")
        assert up.sample('tarn_capture_up{source="crm"}') == 1
        assert "error" not in up.health()["sources"]["crm"]


def test_what_was_taken_out_or_repaired_is_no_trouble_any_more(shop):
    shop.yaml(YAML + SCHEDULE)
    shop.write("models/gold/bad.sql", BAD)
    shop.write("models/gold/worse.sql", BAD)
    shop.apply()
    with Up(shop) as up:
        execute(shop, "INSERT INTO sale VALUES (100, 7, 40)")
        eventually(lambda: [up.health()["models"].get(f"gold.{m}", {}).get("last_status") for m in ("bad", "worse")] == ["failed", "failed"], "the failed models")
        assert up.health()["status"] == "degraded" and "hourly" in up.health()["schedules"]
        # One is taken out, with the schedule; the other one gets data that it likes.
        (shop.directory / "models/gold/worse.sql").unlink()
        shop.yaml(YAML)
        shop.apply()
        eventually(lambda: set(up.health()["models"]) == {"gold.bad", "gold.total"} and up.health()["schedules"] == {}, "what is left")
        assert 'schedule="hourly"' not in up.get("/metrics")[1]
        shop.write("models/gold/bad.sql", BAD.replace("qty < 40", "qty < 50"))
        shop.apply()
        eventually(lambda: up.health()["status"] == "ok", "the repaired model")


def test_a_source_that_cannot_be_followed_leaves_models_and_schedules_running(shop):
    shop.yaml(YAML + SCHEDULE)
    shop.apply()
    slot = shop.server.query(f"SELECT slot_name FROM pg_replication_slots WHERE database = '{shop.database}'")[0][0]
    execute(shop, f"SELECT pg_drop_replication_slot('{slot}')")
    with Up(shop) as up:
        eventually(lambda: up.get("/health")[0] == 503, "the lost slot")
        assert up.health()["sources"]["crm"]["state"] == "ended"
        eventually(lambda: "hourly" in up.health()["schedules"], "the schedule")
        shop.run("resync", timeout=120)
        eventually(lambda: up.health()["status"] == "ok", "the source that was loaded anew")
        execute(shop, "INSERT INTO sale VALUES (100, 7, 40)")
        eventually(lambda: shop.sql("SELECT total FROM gold.total") == [{"total": 49}], "the total")


def test_what_was_applied_beside_it_keeps_up_running_without_its_source(shop):
    (shop.directory / "models/gold/total.sql").unlink()
    shop.apply()
    with Up(shop) as up:
        shop.write("models/gold/total.sql", TOTAL.replace("trigger: on_change", "description: by schedule"))
        shop.yaml(YAML + SCHEDULE)
        shop.apply()
        eventually(lambda: "hourly" in up.health()["schedules"], "the schedule")

        def dropped():
            slots = "FROM pg_replication_slots WHERE database = current_database()"
            shop.server.query(f"SELECT pg_terminate_backend(active_pid) {slots} AND active", shop.database)
            shop.server.query(f"SELECT pg_drop_replication_slot(slot_name) {slots} AND NOT active", shop.database)
            return shop.server.query(f"SELECT count(*) {slots}", shop.database)[0][0] in (0, "0")

        eventually(dropped, "the slot to go")
        eventually(lambda: up.get("/health")[0] == 503, "the lost slot")
        shop.run("resync", timeout=120)
        eventually(lambda: up.health()["status"] == "ok", "the source that was loaded anew")


def test_catching_up_that_was_stopped_is_not_told_as_done(shop):
    execute(shop, "INSERT INTO sale SELECT i, 1, 1 FROM generate_series(1000, 601000) i")
    running = shop.start("up", "--once")
    process.wait_for(lambda: running.logged("following 1 source"), 60, "its beginning")
    os.kill(running.popen.pid, signal.SIGTERM)
    ended = running.wait(30)
    assert ended.exit_code == 1 and "stopped on request" in ended.stderr, str(ended)
    shop.run("up", "--once", timeout=120)
    assert shop.sql("SELECT count(*) AS n FROM bronze.sale") == [{"n": 600010}]


def test_a_stop_while_another_up_is_waited_for_is_a_clean_end(shop):
    with Up(shop):
        second = shop.start("up")
        process.wait_for(lambda: second.logged("waiting: "), 60, "the wait for the lock")
        ended = second.kill(signal.SIGTERM)
        assert ended.exit_code == 0, str(ended)


HELD = """
name: shop
sources:
  crm: {type: postgres, url: "${SHOP_PG}", tables: [public.sale]}
schedules:
  minutely: {cron: "* * * * *", run: [gold.*]}
serve: {http: "127.0.0.1:0"}
"""


def test_a_schedule_that_is_due_while_apply_changes_its_model_runs_after_it(shop):
    # Whoever reads the view waits for the advisory lock, if it is held.
    execute(shop, "CREATE VIEW held AS SELECT id FROM sale WHERE (SELECT pg_advisory_xact_lock_shared(7)) IS NOT NULL")
    shop.run("destroy", "-y")
    shop.yaml(HELD)
    shop.write("models/gold/total.sql", "SELECT 1 AS v, count(*) AS n FROM crm.public.held")
    shop.apply()
    scheduled = lambda: [row["status"] for row in shop.sql("SELECT status FROM system.runs WHERE kind = 'schedule' ORDER BY started")]
    with Up(shop) as up, shop.server.connect(shop.database) as holder:
        eventually(lambda: "minutely" in up.health()["schedules"], "the schedule")
        if time.time() % 60 > 50:  # the apply is to be under way when the minute begins
            process.wait_for(lambda: time.time() % 60 < 30 and "running" not in scheduled(), 90, "the next minute")
        before = scheduled()
        holder.execute("SELECT pg_advisory_lock(7)")
        shop.write("models/gold/total.sql", "SELECT 2 AS v, count(*) AS n FROM crm.public.held")
        applying = shop.start("apply", "-y")
        due = up.running.output["stderr"].count("schedule minutely is due") + 1
        process.wait_for(lambda: up.running.output["stderr"].count("schedule minutely is due") >= due, 90, "a whole minute")
        time_of_apply = applying.popen.poll()
        holder.execute("SELECT pg_advisory_unlock(7)")
        assert time_of_apply is None and applying.wait(60).exit_code == 0
        # Long before the next minute begins.
        process.wait_for(lambda: scheduled()[len(before):] == ["succeeded"], 40, "the schedule")
        assert shop.sql("SELECT v FROM gold.total") == [{"v": 2}]
