"""Orders for the fault points of build/tarn-faults (src/base/fault_point.h, tests/faults/fault_plan.h)."""
import collections
import os
import pathlib
import subprocess


def names(binary) -> list[str]:
    """The registry of fault points, as the program has it."""
    return subprocess.run([binary], env={"TARN_FAULT_LIST": "1"}, capture_output=True, text=True, check=True).stdout.split()


def trace(tarn, *args, **kw) -> collections.Counter:
    """Runs a command undisturbed: how often it came by at (point, moment)."""
    file = pathlib.Path(tarn.directory).parent / "trace"
    file.unlink(missing_ok=True)
    tarn.run(*args, env={"TARN_FAULT_TRACE": str(file)}, **kw)
    return collections.Counter(tuple(line.split()) for line in file.read_text().splitlines())


def times(count, every=bool(os.environ.get("TARN_FAULTS_EVERY"))):
    """Which of so many times are tried: the first, or all of them."""
    return range(1, count + 1) if every else [1]
