// What the key index of a captured table costs: batches of changes (60 % updates, 30 % inserts,
// 10 % deletes; look up all, apply all) against KEYS keys, each file of which holds a million.
//   bin/key_index_bench                     10 million keys
//   KEYS=50000000 bin/key_index_bench       as many as that; the folder is below TMPDIR
// Each line's counters: changes a second, the longest batch, and memory (anonymous) and disk after
// it.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "change/key_index/key_index.h"
#include "change/key_index/key_index_builder.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kFileRows = 1'000'000;
constexpr double kSkew = 0.9;

uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
  return x ^ x >> 31;
}
KeyHash Key(uint64_t id) { return {Mix(id), Mix(~id)}; }

void Require(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::exit(1);
}

double AnonymousMegabytes() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("RssAnon:")) return std::stod(line.substr(8)) / 1024;
  }
  return 0;
}

/// Ids by a power law, as YCSB has it (Gray et al.), scattered over all of them.
class Skewed {
 public:
  explicit Skewed(uint64_t ids) : ids_(ids) {
    const uint64_t exact = std::min<uint64_t>(ids, 1'000'000);
    for (uint64_t i = 1; i <= exact; ++i) zeta_ += std::pow(static_cast<double>(i), -kSkew);
    const auto power = [](uint64_t n) { return std::pow(static_cast<double>(n), 1 - kSkew); };
    zeta_ += (power(ids) - power(exact)) / (1 - kSkew);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(ids), 1 - kSkew)) /
           (1 - (1 + std::pow(0.5, kSkew)) / zeta_);
  }
  uint64_t Of(uint64_t random) const {
    const double u = static_cast<double>(random >> 11) * 0x1p-53;
    double rank = u * zeta_ < 1 ? 0 : 1;
    if (u * zeta_ >= 1 + std::pow(0.5, kSkew)) {
      rank = static_cast<double>(ids_) * std::pow(eta_ * u - eta_ + 1, 1 / (1 - kSkew));
    }
    return Mix(static_cast<uint64_t>(rank)) % ids_;
  }

 private:
  const uint64_t ids_;
  double zeta_ = 0;
  double eta_ = 0;
};

/// One index for all measurements, which follow one another.
class Bench {
 public:
  Bench()
      : keys_(std::getenv("KEYS") ? std::strtoull(std::getenv("KEYS"), nullptr, 10) : 10'000'000),
        folder_(fs::temp_directory_path() / ("key_index_bench." + std::to_string(::getpid()))),
        skewed_(keys_),
        next_(keys_) {
    Open();
  }
  ~Bench() {
    index_.reset();
    fs::remove_all(folder_);
  }

  void Open() {
    index_.reset();
    auto opened = KeyIndex::Open(folder_.string());
    Require(opened.status());
    index_ = std::move(opened).value();
  }
  uint64_t keys() const { return keys_; }
  KeyIndex& index() { return *index_; }

  void Rebuild() {
    auto builder = index_->Rebuild();
    std::vector<KeyHash> keys;
    std::vector<RowPlace> places;
    for (uint64_t id = 0; id < keys_; ++id) {
      const uint32_t file =
          index_->FileNumber("data/" + std::to_string(id / kFileRows) + ".parquet").value();
      keys.clear();
      places.clear();
      for (uint32_t row = 0; row < 8192 && id + row < keys_; ++row) {
        keys.push_back(Key(id + row));
        places.push_back({file, static_cast<uint32_t>((id + row) % kFileRows)});
      }
      Require(builder->Add(keys, places));
      id += keys.size() - 1;
    }
    Require(builder->Finish("built"));
  }

  /// Changes of a batch; what is timed begins after it.
  void Draw(size_t size, bool skewed) {
    keys_drawn_.clear();
    removed_.clear();
    put_.clear();
    places_.clear();
    const uint32_t file =
        index_->FileNumber("data/change-" + std::to_string(++batches_) + ".parquet").value();
    for (size_t i = 0; i < size; ++i) {
      const uint64_t dice = Mix(random_++) % 10;
      const uint64_t random = Mix(random_++);
      const uint64_t id = dice >= 6 && dice < 9 ? next_++
                          : skewed              ? skewed_.Of(random)
                                                : random % keys_;
      const KeyHash key = Key(id);
      keys_drawn_.push_back(key);
      if (dice == 9) {
        removed_.push_back(key);
      } else {
        put_.push_back(key);
        places_.push_back({file, static_cast<uint32_t>(i)});
      }
    }
    found_.resize(size);
  }
  void Run() {
    Require(index_->Lookup(keys_drawn_, found_));
    Require(index_->Apply({.removed = removed_, .put = put_, .places = places_, .state = "s"}));
  }

  void Count(benchmark::State& state) {
    uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      std::error_code gone;
      const auto size = entry.file_size(gone);
      if (!gone) bytes += size;
    }
    state.counters["anon_MB"] = AnonymousMegabytes();
    state.counters["disk_B/key"] = static_cast<double>(bytes) / static_cast<double>(keys_);
    state.counters["runs"] = static_cast<double>(index_->stats().runs);
  }

 private:
  const uint64_t keys_;
  const fs::path folder_;
  const Skewed skewed_;
  std::unique_ptr<KeyIndex> index_;
  uint64_t next_;
  uint64_t random_ = 42;
  uint64_t batches_ = 0;
  std::vector<KeyHash> keys_drawn_, removed_, put_;
  std::vector<RowPlace> places_, found_;
};

Bench& TheBench() {
  static Bench bench;
  return bench;
}

void BM_Rebuild(benchmark::State& state) {
  Bench& bench = TheBench();
  for (auto _ : state) bench.Rebuild();
  state.SetItemsProcessed(static_cast<int64_t>(bench.keys() * state.iterations()));
  bench.Count(state);
}
BENCHMARK(BM_Rebuild)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_Batches(benchmark::State& state) {
  Bench& bench = TheBench();
  const auto size = static_cast<size_t>(state.range(0));
  double longest = 0;
  for (auto _ : state) {
    bench.Draw(size, state.range(1) != 0);
    const auto begin = Clock::now();
    bench.Run();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    longest = std::max(longest, seconds);
    state.SetIterationTime(seconds);
  }
  state.SetItemsProcessed(static_cast<int64_t>(size) * state.iterations());
  state.counters["longest_ms"] = longest * 1000;
  bench.Count(state);
}
BENCHMARK(BM_Batches)
    ->ArgNames({"changes", "skewed"})
    ->Args({1'000, 0})
    ->Args({1'000, 1})
    ->Iterations(1'000)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();
BENCHMARK(BM_Batches)
    ->ArgNames({"changes", "skewed"})
    ->Args({100'000, 0})
    ->Args({100'000, 1})
    ->Iterations(40)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();
BENCHMARK(BM_Batches)
    ->Name("BM_Growth")
    ->ArgNames({"changes", "skewed"})
    ->Args({100'000, 0})
    ->Iterations(100)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime();

void BM_Settle(benchmark::State& state) {
  Bench& bench = TheBench();
  for (auto _ : state) Require(bench.index().Settle());
  bench.Count(state);
}
BENCHMARK(BM_Settle)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_Reopen(benchmark::State& state) {
  Bench& bench = TheBench();
  for (auto _ : state) bench.Open();
  bench.Count(state);
}
BENCHMARK(BM_Reopen)->Iterations(3)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace tarn

BENCHMARK_MAIN();
