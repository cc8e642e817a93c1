"""Bad input: a clear error, exit code 1 or 2, and nothing changed."""
import os
import pty
import subprocess

import pytest

from harness import process, projects


@pytest.fixture
def shop(project, database):
    """A project over a database with public.customer, not yet applied."""
    server, name = database
    server.execute("CREATE TABLE customer (id integer PRIMARY KEY, email text, active boolean); INSERT INTO customer SELECT i, 'c' || i, i % 2 = 0 FROM generate_series(1, 50) i", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.customer"], projects.warehouse()))
    project.server, project.database = server, name
    return project


def snapshot(directory):
    """Every file below the folder with its content, but for the state's own journal files and locks."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file() and "state" not in p.relative_to(directory).parts}


def assert_refused(project, *words, args=("apply", "-y"), codes=(1, 2), env=None, timeout=120):
    before = snapshot(project.directory)
    r = project.run(*args, check=None, env=env, timeout=timeout)
    assert r.exit_code in codes, str(r)
    for word in words:
        assert word.lower() in r.stderr.lower(), f"{word!r} is not in the message\n{r}"
    assert snapshot(project.directory) == before, f"something changed\n{r}"
    return r


def replace(project, old, new):
    file = project.directory / "tarn.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_unknown_key_names_its_line_and_the_nearest_key(shop):
    replace(shop, "    mode: snapshot", "    modus: snapshot")
    assert_refused(shop, "tarn.yaml:", "modus", "mode")


def test_wrong_type_names_its_line(shop):
    replace(shop, "name: shop", "name: [shop]")
    assert_refused(shop, "tarn.yaml:1", "name")


def test_broken_yaml_names_its_line(shop):
    replace(shop, "name: shop", "name: 'shop")
    assert_refused(shop, "tarn.yaml:")


def test_missing_environment_variable_is_named(shop):
    del shop.env["SHOP_PG"]
    assert_refused(shop, "SHOP_PG", "tarn.yaml:")


def test_unreachable_database(shop):
    assert_refused(shop, "127.0.0.1", env={"SHOP_PG": f"postgresql://postgres@127.0.0.1:{process.free_port()}/postgres"})


def test_refusing_database_and_the_password_is_never_shown(shop):
    r = assert_refused(shop, "locked", env={"SHOP_PG": shop.server.url(shop.database, "locked", "wr0ngsecret")})
    assert "wr0ngsecret" not in r.stderr + r.stdout


def test_missing_database(shop):
    assert_refused(shop, "no_such_db", env={"SHOP_PG": shop.server.url("no_such_db")})


def test_missing_table_suggests_the_nearest(shop):
    replace(shop, "public.customer", "public.custommer")
    assert_refused(shop, "public.custommer", "customer")


def test_no_permission_names_the_table(shop):
    assert_refused(shop, "customer", "may not read", "GRANT SELECT", env={"SHOP_PG": shop.server.url(shop.database, "nobody")})


def test_missing_bucket(shop, s3):
    shop.env |= s3.env()
    shop.yaml(projects.mirror("SHOP_PG", ["public.customer"], projects.warehouse(s3, "no-such-bucket")))
    assert_refused(shop, "no-such-bucket")


def test_wrong_s3_key_and_the_secret_is_never_shown(shop, s3):
    shop.env |= s3.env() | {"S3_SECRET": "wr0ngsecret"}
    shop.yaml(projects.mirror("SHOP_PG", ["public.customer"], projects.warehouse(s3, s3.create_bucket())))
    r = assert_refused(shop, "s3")
    assert "wr0ngsecret" not in r.stderr + r.stdout


def test_read_only_directory(shop):
    """A read-only file system: root ignores the permissions of a folder."""
    shop.write("warehouse/.keep", "")
    folder = shop.directory / "warehouse"
    if os.getuid() != 0:
        folder.chmod(0o555)
        try:
            assert_refused(shop, "warehouse")
        finally:
            folder.chmod(0o755)
        return
    mounted(folder, "ro,size=1m")
    try:
        assert_refused(shop, "warehouse")
    finally:
        subprocess.run(["umount", folder], check=True)


def test_full_disk(shop):
    if os.getuid() != 0:
        pytest.fail("this test mounts a small file system: run it as root")
    shop.server.execute("INSERT INTO customer SELECT i, md5(i::text) || md5((i + 1)::text), true FROM generate_series(1000, 200000) i", shop.database)
    (shop.directory / "warehouse").mkdir()
    mounted(shop.directory / "warehouse", "size=1m")
    try:
        r = shop.apply(check=1)
        assert "space" in r.stderr.lower(), str(r)
        assert shop.sql("SELECT count(*) AS n FROM information_schema.tables WHERE table_catalog = 'lake' AND table_schema = 'bronze'") == [{"n": 0}]
    finally:
        subprocess.run(["umount", "-l", shop.directory / "warehouse"], check=True)


def mounted(folder, options):
    r = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if r.returncode:
        pytest.fail(f"this test mounts a small file system, which is refused here: {r.stderr}")


BAD_MODELS = {
    "syntax error": ({"models/silver/a.sql": "SELEC 1"}, ["a.sql"]),
    "unknown column": ({"models/silver/a.sql": "SELECT nosuchcolumn FROM bronze.customer"}, ["a.sql", "nosuchcolumn"]),
    "unknown table": ({"models/silver/a.sql": "SELECT * FROM bronze.nosuchtable"}, ["a.sql", "nosuchtable"]),
    "cycle": ({"models/silver/a.sql": "SELECT * FROM silver.b", "models/silver/b.sql": "SELECT * FROM silver.a"}, ["silver.a", "silver.b", "cycle"]),
    "of itself": ({"models/silver/a.sql": "SELECT * FROM silver.a"}, ["silver.a"]),
    "the name of a source's table": ({"models/bronze/customer.sql": "SELECT 1 AS id"}, ["bronze.customer"]),
    "names that differ by case only": ({"models/silver/a.sql": "SELECT 1 AS id", "models/silver/A.sql": "SELECT 2 AS id"}, ["silver"]),
    "two statements": ({"models/silver/a.sql": "SELECT 1 AS id; SELECT 2 AS id"}, ["a.sql"]),
    "not a query": ({"models/silver/a.sql": "DROP TABLE bronze.customer"}, ["a.sql"]),
    "unknown key in the head": ({"models/silver/a.sql": "/* tarn\nmaterialise: table\n*/ SELECT 1 AS id"}, ["a.sql", "materialise", "materialize"]),
    "columns of one name": ({"models/silver/a.sql": "SELECT 1 AS id, 2 AS id"}, ["a.sql", "id"]),
    "empty": ({"models/silver/a.sql": "-- nothing"}, ["a.sql"]),
}


@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_model(shop, name):
    files, words = BAD_MODELS[name]
    for path, text in files.items():
        shop.write(path, text)
    assert_refused(shop, *words, args=("plan",))
    assert_refused(shop, *words)


@pytest.mark.parametrize("change, word", [("DROP TABLE customer", "customer"), ("ALTER TABLE customer DROP COLUMN email", "email"),
                                          ("ALTER TABLE customer ALTER COLUMN id TYPE text", "id")], ids=["dropped", "column dropped", "type changed"])
def test_source_changes_between_apply_and_run(shop, change, word):
    """The lake keeps its last good state, and what changed is named."""
    shop.apply()
    before = shop.sql("SELECT * FROM lake.bronze.customer ORDER BY id")
    shop.server.execute(change, shop.database)
    r = shop.run("run", check=None)
    if r.exit_code == 0:  # followed, where the change can be: the new state is the source's
        assert "TABLE customer ALTER" in change or "DROP COLUMN" in change, str(r)
        return
    assert r.exit_code == 1 and word in r.stderr, str(r)
    assert shop.sql("SELECT * FROM lake.bronze.customer ORDER BY id") == before


@pytest.mark.parametrize("change", ["ALTER TABLE customer ADD COLUMN late text", "DROP TABLE customer"])
def test_source_changes_between_plan_and_apply(shop, change):
    """What was confirmed is what is done: a plan that is no longer true is not applied."""
    master, slave = pty.openpty()
    running = subprocess.Popen([shop.binary, "apply"], cwd=shop.directory, env=shop.env, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        asked = b""
        while b"[y/N]" not in asked:
            more = os.read(running.stderr.fileno(), 4096)
            assert more, asked
            asked += more
        shop.server.execute(change, shop.database)
        os.write(master, b"y\n")
        error = running.communicate(timeout=60)[1].decode()
    finally:
        running.kill()
        os.close(master)
        os.close(slave)
    assert running.returncode == 1, error
    assert "changed since the plan was shown" in error or "customer" in error, error
    assert not list((shop.directory / "warehouse").glob("**/*.parquet"))


def test_a_mapping_of_a_table_that_is_not_loaded(shop):
    shop.yaml(projects.mirror("SHOP_PG", ["public.*"], projects.warehouse()).replace("into: bronze", "into: {public.custommer: bronze.c}"))
    assert_refused(shop, "public.custommer", "into", args=("plan",))


def test_unknown_command_and_option_are_wrong_use(shop):
    assert_refused(shop, "nosuchcommand", args=("nosuchcommand",), codes=(2,))
    assert_refused(shop, "--nosuchoption", args=("plan", "--nosuchoption"), codes=(2,))


def test_no_project_here(shop, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    r = shop.run("plan", "--project", str(tmp_path / "elsewhere"), check=None)
    assert r.exit_code in (1, 2) and "tarn.yaml" in r.stderr, str(r)


@pytest.mark.parametrize("head, value, what, repair", [
    ("incremental\ncursor: c", "'00000000-0000-0000-0000-00000000000a'::UUID", "cursor column \"c\" is of type UUID", 'CAST("c" AS VARCHAR) AS "c"'),
    ("incremental\ncursor: c", "TIME '10:00'", "cursor column \"c\" is of type TIME", 'CAST("c" AS VARCHAR) AS "c"'),
    ("incremental\ncursor: c", "'10:00:00+02'::TIMETZ", "cursor column \"c\" is of type TIME WITH TIME ZONE", "take a number"),
    ("merge\nkey: k\ncursor: c", "INTERVAL 1 MONTH", "cursor column \"c\" is of type INTERVAL", "take a number"),
    ("incremental\ncursor: c", "'101'::BIT", "cursor column \"c\" is of type BIT", "take a number"),
    ("merge\nkey: c", "INTERVAL 1 MONTH", "key column \"c\" is of type INTERVAL", 'CAST("c" AS VARCHAR) AS "c"'),
])
def test_what_does_not_compare_with_its_stored_text_is_no_cursor_and_no_key(project, head, value, what, repair):
    project.yaml("name: shop\nstate: ./state\nwarehouse: ./warehouse\n")
    write = lambda value: project.write("models/silver/m.sql", f"/* tarn\nmaterialize: {head}\n*/ SELECT 1 AS k, {value} AS c -- last")
    write(value)
    error = project.plan(check=1).stderr
    assert error.startswith("tarn: models/silver/m.sql: the " + what) and repair in error, error
    write(f"CAST({value} AS VARCHAR)")
    project.apply()
    project.run("run")


@pytest.mark.parametrize("value", ["5::HUGEINT", "5::UBIGINT", "'a'::BLOB", "true", "'a'::ENUM('b', 'a')", "TIMESTAMP_NS '2024-01-01'", "TIMESTAMPTZ '2024-01-01'", "DATE '2024-01-01'",
                                   "1.5::DECIMAL(9, 2)", "'1'::JSON"])
def test_what_compares_may_be_cursor_and_key(project, value):
    project.yaml("name: shop\nstate: ./state\nwarehouse: ./warehouse\n")
    for name, head in (("i", "incremental\ncursor: c"), ("m", "merge\nkey: c")):
        project.write(f"models/silver/{name}.sql", f"/* tarn\nmaterialize: {head}\n*/ SELECT {value} AS c")
    project.apply()
    project.run("run")
    for name in "im":
        assert project.sql(f"SELECT count(*) AS n FROM lake.silver.{name}") == [{"n": 1}]
