"""What a session of `tarn sql` takes does not grow with the number of states that it has read."""
import re
import subprocess
import threading

import pytest

from harness import process, projects

STATES = 160
DUCKDB_BYTES = 64 << 20
# The program, its caches, and what is on its way. Each state has two objects of a few kilobytes, a manifest list and a manifest:
# had each of them a block of 1 MiB, as the cache on the disk hands them out, it would be 320 MiB more.
PROCESS_BYTES = 256 << 20


@pytest.mark.timeout(600)
def test_reading_ever_more_states_takes_no_more_memory(project, s3):
    project.env |= s3.env()
    project.yaml("name: shop\ncatalog: lake\n" + projects.warehouse(s3, s3.create_bucket()) + f"limits: {{duckdb_memory_bytes: {DUCKDB_BYTES}}}\n")
    project.apply()
    writes = ["CREATE SCHEMA gold;", "CREATE TABLE gold.t (i BIGINT, text VARCHAR);"]
    writes += [f"INSERT INTO gold.t VALUES ({i}, 'row {i}');" for i in range(STATES)]
    project.run("sql", stdin="\n".join(writes).encode(), timeout=400)
    sequences = [r["sequence"] for r in project.sql("SELECT sequence FROM system.commits ORDER BY sequence DESC")][:STATES]
    reads = "\n".join(f"SELECT count(*) AS rows FROM gold.t AT (VERSION => 'sequence {s}');" for s in sequences)
    session = subprocess.Popen([project.binary, "sql", "--format", "json"], cwd=project.directory, env=project.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask():
        session.stdin.write(reads)
        session.stdin.close()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    rows, most = [], 0
    for line in session.stdout:
        if answer := re.search(r'"rows": ?(\d+)', line):
            rows.append(int(answer[1]))
            most = max(most, process.highest_memory(session.pid))
    asking.join(30)
    assert session.wait(60) == 0
    assert rows == list(range(STATES, 0, -1))
    assert 0 < most < DUCKDB_BYTES + PROCESS_BYTES, f"{most >> 20} MiB"
