"""What the tests of `mode: cdc` share: a database that is followed, whatever server it lies in, and what the lake has to be afterwards."""
import dataclasses
import typing

from . import readers, servers


@dataclasses.dataclass(frozen=True)
class Database:
    """One database of a server, of which tests need not know the kind."""
    server: typing.Any  # servers.Postgres | servers.Mysql
    name: str

    @property
    def kind(self) -> str:
        return "postgres" if isinstance(self.server, servers.Postgres) else self.server.kind

    @property
    def is_postgres(self):
        return self.kind == "postgres"

    def run(self, *scripts):
        """Each with one or more statements. Those of one script are one transaction in PostgreSQL, unless they say BEGIN and COMMIT."""
        for script in scripts:
            (self.server.execute if self.is_postgres else self.server.query)(script, self.name)

    def query(self, statement):
        """Rows; of MySQL and MariaDB every value as text, NULL as the word."""
        return self.server.query(statement, self.name)

    def count(self, table) -> int:
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def url(self) -> str:
        return self.server.url(self.name)

    def table(self, name) -> str:
        """As `tables:` and messages have it."""
        return f"{'public' if self.is_postgres else self.name}.{name}"

    def follow(self, project, more="", tables=("*",), source="", head=""):
        """Writes the project that follows it into `bronze`, as source `crm`: lines of the project before and after, and keys of the source."""
        project.env["SHOP_DB"] = self.url()
        listed = ", ".join(f'"{self.table(t)}"' for t in tables)
        project.yaml(f"name: shop\nserve: {{http: off}}\n{head}sources:\n  crm:\n    type: {'postgres' if self.is_postgres else 'mysql'}\n    url: ${{SHOP_DB}}\n"
                     f"    tables: [{listed}]\n    mode: cdc\n{source}{more}")

    def slots(self) -> int:
        """Replication slots that hold the log of this database."""
        return self.query(f"SELECT count(*) FROM pg_replication_slots WHERE database = '{self.name}'")[0][0] if self.is_postgres else 0


def assert_equal(project, source, tables=("item", "sale"), without=()):
    """Every value, by `tarn check` (count and hash), and row counts by every other reader. `source`: (server, name)."""
    database = Database(*source)
    project.run("check")
    for table in tables:
        expected = database.count(table)
        for reader in readers.READERS.values():
            if reader.name in without:
                continue
            assert reader.read(project.location(f"bronze.{table}")).num_rows == expected, f"{table} read by {reader.name}"


# --- histories (<table>__changes)

ORDER = "ORDER BY _log_order, _ordinal, _op <> 'update_preimage'"


def changes(project, table, columns, where="_op <> 'snapshot'"):
    """Rows of a history in its order, as lists."""
    rows = project.sql(f"SELECT _op, {columns} FROM lake.bronze.{table}__changes WHERE {where} {ORDER}")
    return [list(row.values()) for row in rows]


# The rows that a history comes to: of every key the last word since the last time that all rows went.
FOLDED = """
WITH history AS (SELECT *, row_number() OVER (ORDER BY _log_order, _ordinal, _op <> 'update_preimage') AS place FROM lake.bronze.{table}__changes),
     begun AS (SELECT coalesce(max(place), 0) AS place FROM history WHERE _op IN ('truncate', 'reload')),
     last AS (SELECT * FROM history WHERE place > (SELECT place FROM begun) QUALIFY row_number() OVER (PARTITION BY id ORDER BY place DESC) = 1)
"""


def assert_folds_to_the_mirror(project, table, columns):
    """The history of a table with the key `id` tells its rows, each as often as it stands there."""
    folded = FOLDED.format(table=table)
    mirror = f"SELECT {columns} FROM lake.bronze.{table}"
    of_history = f"SELECT {columns} FROM last WHERE _op NOT IN ('delete', 'update_preimage')"
    assert project.sql(f"{folded} SELECT count(*) AS n FROM ({mirror} EXCEPT ALL {of_history})") == [{"n": 0}], table
    assert project.sql(f"{folded} SELECT count(*) AS n FROM ({of_history} EXCEPT ALL {mirror})") == [{"n": 0}], table


def assert_each_change_once(project, table):
    """No place of the log stands twice in the history."""
    told = project.sql(f"SELECT count(*) AS n, count(DISTINCT (_position, _ordinal)) AS places FROM lake.bronze.{table}__changes "
                       "WHERE _op NOT IN ('snapshot', 'update_preimage')")[0]
    assert told["n"] == told["places"], f"changes of {table} are doubled in the history: {told}"
    return told["n"]
