#include "table/delta/stats.h"

#include <cmath>
#include <cstdint>
#include <optional>

#include "base/json.h"
#include "columnar/utf8.h"
#include "table/delta/schema_json.h"
#include "table/delta/text.h"

namespace tarn::delta {
namespace {

constexpr int kColumnsMax = 100;
constexpr int kTextCharactersMax = 32;

enum class Bound { kLower, kUpper };

std::string Quoted(const std::string& text) { return DumpJson(Json(text)); }

size_t CharacterBytes(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

char32_t DecodeCharacter(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  switch (bytes.size()) {
    case 1:
      return byte(0);
    case 2:
      return static_cast<char32_t>((byte(0) & 0x1f) << 6 | (byte(1) & 0x3f));
    case 3:
      return static_cast<char32_t>((byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 |
                                   (byte(2) & 0x3f));
    default:
      return static_cast<char32_t>((byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 |
                                   (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f));
  }
}

std::string EncodeCharacter(char32_t c) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0)};
}

// The smallest text of so many characters that is greater than every text with this prefix.
std::optional<std::string> NextText(std::string prefix) {
  while (!prefix.empty()) {
    size_t last = prefix.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(prefix[last]) & 0xc0) == 0x80) --last;
    const char32_t character = DecodeCharacter(std::string_view(prefix).substr(last));
    prefix.resize(last);
    if (character == 0x10ffff) continue;
    return prefix + EncodeCharacter(character == 0xd7ff ? 0xe000 : character + 1);
  }
  return std::nullopt;
}

std::optional<std::string> TextBound(const std::string& text, Bound bound) {
  if (!IsValidUtf8(text)) return std::nullopt;
  size_t end = 0;
  for (int i = 0; i < kTextCharactersMax && end < text.size(); ++i) {
    end += CharacterBytes(static_cast<unsigned char>(text[end]));
  }
  if (end >= text.size()) return Quoted(text);
  if (bound == Bound::kLower) return Quoted(text.substr(0, end));
  const std::optional<std::string> next = NextText(text.substr(0, end));
  if (!next) return std::nullopt;
  return Quoted(*next);
}

std::optional<std::string> TimestampBound(int64_t micros, Bound bound, const char* zone) {
  if (bound == Bound::kUpper) {
    const int64_t rest = ((micros % 1000) + 1000) % 1000;
    if (rest != 0 && micros > INT64_MAX - 1000) return std::nullopt;
    if (rest != 0) micros += 1000 - rest;
  }
  std::optional<std::string> text = TimestampText(micros, 'T', 3);
  if (!text) return std::nullopt;
  return '"' + *text + zone + '"';
}

// The bound as JSON text; nothing where it cannot be told.
std::optional<std::string> BoundJson(const Type& type, const Scalar& value, Bound bound) {
  switch (type.kind()) {
    case Type::Kind::kInt:
    case Type::Kind::kLong:
      if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
      return std::nullopt;
    case Type::Kind::kFloat:
    case Type::Kind::kDouble:
      if (const auto* number = std::get_if<double>(&value); number && std::isfinite(*number)) {
        return DoubleText(*number);
      }
      return std::nullopt;
    case Type::Kind::kDecimal:
      if (const auto* number = std::get_if<Int128>(&value)) {
        return DecimalText(*number, type.scale());
      }
      return std::nullopt;
    case Type::Kind::kDate:
      if (const auto* days = std::get_if<int64_t>(&value)) {
        if (const auto text = DateText(*days)) return '"' + *text + '"';
      }
      return std::nullopt;
    case Type::Kind::kTimestamp:
    case Type::Kind::kTimestampTz:
      if (const auto* micros = std::get_if<int64_t>(&value)) {
        return TimestampBound(*micros, bound, type.kind() == Type::Kind::kTimestampTz ? "Z" : "");
      }
      return std::nullopt;
    case Type::Kind::kString:
      if (const auto* text = std::get_if<std::string>(&value)) return TextBound(*text, bound);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// A JSON object under construction: the members of one level, each already text.
class Members {
 public:
  void Add(const std::string& name, const std::string& json) {
    text_ += (text_.empty() ? "" : ",") + Quoted(name) + ":" + json;
  }
  bool empty() const { return text_.empty(); }
  std::string Object() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

struct Level {
  Members lower, upper, nulls;
};

class StatsWriter {
 public:
  StatsWriter(const DataFile& file, const std::map<int32_t, std::string>& nested_names)
      : file_(file), nested_names_(nested_names) {}

  void Column(const Field& field, const std::string& name, Level& level) {
    if (!CanHold(field.type)) return;
    if (field.type.kind() == Type::Kind::kStruct) {
      Level nested;
      for (const Field& child : field.type.fields()) {
        const auto named = nested_names_.find(child.id.value());
        Column(child, named == nested_names_.end() ? child.name : named->second, nested);
      }
      if (!nested.lower.empty()) level.lower.Add(name, nested.lower.Object());
      if (!nested.upper.empty()) level.upper.Add(name, nested.upper.Object());
      if (!nested.nulls.empty()) level.nulls.Add(name, nested.nulls.Object());
      return;
    }
    if (!field.type.primitive() || told_ >= kColumnsMax) return;
    ++told_;
    const int32_t id = field.id.value();
    if (const auto nulls = file_.null_counts.find(id); nulls != file_.null_counts.end()) {
      level.nulls.Add(name, std::to_string(nulls->second));
    }
    if (!BoundsAreOfAllValues(field)) return;
    if (const auto lower = file_.lower_bounds.find(id); lower != file_.lower_bounds.end()) {
      const auto json = BoundJson(field.type, lower->second, Bound::kLower);
      if (json) level.lower.Add(name, *json);
    }
    if (const auto upper = file_.upper_bounds.find(id); upper != file_.upper_bounds.end()) {
      const auto json = BoundJson(field.type, upper->second, Bound::kUpper);
      if (json) level.upper.Add(name, *json);
    }
  }

 private:
  // Iceberg's bounds leave NaN out, which Delta's readers take for the greatest of all numbers.
  bool BoundsAreOfAllValues(const Field& field) const {
    const Type::Kind kind = field.type.kind();
    if (kind != Type::Kind::kFloat && kind != Type::Kind::kDouble) return true;
    const auto nans = file_.nan_counts.find(field.id.value());
    return nans != file_.nan_counts.end() && nans->second == 0;
  }

  const DataFile& file_;
  const std::map<int32_t, std::string>& nested_names_;
  int told_ = 0;
};

}  // namespace

std::string StatsJson(const DataFile& file, const Schema& schema,
                      const std::vector<std::string>& physical_names, Bounds bounds,
                      const std::map<int32_t, std::string>& nested_names) {
  StatsWriter writer(file, nested_names);
  Level top;
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    writer.Column(schema.fields[i], physical_names[i], top);
  }
  return "{\"numRecords\":" + std::to_string(file.record_count) +
         (bounds == Bounds::kWide ? ",\"tightBounds\":false" : "") +
         ",\"minValues\":" + top.lower.Object() + ",\"maxValues\":" + top.upper.Object() +
         ",\"nullCount\":" + top.nulls.Object() + "}";
}

}  // namespace tarn::delta
