#include "columnar/variant.h"

#include <algorithm>

#include "columnar/variant_json.h"
#include "target.h"

namespace tarn::fuzz {

/// The bytes of a Variant: a byte with the length of the metadata, the metadata, the value. What is
/// found to be whole can be told as JSON, which a Variant can be made of again.
TARN_FUZZ_TARGET(variant) {
  if (input.empty()) return;
  const size_t length = static_cast<unsigned char>(input[0]);
  const std::string_view metadata = input.substr(1, length);
  const std::string_view value = input.substr(std::min(input.size(), 1 + length));
  const Status whole = CheckVariant(metadata, value);
  std::string json;
  const Status told = AppendVariantJson(metadata, value, &json);
  CheckThat(whole.ok() == told.ok(), "what is whole can be told");
  if (!whole.ok()) {
    const ErrorKind kind = whole.error().kind;
    CheckThat(kind == ErrorKind::kCorruption || kind == ErrorKind::kUnsupported, "its kind");
    return;
  }
  // Keys and digits are told several times, never more than the bytes allow.
  CheckThat(json.size() <= 64 + 8 * value.size() * (8 + metadata.size()), "the length of the JSON");
  VariantBuilder builder;
  builder.Begin();
  if (!BuildVariantOfJson(json, builder).ok()) return;  // deeper than JSON is read
  const auto bytes = builder.Finish();
  CheckThat(bytes.ok(), "a Variant of the JSON");
  CheckThat(CheckVariant(bytes->metadata, bytes->value).ok(), "what was made is whole");
}

}  // namespace tarn::fuzz
