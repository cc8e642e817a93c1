/// Writes a checkpoint of a Delta log that follows one of many files.
/// delta_checkpoint_bench make FOLDER FILES: entries 0 to 20, of which the first ten add the files,
/// a checkpoint of version 10, and 200 files that come and 200 that go in each entry after it.
/// delta_checkpoint_bench write FOLDER: the checkpoint of version 20; says what it took.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "catalog/delta_log.h"
#include "storage/local/local_store.h"
#include "table/delta/log_json.h"
#include "table/delta/vector_descriptor.h"

namespace tarn {
namespace {

constexpr char kTable[] = "t";
constexpr int64_t kFirstEntries = 10;
constexpr int64_t kEntries = 20;
constexpr int64_t kChangedFiles = 200;
constexpr int64_t kNowMs = 1'700'000'000'000;

std::string FilePath(int64_t number) {
  return "data/00000-0-" + delta::UuidOfName(std::to_string(number)) + ".parquet";
}

delta::AddFile Add(int64_t number) {
  const std::string n = std::to_string(number);
  std::string stats = R"({"numRecords":10000,"minValues":{"id":)" + n + R"(,"sold":"2020-01-01",)";
  stats += R"("name":"name 1000","price":1.00},"maxValues":{"id":)" + n;
  stats += R"(,"sold":"2020-01-31","name":"name 9999","price":9999.99},)";
  stats += R"("nullCount":{"id":0,"sold":0,"name":0,"price":0}})";
  return {FilePath(number), {}, 1 << 20, kNowMs, delta::DataChange::kYes, stats};
}

Status Make(ObjectStore& store, int64_t files) {
  const DeltaLog log(store, kTable);
  int64_t added = 0;
  int64_t removed = 0;
  for (int64_t version = 0; version <= kEntries; ++version) {
    std::vector<delta::Action> actions;
    if (version == 0) {
      delta::Metadata metadata;
      metadata.id = "b2b1a7d4-0c5e-4f0e-8a47-3c1e1f6f9a10";
      metadata.schema_string =
          R"({"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]})";
      actions = {delta::Protocol(), metadata};
    }
    const bool first = version < kFirstEntries;
    for (int64_t i = first ? files / kFirstEntries : kChangedFiles; i > 0; --i) {
      actions.push_back(Add(added++));
      if (first) continue;
      actions.push_back(
          delta::RemoveFile{FilePath(removed++), kNowMs, delta::DataChange::kYes, {}, 1 << 20});
    }
    TARN_RETURN_IF_ERROR(log.WriteEntry(version, delta::WriteLogEntry(actions),
                                        [](const auto&, const auto&) { return false; }));
  }
  return log.WriteCheckpoint(kFirstEntries, {kNowMs, 0}, SystemRandom());
}

int Run(const std::string& what, const std::string& folder, int64_t files) {
  const Limits limits;
  const auto store = OpenLocalStore(folder, limits, SystemRandom());
  const Status done =
      !store.ok() ? store.status()
      : what == "make"
          ? Make(**store, files)
          : DeltaLog(**store, kTable).WriteCheckpoint(kEntries, {kNowMs, 0}, SystemRandom());
  if (!done.ok()) {
    std::fprintf(stderr, "%s\n", done.ToString().c_str());
    return EXIT_FAILURE;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  std::printf("%s: %.2f s of CPU, %ld MB at most\n", what.c_str(),
              seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss / 1024);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace tarn

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (!(what == "make" && argc == 4) && !(what == "write" && argc == 3)) {
    std::fprintf(stderr, "usage: delta_checkpoint_bench make FOLDER FILES | write FOLDER\n");
    return EXIT_FAILURE;
  }
  return tarn::Run(what, argv[2], argc > 3 ? std::atoll(argv[3]) : 0);
}
