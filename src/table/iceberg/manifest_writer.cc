#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/json.h"
#include "columnar/avro_writer.h"
#include "table/iceberg/manifest.h"
#include "table/iceberg/manifest_schema.h"
#include "table/iceberg/schema_json.h"
#include "table/iceberg/single_value.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

bool IsNan(const Scalar& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

/// Folds the partition values of one field over all entries.
class SummaryBuilder {
 public:
  explicit SummaryBuilder(const Type& type) : type_(type) {}

  void Add(const Scalar& value) {
    if (IsNull(value)) {
      contains_null_ = true;
    } else if (IsNan(value)) {
      contains_nan_ = true;
    } else {
      if (!lower_ || Compare(value, *lower_) < 0) lower_ = value;
      if (!upper_ || Compare(value, *upper_) > 0) upper_ = value;
    }
  }

  PartitionSummary Finish() const {
    PartitionSummary summary;
    summary.contains_null = contains_null_;
    summary.contains_nan = contains_nan_;
    if (lower_) summary.lower = EncodeSingleValue(type_, *lower_);
    if (upper_) summary.upper = EncodeSingleValue(type_, *upper_);
    return summary;
  }

 private:
  const Type type_;
  bool contains_null_ = false;
  bool contains_nan_ = false;
  std::optional<Scalar> lower_, upper_;
};

class ManifestWriterImpl final : public ManifestWriter {
 public:
  ManifestWriterImpl(AvroWriter out, const PartitionSpec& spec, const ManifestTypes& types,
                     const Options& options)
      : out_(std::move(out)), types_(types), row_ids_(options.format_version >= kVersionOfRowIds) {
    file_.spec_id = spec.id;
    file_.content = options.content;
    file_.sequence_number = options.sequence_number;
    file_.added_snapshot = options.snapshot;
    file_.added_files = file_.existing_files = file_.deleted_files = 0;
    file_.added_rows = file_.existing_rows = file_.deleted_rows = 0;
    for (const Type& type : types.PartitionTypes(spec)) summaries_.emplace_back(type);
  }

  void Add(const ManifestEntry& entry) override {
    if (status_.ok()) status_ = Check(entry);
    if (!status_.ok()) return;
    Count(entry);
    out_.BeginRecord();
    out_.Int(static_cast<int>(entry.status));
    const bool added = entry.status == EntryStatus::kAdded;
    out_.Int(added ? file_.added_snapshot.value() : entry.snapshot.value());
    // Left out for added files: the number is only known once the commit has won.
    added ? out_.Null() : out_.Int(entry.data_sequence_number);
    added ? out_.Null() : out_.Int(entry.file_sequence_number);
    WriteFile(entry.file, added);
    out_.EndRecord();
  }

  int64_t entries() const override { return out_.records(); }
  int64_t estimated_bytes() const override { return out_.estimated_bytes(); }

  Result<WrittenManifest> Finish() override {
    TARN_RETURN_IF_ERROR(status_);
    for (const SummaryBuilder& summary : summaries_) file_.partitions.push_back(summary.Finish());
    file_.min_sequence_number = min_sequence_number_.value_or(file_.sequence_number);
    WrittenManifest written;
    TARN_ASSIGN_OR_RETURN(written.bytes, std::move(out_).Finish());
    written.file = std::move(file_);
    written.file.length = static_cast<int64_t>(written.bytes.size());
    return written;
  }

 private:
  Status Check(const ManifestEntry& entry) const {
    const DataFile& file = entry.file;
    const bool data = file.content == FileContent::kData;
    if (data != (file_.content == ManifestFile::Content::kData)) {
      return InvalidArgument("the file " + file.path + " is of another content than its manifest");
    }
    if (!file.is_deletion_vector()) {
      if (row_ids_ && entry.status == EntryStatus::kAdded &&
          file.content == FileContent::kPositionDeletes) {
        return InvalidArgument("the file " + file.path +
                               " of positions was to be added to a table of format version 3, "
                               "which takes deletion vectors only");
      }
      return {};
    }
    if (!row_ids_) {
      return InvalidArgument("the deletion vector in " + file.path + " needs format version 3");
    }
    if (file.content != FileContent::kPositionDeletes || !file.content_size_bytes ||
        file.referenced_data_file.empty()) {
      return InvalidArgument("the deletion vector in " + file.path +
                             " lacks its size or its data file");
    }
    return {};
  }

  void Count(const ManifestEntry& entry) {
    const int64_t rows = entry.file.record_count;
    int64_t sequence_number = file_.sequence_number;
    switch (entry.status) {
      case EntryStatus::kAdded:
        ++*file_.added_files;
        *file_.added_rows += rows;
        break;
      case EntryStatus::kExisting:
        ++*file_.existing_files;
        *file_.existing_rows += rows;
        sequence_number = entry.data_sequence_number;
        break;
      case EntryStatus::kDeleted:
        ++*file_.deleted_files;
        *file_.deleted_rows += rows;
        break;
    }
    if (entry.status != EntryStatus::kDeleted) {
      min_sequence_number_ =
          std::min(min_sequence_number_.value_or(sequence_number), sequence_number);
    }
    for (size_t i = 0; i < summaries_.size() && i < entry.file.partition.size(); ++i) {
      summaries_[i].Add(entry.file.partition[i]);
    }
  }

  void WriteCounts(const std::map<int32_t, int64_t>& counts) {
    if (counts.empty()) return out_.Null();
    out_.BeginList(counts.size());
    for (const auto& [id, count] : counts) {
      out_.BeginRecord();
      out_.Int(id);
      out_.Int(count);
      out_.EndRecord();
    }
    out_.EndList();
  }

  template <typename Shorten>
  void WriteBounds(const std::map<int32_t, Scalar>& bounds, Shorten shorten) {
    std::vector<std::pair<int32_t, std::string>> encoded;
    for (const auto& [id, value] : bounds) {
      const Type* type = types_.Column(id);
      if (type == nullptr || IsNull(value)) continue;
      // The paths of position deletes tell which file they are for: they stay whole.
      std::optional<Scalar> bound = id >= kReservedFieldIds ? value : shorten(*type, value);
      std::optional<std::string> bytes = bound ? EncodeSingleValue(*type, *bound) : std::nullopt;
      if (bytes) encoded.emplace_back(id, *std::move(bytes));
    }
    if (encoded.empty()) return out_.Null();
    out_.BeginList(encoded.size());
    for (const auto& [id, bytes] : encoded) {
      out_.BeginRecord();
      out_.Int(id);
      out_.Bytes(bytes);
      out_.EndRecord();
    }
    out_.EndList();
  }

  template <typename T>
  void WriteNumbers(const std::vector<T>& numbers) {
    if (numbers.empty()) return out_.Null();
    out_.BeginList(numbers.size());
    for (T number : numbers) out_.Int(number);
    out_.EndList();
  }

  void WriteText(const std::string& text) { text.empty() ? out_.Null() : out_.Bytes(text); }

  void WriteNumber(const std::optional<int64_t>& number) {
    number ? out_.Int(*number) : out_.Null();
  }

  void WriteFile(const DataFile& file, bool added) {
    out_.BeginRecord();
    out_.Int(static_cast<int>(file.content));
    out_.Bytes(file.path);
    out_.Bytes(file.format);
    out_.BeginRecord();
    for (size_t i = 0; i < summaries_.size(); ++i) {
      out_.Value(i < file.partition.size() ? file.partition[i] : Scalar());
    }
    out_.EndRecord();
    out_.Int(file.record_count);
    out_.Int(file.size_bytes);
    WriteCounts(file.column_sizes);
    WriteCounts(file.value_counts);
    WriteCounts(file.null_counts);
    WriteCounts(file.nan_counts);
    WriteBounds(file.lower_bounds, [](const Type& type, const Scalar& value) {
      return std::optional<Scalar>(TruncateLowerBound(type, value));
    });
    WriteBounds(file.upper_bounds, TruncateUpperBound);
    WriteText(file.key_metadata);
    WriteNumbers(file.split_offsets);
    WriteNumbers(file.equality_ids);
    file.sort_order_id ? out_.Int(*file.sort_order_id) : out_.Null();
    // An added file's row ids are only known once the commit has won, like its sequence number.
    const bool inherits = added || file.content != FileContent::kData;
    if (row_ids_) WriteNumber(inherits ? std::nullopt : file.first_row_id);
    WriteText(file.referenced_data_file);
    if (row_ids_) {
      WriteNumber(file.content_offset);
      WriteNumber(file.content_size_bytes);
    }
    out_.EndRecord();
  }

  AvroWriter out_;
  const ManifestTypes& types_;
  const bool row_ids_;
  Status status_;
  ManifestFile file_;
  std::vector<SummaryBuilder> summaries_;
  std::optional<int64_t> min_sequence_number_;
};

}  // namespace

Result<std::unique_ptr<ManifestWriter>> ManifestWriter::Open(const PartitionSpec& spec,
                                                             const Schema& schema,
                                                             const ManifestTypes& types,
                                                             const Options& options,
                                                             Random& random) {
  if (options.format_version > kFormatVersionMax) {
    return Unsupported("manifests of format version " + std::to_string(options.format_version) +
                       " are not supported");
  }
  for (const PartitionField& field : spec.fields) {
    if (field.transform.kind == Transform::Kind::kUnknown) {
      return Unsupported("the partition transform " + field.transform.text + " of \"" + field.name +
                         "\" is not known");
    }
  }
  const bool deletes = options.content == ManifestFile::Content::kDeletes;
  const std::map<std::string, std::string> metadata = {
      {"schema", DumpJson(SchemaToJson(schema))},
      {"schema-id", std::to_string(schema.id.value())},
      {"partition-spec", DumpJson(PartitionFieldsToJson(spec))},
      {"partition-spec-id", std::to_string(spec.id.value())},
      {"format-version", options.format_version >= kVersionOfRowIds ? "3" : "2"},
      {"content", deletes ? "deletes" : "data"}};
  TARN_ASSIGN_OR_RETURN(
      AvroWriter out,
      AvroWriter::Open(ManifestAvroSchema(spec, types.PartitionTypes(spec), options.format_version),
                       metadata, random));
  return std::unique_ptr<ManifestWriter>(
      std::make_unique<ManifestWriterImpl>(std::move(out), spec, types, options));
}

}  // namespace tarn
