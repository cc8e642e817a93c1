"""DuckDB over bare Parquet files, as `tarn sql --timing` beside it: reads {"tables": {name: [file, …]}, "statements": [[sql, …] …], "memory_bytes", "threads"} from
standard input and prints {"times": [[wall, cpu], …]} of each statement as one line. With "rows": those of each statement too.
"""
import json
import sys
import time

import duckdb


def main():
    job = json.load(sys.stdin)
    c = duckdb.connect(config={"threads": job["threads"], "memory_limit": f"{job['memory_bytes']}B"})
    c.execute("SET enable_progress_bar = false")
    for name, files in job["tables"].items():
        listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
        c.execute(f"CREATE VIEW {name} AS FROM read_parquet([{listed}])")
    times, rows = [], []
    for statement in job["statements"]:
        wall, cpu = time.monotonic(), time.process_time()
        found = c.execute(statement).to_arrow_table()
        times.append([time.monotonic() - wall, time.process_time() - cpu])
        if job.get("rows"):
            rows.append([[str(v) for v in row.values()] for row in found.to_pylist()])
    print(json.dumps({"times": times, "rows": rows}))


if __name__ == "__main__":
    main()
