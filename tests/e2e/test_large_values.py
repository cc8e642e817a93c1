"""Values of the class that a gigabyte bounds: loaded whole, in memory that is a small multiple of one value."""
import subprocess

from harness import process, projects

VALUE = 512 << 20
BOUND = 2500 << 20


def test_a_text_of_512_megabytes_is_loaded_in_bounded_memory(project, database):
    server, name = database
    server.execute(f"CREATE TABLE large (id int PRIMARY KEY, v text); INSERT INTO large VALUES (1, repeat('lakehouse, ', {VALUE} / 11)), (2, 'small')", name)
    project.env["SHOP_PG"] = server.url(name)
    project.yaml(projects.mirror("SHOP_PG", ["public.large"], projects.warehouse()))
    with open(project.directory / "out", "wb") as out:
        running = subprocess.Popen([project.binary, "apply", "-y"], cwd=project.directory, env=project.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        peak = process.peak_bytes(running)
    assert running.returncode == 0, (project.directory / "out").read_text()
    print(f"peak {peak >> 20} MiB for a value of {VALUE >> 20} MiB")
    assert 0 < peak < BOUND, f"{peak >> 20} MiB"
    metadata = project.sql("SELECT count(*) AS n FROM lake.bronze.large")
    assert metadata == [{"n": 2}]
    import pyarrow.compute
    import pyarrow.parquet
    lengths = {}
    for file in project.directory.glob("warehouse/bronze/large/data/**/*.parquet"):
        for batch in pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=1):
            lengths |= dict(zip(batch["id"].to_pylist(), pyarrow.compute.binary_length(batch["v"]).to_pylist()))
    assert lengths == {1: VALUE // 11 * 11, 2: 5}
