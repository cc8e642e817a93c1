"""`make dist`: the tarball runs in a bare Debian 12, wherever it is unpacked, and says what it carries."""
import hashlib
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

from harness import debian

DIST = pathlib.Path(__file__).resolve().parents[2] / "dist"


@pytest.fixture(scope="module")
def tarball():
    """$TARN_DIST or the one below dist/."""
    found = [pathlib.Path(os.environ["TARN_DIST"])] if os.environ.get("TARN_DIST") else sorted(DIST.glob("tarn-*-linux-x86_64.tar.gz"))
    if len(found) != 1 or not found[0].is_file():
        pytest.fail(f"expected one tarball in {DIST}, found {len(found)}: make dist, or set TARN_DIST", pytrace=False)
    return found[0]


@pytest.fixture(scope="module")
def unpacked(tarball, tmp_path_factory):
    place = tmp_path_factory.mktemp("some where")
    with tarfile.open(tarball) as tar:
        tar.extractall(place, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(place)
    (top,) = place.iterdir()
    return top


@pytest.fixture(scope="module")
def bare(tarball, tmp_path_factory):
    with debian.bare(tmp_path_factory.mktemp("root")) as system:
        subprocess.run(debian.as_root("cp", tarball, system.root / "root/tarn.tar.gz"), check=True)
        system.run("mkdir", "-p", "/opt/any place")
        system.run("tar", "-C", "/opt/any place", "--strip-components=1", "-xzf", "/root/tarn.tar.gz")
        yield system


TARN = "/opt/any place/bin/tarn"


def test_a_bare_system_misses_no_library(bare):
    found = bare.run("ldd", TARN)
    assert "not found" not in found
    # Of the system come only glibc and the compiler's runtime.
    others = {line.split()[0] for line in found.splitlines() if "=>" in line and "/opt/any place/" not in line}
    assert others <= {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libresolv.so.2", "libstdc++.so.6", "libgcc_s.so.1"}, found


def test_a_bare_system_runs_a_lake(bare, tarball):
    version = bare.run(TARN, "--version").split()[-1]
    assert tarball.name == f"tarn-{version}-linux-x86_64.tar.gz"

    bare.run(TARN, "init", "pagila", "/root/pagila")
    assert "minio" in bare.run("cat", "/root/pagila/tarn.yaml")

    bare.run("mkdir", "/root/shop")
    bare.run("sh", "-c", "echo 'name: shop' > tarn.yaml", cwd="/root/shop")
    sql = lambda text: bare.run(TARN, "sql", "--format", "csv", "-c", text, cwd="/root/shop").split()  # noqa: E731
    bare.run(TARN, "apply", "-y", cwd="/root/shop")
    assert sql("SELECT 1 AS one") == ["one", "1"]
    sql("CREATE SCHEMA lake.gold")
    sql("CREATE TABLE lake.gold.squares AS SELECT i, i * i AS square, 'row ' || i AS text FROM range(1000) t(i)")
    sql("INSERT INTO lake.gold.squares VALUES (-1, 1, NULL)")
    assert sql("SELECT count(*) AS n, sum(square) AS s, count(text) AS t FROM lake.gold.squares") == ["n,s,t", "1001,332833501,1000"]
    # Both formats stand there for other readers.
    (table,) = {line.rsplit("/_delta_log/", 1)[0] for line in bare.run("find", "/root/shop/warehouse", "-name", "*.json").split() if "/_delta_log/" in line}
    assert "version-hint.text" in bare.run("ls", f"{table}/metadata")


def test_it_finds_its_own_libraries_and_only_those(unpacked):
    program = unpacked / "bin/tarn"
    dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic) == ["$ORIGIN/../lib"]
    assert ".symtab" not in subprocess.run(["readelf", "-S", "-W", program], capture_output=True, text=True, check=True).stdout
    # Nothing of the machine that built it is in reach or named.
    asked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, env={"LD_LIBRARY_PATH": "/nowhere"}).stdout
    assert str(unpacked / "lib/libduckdb.so") in asked.replace("bin/../", "")
    assert os.fsencode(pathlib.Path(__file__).resolve().parents[2]) not in program.read_bytes()


def _headings(page: pathlib.Path) -> set[str]:
    """What a link to a heading of this Markdown page has after its #."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", page.read_text(), re.M)}


def test_it_says_what_it_carries(unpacked, tarball):
    notice = (unpacked / "NOTICE").read_text()
    libraries = {str(p.relative_to(unpacked / "lib")) for p in (unpacked / "lib").rglob("*") if not p.is_dir()}
    told = dict(re.findall(r"^  lib/(\S+) .* licenses/(\S+)$", notice, re.M))
    assert set(told) == libraries
    for package in told.values():
        assert any(p.stat().st_size for p in (unpacked / "licenses" / package).iterdir()), package
    assert "Apache License" in (unpacked / "LICENSE").read_text()
    readme = (unpacked / "README.md").read_text()
    for link in re.findall(r"\]\(([^):]+)\)", readme):
        page, _, heading = link.partition("#")
        assert (unpacked / page).exists(), link
        assert not heading or heading in _headings(unpacked / page), link
    assert "make build" not in readme and "build:$PATH" not in readme
    digest, name = pathlib.Path(f"{tarball}.sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(tarball.read_bytes()).hexdigest(), tarball.name)


def test_nothing_in_it_tells_who_made_it(tarball):
    with tarfile.open(tarball) as tar:
        members = tar.getmembers()
    assert {(m.uname, m.gname, m.uid, m.gid) for m in members} == {("root", "root", 0, 0)}
    assert len({m.mtime for m in members}) == 1
    assert {m.mode for m in members} <= {0o755, 0o644}
    assert all(m.name.split("/")[0] == members[0].name and (m.isfile() or m.isdir()) for m in members)
