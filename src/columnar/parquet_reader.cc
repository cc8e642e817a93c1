#include "columnar/parquet_reader.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <map>
#include <new>
#include <set>
#include <utility>

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include "columnar/arrow_input.h"
#include "columnar/parquet_statistics.h"
#include "columnar/prune.h"

namespace tarn {

namespace {

using parquet::arrow::FileReader;
using parquet::arrow::SchemaField;

/// Pieces in which the columns of a large row group are read.
constexpr int64_t kPieceBytesMin = 64 << 10;
constexpr int64_t kPieceBytesMax = 8 << 20;
/// Chunks so near to each other are fetched by one request.
constexpr int64_t kHoleBytesMax = 64 << 10;
/// A batch is not made smaller than this, however large the rows are.
constexpr int64_t kBatchRowsMin = 256;

/// How the bytes of a row group come.
enum class Fetching {
  /// Every column chunk at once: what a page claims to be cannot reach beyond it.
  kWhole,
  /// Piece by piece; Arrow takes as much memory as the header of a page asks for (at most 2 GiB).
  kPieces
};

/// Which leaves of the file are read, and which top-level column answers which wish.
struct Selection {
  std::vector<int> leaves;   ///< ascending
  std::vector<int> places;   ///< by wish: place in `columns`, or -1
  std::vector<int> columns;  ///< top-level columns of the file, in the order they were asked for
  /// By name of the wish: its only leaf, where it is a top-level column without parts.
  std::map<std::string, int> flat;
};

/// The groups that are annotated VARIANT, as IsMarkedVariant() has their paths.
void FindMarkedVariants(const parquet::SchemaDescriptor& file,
                        const std::vector<SchemaField>& fields, std::vector<int> path,
                        std::set<std::vector<int>>& found) {
  path.push_back(0);
  for (size_t i = 0; i < fields.size(); ++i) {
    path.back() = static_cast<int>(i);
    for (const SchemaField& child : fields[i].children) {
      if (!child.is_leaf()) continue;
      const auto* group = file.Column(child.column_index)->schema_node()->parent();
      if (group->logical_type()->is_variant()) found.insert(path);
      break;
    }
    FindMarkedVariants(file, fields[i].children, path, found);
  }
}

/// Finds the wanted columns in the tree of the file's columns.
class Selector {
 public:
  explicit Selector(const parquet::arrow::SchemaManifest& manifest)
      : manifest_(manifest), with_ids_(HasIds(*manifest.descr->group_node())) {}

  Result<Selection> Select(const std::optional<std::vector<ParquetColumn>>& wanted,
                           const std::string& what) {
    Selection selection;
    std::map<int, int> place_of;  // top-level column → place
    auto take = [&](int column) {
      const auto [at, added] = place_of.emplace(column, static_cast<int>(place_of.size()));
      if (added) selection.columns.push_back(column);
      return at->second;
    };
    const auto& fields = manifest_.schema_fields;
    if (!wanted) {
      for (int i = 0; i < static_cast<int>(fields.size()); ++i) {
        const SchemaField& field = fields[static_cast<size_t>(i)];
        AddLeaves(field, selection.leaves);
        selection.places.push_back(take(i));
        if (field.is_leaf()) selection.flat.emplace(field.field->name(), field.column_index);
      }
    } else {
      for (const ParquetColumn& column : *wanted) {
        const int found = Find(column, fields);
        std::vector<int> leaves;
        if (found >= 0) {
          const SchemaField& field = fields[static_cast<size_t>(found)];
          TARN_RETURN_IF_ERROR(AddWanted(column, field, leaves, what));
          if (field.is_leaf()) selection.flat.emplace(column.name, field.column_index);
        }
        // A struct without any of the wanted fields is as a struct that is not there.
        selection.places.push_back(leaves.empty() ? -1 : take(found));
        selection.leaves.insert(selection.leaves.end(), leaves.begin(), leaves.end());
      }
    }
    std::sort(selection.leaves.begin(), selection.leaves.end());
    const auto repeated = std::unique(selection.leaves.begin(), selection.leaves.end());
    selection.leaves.erase(repeated, selection.leaves.end());
    return selection;
  }

 private:
  static bool HasIds(const parquet::schema::GroupNode& group) {
    for (int i = 0; i < group.field_count(); ++i) {
      if (group.field(i)->field_id() >= 0) return true;
    }
    return false;
  }

  static void AddLeaves(const SchemaField& field, std::vector<int>& leaves) {
    if (field.is_leaf()) leaves.push_back(field.column_index);
    for (const SchemaField& child : field.children) AddLeaves(child, leaves);
  }

  static int32_t IdOf(const SchemaField& field) {
    const auto& metadata = field.field->metadata();
    if (metadata == nullptr) return -1;
    const auto text = metadata->Get("PARQUET:field_id");
    return text.ok() ? static_cast<int32_t>(std::strtol(text->c_str(), nullptr, 10)) : -1;
  }

  int Find(const ParquetColumn& column, const std::vector<SchemaField>& fields) const {
    for (size_t i = 0; i < fields.size(); ++i) {
      const bool found = column.field_id && with_ids_ ? IdOf(fields[i]) == *column.field_id
                                                      : column.IsCalled(fields[i].field->name());
      if (found) return static_cast<int>(i);
    }
    return -1;
  }

  Status AddWanted(const ParquetColumn& column, const SchemaField& field, std::vector<int>& leaves,
                   const std::string& what) const {
    if (column.children.empty()) {
      AddLeaves(field, leaves);
      return {};
    }
    if (field.field->type()->id() != arrow::Type::STRUCT) {
      return InvalidArgument(what + ": column " + column.name + " is no struct");
    }
    for (const ParquetColumn& child : column.children) {
      const int found = Find(child, field.children);
      if (found < 0) continue;
      TARN_RETURN_IF_ERROR(
          AddWanted(child, field.children[static_cast<size_t>(found)], leaves, what));
    }
    return {};
  }

  const parquet::arrow::SchemaManifest& manifest_;
  bool with_ids_;
};

class ArrowParquetReader final : public ParquetReader {
 public:
  ArrowParquetReader(ObjectStore& store, const std::string& key, int64_t size_bytes,
                     ParquetReadOptions options, const Limits& limits)
      : what_(store.UriOf(key)),
        options_(std::move(options)),
        limits_(limits),
        input_(std::make_shared<ArrowInput>(store, key, size_bytes)) {}

  Status Open() {
    TARN_RETURN_IF_ERROR(Guard([&] {
      metadata_ = parquet::ReadMetaData(input_);
      return arrow::Status::OK();
    }));
    TARN_RETURN_IF_ERROR(CheckRows());
    parquet::arrow::SchemaManifest manifest;
    TARN_RETURN_IF_ERROR(Guard([&] {
      return parquet::arrow::SchemaManifest::Make(
          metadata_->schema(), metadata_->key_value_metadata(), ArrowProperties(), &manifest);
    }));
    FindMarkedVariants(*metadata_->schema(), manifest.schema_fields, {}, marked_variants_);
    TARN_ASSIGN_OR_RETURN(selection_, Selector(manifest).Select(options_.columns, what_));
    TARN_RETURN_IF_ERROR(Guard([&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(FileReader* const reader, ReaderFor(Fetching::kWhole));
      ARROW_ASSIGN_OR_RAISE(auto none, reader->GetRecordBatchReader({}, selection_.leaves));
      return MakeSchema(*none->schema());
    }));
    return Guard([&] {
      Prune();
      return arrow::Status::OK();
    });
  }

  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const std::vector<int>& places() const override { return selection_.places; }
  bool IsMarkedVariant(const std::vector<int>& path) const override {
    return marked_variants_.contains(path);
  }
  const std::string& created_by() const override { return metadata_->created_by(); }
  int64_t rows() const override { return metadata_->num_rows(); }
  int row_groups() const override { return metadata_->num_row_groups(); }
  int row_groups_skipped() const override { return skipped_; }

  Result<ColumnBounds> Bounds(const std::string& column, int row_group) override {
    ColumnBounds bounds;
    const auto leaf = selection_.flat.find(column);
    if (leaf == selection_.flat.end()) return bounds;
    TARN_RETURN_IF_ERROR(Guard([&] {
      bounds = ChunkBounds(*metadata_->RowGroup(row_group), leaf->second);
      return arrow::Status::OK();
    }));
    return bounds;
  }

  Result<std::optional<ParquetBatch>> Next() override {
    if (!failure_.ok()) return failure_;
    std::optional<ParquetBatch> batch;
    failure_ = Advance(batch);
    if (!failure_.ok()) return failure_;
    return batch;
  }

 private:
  struct Group {
    int index;
    int64_t first_row;
    int64_t rows;
  };

  /// Arrow's Parquet code throws in places; nothing of that leaves this class.
  template <typename F>
  Status Guard(F call) {
    try {
      return Explain(call());
    } catch (const parquet::ParquetStatusException& error) {
      return Explain(error.status());
    } catch (const std::bad_alloc&) {
      return ResourceExhausted(what_ + ": no memory for what the file says to hold");
    } catch (const std::exception& error) {
      return Explain(arrow::Status::Invalid(error.what()));
    }
  }

  Status Explain(const arrow::Status& status) const {
    if (status.ok()) return {};
    if (!input_->failure().ok()) return Status(input_->failure()).Wrap("reading " + what_);
    const std::string message = what_ + ": " + status.message();
    if (status.IsOutOfMemory()) return ResourceExhausted(message);
    if (status.IsNotImplemented()) return Unsupported(message);
    return Corruption(message);
  }

  static parquet::ArrowReaderProperties ArrowProperties() {
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_pre_buffer(false);  // what is fetched ahead is decided here, with a limit
    // Nanoseconds would not reach beyond the years 1677 to 2262.
    properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    return properties;
  }

  parquet::ReaderProperties Properties(Fetching fetching) const {
    parquet::ReaderProperties properties;
    if (fetching == Fetching::kPieces) {
      const auto leaves = std::max<int64_t>(1, static_cast<int64_t>(selection_.leaves.size()));
      properties.enable_buffered_stream();
      properties.set_buffer_size(
          std::clamp(options_.read_bytes_max / leaves, kPieceBytesMin, kPieceBytesMax));
    }
    properties.set_page_checksum_verification(true);
    return properties;
  }

  arrow::Result<FileReader*> ReaderFor(Fetching fetching) {
    std::unique_ptr<FileReader>& reader =
        fetching == Fetching::kWhole ? whole_reader_ : pieces_reader_;
    if (reader == nullptr) {
      ARROW_ASSIGN_OR_RAISE(reader, FileReader::Make(arrow::default_memory_pool(),
                                                     parquet::ParquetFileReader::Open(
                                                         input_, Properties(fetching), metadata_),
                                                     ArrowProperties()));
    }
    return reader.get();
  }

  /// Positions are counted by what the footer says, so it must not contradict itself.
  Status CheckRows() {
    int64_t sum = 0;
    return Guard([&] {
      for (int g = 0; g < metadata_->num_row_groups(); ++g) {
        const int64_t rows = metadata_->RowGroup(g)->num_rows();
        if (rows < 0 || rows > metadata_->num_rows() - sum) {
          return arrow::Status::Invalid("the row groups have other rows than the file");
        }
        groups_.push_back({g, sum, rows});
        sum += rows;
      }
      return sum == metadata_->num_rows()
                 ? arrow::Status::OK()
                 : arrow::Status::Invalid("the row groups have other rows than the file");
    });
  }

  /// Arrow gives the columns in the file's order; here they come as they were asked for.
  arrow::Status MakeSchema(const arrow::Schema& read) {
    std::vector<int> sorted = selection_.columns;
    std::sort(sorted.begin(), sorted.end());
    if (static_cast<int>(sorted.size()) != read.num_fields()) {
      return arrow::Status::Invalid("the schema has columns of one name");
    }
    arrow::FieldVector fields;
    for (const int column : selection_.columns) {
      const auto at = std::lower_bound(sorted.begin(), sorted.end(), column);
      order_.push_back(static_cast<int>(at - sorted.begin()));
      fields.push_back(read.field(order_.back()));
    }
    schema_ = arrow::schema(std::move(fields));
    return arrow::Status::OK();
  }

  void Prune() {
    std::erase_if(groups_, [&](const Group& group) {
      if (group.rows == 0 || !Wanted(group)) return true;
      if (options_.predicate.always_true()) return false;
      const auto metadata = metadata_->RowGroup(group.index);
      ColumnBounds bounds;
      const bool may_match =
          MayMatch(options_.predicate, [&](const std::string& column) -> const ColumnBounds* {
            const auto leaf = selection_.flat.find(column);
            if (leaf == selection_.flat.end()) return nullptr;
            bounds = ChunkBounds(*metadata, leaf->second);
            return &bounds;
          });
      skipped_ += may_match ? 0 : 1;
      return !may_match;
    });
  }

  bool Wanted(const Group& group) const {
    if (!options_.positions) return true;
    const auto first =
        std::lower_bound(options_.positions->begin(), options_.positions->end(), group.first_row);
    return first != options_.positions->end() && *first < group.first_row + group.rows;
  }

  Status Advance(std::optional<ParquetBatch>& batch) {
    while (next_group_ < groups_.size()) {
      const Group& group = groups_[next_group_];
      if (batches_ == nullptr) TARN_RETURN_IF_ERROR(StartGroup(group));
      std::shared_ptr<arrow::RecordBatch> read;
      TARN_RETURN_IF_ERROR(Guard([&]() -> arrow::Status {
        ARROW_RETURN_NOT_OK(batches_->ReadNext(&read));
        return read != nullptr ? read->Validate() : arrow::Status::OK();
      }));
      if (read == nullptr) {
        if (group_rows_read_ != group.rows) return WrongRows(group);
        batches_.reset();
        ++next_group_;
        continue;
      }
      if (read->num_rows() == 0) continue;
      const int64_t first_row = group.first_row + group_rows_read_;
      group_rows_read_ += read->num_rows();
      if (group_rows_read_ > group.rows) return WrongRows(group);
      arrow::ArrayVector columns;
      for (const int column : order_) columns.push_back(read->column(column));
      batch = ParquetBatch{arrow::RecordBatch::Make(schema_, read->num_rows(), std::move(columns)),
                           first_row};
      return {};
    }
    return {};
  }

  Status WrongRows(const Group& group) const {
    return Corruption(what_ + ": row group " + std::to_string(group.index) + " has not the " +
                      std::to_string(group.rows) + " rows that the footer says");
  }

  Status StartGroup(const Group& group) {
    group_rows_read_ = 0;
    return Guard([&]() -> arrow::Status {
      const auto metadata = metadata_->RowGroup(group.index);
      int64_t row_group_bytes = 0;
      for (const int leaf : selection_.leaves) {
        row_group_bytes +=
            std::max<int64_t>(0, metadata->ColumnChunk(leaf)->total_uncompressed_size());
      }
      const int64_t row_bytes = std::max<int64_t>(1, row_group_bytes / group.rows);
      ARROW_ASSIGN_OR_RAISE(const Fetching fetching, Preload(group.index));
      ARROW_ASSIGN_OR_RAISE(FileReader* const reader, ReaderFor(fetching));
      reader->set_batch_size(std::clamp(limits_.batch_bytes_max / row_bytes,
                                        std::min(kBatchRowsMin, limits_.batch_rows),
                                        limits_.batch_rows));
      ARROW_ASSIGN_OR_RAISE(batches_,
                            reader->GetRecordBatchReader({group.index}, selection_.leaves));
      return arrow::Status::OK();
    });
  }

  /// Fetches the row group if it is small enough to be held.
  arrow::Result<Fetching> Preload(int group) {
    if (selection_.leaves.empty()) return Fetching::kWhole;
    ARROW_ASSIGN_OR_RAISE(const auto ranges,
                          whole_reader_->parquet_reader()->GetReadRanges(
                              {group}, selection_.leaves, kHoleBytesMax,
                              std::max(options_.read_bytes_max, kPieceBytesMax)));
    ARROW_ASSIGN_OR_RAISE(const int64_t file_bytes, input_->GetSize());
    int64_t bytes = 0;
    for (const auto& range : ranges) {
      if (range.offset < 0 || range.length < 0 || range.length > file_bytes - range.offset) {
        return arrow::Status::Invalid("row group ", group, " does not lie within the file");
      }
      bytes += range.length;
    }
    const bool whole = bytes <= options_.read_bytes_max;
    ARROW_RETURN_NOT_OK(input_->Preload(whole ? ranges : std::vector<arrow::io::ReadRange>()));
    return whole ? Fetching::kWhole : Fetching::kPieces;
  }

  std::string what_;
  ParquetReadOptions options_;
  Limits limits_;
  std::shared_ptr<ArrowInput> input_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
  Selection selection_;
  std::set<std::vector<int>> marked_variants_;
  std::unique_ptr<FileReader> whole_reader_;   ///< from Open() on
  std::unique_ptr<FileReader> pieces_reader_;  ///< once a row group is too large for the other
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<int> order_;     ///< for each column of schema_: its place in what Arrow reads
  std::vector<Group> groups_;  ///< those that are read
  int skipped_ = 0;
  size_t next_group_ = 0;
  std::unique_ptr<arrow::RecordBatchReader> batches_;  ///< of the group at next_group_
  int64_t group_rows_read_ = 0;
  Status failure_;
};

}  // namespace

Result<std::unique_ptr<ParquetReader>> ParquetReader::Open(ObjectStore& store,
                                                           const std::string& key,
                                                           std::optional<int64_t> size_bytes,
                                                           ParquetReadOptions options,
                                                           const Limits& limits) {
  if (!size_bytes) {
    TARN_ASSIGN_OR_RETURN(const ObjectInfo info, store.Head(key));
    size_bytes = info.size_bytes;
  }
  auto reader =
      std::make_unique<ArrowParquetReader>(store, key, *size_bytes, std::move(options), limits);
  TARN_RETURN_IF_ERROR(reader->Open());
  return std::unique_ptr<ParquetReader>(std::move(reader));
}

}  // namespace tarn
