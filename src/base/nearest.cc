#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tarn {
namespace {

constexpr size_t kNameBytesMax = 128;

char Fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Optimal string alignment distance over three rolling rows.
size_t Distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kNameBytesMax + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (Fold(a[i - 1]) == Fold(b[j - 1]) ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped =
          i > 1 && j > 1 && Fold(a[i - 1]) == Fold(b[j - 2]) && Fold(a[i - 2]) == Fold(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates) {
  if (name.empty() || name.size() > kNameBytesMax) return std::nullopt;
  const std::string* best = nullptr;
  size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > kNameBytesMax) continue;
    const size_t allowed = std::max<size_t>(1, std::max(name.size(), candidate.size()) / 3);
    const size_t apart =
        std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    if (apart > allowed) continue;
    const size_t distance = Distance(name, candidate);
    // One edit of a one-letter name leaves nothing of it.
    if (distance > allowed || distance >= std::max(name.size(), candidate.size())) continue;
    if (best == nullptr || distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

}  // namespace tarn
