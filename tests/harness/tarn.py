"""The command `tarn` in one project folder."""
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import threading

import pyarrow as pa
import pyarrow.ipc

from . import process


@dataclasses.dataclass
class Result:
    args: list[str]
    exit_code: int  # minus the signal's number when killed
    stdout: str
    stderr: str

    def __str__(self):
        return f"tarn {' '.join(self.args)} ended with {self.exit_code}\n--- stdout\n{self.stdout[-4000:]}\n--- stderr\n{self.stderr[-4000:]}"

    def rows(self):
        return json.loads(self.stdout)


class Tarn:
    def __init__(self, directory, binary, env=None):
        self.directory, self.binary = pathlib.Path(directory), pathlib.Path(binary)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TARN_", "PG"))} | (env or {})

    # --- the folder
    def write(self, path, text):
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def yaml(self, text):
        return self.write("tarn.yaml", text)

    # --- commands
    def run(self, *args, check=0, env=None, timeout=120, stdin=None, **popen):
        """check: the exit code that must come, or None for any."""
        p = subprocess.run([self.binary, *args], cwd=self.directory, env=self.env | (env or {}), input=stdin, capture_output=True, timeout=timeout, **popen)
        r = Result(list(args), p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace"))
        assert check is None or r.exit_code == check, str(r)
        return r

    def apply(self, **kw):
        return self.run("apply", "-y", **kw)

    def plan(self, **kw):
        return self.run("plan", **kw)

    def sql(self, query, format="json", **kw):
        """Rows as a list of objects (json), or text."""
        r = self.run("sql", "-c", query, "--format", format, **kw)
        return r.rows() if format == "json" else r.stdout

    def arrow(self, query, **kw) -> pa.Table:
        p = subprocess.run([self.binary, "sql", "-c", query, "--format", "arrow"], cwd=self.directory, env=self.env, capture_output=True, timeout=120, **kw)
        assert p.returncode == 0, p.stderr.decode(errors="replace")
        return pa.ipc.open_stream(p.stdout).read_all()

    def location(self, table) -> str:
        """The folder of a table, as `tarn show` tells it: a plain path, or s3://…"""
        shown = json.loads(self.run("show", table, "--json").stdout)
        return shown["location"].removeprefix("file://")

    def iceberg_version(self, table) -> int:
        schema, name = table.split(".")
        return self.sql(f"SELECT format_version AS v FROM system.tables WHERE schema_name = '{schema}' AND table_name = '{name}'")[0]["v"]

    # --- being killed
    def start(self, *args, env=None):
        """A running command whose two outputs are collected while it runs."""
        return Running(self, list(args), self.env | (env or {}))

    def kill_when(self, condition, *args, seconds=60, env=None):
        """Starts the command and kills it (SIGKILL) as soon as condition(running) is true. False when it ended before that."""
        running = self.start(*args, env=env)
        try:
            process.wait_for(lambda: condition(running) or running.popen.poll() is not None, seconds, f"the moment to kill `tarn {' '.join(args)}`")
            killed = running.popen.poll() is None
        finally:
            running.kill()
        return killed


class Running:
    def __init__(self, tarn, args, env):
        self.args, self.directory = args, tarn.directory
        self.popen = subprocess.Popen([tarn.binary, *args], cwd=tarn.directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      start_new_session=True)
        self.output = {"stdout": "", "stderr": ""}
        self._threads = [threading.Thread(target=self._collect, args=(n,), daemon=True) for n in self.output]
        for t in self._threads:
            t.start()

    def _collect(self, name):
        for line in getattr(self.popen, name):
            self.output[name] += line.decode(errors="replace")

    def logged(self, pattern):
        return re.search(pattern, self.output["stderr"])

    def wait(self, seconds=120) -> Result:
        self.popen.wait(seconds)
        for t in self._threads:
            t.join(10)
        return Result(self.args, self.popen.returncode, **self.output)

    def kill(self, sig=signal.SIGKILL) -> Result:
        try:
            os.killpg(self.popen.pid, sig)
        except ProcessLookupError:
            pass
        return self.wait(30)


def logged(pattern):
    return lambda running: running.logged(pattern)


def standing(directory, glob):
    """The files of that pattern below the directory, while a command makes and removes folders there: a walk that lost the
    folder under its feet (pathlib's ends with FileNotFoundError) is walked again."""
    while True:
        try:
            return list(pathlib.Path(directory).glob(glob))
        except FileNotFoundError:
            continue


def appears(directory, glob):
    """A condition: a file of that pattern stands below the directory."""
    return lambda running: next(iter(standing(directory, glob)), None)


def after(seconds):
    """A condition: that much of the command's own time has passed."""
    import time
    begin = time.monotonic()
    return lambda running: time.monotonic() - begin >= seconds
