"""materialize: history: the versions of each key, compared with what going through the changes one by one comes to."""
import datetime
import json
import random

import pytest

MODEL = "/* tarn\nmaterialize: history\nkey: {key}\n*/\nSELECT {columns} FROM bronze.t__changes\n"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def lake(project):
    project.yaml("name: h\n")
    project.apply()
    return project


def key_of(row):
    """Rows in an order, nulls too."""
    return tuple((v is None, 0 if v is None else v) for v in row)


def time(micros):
    return None if micros is None else EPOCH + datetime.timedelta(microseconds=micros)


def versions(events, columns=("name", "n")):
    """Goes through the changes in order; what each transaction leaves is a state, and each key has it until the next that differs.
    Events: (order, ordinal, op, id, row); a reload takes effect with the rows that follow it."""
    ordered = sorted(events, key=lambda e: (e[0] + 1 if e[2] == "reload" else e[0], -1 if e[1] is None else e[1], e[2] not in ("reload", "update_preimage"), e[2] != "reload"))
    state, open_since, done = {}, {}, []
    groups = {}
    for event in ordered:
        groups.setdefault(event[0] + 1 if event[2] == "reload" else event[0], []).append(event)
    for at in sorted(groups):
        after = dict(state)
        for _, _, op, key, row in groups[at]:
            if op in ("truncate", "reload"):
                after.clear()
            elif op in ("delete", "update_preimage"):
                after.pop(key, None)
            else:
                after[key] = tuple(row[c] for c in columns)
        for key in set(state) | set(after):
            if state.get(key) == after.get(key) and (key in state) == (key in after):
                continue
            if key in state:
                done.append((key, state[key], open_since.pop(key), at))
            if key in after:
                open_since[key] = at
        state = after
    done += [(key, state[key], since, None) for key, since in open_since.items()]
    return sorted(((key, *row, time(a), time(b), b is None) for key, row, a, b in done), key=key_of)


def random_log(chance, transactions):
    """Changes as the history of a mirrored table has them."""
    events, rows, order = [], {}, 1_700_000_000_000_000
    def row():
        return {"name": chance.choice(["a", "b", "é\"", None]), "n": chance.choice([1, 2, None])}
    for key in range(3):
        rows[key] = row()
        events.append((order, None, "snapshot", key, rows[key]))
    for _ in range(transactions):
        order += chance.choice([1, 2, 1_000_003])
        ordinal = 0
        if chance.random() < 0.05:  # loaded again: some rows are as they were, some are gone or others
            events.append((order + 1, None, "reload", None, {}))
            order += 2
            rows = {k: (v if chance.random() < 0.5 else row()) for k, v in rows.items() if chance.random() < 0.8}
            events += [(order, None, "snapshot", k, v) for k, v in rows.items()]
            continue
        whole = chance.random() < 0.5
        for _ in range(chance.randrange(1, 7)):
            key, what = chance.randrange(6), chance.random()
            if what < 0.06:
                events.append((order, ordinal, "truncate", None, {}))
                rows.clear()
            elif key not in rows:
                rows[key] = row()
                events.append((order, ordinal, "insert", key, rows[key]))
            elif what < 0.3:
                events.append((order, ordinal, "delete", key, rows.pop(key) if whole else {}))
                rows.pop(key, None)
            else:
                to = chance.choice([key, key, chance.randrange(6)])
                if to != key and to in rows:
                    to = key
                before = rows.pop(key)
                if whole or to != key:
                    events.append((order, ordinal, "update_preimage", key, before if whole else {}))
                rows[to] = before if chance.random() < 0.3 else row()
                events.append((order, ordinal, "update", to, rows[to]))
            ordinal += 1
    chance.shuffle(events)
    return events


def literal(value):
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def fill(lake, events):
    values = ", ".join("(" + ", ".join(literal(v) for v in (op, order, ordinal, key, row.get("name"), row.get("n"))) + ")" for order, ordinal, op, key, row in events)
    lake.sql("CREATE OR REPLACE TABLE lake.bronze.t__changes AS SELECT * FROM (VALUES " + values + ") t(_op, _log_order, _ordinal, id, name, n)", format="csv")


def read(lake, columns="id, name, n"):
    table = lake.arrow(f"SELECT {columns}, valid_from, valid_to, is_current FROM lake.silver.h ORDER BY id, valid_from")
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=key_of)


def test_versions_are_what_the_changes_come_to(lake):
    lake.sql("CREATE SCHEMA lake.bronze", format="csv", check=None)
    for seed in range(12):
        chance = random.Random(seed)
        events = random_log(chance, chance.randrange(1, 60))
        fill(lake, [(o, d, op, k, r) for o, d, op, k, r in events])
        lake.write("models/silver/h.sql", MODEL.format(key="id", columns="*"))
        lake.apply()
        lake.run("run", "silver.h")
        expected = versions(events)
        assert read(lake) == expected, f"seed {seed}"
        # Of fewer columns: what changed in the others makes no version.
        lake.write("models/silver/h.sql", MODEL.format(key="id", columns="id, n AS \"N\", _op, _log_order, _ordinal"))
        lake.apply()
        expected = versions(events, columns=("n",))
        assert read(lake, 'id, "N"') == expected, f"seed {seed}, of n alone"


def test_a_query_that_cannot_tell_versions_is_refused(lake):
    lake.sql("CREATE SCHEMA lake.bronze", format="csv", check=None)
    fill(lake, [(1, 0, "insert", 1, {"name": "a", "n": 1})])
    for columns, told in (("id, name", "_op"), ("*, 1 AS valid_from", "valid_from"), ("* EXCLUDE (id)", '"id"')):
        lake.write("models/silver/h.sql", MODEL.format(key="id", columns=columns))
        refused = str(lake.plan(check=1))
        assert "models/silver/h.sql" in refused and told in refused, refused
    lake.write("models/silver/h.sql", "/* tarn\nmaterialize: history\n*/ SELECT * FROM bronze.t__changes")
    assert "needs a key" in str(lake.plan(check=1))
    # An error of its own query has its place in the file.
    lake.write("models/silver/h.sql", MODEL.format(key="id", columns="*, CAST(name AS INT) AS broken"))
    failed = str(lake.apply(check=1))
    assert "models/silver/h.sql" in failed, failed


def test_from_a_mirrored_table_with_models_after_it(project, database):
    server, name = database
    server.execute("CREATE TABLE customer (id int PRIMARY KEY, town text); INSERT INTO customer VALUES (1, 'Ghent'), (2, 'Lyon')", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml("name: shop\nsources:\n  crm: {type: postgres, url: '${SHOP_PG}', tables: [public.*], mode: cdc, history: true}\n")
    project.write("models/silver/customer_history.sql", "/* tarn\nmaterialize: history\nkey: id\nchecks: [not_null: valid_from, unique: [id, valid_from]]\n*/\nSELECT * FROM bronze.customer__changes\n")
    project.write("models/gold/moves.sql", "SELECT id, count(*) AS n FROM silver.customer_history GROUP BY id\n")
    try:
        project.apply()
        server.execute("UPDATE customer SET town = 'Bern' WHERE id = 1", name)
        server.execute("BEGIN; UPDATE customer SET town = 'Rome' WHERE id = 1; UPDATE customer SET town = 'Oslo' WHERE id = 1; DELETE FROM customer WHERE id = 2; COMMIT", name)
        project.run("up", "--once")
        project.run("run")
        rows = project.sql("SELECT id, town, is_current, valid_to IS NULL AS open, valid_to > valid_from AS longer FROM lake.silver.customer_history ORDER BY id, valid_from")
        assert [(r["id"], r["town"], r["is_current"], r["open"]) for r in rows] == [
            (1, "Ghent", False, False), (1, "Bern", False, False), (1, "Oslo", True, True), (2, "Lyon", False, False)]
        assert all(r["longer"] in (True, None) for r in rows)
        assert project.sql("SELECT id, n FROM lake.gold.moves ORDER BY id") == [{"id": 1, "n": 3}, {"id": 2, "n": 1}]
        shown = json.loads(project.run("show", "silver.customer_history", "--json").stdout)
        assert shown["key"] == ["id", "valid_from"]
        project.plan(check=0)
    finally:
        project.run("destroy", "-y")
