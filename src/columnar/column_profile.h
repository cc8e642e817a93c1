#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

namespace tarn {

/// How the values of a column are best laid down, as a sample of its first rows suggests.
enum class ColumnEncoding {
  kDictionary,  ///< values repeat
  kPlain,       ///< they hardly do: hashing them would cost time and bytes
  kDelta        ///< integers that hardly repeat, or that only rise: DELTA_BINARY_PACKED
};

/// So many rows tell enough.
inline constexpr int64_t kProfileRows = 32768;

/// The encoding for the first `kProfileRows` of `chunks`, all of one type. Nested columns, booleans
/// and samples that are too small to tell get kDictionary (which falls back by itself).
ColumnEncoding ChooseEncoding(const std::vector<std::shared_ptr<arrow::Array>>& chunks);

}  // namespace tarn
