#include "table/dual/iceberg_folder.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn {

namespace {

constexpr std::string_view kSuffix = ".metadata.json";
constexpr std::string_view kPackedSuffix = ".metadata.json.gz";

bool IsMetadata(std::string_view name) {
  return name.ends_with(kSuffix) || name.ends_with(kPackedSuffix);
}

/// The number of "v12.metadata.json", "00012-<uuid>.metadata.json", "v12.gz.metadata.json".
std::optional<int64_t> VersionOf(std::string_view name) {
  if (name.starts_with('v')) name.remove_prefix(1);
  int64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc()) return std::nullopt;
  return version;
}

using Found = std::pair<int64_t, std::string>;  ///< version and key

/// "v12.metadata.json": of a writer whose commit is that this name comes to be.
bool IsBare(const Found& one, const std::string& folder) {
  return one.second.compare(folder.size(), 1, "v") == 0;
}

/// What the hint says; nothing where there is none, or none that is a number.
Result<std::optional<int64_t>> Hint(ObjectStore& store, const std::string& folder) {
  const Result<std::string> text = store.Get(folder + "version-hint.text");
  if (!text.ok() && text.error().kind == ErrorKind::kNotFound) return std::optional<int64_t>();
  TARN_RETURN_IF_ERROR(text.status());
  return VersionOf(*text);
}

}  // namespace

Result<std::string> FindIcebergMetadata(ObjectStore& store, const std::string& location) {
  TARN_ASSIGN_OR_RETURN(std::string key, store.KeyOf(location));
  if (key.ends_with(".json") || key.ends_with(".gz")) return store.UriOf(key);
  while (key.ends_with('/')) key.pop_back();
  const std::string folder = key.empty() ? "metadata/" : key + "/metadata/";
  TARN_ASSIGN_OR_RETURN(const std::optional<int64_t> hint, Hint(store, folder));
  // (version, key): the highest version, and among equals the last name.
  std::vector<Found> found;
  TARN_RETURN_IF_ERROR(store.List(folder, [&](const ObjectInfo& info) -> Status {
    const std::string_view name = std::string_view(info.key).substr(folder.size());
    if (name.find('/') != std::string_view::npos || !IsMetadata(name)) return {};
    if (const auto version = VersionOf(name)) found.emplace_back(*version, info.key);
    return {};
  }));
  if (hint) {
    const auto bare = [&](int64_t version) {
      return std::find_if(found.begin(), found.end(), [&](const Found& one) {
        return one.first == version && IsBare(one, folder);
      });
    };
    // Who names files by bare versions has committed once the next one is there, and raises the
    // hint afterwards, if he lives: what follows without a gap counts. Files of other names, with a
    // UUID, may be those of a commit that was lost.
    auto named = bare(*hint);
    for (auto next = named; next != found.end(); next = bare(named->first + 1)) named = next;
    if (named == found.end()) {
      named = std::find_if(found.begin(), found.end(),
                           [&](const Found& one) { return one.first == *hint; });
    }
    if (named != found.end()) return store.UriOf(named->second);
  }
  if (found.empty()) {
    return NotFound("there is no Iceberg table at " + location + ": no metadata in " + folder,
                    "name the table's folder, or its metadata file");
  }
  return store.UriOf(std::max_element(found.begin(), found.end())->second);
}

}  // namespace tarn
