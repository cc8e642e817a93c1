#include "table/dual/manifest_roller.h"

#include <string>

namespace tarn {

namespace {

constexpr int64_t kManifestEntriesMax = 50'000;

using Content = ManifestFile::Content;

}  // namespace

Status ManifestRoller::Add(const ManifestEntry& entry) {
  const Content content =
      entry.file.content == FileContent::kData ? Content::kData : Content::kDeletes;
  const Place place{entry.file.spec_id.value(), content};
  auto found = open_.find(place);
  if (found == open_.end()) {
    const PartitionSpec* spec = request_.table->FindSpec(entry.file.spec_id);
    if (spec == nullptr) {
      return InvalidArgument("the file " + entry.file.path + " has partition spec " +
                             std::to_string(entry.file.spec_id.value()) +
                             ", which the table does not have");
    }
    if (entry.file.partition.size() != spec->fields.size()) {
      return InvalidArgument(
          "the file " + entry.file.path + " has " + std::to_string(entry.file.partition.size()) +
          " partition values, and its spec has " + std::to_string(spec->fields.size()) + " fields");
    }
    const ManifestWriter::Options options{content, request_.snapshot, request_.sequence_number,
                                          request_.table->format_version};
    TARN_ASSIGN_OR_RETURN(auto writer, ManifestWriter::Open(*spec, request_.table->schema(), types_,
                                                            options, *context_.random));
    found = open_.emplace(place, std::move(writer)).first;
  }
  ManifestWriter& writer = *found->second;
  writer.Add(entry);
  if (writer.entries() < kManifestEntriesMax && writer.estimated_bytes() < kManifestBytesMax) {
    return {};
  }
  Status status = FinishOne(writer);
  open_.erase(found);
  return status;
}

Result<std::vector<ManifestFile>> ManifestRoller::Finish() {
  for (auto& [place, writer] : open_) TARN_RETURN_IF_ERROR(FinishOne(*writer));
  open_.clear();
  return std::move(manifests_);
}

Status ManifestRoller::FinishOne(ManifestWriter& writer) {
  TARN_ASSIGN_OR_RETURN(WrittenManifest written, writer.Finish());
  TARN_ASSIGN_OR_RETURN(written.file.path, files_.Put(names_.Next(), written.bytes));
  manifests_.push_back(std::move(written.file));
  return {};
}

}  // namespace tarn
