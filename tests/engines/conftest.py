"""Spark and Trino, one of each for the whole session."""
import pytest

from harness import engines


@pytest.fixture(scope="session")
def spark():
    with engines.spark() as engine:
        yield engine


@pytest.fixture(scope="session")
def trino(s3):
    with engines.trino(s3) as engine:
        yield engine


@pytest.fixture(params=["spark", "trino"])
def engine(request):
    """(name, engine)"""
    return request.param, request.getfixturevalue(request.param)
