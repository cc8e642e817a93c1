#include "table/dual/deletes.h"

#include <cctype>
#include <unordered_set>
#include <utility>
#include <vector>

#include <arrow/record_batch.h>

#include "base/text.h"
#include "columnar/parquet_reader.h"
#include "columnar/position_deletes.h"
#include "storage/outside_files.h"
#include "table/dual/row_key.h"

namespace tarn {

namespace {

/// Bytes of the keys of one equality delete file that are held at once.
constexpr int64_t kEqualityKeyBytesMax = 512LL << 20;

Status CheckFormat(const DataFile& file, const std::string& wanted) {
  if (LowerAscii(file.format) == LowerAscii(wanted)) return {};
  return Unsupported("delete file " + file.path + " is " + file.format + ", not " + wanted,
                     "compact the table with the engine that wrote it");
}

Result<std::shared_ptr<const DeletedPositions>> LoadVector(const TableContext& context,
                                                           const DataFile& deletes) {
  TARN_RETURN_IF_ERROR(CheckFormat(deletes, "PUFFIN"));
  if (!deletes.content_size_bytes || deletes.referenced_data_file.empty()) {
    return Corruption("the deletion vector in " + deletes.path +
                      " does not say how long it is or which data file it is about");
  }
  TARN_ASSIGN_OR_RETURN(const std::string key, context.store->KeyOf(deletes.path));
  TARN_ASSIGN_OR_RETURN(
      const std::string blob,
      context.store->GetRange(key, *deletes.content_offset, *deletes.content_size_bytes));
  const std::string what =
      deletes.path + " (vector at byte " + std::to_string(*deletes.content_offset) + ")";
  TARN_ASSIGN_OR_RETURN(DeletionVector positions, DeletionVector::Parse(blob, what));
  if (positions.cardinality() != deletes.record_count) {
    return Corruption(what + " deletes " + std::to_string(positions.cardinality()) +
                      " rows, and its manifest says " + std::to_string(deletes.record_count));
  }
  auto result = std::make_shared<DeletedPositions>();
  result->emplace(deletes.referenced_data_file, std::move(positions));
  return std::shared_ptr<const DeletedPositions>(std::move(result));
}

Result<std::shared_ptr<const DeletedPositions>> LoadPositions(const TableContext& context,
                                                              const DataFile& deletes) {
  TARN_RETURN_IF_ERROR(CheckFormat(deletes, "PARQUET"));
  TARN_ASSIGN_OR_RETURN(const std::string key, context.store->KeyOf(deletes.path));
  auto result = std::make_shared<DeletedPositions>();
  TARN_RETURN_IF_ERROR(ReadPositionDeletes(
      *context.store, key, deletes.size_bytes, std::nullopt,
      [&](std::string_view path, std::span<const int64_t> positions) -> Status {
        DeletionVector& vector = (*result)[std::string(path)];
        for (const int64_t position : positions) vector.Add(position);
        return {};
      },
      *context.limits));
  return std::shared_ptr<const DeletedPositions>(std::move(result));
}

/// The columns that an equality delete file compares, and what rows without them have.
struct KeyColumns {
  std::vector<ParquetColumn> columns;
  std::vector<Scalar> missing;
};

Result<KeyColumns> KeyColumnsOf(const TableMetadata& table, const DataFile& deletes) {
  if (deletes.equality_ids.empty()) {
    return Corruption("equality delete file " + deletes.path + " names no columns");
  }
  KeyColumns result;
  for (const int32_t id : deletes.equality_ids) {
    const Field* field = nullptr;
    for (auto schema = table.schemas.rbegin(); field == nullptr && schema != table.schemas.rend();
         ++schema) {
      field = schema->Find(FieldId(id));
    }
    if (field == nullptr) {
      return Corruption("equality delete file " + deletes.path + " compares column " +
                        std::to_string(id) + ", which the table never had");
    }
    result.columns.push_back({field->name, id, {}});
    result.missing.push_back(field->initial_default.value_or(Scalar()));
  }
  return result;
}

/// Calls `visit` with the key of every row of a Parquet file and its position.
Status ReadKeys(const TableContext& context, const DataFile& file, const KeyColumns& key,
                const std::function<Status(const std::string&, int64_t)>& visit) {
  TARN_ASSIGN_OR_RETURN(const ObjectPlace object, FindObject(*context.store, file.path));
  ParquetReadOptions options;
  options.columns = key.columns;
  TARN_ASSIGN_OR_RETURN(auto reader, ParquetReader::Open(*object.store, object.key, file.size_bytes,
                                                         std::move(options), *context.limits));
  std::string text;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const std::optional<ParquetBatch> batch, reader->Next());
    if (!batch) return {};
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (const int place : reader->places()) {
      columns.push_back(place < 0 ? nullptr : batch->rows->column(place));
    }
    auto keys = RowKeys::Of(std::move(columns), key.missing);
    TARN_RETURN_IF_ERROR(keys.status().Wrap("file " + file.path));
    for (int64_t row = 0; row < batch->rows->num_rows(); ++row) {
      keys->Get(row, text);
      TARN_RETURN_IF_ERROR(visit(text, batch->first_row + row));
    }
  }
}

/// Adds the rows of `data` that an equality delete file names.
Status AddEqualityDeletes(const TableContext& context, const TableMetadata& table,
                          const DataFile& deletes, const DataFile& data, DeletionVector& all) {
  TARN_RETURN_IF_ERROR(CheckFormat(deletes, "PARQUET"));
  TARN_ASSIGN_OR_RETURN(const KeyColumns key, KeyColumnsOf(table, deletes));
  std::unordered_set<std::string> deleted;
  int64_t bytes = 0;
  TARN_RETURN_IF_ERROR(
      ReadKeys(context, deletes, key, [&](const std::string& text, int64_t) -> Status {
        if (deleted.insert(text).second) bytes += static_cast<int64_t>(text.size());
        if (bytes <= kEqualityKeyBytesMax) return {};
        return ResourceExhausted("equality delete file " + deletes.path + " has more than " +
                                     std::to_string(kEqualityKeyBytesMax) + " bytes of keys",
                                 "compact the table with the engine that wrote it");
      }));
  return ReadKeys(context, data, key, [&](const std::string& text, int64_t position) -> Status {
    if (deleted.contains(text)) all.Add(position);
    return {};
  });
}

}  // namespace

Result<std::shared_ptr<const DeletedPositions>> LoadPositionDeletes(const TableContext& context,
                                                                    const DataFile& deletes) {
  // The file's own name stays last: the cache keeps what is named by a UUID.
  const std::string cached_as =
      std::to_string(deletes.content_offset.value_or(-1)) + "@" + deletes.path;
  if (context.cache != nullptr) {
    if (auto cached = context.cache->FindDeletes(cached_as)) return cached;
  }
  TARN_ASSIGN_OR_RETURN(auto loaded, deletes.is_deletion_vector()
                                         ? LoadVector(context, deletes)
                                         : LoadPositions(context, deletes));
  if (context.cache != nullptr) context.cache->PutDeletes(cached_as, loaded);
  return loaded;
}

Result<std::shared_ptr<const DeletionVector>> LoadDeletes(const TableContext& context,
                                                          const TableMetadata& table,
                                                          const ScanFile& file) {
  const DataFile* vector = nullptr;
  std::shared_ptr<DeletionVector> all;
  for (const DataFile& deletes : file.deletes) {
    if (all == nullptr) all = std::make_shared<DeletionVector>();
    if (deletes.content == FileContent::kEqualityDeletes) {
      TARN_RETURN_IF_ERROR(AddEqualityDeletes(context, table, deletes, file.file, *all));
      continue;
    }
    if (deletes.is_deletion_vector()) {
      if (vector != nullptr) {
        return Corruption("data file " + file.file.path + " has two deletion vectors, in " +
                              vector->path + " and " + deletes.path,
                          "only one of them can be right: roll the table back, or rewrite it with "
                          "the engine that wrote it");
      }
      vector = &deletes;
    }
    TARN_ASSIGN_OR_RETURN(const auto positions, LoadPositionDeletes(context, deletes));
    if (auto found = positions->find(file.file.path); found != positions->end()) {
      all->AddAll(found->second);
    }
  }
  if (all == nullptr || all->empty()) return std::shared_ptr<const DeletionVector>();
  return std::shared_ptr<const DeletionVector>(std::move(all));
}

}  // namespace tarn
