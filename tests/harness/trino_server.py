"""Trino, started once, reading tables by their folder like the readers of readers.py. Two releases, for each is the last of its kind:

    with trino(s3) as t: t.read_iceberg(location); t.read_delta(location)   476: Iceberg up to version 2, and Delta; a real server
    with trino_next() as t: t.read_iceberg(location)                        483: Iceberg up to version 3; a server of its libraries

Both hand back Arrow tables whose temporal columns are exact. Limits of theirs, which tests must leave room for: Trino gives column names in
lower case, and its timestamps with time zone end in the year 73326.
"""
import contextlib
import decimal
import os
import pathlib
import re
import signal
import sys
import threading
import uuid

import pyarrow as pa

from . import fetch, process, servers, values


class Trino:
    def __init__(self, port):
        self.port = port
        self.announced = threading.Event()  # never set: waiting for it is a pause

    def query(self, statement):
        import trino
        with contextlib.closing(trino.dbapi.connect(host="127.0.0.1", port=self.port, user="tests", catalog="iceberg", schema="s")) as c:
            for _ in range(60):
                try:
                    cursor = c.cursor()
                    cursor.execute(statement)
                    return cursor.fetchall()
                except trino.exceptions.TrinoQueryError as e:
                    if e.error_name != "NO_NODES_AVAILABLE":  # a starved machine: the node is back with its next announcement
                        raise
                    self.announced.wait(0.5)
            raise TimeoutError("Trino had no node for half a minute")

    def _read(self, catalog, location, point=""):
        """Registers the folder under a fresh name, so nothing that Trino remembers of an earlier look can answer."""
        name = f"{catalog}.s.t{uuid.uuid4().hex}"
        where = (location if "://" in location else f"file://{location}").replace("'", "''")
        self.query(f"CALL {catalog}.system.register_table('s', '{name.split('.')[-1]}', '{where}')")
        try:
            return self.table(name, point)
        finally:
            self.query(f"CALL {catalog}.system.unregister_table('s', '{name.split('.')[-1]}')")

    def table(self, name, point=""):
        columns = self.query(f"DESCRIBE {name}")
        kinds = [_Kind(c[1]) for c in columns]
        if not columns:
            return pa.table({})
        exact = ", ".join(k.exact('"' + c[0].replace('"', '""') + '"') for c, k in zip(columns, kinds))
        found = self.query(f"SELECT {exact} FROM {name} {point}")
        return pa.table([k.arrow([r[i] for r in found]) for i, k in enumerate(kinds)], names=[c[0] for c in columns])

    def read_iceberg(self, location, ref=None):
        """ref: the name of a tag or branch"""
        return self._read("iceberg", location, f"FOR VERSION AS OF '{ref}'" if ref else "")

    def read_delta(self, location):
        return self._read("delta", location)


class _Kind:
    """A Trino type: how to ask for its values without loss, and the Arrow type that they are."""

    def __init__(self, text):
        self.text = text
        self.head, _, rest = text.partition("(")
        inside = rest[:-1] if rest.endswith(")") else rest
        self.precision = int(re.match(r"\d*", rest)[0] or 6) if self.head == "timestamp" else 0
        if self.head == "array":
            self.item = _Kind(inside)
        elif self.head == "map":
            self.key, self.item = [_Kind(k) for k in _parts(inside)]
        elif self.head == "row":
            self.fields = [(n, _Kind(k)) for n, k in map(_row_field, _parts(inside))]

    @property
    def unit(self):
        return "ns" if self.precision > 6 else "us"

    def exact(self, x):
        if self.head == "timestamp" and "with time zone" in self.text:
            x = f"CAST({x} AT TIME ZONE 'UTC' AS timestamp({self.precision}))"
        if self.head in ("date", "timestamp", "time", "uuid", "decimal"):
            return f"CAST({x} AS varchar)"  # Python's own types hold neither year 0 nor year 10000
        if self.head in ("real", "double"):
            return f"CAST({x} AS double)"
        if self.head == "varbinary":
            return f"to_hex({x})"
        if self.head == "array":
            return f"transform({x}, e -> {self.item.exact('e')})"
        if self.head == "map":
            return f"transform(map_entries({x}), e -> ROW({self.key.exact('e[1]')}, {self.item.exact('e[2]')}))"
        if self.head == "row" and any(k.exact("x") != "x" for _, k in self.fields):
            return f"IF({x} IS NULL, NULL, ROW({', '.join(k.exact(f'{x}[{i}]') for i, (_, k) in enumerate(self.fields, 1))}))"
        return x

    def arrow_type(self):
        if self.head == "decimal":
            return pa.decimal128(*map(int, re.findall(r"\d+", self.text)))
        if self.head == "array":
            return pa.list_(self.item.arrow_type())
        if self.head == "map":
            return pa.map_(self.key.arrow_type(), self.item.arrow_type())
        if self.head == "row":
            return pa.struct([(n, k.arrow_type()) for n, k in self.fields])
        if self.head == "timestamp":
            return pa.timestamp(self.unit, "UTC" if "with time zone" in self.text else None)
        return {"boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64(), "real": pa.float32(),
                "double": pa.float64(), "date": pa.date32(), "time": pa.time64("us"), "varbinary": pa.binary()}.get(self.head, pa.string())

    def _storage(self):
        """The Arrow type of what exact() returns, from which arrow_type() is one cast away."""
        t = self.arrow_type()
        if self.head == "date":
            return pa.int32()
        if self.head in ("timestamp", "time"):
            return pa.int64()
        if self.head == "array":
            return pa.list_(self.item._storage())
        if self.head == "map":
            return pa.map_(self.key._storage(), self.item._storage())
        if self.head == "row":
            return pa.struct([(n, k._storage()) for n, k in self.fields])
        return t

    def _value(self, v):
        if v is None:
            return None
        if self.head == "array":
            return [self.item._value(x) for x in v]
        if self.head == "map":
            return [(self.key._value(k), self.item._value(x)) for k, x in v]
        if self.head == "decimal":
            return decimal.Decimal(v)
        if self.head == "varbinary":
            return bytes.fromhex(v)
        if self.head == "date":
            return _instant(v)[0]
        if self.head == "timestamp":
            days, micros = _instant(v)
            nanos = int((v.partition(".")[2][6:] or "0").ljust(3, "0")) if self.unit == "ns" else 0
            return (days * 86_400_000_000 + micros) * (1000 if self.unit == "ns" else 1) + nanos
        if self.head == "time":
            return _instant("1970-01-01 " + v)[1]
        if self.head == "row":
            return {n: k._value(x) for (n, k), x in zip(self.fields, v)}
        return v

    def arrow(self, values):
        return pa.array([self._value(v) for v in values], self._storage()).cast(self.arrow_type())


def _instant(text):
    """(days, microseconds of the day) of ISO 8601 text, whose year 0 is 1 BC."""
    x = re.fullmatch(r"([+-]?\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?)?", text)
    return values.days_from_civil(int(x[1]), int(x[2]), int(x[3])), values.clock(x[4], x[5], x[6], x[7]) if x[4] else 0


def _parts(text):
    """`"a" integer, b row(x varchar)` at its outer commas."""
    out, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text + ","):
        if c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            if c == "," and depth == 0:
                out.append(text[start:i].strip())
                start = i + 1
    return out


def _row_field(field):
    """`"a" integer` as name and type."""
    cut = field.index('"', 1) + 1 if field.startswith('"') else field.index(" ")
    return field[:cut].strip('"').replace('""', '"'), field[cut:].strip()


@contextlib.contextmanager
def trino(s3=None):
    """A Trino of one node, with the catalogs iceberg and delta over local files (file://) and, given one, over S3 (s3://)."""
    home, java = fetch.trino_home(), fetch.java(25)
    files = "fs.hadoop.enabled=true\n"
    if s3:
        files += (f"fs.native-s3.enabled=true\ns3.endpoint={s3.endpoint}\ns3.region={s3.region}\ns3.path-style-access=true\n"
                  f"s3.aws-access-key={s3.access_key}\ns3.aws-secret-key={s3.secret_key}\n")
    with servers.temporary("trino") as d:
        for attempt in range(5):
            port = process.free_port()
            conf = {
                "config.properties": f"coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port={port}\ndiscovery.uri=http://127.0.0.1:{port}\n"
                                     "query.max-memory=1GB\nquery.max-memory-per-node=1GB\ncatalog.management=static\n",
                "node.properties": f"node.environment=tests\nnode.id=tests-1\nnode.data-dir={d}/data\nnode.bind-ip=127.0.0.1\nnode.internal-address=127.0.0.1\n",
                # A test's queries are short: the first compiler only, and a collector without threads, bring it up in half the time.
                "jvm.config": "-server\n-Xmx2G\n-XX:+UseSerialGC\n-XX:TieredStopAtLevel=1\n-XX:+ExitOnOutOfMemoryError\n-XX:ReservedCodeCacheSize=256M\n"
                              "-Djdk.attach.allowAttachSelf=true\n-Djdk.nio.maxCachedBufferSize=2000000\n--enable-native-access=ALL-UNNAMED\n--sun-misc-unsafe-memory-access=allow\n",
                "log.properties": "io.trino=WARN\n",
                "catalog/iceberg.properties": f"connector.name=iceberg\niceberg.catalog.type=testing_file_metastore\nhive.metastore.catalog.dir=file://{d}/iceberg\n"
                                              f"iceberg.register-table-procedure.enabled=true\n{files}",
                "catalog/delta.properties": f"connector.name=delta_lake\nhive.metastore=file\nhive.metastore.catalog.dir=file://{d}/delta\n"
                                            f"delta.register-table-procedure.enabled=true\n{files}",
            }
            for name, text in conf.items():
                (d / "etc" / name).parent.mkdir(parents=True, exist_ok=True)
                (d / "etc" / name).write_text(text)
            env = {**os.environ, "JAVA_HOME": str(java), "PATH": f"{java}/bin:{os.environ['PATH']}"}
            child = process.Child([home / "bin/launcher", "run", f"--etc-dir={d}/etc", f"--launcher-config={home}/bin/launcher.properties"], d / "log", env=env)
            engine = Trino(port)

            def ready():
                try:  # it reports itself active before its catalogs answer: ask those
                    engine.query("CREATE SCHEMA IF NOT EXISTS iceberg.s")
                    engine.query("CREATE SCHEMA IF NOT EXISTS delta.s")
                except Exception:
                    return False
                return True

            try:
                child.wait_until(ready, 600)
                break
            except RuntimeError:
                if attempt == 4 or "Address already in use" not in child.tail(20000):
                    raise
        try:
            yield engine
        finally:
            child.stop(signal.SIGTERM, grace=5)


@contextlib.contextmanager
def trino_next():
    """Trino 483 of one node, with the catalog iceberg over local files. Its libraries run as their own tests run them, a whole coordinator in one
    process; py4j gives the orders, so there is no Java to compile."""
    from py4j.java_gateway import GatewayParameters, JavaGateway
    [gateway_jar] = pathlib.Path(sys.prefix).glob("share/py4j/py4j*.jar")
    class_path = ":".join(map(str, [gateway_jar, *fetch.trino_libraries()]))
    with servers.temporary("trino483") as d:
        child = process.Child([fetch.java(25) / "bin/java", "-Xmx2G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=256M",
                               "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
                               f"-Djava.io.tmpdir={d}", "-Duser.timezone=UTC", "-cp", class_path, "py4j.GatewayServer", "--enable-auth", "0"], d / "log")
        try:
            told = lambda: re.search(r"^(\d+)\n(\S+)\n", child.tail(), re.M)  # after the JVM's own warnings
            child.wait_until(told, 300)
            gateway = JavaGateway(gateway_parameters=GatewayParameters(port=int(told()[1]), auth_token=told()[2]))
            io = gateway.jvm.io.trino
            try:
                session = io.testing.TestingSession.testSessionBuilder().setCatalog("iceberg").setSchema("s").build()
                runner = io.testing.DistributedQueryRunner.builder(session).setWorkerCount(0).build()
                runner.installPlugin(io.plugin.iceberg.IcebergPlugin())
                properties = gateway.jvm.java.util.HashMap()
                for key, value in {"iceberg.catalog.type": "testing_file_metastore", "hive.metastore.catalog.dir": f"local://{d}/iceberg",
                                   "iceberg.register-table-procedure.enabled": "true", "fs.local.enabled": "true", "local.location": "/"}.items():
                    properties.put(key, value)
                runner.createCatalog("iceberg", "iceberg", properties)
                engine = Trino(runner.getCoordinator().getBaseUrl().getPort())
            except Exception as e:
                raise RuntimeError(f"Trino 483 did not start: {e}\n{child.tail()}") from None  # the cause asks the server for its text
            engine.query("CREATE SCHEMA IF NOT EXISTS iceberg.s")
            yield engine
            gateway.close()
        finally:
            child.stop(signal.SIGKILL)
