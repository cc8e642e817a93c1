"""A random workload by a seed, whose every transaction leaves in the source what a correct follower has to show right after it.

A writer has tables of its own (`item_0`, `pair_0`, …) and a ledger. Its transaction number n ends with the row n of `ledger_<writer>`, in the
same transaction:

    state   of each of its tables how many rows it has and the sum of a hash of each, as the source itself counts them
    seen    the last transaction of the next writer that had been acknowledged before this one began: it has to be there too
    coming  the table that a statement which is no part of a transaction changes next (TRUNCATE and ALTER of MySQL): it may be as it is here,
            or as the next row says

What a transaction does is planned on a copy of the writer's knowledge, which counts once the ledger has the row: after a broken connection that
is what says whether it was committed.
"""
import copy
import dataclasses
import random
import threading
import time
import traceback

import psycopg

from harness import process

WORDS = ["", "plain", "quo'te", 'dou"ble', "back\\slash", "grüße 表 🦀", "NULL", "~", " lead", "line\nbreak", "a,b;c", "%_"]
REGIONS = ["north", "south", "east"]
ROWS_MAX = 120  # of a table, about
BULK = 2000     # rows of one large statement


class Broken(Exception):
    """The connection ended: what was under way may or may not be committed."""


class PostgresSession:
    def __init__(self, database):
        self.database, self.connection = database, None

    def _do(self, act):
        try:
            if self.connection is None:
                self.connection = self.database.server.connect(self.database.name)
            return act(self.connection)
        except (psycopg.OperationalError, psycopg.InterfaceError) as e:
            self.close()
            raise Broken(str(e)) from e

    def run(self, script):
        self._do(lambda c: c.execute(script))

    def query(self, statement):
        return self._do(lambda c: c.execute(statement).fetchall())

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class MysqlSession:
    """A client for each script: what is not committed at its end is taken back."""
    _GONE = ("Can't connect", "Lost connection", "gone away", "shutdown", "ERROR 2006", "ERROR 2013", "ERROR 2026", "ERROR 1053", "ERROR 1317", "ERROR 2002", "ERROR 2003", "reading initial communication")

    def __init__(self, database):
        self.database = database

    def _do(self, script):
        try:
            return self.database.query(script)
        except RuntimeError as e:
            if any(mark in str(e) for mark in self._GONE):
                raise Broken(str(e)) from e
            raise

    run = query = _do

    def close(self):
        pass


@dataclasses.dataclass
class Knowledge:
    """What a writer knows of its tables: keys, and the columns of `wide`."""
    n: int = 0
    next: int = 1
    item: set = dataclasses.field(default_factory=set)
    pair: set = dataclasses.field(default_factory=set)
    cut: set = dataclasses.field(default_factory=set)
    every: set = dataclasses.field(default_factory=set)
    bulk: set = dataclasses.field(default_factory=set)
    wide: set = dataclasses.field(default_factory=set)
    columns: dict = dataclasses.field(default_factory=dict)  # of `wide`, beside `id` and `v`: name -> type

    def fresh(self, count=1):
        self.next += count
        return list(range(self.next - count, self.next))

    def wide_columns(self):
        return ["id", "v", *self.columns]


class Writer:
    def __init__(self, number, seed, database, dialect):
        self.number, self.database, self.dialect = number, database, dialect
        self.choose = random.Random(f"{seed} writer {number}")
        self.session = PostgresSession(database) if database.is_postgres else MysqlSession(database)
        self.known = Knowledge()
        self.acknowledged = 0
        self.next_writer = self
        self.counts = {"transactions": 0, "rolled back": 0, "altered": 0, "truncated": 0, "unknown": 0, "large": 0}
        self.scripts = {}  # by number of transaction: what it did, for whoever looks for what went wrong
        self._savepoints = 0
        # One of each, so that no table is ever loaded empty.
        self._transaction(["_insert_item", "_insert_pair", "_insert_cut", "_insert_wide", "_insert_every"])

    # --- what happens at the source

    def turn(self, calm):
        """calm: nothing that a load which is under way would refuse."""
        if calm:
            self._transaction(self.choose.choices(_CALM, k=self.choose.randint(1, 5)))
        elif not self.dialect.transactional_ddl and self.choose.random() < 0.12:
            self._statement_of_its_own()
        else:
            self._transaction(self.choose.choices(list(_ACTS), list(_ACTS.values()), k=self.choose.randint(0, 5)))
        time.sleep(self.choose.random() * 0.08)

    def _transaction(self, acts):
        planned = copy.deepcopy(self.known)
        script = [statement for act in acts for statement in getattr(self, act)(planned)]
        if self.choose.random() < 0.1 and len(script) > 1:  # it goes on while others begin and end
            script.insert(self.choose.randrange(1, len(script)), self.dialect.pause(round(self.choose.random() * 0.3, 3)))
        if self.known.n and self.choose.random() < 0.06:
            self._try(["BEGIN", *script, "ROLLBACK"])
            self.counts["rolled back"] += 1
            return
        planned.n += 1
        self.scripts[planned.n] = script
        if self._committed(["BEGIN", *script, self._ledger(planned), "COMMIT"], planned.n):
            self.known = planned
            self.counts["transactions"] += 1

    def _ledger(self, planned, coming=None):
        coming = "NULL" if coming is None else f"'{coming}'"
        return (f"INSERT INTO ledger_{self.number} (n, seen, coming, state) "
                f"SELECT {planned.n}, {self.next_writer.acknowledged}, {coming}, {self.dialect.digest(self.number, planned.wide_columns())}")

    def _try(self, script):
        """False: the connection broke, and stands again."""
        try:
            self.session.run("; ".join(script))
            return True
        except Broken:
            self.counts["unknown"] += 1
            process.wait_for(self._answers, 90, "the source to answer again")
            return False

    def _answers(self):
        try:
            self.session.query("SELECT 1")
            return True
        except Broken:
            time.sleep(0.05)
            return False

    def _committed(self, script, n):
        answered = self._try(script)
        if not answered and self.last() < n:
            return False
        self.acknowledged = n
        return True

    def _ask(self, statement):
        while True:
            try:
                return self.session.query(statement)
            except Broken:
                process.wait_for(self._answers, 90, "the source to answer again")

    def last(self):
        return int(self._ask(f"SELECT coalesce(max(n), 0) FROM ledger_{self.number}")[0][0])

    def _statement_of_its_own(self):
        """TRUNCATE or ALTER of MySQL: announced by one transaction, told by another."""
        after = copy.deepcopy(self.known)
        if self.choose.random() < 0.3:
            table, statement = "cut", f"TRUNCATE TABLE cut_{self.number}"
            after.cut.clear()
            self.counts["truncated"] += 1
        else:
            table, statement = "wide", self._alter(after)
            self.counts["altered"] += 1
        announced = dataclasses.replace(self.known, n=self.known.n + 1)
        self.scripts[announced.n] = [statement]
        if not self._committed(["BEGIN", self._ledger(announced, table), "COMMIT"], announced.n):
            return
        columns = f"SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'wide_{self.number}' ORDER BY ordinal_position"
        before = self._ask(columns)
        while not self._try([statement]) and (table == "cut" or self._ask(columns) == before):
            pass
        after.n = announced.n + 1
        while not self._committed(["BEGIN", self._ledger(after), "COMMIT"], after.n):
            pass
        self.known = after

    def told(self, table, upto, count=12):
        """The last transactions up to that one which name the table, or savepoints, in words."""
        name = f"{table}_{self.number}"
        told = []
        for n in range(upto, 0, -1):
            statements = [s[:500] for s in self.scripts.get(n, []) if name in s or "SAVEPOINT" in s]
            if any(name in s for s in statements):
                told.append(f"writer {self.number}, transaction {n}:\n    " + "\n    ".join(statements))
            if len(told) == count:
                break
        return "\n".join(reversed(told))

    # --- acts: statements, and what is known after them

    def _some(self, keys, most=5):
        keys = sorted(keys)
        return self.choose.sample(keys, min(len(keys), self.choose.randint(1, most)))

    def _word(self):
        return None if self.choose.random() < 0.15 else self.choose.choice(WORDS) + str(self.choose.randrange(1000))

    def _text(self, value):
        return "NULL" if value is None else self.dialect.literal(value)

    def _number(self, digits=9):
        return "NULL" if self.choose.random() < 0.1 else str(self.choose.randrange(-10**digits, 10**digits))

    def _big(self):
        """Short, or long enough to be stored beside the row."""
        repeats = self.choose.choice([0, 1, 100, 300])
        return f"repeat(md5('{self.choose.randrange(10**6)}'), {repeats})" if repeats else "NULL"

    def _item_row(self, key):
        raw = self.dialect.binary(self.choose.randbytes(self.choose.randrange(1, 20)))
        return (f"({key}, {self._text(self._word())}, {self._number()}, {self.choose.randrange(-10**9, 10**9) / 100:.2f}, {self._big()}, {raw}, "
                f"'{self.choose.randrange(1900, 2100)}-0{self.choose.randrange(1, 10)}-1{self.choose.randrange(10)}')")

    def _insert_item(self, k):
        out = []
        if len(k.item) > ROWS_MAX:
            out = self._delete_item(k, len(k.item) // 2)
        new = k.fresh(self.choose.choice([1, 1, 2, 5, 20]))
        k.item.update(new)
        return [*out, f"INSERT INTO item_{self.number} VALUES {', '.join(map(self._item_row, new))}"]

    def _delete_item(self, k, most=5):
        gone = self._some(k.item, most)
        k.item.difference_update(gone)
        return [f"DELETE FROM item_{self.number} WHERE id IN ({', '.join(map(str, gone))})"] if gone else []

    def _update_item(self, k):
        """`big` stays what it is: a long one is not in the log."""
        ids = ", ".join(map(str, self._some(k.item, 10)))
        return [f"UPDATE item_{self.number} SET v = {self._text(self._word())}, n = {self._number()} WHERE id IN ({ids})"] if ids else []

    def _update_big(self, k):
        ids = ", ".join(map(str, self._some(k.item, 3)))
        return [f"UPDATE item_{self.number} SET big = {self._big()} WHERE id IN ({ids})"] if ids else []

    def _rekey_item(self, k):
        out = []
        for old in self._some(k.item, 3):
            [new] = k.fresh()
            k.item.symmetric_difference_update({old, new})
            out.append(f"UPDATE item_{self.number} SET id = {new}{self.choose.choice(['', ', n = 7'])} WHERE id = {old}")
        return out

    def _churn_item(self, k):
        """One key comes, changes, goes, and comes again."""
        [key] = k.fresh()
        table = f"item_{self.number}"
        out = [f"INSERT INTO {table} VALUES {self._item_row(key)}", f"UPDATE {table} SET n = 1 WHERE id = {key}", f"DELETE FROM {table} WHERE id = {key}"]
        if self.choose.random() < 0.6:
            k.item.add(key)
            out += [f"INSERT INTO {table} VALUES {self._item_row(key)}", f"UPDATE {table} SET v = 'again' WHERE id = {key}"]
        return out

    def _insert_pair(self, k):
        new = {(self.choose.randrange(20), self.choose.choice(["", "A", "a", "é", "x'y"]) + str(n)) for n in k.fresh(self.choose.randint(1, 5))}
        k.pair |= new
        out = [f"INSERT INTO pair_{self.number} VALUES " + ", ".join(f"({a}, {self._text(b)}, {self._text(self._word())})" for a, b in sorted(new))]
        if len(k.pair) > ROWS_MAX:
            out += [f"DELETE FROM pair_{self.number}"]
            k.pair.clear()
        return out

    def _is(self, pair):
        return f"a = {pair[0]} AND b = {self._text(pair[1])}"

    def _update_pair(self, k):
        return [f"UPDATE pair_{self.number} SET v = {self._text(self._word())} WHERE {self._is(p)}" for p in self._some(k.pair)]

    def _rekey_pair(self, k):
        """A part of the key changes; or two rows change places, by way of a third."""
        table, pairs = f"pair_{self.number}", self._some(k.pair, 2)
        if len(pairs) == 2 and self.choose.random() < 0.5:
            one, two = pairs
            move = lambda a, b: f"UPDATE {table} SET a = {b[0]}, b = {self._text(b[1])} WHERE {self._is(a)}"
            return [move(one, (-1, "free")), move(two, one), move((-1, "free"), two)]
        out = []
        for p in pairs:
            changed = (p[0], f"changed{k.fresh()[0]}")
            k.pair.symmetric_difference_update({p, changed})
            out.append(f"UPDATE {table} SET b = {self._text(changed[1])} WHERE {self._is(p)}")
        return out

    def _insert_cut(self, k):
        new = k.fresh(self.choose.randint(1, 8))
        k.cut.update(new)
        return [f"INSERT INTO cut_{self.number} VALUES " + ", ".join(f"({i}, '{self.choose.choice(REGIONS)}', {self._number()})" for i in new)]

    def _move_cut(self, k):
        """The value that the lake's table is partitioned by changes."""
        ids = ", ".join(map(str, self._some(k.cut)))
        return [f"UPDATE cut_{self.number} SET region = '{self.choose.choice(REGIONS)}' WHERE id IN ({ids})"] if ids else []

    def _truncate_cut(self, k):
        if not self.dialect.transactional_ddl:
            return []
        self.counts["truncated"] += 1
        k.cut.clear()
        before = self._insert_cut(copy.deepcopy(k))  # gone with the others
        k.next += 10
        return [*before, f"TRUNCATE cut_{self.number}", *self._insert_cut(k)]

    def _wide_value(self, type_):
        if self.choose.random() < 0.2:
            return "NULL"
        if type_ in ("int", "bigint"):
            return self._number(9 if type_ == "int" else 17)
        if type_.startswith(("numeric", "decimal")):
            return f"{self.choose.randrange(-10**7, 10**7) / 100:.2f}"
        return self._text(self._word() if type_ == "text" else f"v{self.choose.randrange(10**8)}")

    def _insert_wide(self, k):
        out = []
        if len(k.wide) > ROWS_MAX // 2:
            out = [f"DELETE FROM wide_{self.number}"]
            k.wide.clear()
        new = k.fresh(self.choose.randint(1, 4))
        k.wide.update(new)
        rows = [", ".join([str(i), self._text(self._word()), *map(self._wide_value, k.columns.values())]) for i in new]
        return [*out, f"INSERT INTO wide_{self.number} ({', '.join(k.wide_columns())}) VALUES " + ", ".join(f"({r})" for r in rows)]

    def _update_wide(self, k):
        ids = ", ".join(map(str, self._some(k.wide, 10)))
        columns = self._some(k.columns, 3) or ["v"]
        sets = ", ".join(f"{c} = {self._wide_value(k.columns.get(c, 'text'))}" for c in columns)
        return [f"UPDATE wide_{self.number} SET {sets} WHERE id IN ({ids})"] if ids else []

    def _alter(self, k):
        """One ALTER TABLE that can be followed; k.columns are those of after."""
        types = list(self.dialect.column_types)
        widest = {t: w for t, w in self.dialect.column_types.items() if w}
        add = lambda: (f"c{k.fresh()[0]}", self.choose.choice(types))
        can_widen = [c for c, t in k.columns.items() if t in widest]
        kind = self.choose.choice(["add", "add", "drop", "rename", "widen"])
        if kind == "widen" and can_widen:
            column = self.choose.choice(can_widen)
            k.columns[column] = widest[k.columns[column]]
            change = self.dialect.widen(column, k.columns[column])
        elif kind == "rename" and k.columns:
            column, (name, _) = self.choose.choice(list(k.columns)), add()
            k.columns = {name if c == column else c: t for c, t in k.columns.items()}
            change = f"RENAME COLUMN {column} TO {name}"
        elif (kind == "drop" and k.columns) or len(k.columns) > 6:
            column = self.choose.choice(list(k.columns))
            del k.columns[column]
            change = f"DROP COLUMN {column}"
        else:
            name, type_ = add()
            k.columns[name] = type_
            change = f"ADD COLUMN {name} {type_}"
        return f"ALTER TABLE wide_{self.number} {change}"

    def _alter_wide(self, k):
        if not self.dialect.transactional_ddl:
            return []
        self.counts["altered"] += 1
        return [self._alter(k), *self._insert_wide(k)]

    def _every_value(self, column):
        type_, values = self.dialect.types[column]
        return "NULL" if self.choose.random() < 0.2 else self.dialect.cast(self.choose.choice(values), type_)

    def _insert_every(self, k):
        out = []
        if len(k.every) > ROWS_MAX // 3:
            out = [f"DELETE FROM every_{self.number} WHERE id % 2 = 0"]
            k.every -= {i for i in k.every if i % 2 == 0}
        new = k.fresh(self.choose.randint(1, 3))
        k.every.update(new)
        rows = [f"({i}, 0, {', '.join(map(self._every_value, self.dialect.types))})" for i in new]
        return [*out, f"INSERT INTO every_{self.number} VALUES " + ", ".join(rows)]

    def _update_every(self, k):
        ids = ", ".join(map(str, self._some(k.every)))
        sets = ", ".join(f"{c} = {self._every_value(c)}" for c in self._some(self.dialect.types, 8))
        return [f"UPDATE every_{self.number} SET ver = ver + 1, {sets} WHERE id IN ({ids})"] if ids else []

    def _bulk(self, k):
        """More than the source keeps in memory for a reader of its log."""
        self.counts["large"] += 1
        table = f"bulk_{self.number}"
        if k.bulk and self.choose.random() < 0.5:
            if self.choose.random() < 0.5:
                return [f"UPDATE {table} SET v = 'changed{k.fresh()[0]}'"]
            k.bulk.clear()
            return [f"DELETE FROM {table}"]
        out = [f"DELETE FROM {table}"] if k.bulk else []
        k.bulk = set(k.fresh(BULK))
        return [*out, f"INSERT INTO {table} VALUES " + ", ".join(f"({i}, 'row {i}')" for i in sorted(k.bulk))]

    def _savepoint(self, k):
        """What came after it is taken back, or kept; one within the other."""
        self._savepoints += 1
        name, inner = f"s{self._savepoints}", copy.deepcopy(k)
        acts = self.choose.choices(list(_ACTS), list(_ACTS.values()), k=self.choose.randint(1, 3))
        script = [statement for act in acts for statement in getattr(self, act)(inner)]
        k.next = inner.next  # keys are never given twice
        if self.choose.random() < 0.6:
            return [f"SAVEPOINT {name}", *script, f"ROLLBACK TO SAVEPOINT {name}"]
        vars(k).update(vars(inner))
        return [f"SAVEPOINT {name}", *script, f"RELEASE SAVEPOINT {name}"]


_CALM = ["_insert_item", "_delete_item", "_update_item", "_update_big", "_rekey_item", "_churn_item", "_insert_pair", "_update_pair", "_rekey_pair", "_insert_cut",
         "_move_cut", "_insert_wide", "_update_wide", "_insert_every", "_update_every"]
_ACTS = {a: 4 for a in _CALM} | {"_truncate_cut": 2, "_alter_wide": 6, "_bulk": 1, "_savepoint": 10}


class Workload:
    """Writers in threads of their own, until stop()."""

    def __init__(self, seed, database, dialect, writers=2):
        database.run(dialect.schema(writers))
        self.writers = [Writer(w, seed, database, dialect) for w in range(writers)]
        for w in self.writers:
            w.next_writer = self.writers[(w.number + 1) % writers]
        self.calm, self.wrong = threading.Event(), []
        self.calm.set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(w,), daemon=True) for w in self.writers]

    def start(self):
        for t in self._threads:
            t.start()

    def _work(self, writer):
        try:
            while not self._stop.is_set():
                writer.turn(self.calm.is_set())
        except Exception:  # noqa: BLE001, told by the test
            self.wrong.append(f"writer {writer.number}: {traceback.format_exc()}")
        finally:
            writer.session.close()

    def stop(self):
        self._stop.set()
        for t in self._threads:
            t.join(120)
        self.wrong += [f"writer {w.number} does not end" for w, t in zip(self.writers, self._threads) if t.is_alive()]
