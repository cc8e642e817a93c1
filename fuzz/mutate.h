#pragma once

#include <string>
#include <string_view>

#include "base/random.h"

namespace tarn::fuzz {

/// A change of `input` that `random` chooses: bits, bytes, numbers, pieces removed, repeated, moved
/// or taken from `other`. The same for the same sequence of random numbers.
std::string Mutate(std::string_view input, std::string_view other, Random& random);

}  // namespace tarn::fuzz
