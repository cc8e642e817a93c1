"""Fixtures of the Python tests: real servers for the whole session, a Tarn project for each test."""
import os
import pathlib

import pytest

from harness import capture, fetch, pagila, servers
from harness.tarn import Tarn


@pytest.fixture(scope="session")
def tarn_binary():
    """$TARN or build/tarn. Its absence fails the test that asked: nothing is skipped."""
    binary = pathlib.Path(os.environ.get("TARN") or pathlib.Path(__file__).resolve().parents[1] / "build/tarn")
    if not os.access(binary, os.X_OK):
        pytest.fail(f"{binary} is missing: build it first (make), or set TARN to the binary", pytrace=False)
    return binary


@pytest.fixture(scope="session")
def tarn_faults_binary(tarn_binary):
    """The same program, which takes orders for its fault points: beside it, or in $TARN_BUILD."""
    binary = pathlib.Path(os.environ.get("TARN_BUILD") or tarn_binary.parent) / "tarn-faults"
    if not os.access(binary, os.X_OK):
        pytest.fail(f"{binary} is missing: build it with -DBUILD_TESTING=ON, target tarn-faults", pytrace=False)
    return binary


@pytest.fixture(scope="session")
def postgres15():
    with servers.postgres(15) as server:
        yield server


@pytest.fixture(scope="session")
def postgres18():
    with servers.postgres(18) as server:
        yield server


@pytest.fixture(scope="session", params=[15, 18], ids=["postgres15", "postgres18"])
def postgres(request):
    """Every supported server in turn."""
    return request.getfixturevalue(f"postgres{request.param}")


@pytest.fixture(scope="session")
def mysql8():
    with servers.mysql("mysql") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb():
    with servers.mysql("mariadb") as server:
        yield server


@pytest.fixture(scope="session", params=["mysql8", "mariadb"], ids=["mysql", "mariadb"])
def mysql(request):
    """MySQL 8.0.15 and MariaDB 10.11 in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["postgres15", "postgres18", "mysql8", "mariadb"])
def followed(request):
    """An empty database of one test, in every kind of server whose log is read."""
    server = request.getfixturevalue(request.param)
    with server.database() as name:
        yield capture.Database(server, name)


@pytest.fixture(scope="session")
def clock_shift(tarn_binary):
    """The library by which a process's wall clock is set from outside."""
    library = pathlib.Path(os.environ.get("TARN_BUILD") or tarn_binary.parent) / "libclock_shift.so"
    if not library.exists():
        pytest.fail(f"{library} is missing: build it with -DBUILD_TESTING=ON, target clock_shift", pytrace=False)
    return library.resolve()


@pytest.fixture(scope="session")
def s3():
    with servers.s3() as server:
        yield server


@pytest.fixture
def database(postgres18):
    """(server, name) of an empty database of one test."""
    with postgres18.database() as name:
        yield postgres18, name


@pytest.fixture(scope="session")
def pagila_database(postgres):
    """(server, name) of the real Pagila; tests do not change it."""
    try:
        return postgres, pagila.template(postgres)
    except fetch.Missing as e:
        pytest.fail(str(e), pytrace=False)


@pytest.fixture
def project(tmp_path, tarn_binary):
    """An empty project folder and the command that works in it."""
    (tmp_path / "project").mkdir()
    return Tarn(tmp_path / "project", tarn_binary)
