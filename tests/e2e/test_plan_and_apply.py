"""What plan says and apply does, and nothing else: changes of queries, of what is said about tables, of patterns, of cursors."""
import json
import os
import pty
import subprocess

import pytest

from harness import process, projects

ROWS = 50


@pytest.fixture
def shop(project, database):
    """A database with public.customer and public.payment; the project is a source and whatever a test writes."""
    server, name = database
    server.execute(f"CREATE TABLE customer (id integer PRIMARY KEY, email text, at timestamptz); "
                   f"INSERT INTO customer SELECT i, 'c' || i, '2024-01-01'::timestamptz + i * interval '1 day' FROM generate_series(1, {ROWS}) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.server, project.database = server, name
    yaml(project)
    return project


def yaml(project, extra="", mode="snapshot"):
    project.yaml(projects.mirror("SHOP_PG", ["public.customer"], projects.warehouse(), extra).replace("mode: snapshot", f"mode: {mode}"))


def version(project, table):
    return shown(project, table)["version"]


def shown(project, table):
    return json.loads(project.run("show", table, "--json").stdout)


def count(project, table, where="true"):
    return project.sql(f"SELECT count(*) AS n FROM lake.{table} WHERE {where}")[0]["n"]


def apply_and_at_the_prompt(project, change):
    """Runs `apply`, makes the change while it waits for the answer, says yes."""
    master, slave = pty.openpty()
    running = subprocess.Popen([project.binary, "apply"], cwd=project.directory, env=project.env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        asked = b""
        while b"[y/N]" not in asked:
            more = os.read(running.stderr.fileno(), 4096)
            assert more, asked
            asked += more
        change()
        os.write(master, b"y\n")
        error = running.communicate(timeout=60)[1].decode()
    finally:
        running.kill()
        os.close(master)
        os.close(slave)
    return running.returncode, error


@pytest.mark.parametrize("path, text", [("models/silver/a.sql", "SELECT id + 1 AS id FROM bronze.customer"),
                                        ("models/silver/a.sql", "/* tarn\nkey: id\n*/ SELECT id FROM bronze.customer")], ids=["query", "head"])
def test_a_model_edited_at_the_prompt_is_not_applied_unseen(shop, path, text):
    shop.write("models/silver/a.sql", "SELECT id FROM bronze.customer")
    code, error = apply_and_at_the_prompt(shop, lambda: shop.write(path, text))
    assert code == 1 and "changed since the plan was shown" in error, error
    assert not list((shop.directory / "warehouse").glob("**/*.parquet"))


def test_a_type_changed_at_the_prompt_is_not_applied_unseen(shop):
    code, error = apply_and_at_the_prompt(shop, lambda: shop.server.execute("ALTER TABLE customer ALTER COLUMN email TYPE varchar(90)", shop.database))
    assert code == 1 and "changed since the plan was shown" in error, error


def test_names_with_dots_stay_apart(shop):
    shop.server.execute('CREATE SCHEMA "a.b"; CREATE SCHEMA a; CREATE TABLE "a.b".c (id int PRIMARY KEY, v text); CREATE TABLE a."b.c" (id int PRIMARY KEY, v text);'
                        """INSERT INTO "a.b".c VALUES (1, 'first'); INSERT INTO a."b.c" VALUES (1, 'second'), (5, 'second')""", shop.database)
    text = projects.mirror("SHOP_PG", ['"a.b".c', 'a."b.c"'], projects.warehouse()).replace("mode: snapshot", "mode: incremental\n    cursor: id")
    shop.yaml(text.replace("into: bronze", """into: {'"a.b".c': bronze.one, 'a."b.c"': bronze.two}"""))
    shop.apply()
    shop.plan(check=0)
    shop.server.execute("""INSERT INTO "a.b".c VALUES (3, 'first'); INSERT INTO a."b.c" VALUES (7, 'second')""", shop.database)
    shop.run("run")
    assert count(shop, "bronze.one", "v = 'first'") == 2 == count(shop, "bronze.one")
    assert count(shop, "bronze.two", "v = 'second'") == 3 == count(shop, "bronze.two")
    shop.plan(check=0)


def test_a_pattern_of_tables_that_matches_nothing(shop):
    for pattern, words in (("bronze.custmer", ["did you mean", "bronze.customer"]), ("silver.*", ["take its lines out"])):
        yaml(shop, f"tables:\n  bronze.customer: {{tags: {{a: b}}}}\n  {pattern}: {{tags: {{owner: sales}}}}\n")
        r = shop.plan(check=1)
        assert "tarn.yaml:14:" in r.stderr and f'"{pattern}"' in r.stderr and all(w in r.stderr for w in words), r


@pytest.mark.parametrize("extra, head, told", [
    ("", "partition: [month(nope)]", "models/silver/a.sql: "),
    ("tables: {silver.a: {partition: [nope]}}\n", "key: id", "models/silver/a.sql: "),
    ("tables: {bronze.customer: {partition: [month(email)]}}\n", "key: id", "bronze.customer: "),
], ids=["head", "rule of a model", "rule of a source"])
def test_a_partition_that_cannot_be_is_an_error_of_plan(shop, extra, head, told):
    yaml(shop, extra)
    shop.write("models/silver/a.sql", f"/* tarn\n{head}\n*/ SELECT id FROM bronze.customer")
    r = shop.plan(check=1)
    assert told in r.stderr and ("nope" in r.stderr or "email" in r.stderr), r


@pytest.mark.parametrize("command", [("plan",), ("plan", "--json"), ("ls",), ("ls", "--json"), ("status",), ("sql", "-c", "SELECT 1")], ids=" ".join)
def test_a_result_that_cannot_be_written_is_a_failure(shop, command):
    shop.write("models/silver/a.sql", "SELECT 1 AS a")
    shop.apply()
    shop.write("models/silver/a.sql", "SELECT 2 AS a")
    with open("/dev/full", "w") as full:
        done = subprocess.run([shop.binary, *command], cwd=shop.directory, env=shop.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.count("cannot write the result to standard output: No space left on device") == 1, done
    assert "HINT:  send the output to a disk with room for it" in done.stderr, done


def test_a_result_that_nobody_reads_to_its_end_is_a_failure_that_says_so(shop):
    shop.apply()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([shop.binary, "sql", "-c", "SELECT 1"], cwd=shop.directory, env=shop.env, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert done.returncode == 1 and "cannot write the result to standard output: Broken pipe" in done.stderr and "HINT:  what read it ended" in done.stderr, done


def test_a_pipe_gets_one_line_a_run(shop):
    shop.write("models/silver/a.sql", "SELECT CAST(email AS integer)\n  AS n FROM bronze.customer")
    shop.run("apply", "-y", check=1)
    error = next(run["error"] for run in json.loads(shop.run("status", "--json").stdout)["runs"] if run["error"])
    lines = shop.run("status").stdout.splitlines()
    assert "\n" in error and any(error.replace("\n", "\\n") in line for line in lines), (error, lines)


HEAD = "/* tarn\ndescription: some\ntags: {owner: sales}\n*/"
WRONG = {
    "column": (HEAD + "\n\nSELECT id,\n       nosuch\nFROM bronze.customer", "models/silver/a.sql:7:8: "),
    "syntax": (HEAD + "\n\nSELECT id\nFROM FROM bronze.customer", "models/silver/a.sql:7:6: "),
    "behind the head": (HEAD + " SELECT nosuch FROM bronze.customer", "models/silver/a.sql:4:11: "),
    "second statement": (HEAD + "\nSELECT 1 AS id;\nSELECT 2 AS id", "models/silver/a.sql:6:1: "),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_line_and_column_of_the_models_file(shop, name):
    text, place = WRONG[name]
    shop.write("models/silver/a.sql", text)
    r = shop.plan(check=1)
    assert place in r.stderr, r
    if "DETAIL" in r.stderr:
        assert f"LINE {place.split(':')[1]}: " in r.stderr, r


@pytest.mark.parametrize("kind", ["table", "incremental\ncursor: id", "merge\nkey: id\ncursor: id"], ids=["table", "incremental", "merge"])
def test_an_error_while_rows_are_made_names_the_line(shop, kind):
    """The database may change what stands in a text column at any time: plan cannot see it."""
    shop.write("models/silver/a.sql", f"/* tarn\nmaterialize: {kind}\n*/\nSELECT id,\n  CAST(substr(email, 2) AS integer) AS n\nFROM bronze.customer")
    shop.apply()
    shop.server.execute("INSERT INTO customer VALUES (1000, 'cx', now())", shop.database)
    r = shop.run("run", check=1)
    line = 5 + kind.count("\n")
    assert f"models/silver/a.sql:{line}:3: " in r.stderr or f"models/silver/a.sql: " in r.stderr and "LINE" not in r.stderr, r


def test_what_is_said_about_a_table_moves_no_row(shop):
    model = "/* tarn\ndescription: {0}\ntags: {1}\n*/ SELECT id FROM bronze.customer"
    shop.write("models/silver/a.sql", model.format("first", "{owner: sales, tier: one}"))
    shop.write("models/silver/v.sql", "/* tarn\nmaterialize: view\ndescription: a view\n*/ SELECT id FROM silver.a")
    yaml(shop, "tables: {bronze.customer: {tags: {pii: low, team: x}}}\n")
    shop.apply()
    runs = lambda: len(json.loads(shop.run("status", "--json").stdout)["runs"])
    files = lambda: sorted(p.name for p in (shop.directory / "warehouse").rglob("*.parquet"))
    before, data = runs(), files()
    shop.write("models/silver/a.sql", model.format("second", "{owner: sales}"))
    shop.write("models/silver/v.sql", "/* tarn\nmaterialize: view\ndescription: another\n*/ SELECT id FROM silver.a")
    yaml(shop, "tables: {bronze.customer: {tags: {pii: high}}}\n")
    plan = shop.plan(check=3).stdout
    assert "description and tags" in plan and "0 to add, 3 to change" in plan, plan
    shop.apply()
    assert runs() == before and files() == data
    properties = shown(shop, "silver.a")["properties"]
    assert properties["comment"] == "second" and properties["tarn.tag.owner"] == "sales" and "tarn.tag.tier" not in properties
    properties = shown(shop, "bronze.customer")["properties"]
    assert properties["tarn.tag.pii"] == "high" and "tarn.tag.team" not in properties
    shop.plan(check=0)
    # A table that is built again loses what is said no longer, too.
    shop.write("models/silver/a.sql", "SELECT id, 1 AS one FROM bronze.customer")
    shop.apply()
    assert not {"comment", "tarn.tag.owner"} & set(shown(shop, "silver.a")["properties"])
    from deltalake import DeltaTable
    assert DeltaTable(shop.location("silver.a")).to_pyarrow_table().num_rows == ROWS == count(shop, "silver.a")


def iceberg_of(project, table):
    """The version that the table is of, and the one that it is told to be of."""
    return project.iceberg_version(table), shown(project, table)["properties"].get("tarn.iceberg")


def test_the_iceberg_version_of_tables_is_what_the_project_says(shop):
    shop.write("models/silver/a.sql", "SELECT id FROM bronze.customer")
    shop.write("models/silver/v.sql", "/* tarn\nmaterialize: view\n*/ SELECT id FROM silver.a")
    yaml(shop, "tables: {bronze.customer: {iceberg: 2}, silver.*: {iceberg: 3}}\n")
    shop.apply()
    shop.plan(check=0)
    assert iceberg_of(shop, "bronze.customer") == (2, "2") and iceberg_of(shop, "silver.a") == (3, "3")
    files = lambda: sorted(p.name for p in (shop.directory / "warehouse").rglob("*.parquet"))
    data = files()
    # A table's version is raised without a row that moves, and never goes back.
    yaml(shop, "tables: {bronze.customer: {iceberg: 3}, silver.*: {iceberg: 3}}\n")
    assert "iceberg 2 → 3" in shop.plan(check=3).stdout
    shop.apply()
    assert iceberg_of(shop, "bronze.customer") == (3, "3") and files() == data
    yaml(shop, "tables: {bronze.customer: {iceberg: 3}, silver.a: {iceberg: 2}}\n")
    refused = shop.plan(check=1).stderr
    assert "tarn.yaml:12:" in refused and "silver.a is of version 3 already" in refused and "iceberg: auto" in refused, refused
    query = (shop.directory / "models/silver/a.sql").read_text()
    (shop.directory / "models/silver/a.sql").unlink()
    (shop.directory / "models/silver/v.sql").unlink()
    yaml(shop, "tables: {bronze.customer: {iceberg: 3}}\n")
    shop.apply()
    shop.run("sql", "-c", "DROP TABLE lake.silver.a")
    shop.write("models/silver/a.sql", query)
    yaml(shop, "tables: {bronze.customer: {iceberg: 3}, silver.a: {iceberg: 2}}\n")
    shop.apply()
    assert iceberg_of(shop, "silver.a") == (2, "2") and count(shop, "silver.a") == ROWS
    # What is said no longer holds no longer.
    yaml(shop)
    assert "iceberg 2 → auto" in shop.plan(check=3).stdout
    shop.apply()
    shop.plan(check=0)
    assert iceberg_of(shop, "bronze.customer") == (3, "auto") and iceberg_of(shop, "silver.a") == (2, "auto")


def test_a_run_applies_nothing(shop):
    model = "/* tarn\ndescription: {0}\ntags: {1}\n*/ SELECT id FROM bronze.customer"
    shop.write("models/silver/a.sql", model.format("first", "{owner: sales}"))
    yaml(shop, "tables: {silver.*: {iceberg: 3}}\n")
    shop.apply()
    shop.run("run", "silver.a")
    shop.plan(check=0)
    assert iceberg_of(shop, "silver.a") == (3, "3")
    shop.write("models/silver/a.sql", model.format("second", "{owner: growth}").replace("tags:", "trigger: on_change\ntags:"))
    shop.run("run")
    properties = shown(shop, "silver.a")["properties"]
    assert properties["comment"] == "first" and properties["tarn.tag.owner"] == "sales"
    assert "trigger and description and tags" in shop.plan(check=3).stdout
    shop.apply()
    assert shown(shop, "silver.a")["properties"]["comment"] == "second"
    shop.plan(check=0)


def test_a_model_that_fails_after_a_load_stops_nothing_else(shop):
    shop.write("models/silver/a.sql", "SELECT id FROM bronze.customer")
    shop.write("models/silver/b.sql", "/* tarn\nchecks: [not_null: email]\n*/ SELECT id, email FROM bronze.customer")
    shop.apply()
    shop.server.execute("UPDATE customer SET email = NULL WHERE id = 1; ALTER TABLE customer ADD COLUMN note text", shop.database)
    assert "not_null(email)" in shop.run("apply", "-y", check=1).stderr
    plan = shop.plan(check=3).stdout
    assert "silver.b" in plan and "its inputs have changed" in plan and "silver.a" not in plan, plan
    # It fails alone: what it has no part in goes on.
    shop.server.execute("INSERT INTO customer VALUES (1000, 'c1000')", shop.database)
    error = shop.run("run", check=1).stderr
    assert "not_null(email)" in error and "not applied" not in error, error
    assert count(shop, "silver.a") == ROWS + 1 and count(shop, "silver.b") == ROWS
    # Rows that are repaired where they come from come by a run.
    shop.server.execute("UPDATE customer SET email = 'c1' WHERE id = 1", shop.database)
    shop.run("run")
    assert count(shop, "silver.b") == ROWS + 1
    shop.plan(check=0)


def test_what_reads_a_changed_model_is_run_also_by_the_next_apply(shop):
    shop.write("models/silver/a.sql", "SELECT id FROM bronze.customer")
    shop.write("models/silver/v.sql", "/* tarn\nmaterialize: view\n*/ SELECT id FROM silver.a")
    shop.write("models/gold/b.sql", "/* tarn\nchecks: [expect: 'id > 0']\n*/ SELECT id FROM silver.v")
    shop.write("models/gold/c.sql", "SELECT count(*) AS n, min(id) AS low FROM gold.b")
    shop.apply()
    shop.write("models/silver/a.sql", "SELECT id - 1 AS id FROM bronze.customer")
    shop.run("apply", "-y", check=1)
    plan = shop.plan(check=3).stdout
    assert "gold.b" in plan and "gold.c" in plan and "0 to add, 2 to change" in plan, plan
    shop.write("models/silver/a.sql", "SELECT id + 1 AS id FROM bronze.customer")
    shop.apply()
    assert shop.sql("SELECT n, low FROM lake.gold.c") == [{"n": ROWS, "low": 2}]
    shop.plan(check=0)


def test_an_incremental_model_of_another_query_is_built_again(shop):
    yaml(shop)
    shop.write("models/silver/a.sql", "/* tarn\nmaterialize: incremental\ncursor: id\n*/ SELECT id, 'old' AS v FROM bronze.customer")
    shop.write("models/silver/m.sql", "/* tarn\nmaterialize: merge\nkey: id\ncursor: id\n*/ SELECT id, 'old' AS v FROM bronze.customer")
    shop.apply()
    for name in "am":
        file = shop.directory / f"models/silver/{name}.sql"
        file.write_text(file.read_text().replace("'old'", "'new'"))
    plan = shop.plan(check=3).stdout
    assert plan.count("built again as a whole") == 2, plan
    shop.apply()
    for name in "am":
        assert count(shop, f"silver.{name}", "v = 'new'") == ROWS == count(shop, f"silver.{name}")
    # A changed check looks at the rows that stand; it does not make them again.
    file = shop.directory / "models/silver/a.sql"
    file.write_text(file.read_text().replace("cursor: id\n", "cursor: id\nchecks: [not_null: id]\n"))
    assert "built again" not in shop.plan(check=3).stdout
    shop.apply()
    assert count(shop, "silver.a") == ROWS


@pytest.mark.parametrize("kind", ["incremental", "merge\nkey: id"], ids=["incremental", "merge"])
def test_a_model_that_comes_back_is_built_again(shop, kind):
    head = f"/* tarn\nmaterialize: {kind}\ncursor: id\n*/ "
    shop.write("models/silver/a.sql", head + "SELECT id, 'old' AS v FROM bronze.customer WHERE id <= 10")
    shop.apply()
    (shop.directory / "models/silver/a.sql").unlink()
    shop.apply()
    shop.write("models/silver/a.sql", head + "SELECT id, 'new' AS v FROM bronze.customer")
    assert "built again as a whole" in shop.plan(check=3).stdout
    shop.apply()
    assert count(shop, "silver.a", "v = 'new'") == ROWS == count(shop, "silver.a")


@pytest.mark.parametrize("key", ["id", "[id, part]"])
def test_an_incremental_model_with_a_key_takes_rows_that_come_late_at_its_mark(shop, key):
    shop.server.execute("CREATE TABLE event (id int, part int, ts timestamptz); INSERT INTO event VALUES (1, 1, '2024-01-01 11:00'), (2, 1, '2024-01-01 12:00')", shop.database)
    shop.yaml(projects.mirror("SHOP_PG", ["public.event"], projects.warehouse()))
    shop.write("models/silver/e.sql", f"/* tarn\nmaterialize: incremental\nkey: {key}\ncursor: ts\nchecks: [expect: 'id <> 9']\non_failure: quarantine\n*/ SELECT *, now() AS seen FROM bronze.event")
    shop.apply()
    shop.server.execute("INSERT INTO event VALUES (3, 1, '2024-01-01 12:00'), (9, 1, '2024-01-01 12:00'), (4, 1, '2024-01-01 11:30')", shop.database)
    for _ in range(3):
        shop.run("run")
        assert shop.sql("SELECT id FROM lake.silver.e ORDER BY id") == [{"id": 1}, {"id": 2}, {"id": 3}]
        assert shop.sql("SELECT id FROM lake.silver.e__rejected") == [{"id": 9}]
    shop.server.execute("INSERT INTO event VALUES (5, 1, '2024-01-01 12:30')", shop.database)
    shop.run("run")
    assert count(shop, "silver.e") == 4


@pytest.mark.parametrize("point, table", [("model.written", "silver.i"), ("model.written", "silver.m"), ("load.staged", "bronze.customer")])
def test_upkeep_stops_nothing_that_adds_to_its_table(shop, tarn_faults_binary, tmp_path, point, table):
    yaml(shop, "limits: {snapshot_age_ms_max: 1, reader_grace_ms: 1}\n", mode="incremental\n    cursor: id")
    for name, kind in (("i", "incremental"), ("m", "merge\nkey: id")):
        shop.write(f"models/silver/{name}.sql", f"/* tarn\nmaterialize: {kind}\ncursor: id\n*/ SELECT id FROM bronze.customer")
    more = lambda i: shop.server.execute(f"INSERT INTO customer VALUES ({i}, 'more')", shop.database)
    shop.apply()
    for i in (100, 101):
        more(i)
        shop.run("run")
    more(102)
    if table != "bronze.customer":
        shop.run("run", "bronze.customer")
    gate, trace = tmp_path / "gate", tmp_path / "trace"
    shop.binary, plain = tarn_faults_binary, shop.binary
    running = shop.start("run", table, env={"TARN_FAULT": f"{point}:hold={gate}", "TARN_FAULT_TRACE": str(trace)})
    process.wait_for(lambda: running.popen.poll() is not None or trace.exists() and point in trace.read_text(), 60, point)
    shop.binary = plain
    before = version(shop, table)
    shop.run("maintain", table)
    assert version(shop, table) > before, "upkeep had nothing to do"
    gate.touch()
    done = running.wait(60)
    assert done.exit_code == 0, str(done)
    assert count(shop, table) == ROWS + 3 == count(shop, table, "id IS NOT NULL")


@pytest.mark.parametrize("check", ["relationships: {column: id, to: silver.z, field: id}", "expect: 'id IN (SELECT z.id FROM silver.z)'"])
def test_a_table_that_a_check_names_is_made_before(shop, check):
    shop.write("models/silver/c.sql", f"/* tarn\nchecks: [{{{check}}}]\n*/ SELECT id FROM bronze.customer")
    shop.write("models/silver/z.sql", "SELECT id FROM bronze.customer")
    shop.apply()
    shop.plan(check=0)
    shop.server.execute("INSERT INTO customer VALUES (1000, 'late')", shop.database)
    shop.run("run")
    assert count(shop, "silver.c") == ROWS + 1
    # What names it is due when it is made anew, and not run when it fails.
    shop.write("models/silver/z.sql", "/* tarn\nchecks: [expect: 'id < 1000']\n*/ SELECT id FROM bronze.customer")
    error = shop.run("apply", "-y", check=1).stderr
    assert "silver.c" in error and "it needs silver.z, which failed" in error, error
    shop.write("models/silver/z.sql", "SELECT id FROM silver.c")
    assert "in a cycle" in shop.plan(check=1).stderr


@pytest.fixture
def events(shop):
    """Keeps public.event in bronze; tells its rows to silver.e, whose head a test writes."""
    shop.server.execute("CREATE TABLE event (seq int PRIMARY KEY, id int, name text)", shop.database)
    shop.yaml(projects.mirror("SHOP_PG", ["public.event"], projects.warehouse()))
    shop.head = lambda head: shop.write("models/silver/e.sql", f"/* tarn\n{head}\non_failure: quarantine\n*/ SELECT * FROM bronze.event")

    def come(*rows):
        """Rows come to the source, and the project is run."""
        shop.server.execute("INSERT INTO event VALUES " + ", ".join(map(str, rows)), shop.database)
        shop.run("run")

    def stand():
        """The numbers of the rows that stand, and of the rejected ones."""
        listed = lambda table: [row["seq"] for row in shop.sql(f"SELECT seq FROM lake.silver.{table} ORDER BY seq")]
        return listed("e"), listed("e__rejected")
    shop.come, shop.stand = come, stand
    return shop


@pytest.mark.parametrize("partition, iceberg", [("", 2), ("", 3), ("\npartition: [bucket(4, id)]", 2)], ids=["version 2", "version 3", "partitioned"])
def test_a_row_that_comes_twice_does_not_take_the_first_one_away(events, partition, iceberg):
    events.yaml((events.directory / "tarn.yaml").read_text() + f"tables: {{silver.e: {{iceberg: {iceberg}}}}}\n")
    events.head("materialize: incremental\ncursor: seq\nchecks: [unique: id]" + partition)
    events.apply()
    events.come((1, 1, "a"), (2, 2, "b"))
    events.come((3, 1, "a"))
    assert events.stand() == ([1, 2], [3])
    events.come((4, 1, "a"), (5, 7, "c"), (6, 7, "d"), (7, 8, "e"))
    assert events.stand() == ([1, 2, 7], [3, 4, 5, 6])
    # Columns that come later change nothing about it.
    events.server.execute("ALTER TABLE event ADD COLUMN note text", events.database)
    events.apply()
    events.come((8, 8, "e", "late"), (9, 9, "f", "late"))
    assert events.stand() == ([1, 2, 7, 9], [3, 4, 5, 6, 8])


def test_a_value_of_a_merge_belongs_to_the_row_that_had_it(events):
    events.head("materialize: merge\nkey: id\ncursor: seq\nchecks: [unique: name]")
    events.apply()
    events.come((1, 1, "a"), (2, 2, "b"))
    events.come((3, 3, "a"))
    assert events.stand() == ([1, 2], [3])
    # The row at the mark, which is taken again, had its value too; one that gives it up leaves it.
    events.server.execute("UPDATE event SET seq = 4, name = 'z' WHERE id = 1; UPDATE event SET seq = 5 WHERE id = 3", events.database)
    events.run("run")
    assert events.stand() == ([2, 4, 5], [])
    events.come((6, 4, "a"))
    assert events.stand() == ([2, 4, 5], [6])


def test_a_merge_keeps_what_is_rejected_still_and_nothing_else(events):
    events.head("materialize: merge\nkey: id\ncursor: seq\nchecks: [expect: \"name <> 'bad'\"]")
    events.apply()
    events.come((1, 1, "a"), (2, 2, "bad"), (3, 3, "bad"))
    for _ in range(3):
        events.run("run")
        assert events.stand() == ([1], [2, 3])
    # One is repaired; then the other one, with nothing else that fails.
    events.server.execute("UPDATE event SET seq = 4, name = 'b' WHERE id = 2", events.database)
    events.come((5, 5, "bad"))
    assert events.stand() == ([1, 4], [3, 5])
    events.server.execute("UPDATE event SET seq = seq + 5, name = 'c' WHERE id IN (3, 5)", events.database)
    events.run("run")
    assert events.stand() == ([1, 4, 8, 10], [])


def cursor_mark(project):
    import sqlite3
    with sqlite3.connect(project.directory / "state/catalog.db") as c:
        return [json.loads(p).get("cursor") for (p,) in c.execute("SELECT position FROM positions")][-1]


def test_the_mark_of_incremental_loads_never_goes_down(shop):
    yaml(shop, mode="incremental\n    cursor: id")
    shop.server.execute("ALTER TABLE customer DROP CONSTRAINT customer_pkey", shop.database)  # without a key every row twice would show
    shop.apply()
    shop.server.execute("DELETE FROM customer WHERE id > 40", shop.database)
    shop.run("run")
    shop.server.execute("INSERT INTO customer SELECT i, 'again', now() FROM generate_series(41, 55) i", shop.database)
    shop.run("run")
    assert count(shop, "bronze.customer") == ROWS + 5, "rows up to the mark came twice"
    shop.run("run")
    assert count(shop, "bronze.customer") == ROWS + 5


@pytest.mark.parametrize("type, value", [("timestamptz", "infinity"), ("date", "infinity"), ("double precision", "NaN"), ("double precision", "infinity")])
def test_an_infinite_cursor_hides_no_later_row(shop, type, value):
    step = "'2024-01-01'::timestamptz + i * interval '1 day'" if type in ("timestamptz", "date") else "i"
    shop.server.execute(f"CREATE TABLE event (id int, at {type}); INSERT INTO event SELECT i, {step} FROM generate_series(1, 5) i", shop.database)
    shop.server.execute(f"INSERT INTO event VALUES (100, '{value}')", shop.database)
    shop.yaml(projects.mirror("SHOP_PG", ["public.event"], projects.warehouse()).replace("mode: snapshot", "mode: incremental\n    cursor: at"))
    kind = "/* tarn\nmaterialize: incremental\ncursor: at\n*/ SELECT * FROM bronze.event"
    shop.write("models/silver/e.sql", kind)
    shop.apply()
    first = count(shop, "bronze.event")
    for number in (6, 7):
        shop.server.execute(f"INSERT INTO event SELECT i, {step} FROM generate_series({number}, {number}) i", shop.database)
        shop.run("run")
    assert count(shop, "bronze.event") == first + 2 == count(shop, "silver.e")
    assert count(shop, "silver.e", "id = 7") == 1


def test_rows_of_inheriting_tables_are_no_replacements_of_each_other(shop):
    shop.server.execute("CREATE TABLE parent (id int PRIMARY KEY, at timestamptz); CREATE TABLE child () INHERITS (parent);"
                        "INSERT INTO parent VALUES (1, '2024-01-01'); INSERT INTO child VALUES (1, '2024-01-02')", shop.database)
    shop.yaml(projects.mirror("SHOP_PG", ["public.parent"], projects.warehouse()).replace("mode: snapshot", "mode: incremental\n    cursor: at"))
    shop.apply()
    shop.server.execute("INSERT INTO parent VALUES (2, '2024-01-03')", shop.database)
    shop.run("run")
    assert shop.sql("SELECT id FROM lake.bronze.parent ORDER BY ALL") == [{"id": 1}, {"id": 1}, {"id": 2}]


def test_json_has_numbers_as_numbers(shop):
    shop.write("models/silver/v.sql", "/* tarn\nmaterialize: view\n*/ SELECT id FROM bronze.customer")
    shop.apply()
    out = lambda *args, **kw: json.loads(shop.run(*args, "--json", **kw).stdout)
    listed = {row["name"]: row for row in out("ls")}
    assert listed["bronze.customer"]["rows"] == ROWS and isinstance(listed["bronze.customer"]["bytes"], int)
    assert listed["silver.v"]["rows"] is None and listed["silver.v"]["kind"] == "view"
    run = next(row for row in out("status")["runs"] if row["kind"] == "load")
    assert run["rows"] == ROWS and isinstance(run["took_ms"], int) and run["error"] is None
    facts = out("show", "bronze.customer")
    assert (facts["rows"], facts["files"], facts["version"]) == (ROWS, 1, 1) and isinstance(facts["bytes"], int)
    state = out("history", "bronze.customer")[-1]
    assert state["rows"] == ROWS and all(isinstance(state[k], int) for k in ("version", "sequence", "snapshot"))
    assert out("check")[0]["source_rows"] == ROWS
    done = out("run")
    assert done["loaded"][0]["rows"] == ROWS and done["models"][0]["rows"] == 0
    assert out("plan")["add"] == 0
    assert shop.run("ls", "bronze").stdout.split("\t")[2] == str(ROWS)
