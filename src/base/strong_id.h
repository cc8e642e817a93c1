#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace tarn {

/// An integer with a name of its own, so that a SnapshotId cannot be passed where a FieldId is
/// meant. `using SnapshotId = StrongId<struct SnapshotIdTag, int64_t>;`
template <typename Tag, typename T>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  T value_{};
};

}  // namespace tarn

template <typename Tag, typename T>
struct std::hash<tarn::StrongId<Tag, T>> {
  size_t operator()(tarn::StrongId<Tag, T> id) const noexcept { return std::hash<T>()(id.value()); }
};
