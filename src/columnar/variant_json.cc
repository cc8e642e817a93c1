#include "columnar/variant_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/civil_date.h"
#include "columnar/temporal_text.h"
#include "columnar/variant.h"

namespace tarn {

namespace {

constexpr int64_t kMicrosOfDay = 86'400'000'000;
constexpr int64_t kNanosOfDay = 1000 * kMicrosOfDay;

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(c));
      out->append(escape);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

std::string DateText(int64_t days) {
  const auto [year, month, day] = CivilFromDays(days);
  const auto padded = [](int64_t number, size_t digits) {
    std::string text = std::to_string(number);
    if (text.size() < digits) text.insert(0, digits - text.size(), '0');
    return text;
  };
  return (year < 0 ? "-" : "") + padded(year < 0 ? -year : year, 4) + "-" + padded(month, 2) + "-" +
         padded(day, 2);
}

std::string TimestampText(int64_t value, int64_t units_of_day, int64_t nanos_of_unit) {
  int64_t days = value / units_of_day;
  int64_t rest = value % units_of_day;
  if (rest < 0) {
    rest += units_of_day;
    --days;
  }
  return DateText(days) + " " + TimeText(rest * nanos_of_unit);
}

void AppendReal(double value, bool single, std::string* out) {
  if (!std::isfinite(value)) {
    out->append(std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return;
  }
  char text[64];
  const auto end = single ? std::to_chars(text, text + sizeof(text), static_cast<float>(value))
                          : std::to_chars(text, text + sizeof(text), value);
  std::string_view digits(text, static_cast<size_t>(end.ptr - text));
  out->append(digits);
  // A number that is no whole one by its type does not look like one.
  if (digits.find_first_of(".e") == std::string_view::npos) out->append(".0");
}

void AppendDecimal(const Int128& unscaled, int scale, std::string* out) {
  std::string digits = ToString(unscaled);
  if (digits.starts_with('-')) {
    out->push_back('-');
    digits.erase(0, 1);
  }
  const auto places = static_cast<size_t>(scale);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  out->append(digits, 0, digits.size() - places);
  if (places == 0) return;
  out->push_back('.');
  out->append(digits, digits.size() - places, places);
}

void AppendBase64(std::string_view bytes, std::string* out) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out->push_back('"');
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      out->push_back(k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=');
    }
  }
  out->push_back('"');
}

void AppendUuid(std::string_view bytes, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out->push_back('"');
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out->push_back('-');
    out->push_back(kDigits[static_cast<unsigned char>(bytes[i]) >> 4]);
    out->push_back(kDigits[static_cast<unsigned char>(bytes[i]) & 15]);
  }
  out->push_back('"');
}

/// Of a value that was checked.
Status AppendNode(const VariantKeys& keys, std::string_view bytes, std::string* out) {
  TARN_ASSIGN_OR_RETURN(const VariantNode node, VariantNode::Read(bytes));
  const auto quoted = [out](const std::string& text) { out->append("\"" + text + "\""); };
  switch (node.kind) {
    case VariantKind::kNull:
      out->append("null");
      return {};
    case VariantKind::kTrue:
    case VariantKind::kFalse:
      out->append(node.kind == VariantKind::kTrue ? "true" : "false");
      return {};
    case VariantKind::kInt8:
    case VariantKind::kInt16:
    case VariantKind::kInt32:
    case VariantKind::kInt64:
      out->append(std::to_string(node.integer));
      return {};
    case VariantKind::kFloat:
    case VariantKind::kDouble:
      AppendReal(node.real, node.kind == VariantKind::kFloat, out);
      return {};
    case VariantKind::kDecimal4:
    case VariantKind::kDecimal8:
    case VariantKind::kDecimal16:
      AppendDecimal(node.unscaled, node.scale, out);
      return {};
    case VariantKind::kDate:
      quoted(DateText(node.integer));
      return {};
    case VariantKind::kTime:
      quoted(TimeText(node.integer * 1000));
      return {};
    case VariantKind::kTimestamp:
      quoted(TimestampText(node.integer, kMicrosOfDay, 1000));
      return {};
    case VariantKind::kTimestampTz:
      quoted(TimestampText(node.integer, kMicrosOfDay, 1000) + "+00");
      return {};
    case VariantKind::kTimestampNs:
      quoted(TimestampText(node.integer, kNanosOfDay, 1));
      return {};
    case VariantKind::kTimestampTzNs:
      quoted(TimestampText(node.integer, kNanosOfDay, 1) + "+00");
      return {};
    case VariantKind::kString:
      AppendQuoted(node.text, out);
      return {};
    case VariantKind::kBinary:
      AppendBase64(node.text, out);
      return {};
    case VariantKind::kUuid:
      AppendUuid(node.text, out);
      return {};
    case VariantKind::kArray:
    case VariantKind::kObject:
      break;
  }
  const bool object = node.kind == VariantKind::kObject;
  out->push_back(object ? '{' : '[');
  for (uint32_t i = 0; i < node.count; ++i) {
    if (i > 0) out->push_back(',');
    if (object) {
      AppendQuoted(keys.at(node.KeyId(i)), out);
      out->push_back(':');
    }
    TARN_RETURN_IF_ERROR(AppendNode(keys, node.Part(i), out));
  }
  out->push_back(object ? '}' : ']');
  return {};
}

}  // namespace

Status AppendVariantJson(std::string_view metadata, std::string_view value, std::string* out) {
  TARN_ASSIGN_OR_RETURN(const VariantKeys keys, VariantKeys::Read(metadata));
  TARN_RETURN_IF_ERROR(CheckVariant(keys, value));
  return AppendNode(keys, value, out);
}

}  // namespace tarn
