// How fast rows of a PostgreSQL table become RecordBatches, without what follows: reads one table
// through the snapshot streams of the source and prints rows, bytes and this process's CPU time.
//
//   pg_decode_bench URL schema.table [streams]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <arrow/record_batch.h>

#include "source/postgres/postgres_source.h"

namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

struct Stream {
  int64_t rows = 0;
  int64_t batches = 0;
  tarn::Status status;
};

tarn::Status Drain(tarn::SourceSnapshot& snapshot, const tarn::SourceTable& table,
                   const tarn::ScanRange& range, Stream* stream) {
  TARN_ASSIGN_OR_RETURN(auto reader, snapshot.Open(table, range, std::nullopt));
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, reader->Next());
    if (batch == nullptr) return tarn::Status::Ok();
    stream->rows += batch->num_rows();
    ++stream->batches;
  }
}

tarn::Status Run(const char* url, const char* name, int streams) {
  tarn::PostgresOptions options;
  options.name = "bench";
  options.url = url;
  TARN_ASSIGN_OR_RETURN(auto source, tarn::OpenPostgresSource(options, tarn::Limits{}));
  TARN_ASSIGN_OR_RETURN(auto tables, source->Discover({name}));
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = CpuSeconds();
  TARN_ASSIGN_OR_RETURN(auto snapshot, source->BeginSnapshot());
  TARN_ASSIGN_OR_RETURN(auto table, snapshot->Describe(tables.at(0).name));
  TARN_ASSIGN_OR_RETURN(auto ranges, snapshot->Split(table, streams));
  std::vector<Stream> results(ranges.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < ranges.size(); ++i) {
    threads.emplace_back(
        [&, i] { results[i].status = Drain(*snapshot, table, ranges[i], &results[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  int64_t rows = 0;
  int64_t batches = 0;
  for (const Stream& stream : results) {
    TARN_RETURN_IF_ERROR(stream.status);
    rows += stream.rows;
    batches += stream.batches;
  }
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double used = CpuSeconds() - cpu;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "%lld rows in %lld batches by %zu streams: %.2f s wall, %.2f s CPU (%.3f µs a row), "
      "%ld MB peak, %ld waits\n",
      static_cast<long long>(rows), static_cast<long long>(batches), ranges.size(), wall, used,
      used * 1e6 / static_cast<double>(rows > 0 ? rows : 1), usage.ru_maxrss / 1024,
      usage.ru_nvcsw);
  return tarn::Status::Ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: pg_decode_bench URL schema.table [streams]\n");
    return 2;
  }
  const tarn::Status status = Run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 1);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
