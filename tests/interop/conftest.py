"""Fixtures of tables that other writers make."""
import pytest


@pytest.fixture
def catalog(tmp_path):
    """A catalog of pyiceberg's, whose tables stand in the folder `foreign`."""
    from pyiceberg.catalog.sql import SqlCatalog
    (tmp_path / "foreign").mkdir()
    c = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/foreign")
    c.create_namespace("n")
    return c
