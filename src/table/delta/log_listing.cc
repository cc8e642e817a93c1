#include "table/delta/log_listing.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace tarn::delta {
namespace {

constexpr size_t kVersionDigits = 20;
constexpr size_t kPartDigits = 10;
constexpr size_t kUuidCharacters = 36;

std::optional<int64_t> Number(std::string_view digits, size_t wanted) {
  int64_t number = 0;
  if (digits.size() != wanted) return std::nullopt;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
  return whole && number >= 0 ? std::optional<int64_t>(number) : std::nullopt;
}

// A file's name between its dots.
std::vector<std::string_view> Segments(std::string_view name) {
  std::vector<std::string_view> segments;
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    segments.push_back(name.substr(0, dot));
    name.remove_prefix(dot + 1);
  }
  segments.push_back(name);
  return segments;
}

struct CheckpointName {
  CheckpointFiles::Form form = CheckpointFiles::Form::kParquet;
  int64_t part = 1;
  int64_t parts = 1;
};

// What follows the version in the name of a checkpoint's file.
std::optional<CheckpointName> ParseCheckpointName(const std::vector<std::string_view>& segments) {
  if (segments.size() < 3 || segments[1] != "checkpoint") return std::nullopt;
  CheckpointName name;
  const std::string_view ending = segments.back();
  if (segments.size() == 3 && ending == "parquet") return name;
  if (segments.size() == 4 && segments[2].size() == kUuidCharacters &&
      (ending == "parquet" || ending == "json")) {
    if (ending == "json") name.form = CheckpointFiles::Form::kJson;
    return name;
  }
  if (segments.size() == 5 && ending == "parquet") {
    const auto part = Number(segments[2], kPartDigits);
    const auto parts = Number(segments[3], kPartDigits);
    if (!part || !parts || *part < 1 || *part > *parts) return std::nullopt;
    name.part = *part;
    name.parts = *parts;
    return name;
  }
  return std::nullopt;
}

}  // namespace

void LogListing::Add(std::string_view name, int64_t modified_micros) {
  const std::vector<std::string_view> segments = Segments(name);
  const std::optional<int64_t> version = Number(segments[0], kVersionDigits);
  if (!version) return;
  const Named named{*version, std::string(name), modified_micros};
  if (segments.size() == 2 && segments[1] == "json") {
    entries_[*version] = modified_micros;
  } else if (ParseCheckpointName(segments)) {
    checkpoint_files_.push_back(named);
  } else if ((segments.size() == 2 && segments[1] == "crc") ||
             (segments.size() == 4 && segments[2] == "compacted" && segments[3] == "json" &&
              Number(segments[1], kVersionDigits))) {
    other_files_.push_back(named);
  }
}

std::map<int64_t, CheckpointFiles> LogListing::Checkpoints() const {
  std::map<int64_t, CheckpointFiles> whole;
  // Checkpoints in parts: by version and number of parts; the parts that are there.
  std::map<std::pair<int64_t, int64_t>, std::map<int64_t, std::string>> in_parts;
  for (const Named& file : checkpoint_files_) {
    const CheckpointName name = *ParseCheckpointName(Segments(file.name));
    if (name.parts > 1) {
      in_parts[{file.version, name.parts}].emplace(name.part, file.name);
    } else {
      whole.try_emplace(file.version, CheckpointFiles{file.version, name.form, {file.name}});
    }
  }
  for (const auto& [key, parts] : in_parts) {
    if (static_cast<int64_t>(parts.size()) < key.second || whole.contains(key.first)) continue;
    CheckpointFiles files{key.first, CheckpointFiles::Form::kParquet, {}};
    for (const auto& [part, name] : parts) files.names.push_back(name);
    whole.emplace(key.first, std::move(files));
  }
  return whole;
}

std::optional<CheckpointFiles> LogListing::NewestCheckpoint(int64_t version) const {
  const std::map<int64_t, CheckpointFiles> whole = Checkpoints();
  const auto after = whole.upper_bound(version);
  if (after == whole.begin()) return std::nullopt;
  return std::prev(after)->second;
}

}  // namespace tarn::delta
