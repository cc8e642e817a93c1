#pragma once

#include <cstdint>

namespace tarn {

/// Every bound of the program, with its unit. Defaults fit 2 cores and 4 GiB; `limits:` of
/// tarn.yaml overrides them by name.
struct Limits {
  int64_t batch_rows = 65536;                 ///< rows of one RecordBatch between modules
  int64_t batch_bytes_max = 16LL << 20;       ///< bytes after which a batch is closed early
  int64_t value_bytes_max = 1LL << 30;        ///< one value of a source (PostgreSQL's own limit)
  int64_t row_group_bytes = 128LL << 20;      ///< uncompressed Parquet row group
  int64_t row_group_rows = 1LL << 20;         ///< rows of a Parquet row group at most
  int64_t target_file_bytes = 256LL << 20;    ///< compressed data file after which a new one begins
  int64_t load_streams = 2;                   ///< parallel COPY streams of one snapshot
  int64_t duckdb_memory_bytes = 1LL << 30;    ///< memory of the embedded SQL engine
  int64_t commit_retries_max = 16;            ///< attempts of one commit after conflicts
  int64_t storage_retries_max = 5;            ///< attempts of one storage request
  int64_t storage_timeout_ms = 30000;         ///< a storage request without progress
  int64_t storage_connect_timeout_ms = 3000;  ///< connecting to a storage server
  int64_t storage_deadline_ms = 120000;       ///< a storage request with all its repetitions
  int64_t storage_part_bytes = 8LL << 20;     ///< one part of a multipart upload
  int64_t storage_parts_in_flight_max = 3;    ///< parts of one store on their way at once
  int64_t storage_connections_idle_max = 16;  ///< connections of one store kept for reuse
  int64_t local_open_files_max = 128;         ///< files of one local store kept open for reads
  int64_t source_connect_timeout_ms = 10000;  ///< connecting to a source
  int64_t lock_lease_ms = 30000;              ///< lease of the project lock; renewed at a third
  int64_t lock_wait_ms = 60000;               ///< how long a second `apply` waits for the first
  int64_t checkpoint_every_commits = 10;      ///< Delta checkpoint cadence
  int64_t runs_kept_max = 10000;              ///< runs that `system.runs` remembers
  int64_t metadata_log_max = 100;             ///< old metadata files remembered by a table
  int64_t partition_writers_max = 64;         ///< data files open at once in one write

  // Reads of a remote store.
  int64_t storage_reads_in_flight_max = 8;    ///< reads of a remote store beside its callers' own
  int64_t storage_read_part_bytes = 4 << 20;  ///< one request of a large or sequential remote read
  int64_t storage_read_ahead_bytes = 32 << 20;  ///< remote ranges read before they are asked for
  int64_t storage_cache_bytes = 1LL << 30;      ///< remote objects kept on the local disk; 0: none
  int64_t storage_cache_block_bytes = 1 << 20;  ///< what is kept there and removed as one

  // Change capture.
  int64_t capture_read_ahead_bytes = 16 << 20;          ///< of a source's log before it is decoded
  int64_t capture_transaction_memory_bytes = 64 << 20;  ///< transactions in progress; then a file
  int64_t capture_touched_keys_max = 1 << 20;  ///< of a table since its last commit; then a file
  int64_t capture_status_interval_ms = 10000;  ///< between signs of life to a source

  // Upkeep of tables. Times are counted from when a state was followed by another one.
  int64_t compact_small_percent = 50;           ///< of the target size: files below it are small
  int64_t compact_deleted_percent = 20;         ///< deleted rows of a file that is written anew
  int64_t compact_group_bytes_max = 1LL << 30;  ///< of data files that one commit writes anew
  int64_t statistics_rows_min = 100'000;        ///< a table of fewer rows gets no first statistics
  int64_t statistics_changed_percent = 20;      ///< rows changed since statistics were made
  int64_t statistics_read_bytes_max = 16LL << 30;  ///< data files read for statistics; 0: none
  int64_t snapshot_age_ms_max = 432'000'000;       ///< five days: older snapshots expire
  int64_t snapshots_kept_min = 1;                  ///< of every branch, however old
  int64_t snapshots_kept_max = 1000;               ///< of a branch, beyond the readers' grace
  int64_t reader_grace_ms = 3'600'000;             ///< a query may still read what it began with
  int64_t orphan_grace_ms = 259'200'000;  ///< three days: a process may still commit a file
};

}  // namespace tarn
