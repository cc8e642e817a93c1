#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn {

/// Proves that `bytes` begin with one 32-bit Roaring bitmap in the portable format
/// (RoaringFormatSpec): the library that reads it trusts what it is given. Checked are the lengths,
/// the order of containers and values, and that every container has as many values as it says.
/// Returns how many bytes the bitmap takes. Error: Corruption, `what` in front.
Result<size_t> CheckPortableBitmap(std::string_view bytes, const std::string& what);

}  // namespace tarn
