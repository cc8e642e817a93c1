#!/usr/bin/env python3
"""Packs a built Tarn into a tarball that runs wherever it is unpacked: dist/tarn-<version>-linux-x86_64.tar.gz.

Usage: tools/dist.py [--build FOLDER] [--output FOLDER]     default: build, dist
The archive holds one folder: bin/tarn (stripped), lib/ with every shared library that it needs, LICENSE, NOTICE, licenses/
of what is carried, README.md and the documents that it links to. glibc and the compiler's runtime are the system's: a bare
Debian 12 has them, and so has whatever is newer. The same build gives the same bytes.
"""

import argparse
import gzip
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What the system brings: the loader and all that belongs to it must be of one version, and the compiler's runtime is as
# old as the compiler or newer.
OF_THE_SYSTEM = re.compile(
    r"(ld-linux-x86-64|lib(c|m|dl|rt|pthread|resolv|util|anl|nsl|nss_\w+|stdc\+\+|gcc_s))\.so(\.\d+)*$|linux-vdso\.so\.1$"
)

README_HEAD = """\
# Tarn {version}

Unpack this folder anywhere on an x86-64 Linux with glibc 2.36 or newer (Debian 12, Ubuntu 23.04, Fedora 37 and later) and put
`bin` on the path:

```sh
export PATH="$PWD/bin:$PATH"
tarn --version
tarn init pagila
```

Nothing has to be installed: `lib` holds every library that Tarn needs, and the examples are compiled in. To reach servers
with TLS, the certificates of the system are used (Debian: the package `ca-certificates`). What is carried, and under which
licences, is told in `NOTICE` and `licenses`.

"""


def run(*command, env=None):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, check=False)
    if result.returncode != 0:
        sys.exit(f"dist: failed: {' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def libraries_of(program):
    """{name as it is asked for: file} of every shared library that has to be carried."""
    found = {}
    for line in run("ldd", program).splitlines():
        match = re.match(r"\s*(\S+) => (/\S+) \(0x", line)
        if match and not OF_THE_SYSTEM.match(match[1]):
            found[match[1]] = pathlib.Path(match[2]).resolve()
        elif "not found" in line:
            sys.exit(f"dist: {program}:{line}")
    return found


def package_of(library):
    """(package, version, source package, copyright file) of a library of Debian; None for any other."""
    # Of a file below /usr/lib some packages were told as below /lib.
    for name in (library, str(library).removeprefix("/usr")):
        owner = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if owner.returncode == 0:
            package = owner.stdout.split(":")[0]
            query = run("dpkg-query", "-W", "-f", "${Version} ${source:Package}\n", package).splitlines()[0]
            version, source = query.split()
            return package, version, source, pathlib.Path(f"/usr/share/doc/{package}/copyright")
    return None


def licences_of_archive(library):
    """(name of the pinned archive, its licence files) of a library that tools/fetch_deps.py unpacked."""
    folder = library.parent.parent
    texts = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name.startswith(("LICENSE", "NOTICE"))]
    if not texts:
        sys.exit(f"dist: {library} is of no package, and {folder} holds no licence: run tools/setup.sh build")
    return re.sub(r"-[0-9a-f]{12}$", "", folder.name), texts


def login_plugins(libraries):
    """{path below lib/: file} of what libmariadb loads by itself: a login of MySQL or MariaDB is a file each."""
    found = {}
    for name, library in libraries.items():
        if name.startswith("libmariadb.so"):
            for plugin in sorted(library.parent.glob("libmariadb3/plugin/*.so")):
                found[f"libmariadb3/plugin/{plugin.name}"] = plugin
                found |= libraries_of(plugin)
    return found


def carry_libraries(program, stage):
    """Copies libraries and licences; the lines that NOTICE has to say of them."""
    lines = []
    (stage / "lib").mkdir()
    libraries = libraries_of(program)
    for name, library in sorted((login_plugins(libraries) | libraries).items()):
        target = stage / "lib" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, target)
        target.chmod(0o755)
        package = package_of(library)
        if package:
            binary, version, source, copyright_file = package
            origin, texts = f"Debian {source} {version}", [copyright_file]
            folder = stage / "licenses" / binary
        else:
            origin, texts = licences_of_archive(library)
            folder = stage / "licenses" / origin
        folder.mkdir(parents=True, exist_ok=True)
        for text in texts:
            shutil.copyfile(text, folder / text.name)
        lines.append(f"  lib/{name:<26} {origin:<44} licenses/{folder.name}")
    return lines


def headers_only():
    """Packages that are compiled in, as tools/packages.txt names them; their copyright files are carried as well."""
    for line in (ROOT / "tools/packages.txt").read_text().splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[0] == "build" and re.match(r"(lib(fmt|spdlog|simdjson|cli11|roaring|boost)|nlohmann-json)", fields[1]):
            yield fields[1]


def write_notice(stage, lines):
    for package in headers_only():
        text = pathlib.Path(f"/usr/share/doc/{package}/copyright")
        if text.exists():
            (stage / "licenses" / package).mkdir(exist_ok=True)
            shutil.copyfile(text, stage / "licenses" / package / "copyright")
    notice = (ROOT / "NOTICE").read_text().rstrip()
    (stage / "NOTICE").write_text(
        f"{notice}\n\nThe shared libraries of this distribution are unchanged files of the packages named here. Each may be\n"
        "replaced by another build of the same library. The sources of Debian's packages are at snapshot.debian.org.\n\n"
        + "\n".join(lines)
        + "\n"
    )


def write_readme(stage, version):
    """The parts of README.md that speak to those who use Tarn, and what they link to."""
    text = (ROOT / "README.md").read_text()
    begin, end = text.index("## What Tarn is"), text.index("## Building and testing")
    excerpt = text[begin:end].replace('PATH="$PWD/build:$PATH"', 'PATH="$PWD/bin:$PATH"').rstrip() + "\n"
    (stage / "README.md").write_text(README_HEAD.format(version=version) + excerpt)
    shutil.copytree(ROOT / "docs", stage / "docs")


def pack(stage, archive):
    """A tarball in which nothing tells when, where and by whom it was made."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "-C", ROOT, "log", "-1", "--format=%ct"))

    def plain(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = epoch
        info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
        return info

    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(".unfinished")
    with open(unfinished, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=epoch) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar:
            tar.add(stage, stage.name, filter=plain)  # sorted, folder by folder
    unfinished.rename(archive)
    with open(archive, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(f"{digest}  {archive.name}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "dist")
    options = parser.parse_args()
    if platform.machine() != "x86_64":
        sys.exit(f"dist: the libraries are for x86_64, this is {platform.machine()}")
    program = options.build / "tarn"
    if not program.is_file():
        sys.exit(f"dist: there is no {program}: make build")
    version = run(program, "--version").split()[-1]
    archive = options.output.resolve() / f"tarn-{version}-linux-x86_64.tar.gz"
    with tempfile.TemporaryDirectory(prefix="tarn-dist-") as folder:
        stage = pathlib.Path(folder) / f"tarn-{version}"
        run("cmake", "--install", options.build, "--prefix", stage, "--strip")
        lines = carry_libraries(program, stage)
        shutil.copyfile(ROOT / "LICENSE", stage / "LICENSE")
        write_notice(stage, lines)
        write_readme(stage, version)
        pack(stage, archive)
    print(f"{archive}: {archive.stat().st_size / 1e6:.0f} MB, {len(lines)} libraries")


if __name__ == "__main__":
    main()
