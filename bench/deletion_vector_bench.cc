// What a deletion vector costs a scan: nanoseconds a row of SelectLive over vectors of 2,048 rows.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "columnar/deletion_vector.h"

namespace {

constexpr int64_t kRows = 10'000'000;
constexpr int64_t kVectorRows = 2048;
constexpr int kRounds = 10;

void Measure(const char* what, const tarn::DeletionVector& vector) {
  std::vector<uint32_t> out(kVectorRows);
  int64_t live = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < kRounds; ++round) {
    for (int64_t at = 0; at + kVectorRows <= kRows; at += kVectorRows) {
      live += vector.SelectLive(at, kVectorRows, out.data());
    }
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%-28s %6.3f ns a row   %9lld live   %9lld bytes in memory\n", what,
              took.count() / (static_cast<double>(kRows) * kRounds),
              static_cast<long long>(live / kRounds),
              static_cast<long long>(vector.memory_bytes()));
}

}  // namespace

int main() {
  Measure("nothing deleted", {});
  tarn::DeletionVector beyond;
  beyond.AddRange(kRows, kRows + 1000);
  Measure("nothing in range", beyond);
  for (const int percent : {0, 1, 10, 50, 99}) {
    std::mt19937_64 random(7);
    tarn::DeletionVector vector;
    for (int64_t at = 0; at < kRows; ++at) {
      const bool deleted =
          percent == 0 ? random() % 1000 == 0 : random() % 100 < static_cast<uint64_t>(percent);
      if (deleted) vector.Add(at);
    }
    char what[40];
    std::snprintf(what, sizeof(what), percent == 0 ? "0.1 %% deleted" : "%d %% deleted", percent);
    Measure(what, vector);
    if (percent == 10) {
      Measure("10 % deleted, read back",
              tarn::DeletionVector::Parse(vector.Serialize(), "bench").value());
    }
  }
  tarn::DeletionVector half;
  half.AddRange(kRows / 2, kRows);
  Measure("the second half deleted", half);
}
