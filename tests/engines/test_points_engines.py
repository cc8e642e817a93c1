"""Tags and branches that Tarn makes, read by their names; row ids as other engines see them."""
import pytest

from harness import states

ROWS = "SELECT i::INTEGER AS i, 'name ' || i AS name FROM range({}, {}) r(i)"


@pytest.fixture
def referred(lake):
    """(folder, rows of the tag, rows of now): rows went and came after the tag and the branch were made."""
    lake.run("sql", "-c", ";".join([
        f"CREATE TABLE lake.s.t AS {ROWS.format(0, 50)}", "ALTER TABLE lake.s.t SET ('tarn.iceberg' = '3')", "DELETE FROM lake.s.t WHERE i % 10 = 3"]))
    then = states.canonical(lake.arrow("SELECT * FROM lake.s.t"))
    lake.run("sql", "-c", ";".join([
        "CALL create_tag('s.t', 'before')", "CALL create_branch('s.t', 'side')", "DELETE FROM lake.s.t WHERE i % 10 = 4", f"INSERT INTO lake.s.t {ROWS.format(50, 60)}"]))
    now = states.canonical(lake.arrow("SELECT * FROM lake.s.t"))
    assert (len(then[1]), len(now[1])) == (45, 50)
    return lake.location("s.t"), then, now


def test_tags_and_branches_are_read_by_name(request, referred):
    from pyiceberg.table import StaticTable
    location, then, now = referred
    table = StaticTable.from_metadata(location)
    for name in ("before", "side"):
        assert states.canonical(table.scan().use_ref(name).to_arrow()) == then
    for engine in ("spark", "trino483"):
        server = request.getfixturevalue(engine)
        assert states.canonical(server.read_iceberg(location, "before")) == then, engine
        assert states.canonical(server.read_iceberg(location, "side")) == then, engine
        assert states.canonical(server.read_iceberg(location)) == now, engine


def test_row_ids_are_those_that_other_engines_see(spark, lake, hadoop):
    """Through an update and through compaction: Spark's _row_id is Tarn's."""
    lake.run("sql", "-c", ";".join([f"CREATE TABLE lake.s.t AS {ROWS.format(0, 50)}", "ALTER TABLE lake.s.t SET ('tarn.iceberg' = '3')",
                                    f"INSERT INTO lake.s.t {ROWS.format(50, 80)}", "DELETE FROM lake.s.t WHERE i % 10 = 3", "UPDATE lake.s.t SET name = 'x' WHERE i % 10 = 4"]))

    def ids_of_spark():
        found = spark.session.read.format("iceberg").load(lake.location("s.t")).selectExpr("i", "_row_id", "_last_updated_sequence_number").toArrow()
        return sorted(zip(*(found[c].to_pylist() for c in found.column_names)))

    before = ids_of_spark()
    assert len(before) == 72 and len({row_id for _, row_id, _ in before}) == 72 and None not in {row_id for _, row_id, _ in before}
    lake.run("maintain")
    assert ids_of_spark() == before
