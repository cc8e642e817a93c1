"""A running `tarn up` and what its HTTP door tells."""
import json
import re
import signal
import time
import urllib.error
import urllib.request

from harness import process


class Up:
    """A running `tarn up` with its door."""

    def __init__(self, project):
        self.project, self.running = project, project.start("up")

    def __enter__(self):
        process.wait_for(lambda: self.running.logged(r"listening on (\S+):") or self.running.popen.poll() is not None, 60, "the door")
        assert self.running.popen.poll() is None, str(self.running.wait())
        self.url = self.running.logged(r"listening on (\S+):")[1]
        return self

    def __exit__(self, *_):
        began = time.monotonic()
        self.ended = self.running.kill(signal.SIGTERM)
        assert self.ended.exit_code == 0, str(self.ended)
        assert time.monotonic() - began < 10, "stopping took too long"

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def health(self):
        return json.loads(self.get("/health")[1])

    def sample(self, name):
        """A number of /metrics, by its whole name with labels; 0 where it is not there."""
        found = re.search("^" + re.escape(name) + r" (\S+)$", self.get("/metrics")[1], re.M)
        return float(found[1]) if found else 0


def eventually(condition, what):
    process.wait_for(condition, 60, what)
