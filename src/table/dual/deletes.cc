#include "table/dual/deletes.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <arrow/array/array_nested.h>
#include <arrow/record_batch.h>
#include <arrow/util/key_value_metadata.h>

#include "base/text.h"
#include "columnar/parquet_reader.h"
#include "columnar/position_deletes.h"
#include "storage/outside_files.h"
#include "table/dual/column_shape.h"
#include "table/dual/file_columns.h"
#include "table/dual/row_key.h"

namespace tarn {

namespace {

/// Bytes of keys of equality delete files that are held at once for one data file.
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
  TARN_ASSIGN_OR_RETURN(const ObjectPlace place, FindObject(*context.store, deletes.path));
  TARN_ASSIGN_OR_RETURN(
      const std::string blob,
      place.store->GetRange(place.key, *deletes.content_offset, *deletes.content_size_bytes));
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
  TARN_ASSIGN_OR_RETURN(const ObjectPlace place, FindObject(*context.store, deletes.path));
  auto result = std::make_shared<DeletedPositions>();
  TARN_RETURN_IF_ERROR(ReadPositionDeletes(
      *place.store, place.key, deletes.size_bytes, std::nullopt,
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
  std::vector<ParquetColumn> columns;  ///< of a struct's field: the struct, with that one child
  std::vector<FieldId> ids;
  std::vector<Type> types;
  std::vector<Scalar> missing;
};

/// The way to field `id` through structs; empty when there is none.
std::optional<ParquetColumn> WayTo(const std::vector<Field>& fields, FieldId id,
                                   const Field** found) {
  for (const Field& field : fields) {
    ParquetColumn column{field.name, field.id.value(), {}};
    if (field.id == id) {
      *found = &field;
      return column;
    }
    if (field.type.kind() != Type::Kind::kStruct) continue;
    if (auto child = WayTo(field.type.fields(), id, found)) {
      column.children.push_back(*std::move(child));
      return column;
    }
  }
  return std::nullopt;
}

/// What files without field ids call `column` and what it holds.
void AddNames(const std::map<int32_t, std::set<std::string>>& names, ParquetColumn& column) {
  const auto found = names.find(column.field_id.value_or(-1));
  if (found != names.end()) column.names = found->second;
  for (ParquetColumn& child : column.children) AddNames(names, child);
}

Result<KeyColumns> KeyColumnsOf(const TableMetadata& table, const DataFile& deletes) {
  if (deletes.equality_ids.empty()) {
    return Corruption("equality delete file " + deletes.path + " names no columns");
  }
  KeyColumns result;
  std::map<int32_t, std::set<std::string>> names;
  const auto mapping = table.properties.find(kNameMappingProperty);
  if (mapping != table.properties.end()) {
    TARN_ASSIGN_OR_RETURN(names, ReadNameMapping(mapping->second));
  }
  for (const int32_t id : deletes.equality_ids) {
    const Field* field = nullptr;
    std::optional<ParquetColumn> column;
    for (auto schema = table.schemas.rbegin(); !column && schema != table.schemas.rend();
         ++schema) {
      column = WayTo(schema->fields, FieldId(id), &field);
    }
    if (!column) {
      return Corruption("equality delete file " + deletes.path + " compares column " +
                        std::to_string(id) +
                        ", which is no column of the table and no field of its structs");
    }
    AddNames(names, *column);
    result.columns.push_back(*std::move(column));
    result.ids.push_back(FieldId(id));
    result.types.push_back(field->type);
    result.missing.push_back(field->initial_default.value_or(Scalar()));
  }
  return result;
}

/// What rows of `data` have in key columns that the file itself does not hold: of a partition
/// column its value (files that were migrated from Hive), or else the default.
KeyColumns KeyColumnsIn(const TableMetadata& table, const DataFile& data, KeyColumns key) {
  const PartitionSpec* spec = table.FindSpec(data.spec_id);
  for (size_t i = 0; spec != nullptr && i < spec->fields.size(); ++i) {
    const PartitionField& field = spec->fields[i];
    if (field.transform.kind != Transform::Kind::kIdentity || i >= data.partition.size()) continue;
    for (size_t k = 0; k < key.ids.size(); ++k) {
      if (key.ids[k] == field.source_id) key.missing[k] = data.partition[i];
    }
  }
  return key;
}

/// The field of a struct by id or, where none has one, by name; nullptr when it lacks it. It is
/// null where the struct is.
Result<std::shared_ptr<arrow::Array>> FieldOf(const std::shared_ptr<arrow::Array>& array,
                                              const ParquetColumn& wanted) {
  if (wanted.children.empty()) return array;
  const ParquetColumn& child = wanted.children[0];
  const auto& fields = array->type()->fields();
  constexpr char kId[] = "PARQUET:field_id";
  const auto has_id = [&](const auto& field) {
    return field->HasMetadata() && field->metadata()->Contains(kId);
  };
  const bool by_id = std::any_of(fields.begin(), fields.end(), has_id);
  for (size_t i = 0; i < fields.size(); ++i) {
    const bool is_it = by_id ? has_id(fields[i]) && fields[i]->metadata()->Get(kId).ValueOr("") ==
                                                        std::to_string(child.field_id.value_or(-1))
                             : child.IsCalled(fields[i]->name());
    if (!is_it) continue;
    auto flat =
        static_cast<const arrow::StructArray&>(*array).GetFlattenedField(static_cast<int>(i));
    if (!flat.ok())
      return ResourceExhausted("a field of " + wanted.name + ": " + flat.status().ToString());
    return FieldOf(*flat, child);
  }
  return std::shared_ptr<arrow::Array>();
}

enum class Missing { kIsDefault, kIsCorrupt };

/// Calls `visit` with the key of every row of a Parquet file and its position.
Status ReadKeys(const TableContext& context, const DataFile& file, const KeyColumns& key,
                Missing missing, const std::function<Status(const std::string&, int64_t)>& visit) {
  TARN_ASSIGN_OR_RETURN(const ObjectPlace object, FindObject(*context.store, file.path));
  ParquetReadOptions options;
  options.columns = key.columns;
  TARN_ASSIGN_OR_RETURN(auto reader, ParquetReader::Open(*object.store, object.key, file.size_bytes,
                                                         std::move(options), *context.limits));
  // A default says nothing without its type: 7 may be a day or a microsecond.
  std::vector<std::shared_ptr<arrow::Array>> defaults;
  for (size_t i = 0; i < key.types.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(const auto type, TypeToArrow(key.types[i]));
    TARN_ASSIGN_OR_RETURN(defaults.emplace_back(), RepeatScalar(key.missing[i], type, 1));
  }
  std::string text;
  while (true) {
    TARN_ASSIGN_OR_RETURN(const std::optional<ParquetBatch> batch, reader->Next());
    if (!batch) return {};
    std::vector<std::shared_ptr<arrow::Array>> columns;
    for (size_t i = 0; i < key.columns.size(); ++i) {
      const int place = reader->places()[i];
      std::shared_ptr<arrow::Array> column;
      if (place >= 0) {
        TARN_ASSIGN_OR_RETURN(column, FieldOf(batch->rows->column(place), key.columns[i]));
      }
      if (column == nullptr && missing == Missing::kIsCorrupt) {
        return Corruption("equality delete file " + file.path + " lacks column " +
                              std::to_string(key.ids[i].value()) + ", which it compares",
                          "compact the table with the engine that wrote it");
      }
      columns.push_back(std::move(column));
    }
    auto keys = RowKeys::Of(std::move(columns), defaults);
    TARN_RETURN_IF_ERROR(keys.status().Wrap("file " + file.path));
    for (int64_t row = 0; row < batch->rows->num_rows(); ++row) {
      keys->Get(row, text);
      TARN_RETURN_IF_ERROR(visit(text, batch->first_row + row));
    }
  }
}

/// The keys that an equality delete file names, each behind its size in eight bytes.
Result<std::shared_ptr<const std::string>> LoadKeys(const TableContext& context,
                                                    const KeyColumns& key,
                                                    const DataFile& deletes) {
  TARN_RETURN_IF_ERROR(CheckFormat(deletes, "PARQUET"));
  // The file's own name stays last: the cache keeps what is named by a UUID.
  std::string cached_as = "keys ";
  for (const FieldId id : key.ids) cached_as += std::to_string(id.value()) + ",";
  cached_as += "@" + deletes.path;
  if (context.cache != nullptr) {
    if (auto cached = context.cache->FindObject(cached_as)) return cached;
  }
  std::string keys;
  TARN_RETURN_IF_ERROR(ReadKeys(
      context, deletes, key, Missing::kIsCorrupt, [&](const std::string& text, int64_t) -> Status {
        const uint64_t size = text.size();
        keys.append(reinterpret_cast<const char*>(&size), sizeof(size));
        keys += text;
        if (static_cast<int64_t>(keys.size()) <= kEqualityKeyBytesMax) return {};
        return ResourceExhausted("equality delete file " + deletes.path + " has more than " +
                                     std::to_string(kEqualityKeyBytesMax) + " bytes of keys",
                                 "compact the table with the engine that wrote it");
      }));
  auto loaded = std::make_shared<const std::string>(std::move(keys));
  if (context.cache != nullptr) context.cache->PutObject(cached_as, loaded);
  return std::shared_ptr<const std::string>(std::move(loaded));
}

/// Adds the rows of `data` that equality delete files of the same columns name. The data file is
/// read once for all of them, or for as many as have kEqualityKeyBytesMax of keys.
Status AddEqualityDeletes(const TableContext& context, const TableMetadata& table,
                          const std::vector<const DataFile*>& files, const DataFile& data,
                          DeletionVector& all) {
  TARN_ASSIGN_OR_RETURN(const KeyColumns key, KeyColumnsOf(table, *files[0]));
  const KeyColumns key_in_data = KeyColumnsIn(table, data, key);
  std::vector<std::shared_ptr<const std::string>> held;
  std::unordered_set<std::string_view> deleted;  // in `held`
  int64_t bytes = 0;
  const auto apply = [&]() -> Status {
    TARN_RETURN_IF_ERROR(ReadKeys(context, data, key_in_data, Missing::kIsDefault,
                                  [&](const std::string& text, int64_t position) -> Status {
                                    if (deleted.contains(text)) all.Add(position);
                                    return {};
                                  }));
    deleted.clear();
    held.clear();
    bytes = 0;
    return {};
  };
  for (const DataFile* file : files) {
    TARN_ASSIGN_OR_RETURN(auto keys, LoadKeys(context, key, *file));
    const auto size = static_cast<int64_t>(keys->size());
    if (bytes > 0 && bytes + size > kEqualityKeyBytesMax) TARN_RETURN_IF_ERROR(apply());
    for (std::string_view rest = *keys; !rest.empty();) {
      uint64_t length = 0;
      std::memcpy(&length, rest.data(), sizeof(length));
      deleted.insert(rest.substr(sizeof(length), length));
      rest.remove_prefix(sizeof(length) + length);
    }
    bytes += size;
    held.push_back(std::move(keys));
  }
  return apply();
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
  std::map<std::vector<int32_t>, std::vector<const DataFile*>> equality;  // by their columns
  for (const DataFile& deletes : file.deletes) {
    if (all == nullptr) all = std::make_shared<DeletionVector>();
    if (deletes.content == FileContent::kEqualityDeletes) {
      equality[deletes.equality_ids].push_back(&deletes);
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
  for (const auto& [ids, files] : equality) {
    TARN_RETURN_IF_ERROR(AddEqualityDeletes(context, table, files, file.file, *all));
  }
  if (all == nullptr || all->empty()) return std::shared_ptr<const DeletionVector>();
  return std::shared_ptr<const DeletionVector>(std::move(all));
}

}  // namespace tarn
