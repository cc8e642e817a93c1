"""Every state of a table, read by every reader that needs no server; Spark and Trino are in engines/test_states.py."""
import pathlib

import pytest

from harness import readers, states

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/formats/readers.md"


@pytest.mark.parametrize("state", states.STATES.values(), ids=str)
def test_every_reader_finds_the_rows(project, state):
    expected = states.make(state, project)
    location = project.location("s.t")
    told = [states.verdict(name, state, lambda r=reader: r.read(location), expected)
            for name, reader in readers.READERS.items() if name in state.readers()]
    assert not [t for t in told if t]


def test_the_document_says_what_the_tests_found():
    assert states.document_table() in DOCUMENT.read_text(), f"put this into {DOCUMENT.name}:\n{states.document_table()}"
