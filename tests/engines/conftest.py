"""Spark and two releases of Trino, one of each for the whole session."""
import pyarrow as pa
import pyarrow.parquet
import pytest

from harness import engines, states, trino_server
from harness.tarn import Tarn


@pytest.fixture(scope="session")
def spark():
    with engines.spark() as engine:
        yield engine


@pytest.fixture(scope="session")
def trino476(s3):
    with trino_server.trino(s3) as engine:
        yield engine


@pytest.fixture(scope="session")
def trino483():
    with trino_server.trino_next() as engine:
        yield engine


@pytest.fixture
def trino(trino476):
    return trino476


@pytest.fixture(params=["spark", "trino"])
def engine(request):
    """(name, engine), of those that read both formats"""
    return request.param, request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def hadoop(spark, tmp_path_factory):
    """The folder of a catalog of Spark's own, h, for Iceberg tables."""
    folder = tmp_path_factory.mktemp("theirs")
    conf = spark.session.conf
    conf.set("spark.sql.catalog.h", "org.apache.iceberg.spark.SparkCatalog")
    conf.set("spark.sql.catalog.h.type", "hadoop")
    conf.set("spark.sql.catalog.h.warehouse", str(folder))
    conf.set("spark.sql.catalog.h.cache-enabled", "false")
    return folder


@pytest.fixture
def lake(tmp_path, tarn_binary):
    """A lake with the schema s."""
    (tmp_path / "lake").mkdir()
    project = Tarn(tmp_path / "lake", tarn_binary)
    states.open_lake(project, "limits: {reader_grace_ms: 0, snapshot_age_ms_max: 0}\n")
    return project


@pytest.fixture
def equality_deleted(spark, hadoop):
    """A table as Flink's upserts leave it: rows, and files that name deleted rows by the value of a column. Committed by Iceberg's own library."""
    table, location = "h.n.upserted", hadoop / "n/upserted"
    spark.session.sql(f"DROP TABLE IF EXISTS {table} PURGE")
    spark.session.sql(f"CREATE TABLE {table} (id BIGINT, k INT, name STRING) USING iceberg TBLPROPERTIES ('format-version' = '2')")
    spark.session.sql(f"INSERT INTO {table} SELECT id, CAST(id % 5 AS INT), concat('name ', id) FROM range(30)")
    name_of = {"id": (1, pa.int64(), [3, 4, 5]), "name": (3, pa.string(), ["name 20", None])}
    for column, (field_id, type_, gone) in name_of.items():
        path = location / f"data/deletes-{column}.parquet"
        schema = pa.schema([pa.field(column, type_, metadata={"PARQUET:field_id": str(field_id)})])
        pyarrow.parquet.write_table(pa.table([pa.array(gone, type_)], schema=schema), path)
        ours = spark.java_table(location)
        metadata = spark.session._jvm.org.apache.iceberg.FileMetadata
        ids = spark.session.sparkContext._gateway.new_array(spark.session._jvm.int, 1)
        ids[0] = field_id
        file = (metadata.deleteFileBuilder(ours.spec()).ofEqualityDeletes(ids).withPath(f"file://{path}").withFormat("parquet")
                .withFileSizeInBytes(path.stat().st_size).withRecordCount(len(gone)).build())
        ours.newRowDelta().addDeletes(file).commit()
        spark.session.sql(f"REFRESH TABLE {table}")
        # The same keys come again: rows that are newer than the delete stay.
        spark.session.sql(f"INSERT INTO {table} VALUES (4, 40, 'again {column}'), (1000, 0, NULL)")
    return table, location
