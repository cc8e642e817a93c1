"""A bare Debian 12: what debootstrap makes of the packages that the distribution calls required, and nothing else."""
import contextlib
import hashlib
import os
import pathlib
import re
import subprocess
import tempfile

RELEASE = "bookworm"


class Bare:
    """The root of such a system. Programs in it see no network, no process but their own, and /proc."""

    def __init__(self, root: pathlib.Path):
        self.root = root

    def run(self, *command, check=0, cwd="/root", timeout=120):
        """check: the exit code that must come."""
        environment = ["env", "-i", "-C", cwd, "PATH=/usr/bin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]
        p = subprocess.run(as_root("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc", "chroot", self.root,
                                   *environment, *command), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        assert p.returncode == check, f"{command} ended with {p.returncode}\n--- stdout\n{p.stdout[-4000:]}\n--- stderr\n{p.stderr[-4000:]}"
        return p.stdout


def as_root(*command):
    command = [str(c) for c in command]
    return command if os.geteuid() == 0 else ["sudo", "-n", *command]


def mirror():
    """Where this machine's apt gets the release from."""
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"],
                             capture_output=True, text=True, check=True).stdout
    for line in targets.splitlines():
        uri, codename, component = line.split()
        if codename == RELEASE and component == "main":
            return uri
    raise RuntimeError(f"apt of this machine knows no mirror of Debian {RELEASE}:\n{targets}")


def proxy():
    """The proxy that apt goes through, as wget wants it."""
    shell = subprocess.run(["apt-config", "shell", "p", "Acquire::http::Proxy"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"p='(.+)'", shell)
    return {"http_proxy": found[1]} if found else {}


def archive():
    """A tarball of the root, made once per mirror and kept in the cache."""
    cache = pathlib.Path(os.environ.get("TARN_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tarn")
    source = mirror()
    kept = cache / f"debian-{RELEASE}-{hashlib.sha256(source.encode()).hexdigest()[:12]}.tar"
    if kept.exists():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with folder(cache) as root, tempfile.NamedTemporaryFile(dir=cache) as made:
        environment = [f"{k}={v}" for k, v in proxy().items()]
        p = subprocess.run(as_root("env", *environment, "debootstrap", "--variant=minbase", RELEASE, root, source), stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        if p.returncode != 0:
            raise RuntimeError(f"debootstrap failed:\n{p.stdout[-4000:]}")
        subprocess.run(as_root("tar", "-C", root, "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "-cf", made.name, "."), check=True)
        os.link(made.name, kept.with_name(f"{kept.name}.{os.getpid()}"))
        kept.with_name(f"{kept.name}.{os.getpid()}").rename(kept)
    return kept


@contextlib.contextmanager
def folder(above):
    path = pathlib.Path(tempfile.mkdtemp(prefix=".debian-", dir=above))
    path.chmod(0o755)
    try:
        yield path
    finally:
        subprocess.run(as_root("rm", "-rf", "--one-file-system", path), check=True)


@contextlib.contextmanager
def bare(above):
    with folder(above) as root:
        subprocess.run(as_root("tar", "-C", root, "-xf", archive()), check=True)
        yield Bare(root)
