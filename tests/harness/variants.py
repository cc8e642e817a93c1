"""Tables with variants, and what is in them: the same documents for every writer and reader."""
import json

# id, JSON; None is SQL's NULL.
DOCUMENTS = [
    (1, '{"name":"ann","tags":["x","y"],"at":{"b":1.5,"deep":[[1],[2,[3]]]},"n":1}'),
    (2, None),
    (3, "42"),
    (4, '"text"'),
    (5, "[]"),
    (6, '{"n":123456789012345,"z":false,"a":null,"name":"bob"}'),
    (7, '{"Ä":"ö","' + "k" * 80 + '":"' + "v" * 200 + '"}'),
    (8, "[1,-2,300,70000,5000000000,0.25,true,null]"),
    (9, json.dumps({f"key{i}": i for i in range(300)}, separators=(",", ":"))),
]


def expected():
    """(id, document) as Python has them."""
    return [(i, None if text is None else json.loads(text)) for i, text in DOCUMENTS]


def inserted_by_tarn(table):
    values = ", ".join(f"({i}, {'NULL' if text is None else quoted(text) + '::JSON'})" for i, text in DOCUMENTS)
    return f"INSERT INTO {table} VALUES {values}"


def inserted_by_spark(table):
    values = ", ".join(f"({i}, {'NULL' if text is None else quoted(text)})" for i, text in DOCUMENTS)
    return f"INSERT INTO {table} SELECT id, parse_json(doc) FROM VALUES {values} AS v(id, doc)"


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def rows(found, document="doc"):
    """Rows whose documents are JSON texts, as expected() has them."""
    return sorted((row["id"], None if row[document] is None else json.loads(row[document])) for row in found)
