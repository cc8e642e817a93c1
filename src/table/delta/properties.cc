#include "table/delta/properties.h"

#include <charconv>
#include <vector>

#include "base/text.h"

namespace tarn::delta {
namespace {

std::optional<int64_t> UnitMs(std::string unit) {
  if (unit.size() > 1 && unit.ends_with('s')) unit.pop_back();
  if (unit == "millisecond") return 1;
  if (unit == "second") return 1000;
  if (unit == "minute") return 60'000;
  if (unit == "hour") return 3'600'000;
  if (unit == "day") return 86'400'000;
  if (unit == "week") return 7 * int64_t{86'400'000};
  return std::nullopt;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

Error BadValue(const std::string& key, const std::string& value, const std::string& wanted) {
  return InvalidArgument("table property " + key + " cannot be '" + value + "'",
                         "set it to " + wanted);
}

}  // namespace

std::optional<int64_t> ParseIntervalMs(std::string_view text) {
  constexpr int64_t kNumberMax = 1'000'000'000;
  std::vector<std::string> words = Words(LowerAscii(std::string(text)));
  if (!words.empty() && words[0] == "interval") words.erase(words.begin());
  if (words.empty() || words.size() % 2 != 0) return std::nullopt;
  int64_t sum_ms = 0;
  for (size_t i = 0; i < words.size(); i += 2) {
    int64_t number = 0;
    const char* end = words[i].data() + words[i].size();
    const auto parsed = std::from_chars(words[i].data(), end, number);
    const std::optional<int64_t> unit_ms = UnitMs(words[i + 1]);
    const bool fits = number >= 0 && number <= kNumberMax;
    if (parsed.ec != std::errc() || parsed.ptr != end || !fits || !unit_ms) return std::nullopt;
    sum_ms += number * *unit_ms;
  }
  return sum_ms;
}

int64_t IntervalProperty(const std::map<std::string, std::string>& configuration, const char* key,
                         int64_t otherwise_ms) {
  const auto found = configuration.find(key);
  if (found == configuration.end()) return otherwise_ms;
  return ParseIntervalMs(found->second).value_or(otherwise_ms);
}

std::string SpellProperty(const std::string& key) {
  const std::string lower = LowerAscii(key);
  for (const char* known :
       {kColumnMappingModeProperty, kCheckpointPolicyProperty, kLogRetentionProperty,
        kDeletedFileRetentionProperty, kAppendOnlyProperty}) {
    if (LowerAscii(known) == lower) return known;
  }
  return key;
}

Status CheckDeltaProperty(const std::string& key, const std::string& value) {
  if (!key.starts_with("delta.")) return {};
  if (key == kColumnMappingModeProperty) {
    if (value == "name" || value == "id") return {};
    return BadValue(key, value, "'name' or 'id'");
  }
  if (key == kCheckpointPolicyProperty) {
    if (value == "classic" || value == "v2") return {};
    return BadValue(key, value, "'classic' or 'v2'");
  }
  if (key == kLogRetentionProperty || key == kDeletedFileRetentionProperty) {
    if (ParseIntervalMs(value)) return {};
    return BadValue(key, value, "a time span as 'interval 30 days'");
  }
  if (key == kAppendOnlyProperty) {
    if (value == "true" || value == "false") return {};
    return BadValue(key, value, "'true' or 'false'");
  }
  if (key.starts_with(kConstraintPrefix)) return {};
  return InvalidArgument("table property " + key + " is not known",
                         std::string("those that begin with delta. are ") +
                             kColumnMappingModeProperty + ", " + kCheckpointPolicyProperty + ", " +
                             kLogRetentionProperty + ", " + kDeletedFileRetentionProperty + ", " +
                             kAppendOnlyProperty);
}

}  // namespace tarn::delta
