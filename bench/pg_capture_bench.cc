// How fast a backlog of PostgreSQL's log becomes batches of changes, without what follows: reads a
// slot from one position to another and acknowledges nothing, so that it can be read again.
//
//   pg_capture_bench URL SLOT PUBLICATION POSITION UNTIL
//
// Prints one line of JSON: changes, transactions, batches, wall and CPU seconds, peak memory.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>

#include "source/change_capture.h"
#include "source/postgres/postgres_source.h"

namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

tarn::Status Run(char** arguments) {
  tarn::PostgresOptions options;
  options.name = "bench";
  options.url = arguments[1];
  TARN_ASSIGN_OR_RETURN(auto source, tarn::OpenPostgresSource(options, tarn::Limits{}));
  const tarn::CaptureSpec spec{"bench", arguments[3], arguments[2]};
  tarn::ChangeCapture& capture = *source->capture();
  TARN_ASSIGN_OR_RETURN(auto tables, source->Discover({}));
  TARN_ASSIGN_OR_RETURN(tables, capture.Describe(spec, tables));
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = CpuSeconds();
  TARN_ASSIGN_OR_RETURN(auto stream, capture.Open(spec, arguments[4], tables));
  const tarn::ChangeLimits limits{500000, 64 << 20, 10000, arguments[5]};
  int64_t rows = 0;
  int64_t transactions = 0;
  int64_t batches = 0;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const tarn::ChangeBatch batch, stream->Next(limits));
    rows += batch.rows;
    transactions += static_cast<int64_t>(batch.transactions.size());
    ++batches;
    if (batch.reached_until) break;
  }
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"changes\": %lld, \"transactions\": %lld, \"batches\": %lld, \"wall_s\": %.3f, "
      "\"cpu_s\": %.3f, \"peak_mb\": %ld, \"waits\": %ld}\n",
      static_cast<long long>(rows), static_cast<long long>(transactions),
      static_cast<long long>(batches), wall, CpuSeconds() - cpu, usage.ru_maxrss / 1024,
      usage.ru_nvcsw);
  return tarn::Status::Ok();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "usage: pg_capture_bench URL SLOT PUBLICATION POSITION UNTIL\n");
    return 2;
  }
  const tarn::Status status = Run(arguments);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
