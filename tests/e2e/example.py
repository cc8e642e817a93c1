"""The Pagila example as a user has it: written by `tarn init`, with its own database running."""
import contextlib
import pathlib
import subprocess

from harness.tarn import Tarn

ROOT = pathlib.Path(__file__).resolve().parents[2]


def database(folder, *args, check=True):
    return subprocess.run(["./database.sh", *args], cwd=folder, capture_output=True, text=True, timeout=120, check=check)


@contextlib.contextmanager
def initialised(parent, binary):
    Tarn(parent, binary).run("init", "pagila")
    folder = parent / "pagila"
    database(folder, "start")
    try:
        yield Tarn(folder, binary, {"PAGILA_URL": database(folder, "url").stdout.strip()})
    finally:
        database(folder, "stop")
