"""Project files that several tests use."""


def warehouse(s3=None, bucket=None):
    """The lines of tarn.yaml that say where the lake lies."""
    if s3:
        return f"warehouse: s3://{bucket}/lake\nstate: ./state\n{s3.tarn_yaml()}"
    return "warehouse: ./warehouse\nstate: ./state\n"


def mirror(url_variable, tables, where, extra=""):
    """A project of one PostgreSQL source, loaded once into bronze."""
    listed = ", ".join("'" + t.replace("'", "''") + "'" for t in tables)
    return (f"name: shop\ncatalog: lake\n{where}sources:\n  postgres:\n    type: postgres\n    url: ${{{url_variable}}}\n"
            f"    tables: [{listed}]\n    mode: snapshot\n    into: bronze\n{extra}")


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


def lake_name(table, schema="bronze"):
    """As SQL and the command take it."""
    return f"{schema}.{identifier(table)}"
