"""Every state of a table, read by Spark and both releases of Trino; the readers without a server are in interop/test_states.py."""
import pytest

from harness import states
from harness.tarn import Tarn

ENGINES = [name for name in states.ICEBERG + states.DELTA if name.startswith(("spark", "trino"))]


@pytest.fixture(scope="module")
def made(tmp_path_factory, tarn_binary):
    """made(state) -> (folder of the table, its rows); each is made once."""
    known = {}

    def make(state):
        if state.name not in known:
            project = Tarn(tmp_path_factory.mktemp(state.name), tarn_binary)
            expected = states.make(state, project)
            known[state.name] = project.location("s.t"), expected
        return known[state.name]

    return make


@pytest.mark.parametrize("reader, state", [(r, s) for r in ENGINES for s in states.STATES.values() if r in s.readers()], ids=str)
def test_engines_find_the_rows(request, made, reader, state):
    engine, format_ = reader.split("_")
    location, expected = made(state)
    server = request.getfixturevalue(engine)
    told = states.verdict(reader, state, lambda: getattr(server, f"read_{format_}")(location), expected)
    assert told is None, told
