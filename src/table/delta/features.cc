#include "table/delta/features.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tarn::delta {
namespace {

constexpr int kReaderVersionMax = 3;
constexpr int kWriterVersionMax = 7;

// "Valid Feature Names in Table Features". Clustering, row tracking, domains and in-commit
// timestamps ask nothing of readers.
constexpr std::string_view kReaderFeatures[] = {
    "columnMapping",       "deletionVectors",      "timestampNtz",
    "typeWidening",        "typeWidening-preview", "v2Checkpoint",
    "vacuumProtocolCheck", "variantShredding",     "variantShredding-preview",
    "variantType",         "variantType-preview"};

// Those that Tarn's own log may have: NOT NULL is the only invariant in it.
constexpr std::string_view kWriterFeatures[] = {
    "allowColumnDefaults", "appendOnly",       "checkConstraints", "columnMapping",
    "deletionVectors",     "invariants",       "timestampNtz",     "v2Checkpoint",
    "vacuumProtocolCheck", "variantShredding", "variantType"};

template <size_t N>
std::string Unknown(const std::vector<std::string>& features, const std::string_view (&known)[N]) {
  std::string list;
  for (const std::string& feature : features) {
    if (std::find(std::begin(known), std::end(known), feature) != std::end(known)) continue;
    list += (list.empty() ? "" : ", ") + feature;
  }
  return list;
}

Status Refuse(const char* who, int version, int version_max, const std::string& features) {
  if (version <= version_max && features.empty()) return {};
  std::string message = "the Delta table needs ";
  if (version > version_max) {
    message += std::string(who) + " version " + std::to_string(version);
    if (!features.empty()) message += " and ";
  }
  if (!features.empty()) message += std::string(who) + " features that are not known: " + features;
  return Unsupported(std::move(message));
}

}  // namespace

Status CheckReadable(const Protocol& protocol) {
  return Refuse("reader", protocol.min_reader_version, kReaderVersionMax,
                Unknown(protocol.reader_features, kReaderFeatures));
}

Status CheckWritable(const Protocol& protocol) {
  return Refuse("writer", protocol.min_writer_version, kWriterVersionMax,
                Unknown(protocol.writer_features, kWriterFeatures));
}

bool HasFeature(const Protocol& protocol, std::string_view feature) {
  const auto lists = [&](const std::vector<std::string>& features) {
    return std::find(features.begin(), features.end(), feature) != features.end();
  };
  if (lists(protocol.reader_features) || lists(protocol.writer_features)) return true;
  const int writer = protocol.min_writer_version;
  if (writer >= kWriterVersionMax) return false;
  if (feature == "appendOnly" || feature == "invariants") return writer >= 2;
  if (feature == "checkConstraints") return writer >= 3;
  if (feature == "changeDataFeed" || feature == "generatedColumns") return writer >= 4;
  if (feature == "columnMapping") return writer >= 5;
  return feature == "identityColumns" && writer >= 6;
}

}  // namespace tarn::delta
