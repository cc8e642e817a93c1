"""The stopwatch of all benchmarks: wall time, CPU seconds of the whole process tree and of a server beside it, peak memory.

These machines are noisy: believe CPU seconds and the ratios of one run, not wall times of different days.
"""
import dataclasses
import os
import platform
import resource
import subprocess
import threading
import time

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _processes():
    """pid → (parent, CPU seconds with those of children that were waited for, resident bytes)"""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = open(f"/proc/{name}/stat").read()
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            found[int(name)] = (int(fields[1]), sum(map(int, fields[11:15])) / _TICK, int(fields[21]) * _PAGE)
    return found


def _tree(root, processes):
    tree, grown = {root}, True
    while grown:
        more = {pid for pid, (parent, *_) in processes.items() if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return [pid for pid in tree if pid in processes]


def cpu_of(pid):
    processes = _processes()
    return sum(processes[p][1] for p in _tree(pid, processes))


@dataclasses.dataclass
class Run:
    wall_s: float
    cpu_s: float
    server_cpu_s: float
    peak_mb: float


def measure(command, server_pid, **kw):
    """Runs a command to its end; a failure is an exception with its last words."""
    server, before, start = cpu_of(server_pid), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    child = subprocess.Popen(command, **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True} | kw)
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            processes = _processes()
            peak[0] = max(peak[0], sum(processes[p][2] for p in _tree(child.pid, processes)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    errors = child.communicate()[1]
    wall = time.monotonic() - start
    done.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}: {errors[-1000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, cpu_of(server_pid) - server, peak[0] / 1e6)


def median(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    line = lambda row: "  ".join(str(cell).ljust(w) if i == 0 else str(cell).rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
    print(line(head))
    print("  ".join("-" * w for w in widths))
    for row in rows:
        print(line(row))
