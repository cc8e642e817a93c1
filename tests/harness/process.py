"""Child processes that never outlive the test run: each gets a session of its own and dies with the thread that started it."""
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Child:
    """A server process. Start it, wait_until() it is ready, stop() it: the stop signal first, SIGKILL to the whole group after a grace."""

    def __init__(self, cmd, log: pathlib.Path, *, env=None, cwd=None, user=None, death_signal=signal.SIGKILL):
        parent = os.getpid()

        def before_exec():  # runs after the change of user, which would clear the death signal
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        self.cmd, self.log = list(map(str, cmd)), pathlib.Path(log)
        as_user = dict(user=user.pw_uid, group=user.pw_gid, extra_groups=[]) if user else {}
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(self.cmd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd, start_new_session=True,
                                          preexec_fn=before_exec, **as_user)

    @property
    def pid(self):
        return self.popen.pid

    def tail(self, size=3000):
        return self.log.read_text(errors="replace")[-size:]

    def wait_until(self, ready, seconds):
        """Until ready() is true; a process that ended or a passed deadline is an error with the end of its log."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.cmd[0]} ended with {self.popen.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise TimeoutError(f"{self.cmd[0]} was not ready after {seconds} s:\n{self.tail()}")
            time.sleep(0.02)
        return self

    def stop(self, sig=signal.SIGTERM, grace=20):
        if self.popen.poll() is None:
            self.popen.send_signal(sig)
            try:
                self.popen.wait(grace)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()


def wait_for(condition, seconds, what):
    """The first true value of condition(); asks every 5 ms."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(0.005)
    return value


def highest_memory(pid) -> int:
    """VmHWM in bytes: the most memory that the process had since its exec, unlike ru_maxrss, which knows its parent's too. 0 when it has ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return max((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), default=0)


def peak_bytes(popen) -> int:
    """The most memory that a process ever had, read while it lives; waits for its end."""
    peak = 0
    while popen.poll() is None:
        peak = max(peak, highest_memory(popen.pid))
        try:
            popen.wait(0.05)
        except subprocess.TimeoutExpired:
            pass
    return peak
