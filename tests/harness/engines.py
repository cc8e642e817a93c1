"""Spark 4.1, started once, reading tables by their folder like the readers of readers.py. Trino is in trino_server.py.

    with spark() as s: s.read_iceberg(location); s.read_delta(location)     -> pyarrow.Table
"""
import contextlib
import os

from . import fetch, servers


class Spark:
    def __init__(self, session):
        self.session = session

    def read_iceberg(self, location, ref=None):
        """ref: the name of a tag or branch"""
        reader = self.session.read.format("iceberg")
        return (reader.option("versionAsOf", ref) if ref else reader).load(location).toArrow()

    def read_delta(self, location):
        return self.session.read.format("delta").load(location).toArrow()

    def java_table(self, location):
        """An Iceberg table as Iceberg's own library in Java has it."""
        return self.session._jvm.org.apache.iceberg.hadoop.HadoopTables(self.session._jsc.hadoopConfiguration()).load(str(location))

    def sql(self, statement):
        return self.session.sql(statement).toArrow()


@contextlib.contextmanager
def spark():
    """A Spark session on two threads of this machine. Local tables only: its S3 needs 600 MB more of jars."""
    os.environ["JAVA_HOME"] = str(fetch.java(17))
    jars = ",".join(map(str, fetch.spark_jars()))
    from pyspark.sql import SparkSession
    with servers.temporary("spark") as d:
        os.environ["SPARK_LOCAL_DIRS"] = str(d)
        session = (SparkSession.builder.master("local[2]").appName("tarn-tests")
                   .config("spark.jars", jars)
                   .config("spark.driver.memory", "2g")
                   .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
                   .config("spark.ui.enabled", "false")
                   .config("spark.ui.showConsoleProgress", "false")
                   .config("spark.sql.shuffle.partitions", "2")
                   .config("spark.databricks.delta.snapshotPartitions", "2")
                   .config("spark.sql.warehouse.dir", str(d / "warehouse"))
                   .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={d} -Duser.timezone=UTC")
                   .config("spark.sql.session.timeZone", "UTC")
                   .config("spark.sql.caseSensitive", "true")
                   .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions,io.delta.sql.DeltaSparkSessionExtension")
                   .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
                   .getOrCreate())
        session.sparkContext.setLogLevel("ERROR")
        try:
            yield Spark(session)
        finally:
            session.stop()
