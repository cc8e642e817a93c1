"""Whether the lake, at every sequence number that was ever committed, is what the source was right after one of its transactions.

The workload's ledger is the oracle (workload.py): of each writer the lake has the transactions 1 to k and no others, its tables are as the source
itself counted them at the end of k, and what had been acknowledged before k began is there as well.
"""
import hashlib
import json

from .dialects import Lake


def _arrays(text):
    """The results of several statements, one JSON array after the other; numbers stay as they are printed."""
    decoder, at, out = json.JSONDecoder(parse_int=str, parse_float=str), 0, []
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        rows, at = decoder.raw_decode(text, at)
        out.append(rows)
    return out


def _wide(rows):
    """Of `wide` at any time, as the source's dialect counts it."""
    total = 0
    for row in rows:
        text = "|".join(f"{name}={row[name]}" for name in sorted(row) if row[name] is not None)
        total += int(hashlib.md5(text.encode()).hexdigest()[:8], 16)
    return f"{len(rows)}:{total}"


def _tables(state):
    """`table=count:sum …` as a dictionary."""
    return dict(piece.split("=", 1) for piece in state.split(" "))


def _questions(sequence, writer, wide):
    at = f"AT (VERSION => 'sequence {sequence}')"
    table = lambda name: f"lake.bronze.{name}_{writer} {at}"
    of_ledger = "count(*) AS count, coalesce(min(n), 1) AS first, coalesce(max(n), 0) AS last, coalesce(arg_max(seen, n), 0) AS seen"
    state = f"concat_ws(' ', {', '.join(Lake().pieces(table))})"
    return [f"SELECT {sequence} AS sequence, {of_ledger}, {state} AS state FROM {table('ledger')};", f"SELECT * FROM {table('wide')};" if wide else "SELECT 1 AS id;"]


class Ledger:
    """What the source says of one writer."""

    def __init__(self, database, writer):
        rows = database.query(f"SELECT n, coming, state FROM ledger_{writer} ORDER BY n")
        self.states = {int(n): _tables(state) for n, _, state in rows}
        self.coming = {int(n): None if coming in (None, "NULL") else coming for n, coming, _ in rows}

    def allows(self, n, table):
        """The states in which the table may be when transaction n is the last."""
        allowed = {self.states[n][table]}
        if self.coming[n] == table and n + 1 in self.states:
            allowed.add(self.states[n + 1][table])
        return allowed

    def where(self, table, state):
        return [n for n, states in self.states.items() if states[table] == state]


def wrong_sequences(project, database, writers, first, without=()):
    """(what is wrong, how many sequence numbers were looked at), from `first` to the last one. What is wrong: (writer, its last transaction, table or None, words).
    The tables `without` (wide_0) are looked at in the last one alone: they stood still before.
    """
    ledgers = [Ledger(database, w) for w in range(writers)]
    sequences = [r["sequence"] for r in project.sql("SELECT sequence FROM system.commits ORDER BY sequence") if r["sequence"] >= first]
    still = lambda sequence, writer, table: f"{table}_{writer}" in without and sequence != sequences[-1]
    script = "\n".join(q for s in sequences for w in range(writers) for q in _questions(s, w, wide=not still(s, w, "wide")))
    answers = iter(_arrays(project.run("sql", "--format", "json", stdin=script.encode(), timeout=600).stdout))
    wrong, before = [], [0] * writers
    for sequence in sequences:
        told, lasts = [], []
        for w in range(writers):
            [row], wide = next(answers), next(answers)
            assert int(row["sequence"]) == sequence
            told.append((row, _tables(row["state"]) | {"wide": _wide(wide)}))
            lasts.append(int(row["last"]))
        for w, (row, found) in enumerate(told):
            say = lambda what, table=None: wrong.append((w, lasts[w], table, f"sequence {sequence}, writer {w}, transaction {lasts[w]}: {what}"))
            if int(row["count"]) != lasts[w] or int(row["first"]) != 1:
                say(f"its ledger has {row['count']} rows from {row['first']} to {row['last']}")
            if lasts[w] < before[w]:
                say(f"the sequence before had {before[w]}")
            if int(row["seen"]) > lasts[(w + 1) % writers]:
                say(f"it began after transaction {row['seen']} of writer {(w + 1) % writers}, of which only {lasts[(w + 1) % writers]} are there")
            if lasts[w] not in ledgers[w].states:
                say("the source has no such transaction")
                continue
            for table, state in found.items():
                if still(sequence, w, table):
                    continue
                if state not in (allowed := ledgers[w].allows(lasts[w], table)):
                    say(f"{table} is {state} instead of {' or '.join(sorted(allowed))}; it was so after {ledgers[w].where(table, state)[-5:] or 'no transaction'}", table)
        before = lasts
    return wrong, len(sequences)
