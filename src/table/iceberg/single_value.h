#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "columnar/scalar.h"
#include "table/model/schema.h"

namespace tarn {

/// \name Iceberg "Appendix D: Single-value Serialization", binary form.
/// @{
/// Nothing for null, for a value of another kind than the type's, and for types without a binary
/// form (unknown, variant, nested ones).
std::optional<std::string> EncodeSingleValue(const Type& type, const Scalar& value);
/// Nothing where the bytes are not a value of the type: bounds are hints, and one that cannot be
/// read must not prune. A value written before its column was widened is accepted.
std::optional<Scalar> DecodeSingleValue(const Type& type, std::string_view bytes);
/// @}

/// \name Iceberg "Appendix D: Single-value Serialization", JSON form: what default values of
/// columns are kept as. Nested types have none here.
/// @{
/// `value` must fit the type and not be null; see CheckDefault.
Json SingleValueToJson(const Type& type, const Scalar& value);
/// Error Corruption, naming `what`, for JSON that is no value of the type.
Result<Scalar> SingleValueFromJson(const Type& type, const Json& json, std::string_view what);
/// @}

/// \name Bounds as manifests keep them: text of at most 16 code points, binary of at most 16 bytes,
/// everything else whole. The lower one is cut; the upper one is cut and counted up, so that it
/// stays an upper bound; nothing when it cannot be counted up.
/// @{
inline constexpr int kBoundLengthMax = 16;
Scalar TruncateLowerBound(const Type& type, const Scalar& value);
std::optional<Scalar> TruncateUpperBound(const Type& type, const Scalar& value);
/// @}

}  // namespace tarn
