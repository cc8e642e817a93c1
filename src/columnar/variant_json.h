#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "columnar/variant_builder.h"

namespace tarn {

/// A Variant as JSON: objects with their keys in order; decimals with all their digits; dates,
/// times, timestamps and uuids as strings ("2020-01-31 12:30:00.5+00", UTC); binary in Base64; NaN
/// and the infinities, for which JSON has no numbers, as strings. Errors: those of CheckVariant().
Status AppendVariantJson(std::string_view metadata, std::string_view value, std::string* out);

/// Builds a Variant (between Begin() and Finish()) of a JSON text. No number is rounded: whole ones
/// of 64 bits are integers; what has up to 38 digits is a decimal, with the places that the text
/// gives it; others, and those with an exponent, are doubles where a double's own digits say the
/// same. Of a key that comes twice the last value counts.
/// Errors: InvalidArgument with the place in the text, or the number that has no counterpart.
Status BuildVariantOfJson(std::string_view json, VariantBuilder& builder);

}  // namespace tarn
