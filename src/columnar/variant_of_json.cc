// JSON → Variant, as the parser meets it: no tree is built, and nothing recurses.
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "columnar/variant.h"
#include "columnar/variant_json.h"

namespace tarn {

namespace {

constexpr size_t kDecimalDigitsMax = 38;
constexpr size_t kShownMax = 64;
/// The parser's own number of "out of range": a number that no double holds, not even about.
constexpr int kNumberTooLarge = 406;

__extension__ typedef __int128 Wide;

/// A number of JSON taken apart: digits × 10^exponent.
struct Digits {
  bool negative = false;
  bool has_exponent = false;
  std::string digits;  ///< without zeros in front; "" for 0
  int64_t exponent = 0;

  /// False where the exponent is beyond all reason.
  bool Read(std::string_view text) {
    negative = text.starts_with('-');
    bool fraction = false;
    size_t at = negative ? 1 : 0;
    for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
      if (text[at] == '.') {
        fraction = true;
        continue;
      }
      if (fraction) --exponent;
      if (!digits.empty() || text[at] != '0') digits.push_back(text[at]);
    }
    has_exponent = at < text.size();
    if (!has_exponent) return true;
    ++at;
    if (at < text.size() && text[at] == '+') ++at;
    int32_t given = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), given);
    exponent += given;
    return error == std::errc() && end == text.data() + text.size();
  }

  /// The same number with the fewest digits.
  void Shorten() {
    while (digits.ends_with('0')) {
      digits.pop_back();
      ++exponent;
    }
    if (digits.empty()) exponent = 0;
  }

  /// Whether it is a decimal that a Variant holds.
  bool FitsDecimal() const {
    if (exponent > static_cast<int64_t>(kDecimalDigitsMax) ||
        exponent < -static_cast<int64_t>(kDecimalDigitsMax)) {
      return false;
    }
    const size_t zeros = exponent > 0 && !digits.empty() ? static_cast<size_t>(exponent) : 0;
    // The sign of a zero is a double's alone.
    return digits.size() + zeros <= kDecimalDigitsMax && (!digits.empty() || !negative);
  }
};

/// Whether the double's shortest digits are those of the text.
bool SaysTheSame(double value, Digits wanted) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), value);
  Digits has;
  if (!has.Read({text, static_cast<size_t>(end.ptr - text)})) return false;
  has.Shorten();
  wanted.Shorten();
  return has.negative == wanted.negative && has.digits == wanted.digits &&
         has.exponent == wanted.exponent;
}

std::string Shown(const std::string& number) {
  return number.size() <= kShownMax ? number : number.substr(0, kShownMax) + "…";
}

class JsonReader final : public nlohmann::json_sax<Json> {
 public:
  explicit JsonReader(VariantBuilder& builder) : builder_(builder) {}

  const Status& status() const { return status_; }

  bool null() override {
    BeginValue();
    builder_.Null();
    return true;
  }
  bool boolean(bool value) override {
    BeginValue();
    builder_.Boolean(value);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    BeginValue();
    builder_.Integer(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    BeginValue();
    if (value > uint64_t{INT64_MAX}) return Keep(builder_.Decimal({0, value}, 0));
    builder_.Integer(static_cast<int64_t>(value));
    return true;
  }
  bool number_float(number_float_t value, const string_t& text) override {
    BeginValue();
    return Keep(Number(value, text));
  }
  bool string(string_t& text) override {
    BeginValue();
    builder_.String(text);
    return true;
  }
  bool binary(binary_t&) override { return Keep(Internal("binary in a JSON text")); }

  bool start_object(size_t) override { return Open(Kind::kObject); }
  bool start_array(size_t) override { return Open(Kind::kArray); }
  bool key(string_t& text) override { return Keep(builder_.AddKey(open_.back().parts, text)); }
  bool end_object() override {
    const Status closed =
        builder_.CloseObject(open_.back().parts, VariantBuilder::SameKeys::kLastCounts);
    open_.pop_back();
    return Keep(closed);
  }
  bool end_array() override {
    builder_.CloseArray(open_.back().parts);
    open_.pop_back();
    return true;
  }

  bool parse_error(size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    if (error.id == kNumberTooLarge) return Keep(NoCounterpart(token));
    return Keep(InvalidArgument("the text is not valid JSON at byte " + std::to_string(position)));
  }

 private:
  enum class Kind { kObject, kArray };
  struct OpenValue {
    Kind kind = Kind::kObject;
    VariantBuilder::Container parts;
  };

  bool Keep(Status status) {
    status_ = std::move(status);
    return status_.ok();
  }

  void BeginValue() {
    if (!open_.empty() && open_.back().kind == Kind::kArray) builder_.AddItem(open_.back().parts);
  }

  bool Open(Kind kind) {
    BeginValue();
    if (open_.size() == static_cast<size_t>(kVariantDepthMax)) {
      return Keep(InvalidArgument("the text is nested deeper than " +
                                  std::to_string(kVariantDepthMax) + " levels"));
    }
    open_.push_back({kind, builder_.Open()});
    return true;
  }

  static Error NoCounterpart(const std::string& number) {
    return InvalidArgument("a variant has no number that is exactly " + Shown(number));
  }

  Status Number(double value, const std::string& text) {
    Digits number;
    if (!number.Read(text)) return NoCounterpart(text);
    const bool same = SaysTheSame(value, number);
    if (same && (number.has_exponent || !number.FitsDecimal())) {
      builder_.Double(value);
      return {};
    }
    if (!number.FitsDecimal()) return NoCounterpart(text);
    if (number.exponent > 0) number.digits.append(static_cast<size_t>(number.exponent), '0');
    Wide unscaled = 0;
    for (const char c : number.digits) unscaled = unscaled * 10 + (c - '0');
    if (number.negative) unscaled = -unscaled;
    const int scale = number.exponent < 0 ? static_cast<int>(-number.exponent) : 0;
    return builder_.Decimal({static_cast<int64_t>(unscaled >> 64), static_cast<uint64_t>(unscaled)},
                            scale);
  }

  VariantBuilder& builder_;
  std::vector<OpenValue> open_;
  Status status_;
};

}  // namespace

Status BuildVariantOfJson(std::string_view json, VariantBuilder& builder) {
  JsonReader reader(builder);
  const bool whole = Json::sax_parse(json.begin(), json.end(), &reader);
  if (whole || !reader.status().ok()) return reader.status();
  return InvalidArgument("the text is not valid JSON");
}

}  // namespace tarn
