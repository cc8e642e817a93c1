"""The real Pagila data set, from ../shared/data/pagila beside the repository (or $TARN_SHARED/data/pagila).

It is not part of the repository; the `pagila` example ships a small data set of its own.
"""
import os
import pathlib

from . import fetch, servers

TABLES = ["actor", "address", "category", "city", "country", "customer", "film", "film_actor", "film_category", "inventory", "language",
          "payment", "rental", "staff", "store"]  # payment is partitioned by month: one table to its readers


def directory() -> pathlib.Path:
    shared = pathlib.Path(os.environ.get("TARN_SHARED") or pathlib.Path(__file__).resolve().parents[2].parent / "shared")
    d = shared / "data/pagila"
    if not (d / "pagila-data.sql").exists():
        raise fetch.Missing("this test needs the Pagila data set (pagila-schema.sql, pagila-data.sql), which is not in the repository: "
                            "put it into ../shared/data/pagila, or set TARN_SHARED to the folder that holds data/pagila")
    return d


def template(server: servers.Postgres) -> str:
    """The name of a database that holds Pagila, loaded once per server: copy it with server.database(template=…)."""
    name = "pagila_template"
    if not server.has_database(name):
        source = directory()
        server.create_database(name + "_part")
        server.psql(source / "pagila-schema.sql", source / "pagila-data.sql", database=name + "_part")
        server.execute("ANALYZE", name + "_part")
        server.execute(f"ALTER DATABASE {name}_part RENAME TO {name}")
    return name
