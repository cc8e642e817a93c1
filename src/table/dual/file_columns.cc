#include "table/dual/file_columns.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>
#include <arrow/util/key_value_metadata.h>

#include "base/text.h"
#include "base/thread.h"
#include "columnar/parquet_reader.h"
#include "table/dual/adopt.h"
#include "table/iceberg/manifest.h"

namespace tarn {

namespace {

constexpr size_t kFootersAtOnceMax = 8;
constexpr char kFieldIdKey[] = "PARQUET:field_id";

std::optional<int32_t> IdOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return std::nullopt;
  const auto text = field.metadata()->Get(kFieldIdKey);
  if (!text.ok()) return std::nullopt;
  return static_cast<int32_t>(std::strtol(text->c_str(), nullptr, 10));
}

bool AnyIds(const arrow::FieldVector& fields) {
  return std::any_of(fields.begin(), fields.end(),
                     [](const auto& field) { return IdOf(*field).has_value(); });
}

const arrow::DataType* StorageOf(const arrow::DataType& type) {
  if (type.id() != arrow::Type::EXTENSION) return &type;
  return static_cast<const arrow::ExtensionType&>(type).storage_type().get();
}

/// Makes `highest` no lower than what a file's column holds. False where its footer does not say.
Result<bool> TakeHighest(ParquetReader& reader, const std::string& column,
                         std::optional<int64_t>& highest) {
  for (int group = 0; group < reader.row_groups(); ++group) {
    TARN_ASSIGN_OR_RETURN(const ColumnBounds bounds, reader.Bounds(column, group));
    if (bounds.value_count == 0 || (bounds.null_count && bounds.null_count == bounds.value_count)) {
      continue;
    }
    const auto* value = bounds.upper ? std::get_if<int64_t>(&*bounds.upper) : nullptr;
    if (value == nullptr || *value == std::numeric_limits<int64_t>::max()) return false;
    highest = std::max(highest.value_or(*value), *value);
  }
  return true;
}

Result<StoredLineage> LineageOf(ParquetReader& reader, const std::string& path) {
  StoredLineage lineage;
  for (const auto& field : reader.schema()->fields()) {
    const int32_t id = IdOf(*field).value_or(0);
    if (id != kRowIdFieldId && id != kLastUpdatedSequenceFieldId) continue;
    auto& highest = id == kRowIdFieldId ? lineage.row_id : lineage.sequence_number;
    TARN_ASSIGN_OR_RETURN(const bool known, TakeHighest(reader, field->name(), highest));
    if (!known) lineage.unknown_in = path;
  }
  return lineage;
}

/// Collects what files call the columns. Threads: one at a time.
class Finder {
 public:
  explicit Finder(const ColumnLookup& lookup) : lookup_(lookup) {}

  Status Take(const std::vector<DataFile>& files, size_t place, const ParquetReader& reader) {
    const arrow::Schema& stored = *reader.schema();
    file_ = files[place].path;
    reader_ = &reader;
    has_ids_ = AnyIds(stored.fields());
    by_ids_ = has_ids_ && lookup_.ids == ColumnLookup::Ids::kCount;
    found_.some_files_lack_ids = found_.some_files_lack_ids || !has_ids_;
    std::set<std::string> taken;
    for (const Field& column : lookup_.schema.fields) {
      TARN_ASSIGN_OR_RETURN(const int at,
                            Find(stored.fields(), lookup_.schema.fields, column, column.name));
      if (at < 0) {
        found_.absent[column.id.value()].push_back(place);
        continue;
      }
      const arrow::Field& field = *stored.field(at);
      names_[column.id.value()].insert(field.name());
      ids_by_name_[field.name()].insert(column.id.value());
      taken.insert(field.name());
      path_ = {at};
      TARN_RETURN_IF_ERROR(Nested(column.type, *field.type(), column.name));
    }
    for (const auto& field : stored.fields()) {
      // Row lineage is no column, and its ids are nobody else's.
      if (taken.contains(field->name()) || IdOf(*field).value_or(0) > kFieldIdMax) continue;
      ids_by_name_[field->name()].insert(kNobody);
      leftovers_ = true;
    }
    return {};
  }

  void Take(const StoredLineage& lineage) {
    StoredLineage& all = found_.lineage;
    all.row_id = std::max(all.row_id, lineage.row_id);  // nothing is less than any number
    all.sequence_number = std::max(all.sequence_number, lineage.sequence_number);
    if (!lineage.unknown_in.empty()) all.unknown_in = lineage.unknown_in;
  }

  Result<FoundColumns> Finish() {
    std::set<std::string> used;
    for (const Field& column : lookup_.schema.fields) {
      const int32_t id = column.id.value();
      std::string name;
      if (const auto found = names_.find(id); found != names_.end()) {
        if (found->second.size() > 1) {
          return Ambiguous(column.name, "is called " + *found->second.begin() +
                                            " in some files and " + *found->second.rbegin() +
                                            " in others");
        }
        name = *found->second.begin();
        if (ids_by_name_.at(name).size() > 1) {
          return Ambiguous(column.name, "shares its name in the files with another one");
        }
      } else {
        name = NameOfAbsent(column, used);
      }
      found_.mapped = found_.mapped || name != column.name;
      used.insert(name);
      found_.physical_names[id] = std::move(name);
    }
    found_.mapped = found_.mapped || leftovers_;
    return std::move(found_);
  }

 private:
  static constexpr int32_t kNobody = -1;  ///< of what is no column of the table

  /// Delta's readers go by names, also where a table says that it maps columns by id.
  static Error Ambiguous(const std::string& path, const std::string& how) {
    return Unsupported(
        "column " + QuoteIdentifier(path) + " " + how + ", so readers of Delta would miss values",
        kAdoptRepair);
  }

  /// A name that is nothing else's.
  std::string NameOfAbsent(const Field& column, const std::set<std::string>& used) const {
    const auto given = lookup_.names.find(column.id.value());
    std::string name = given == lookup_.names.end() ? column.name : *given->second.begin();
    const auto taken = [&] { return used.contains(name) || ids_by_name_.contains(name); };
    if (taken()) name = "col-" + std::to_string(column.id.value());
    while (taken()) name += "_";
    return name;
  }

  enum class Case { kCounts, kMeansNothing };

  bool IsCalled(const Field& wanted, const std::string& stored, Case letters) const {
    const auto names = lookup_.names.find(wanted.id.value());
    if (names == lookup_.names.end()) return false;
    if (letters == Case::kCounts) return names->second.contains(stored);
    return std::any_of(names->second.begin(), names->second.end(), [&](const std::string& name) {
      return LowerAscii(name) == LowerAscii(stored);
    });
  }

  /// The place of one of a struct's `fields` among what the file has; -1 where it has none.
  Result<int> Find(const arrow::FieldVector& stored, const std::vector<Field>& fields,
                   const Field& wanted, const std::string& path) const {
    if (by_ids_) {
      return Find(stored, wanted, path,
                  [&](const arrow::Field& field) { return IdOf(field) == wanted.id.value(); });
    }
    TARN_ASSIGN_OR_RETURN(const int exact,
                          Find(stored, wanted, path, [&](const arrow::Field& field) {
                            return IsCalled(wanted, field.name(), Case::kCounts);
                          }));
    if (exact >= 0 || lookup_.match == ColumnLookup::Match::kExact) return exact;
    return Find(stored, wanted, path, [&](const arrow::Field& field) {
      return IsCalled(wanted, field.name(), Case::kMeansNothing) &&
             std::none_of(fields.begin(), fields.end(), [&](const Field& other) {
               return IsCalled(other, field.name(), Case::kCounts);
             });
    });
  }

  template <typename IsIt>
  Result<int> Find(const arrow::FieldVector& stored, const Field& wanted, const std::string& path,
                   IsIt is_it) const {
    int found = -1;
    for (size_t i = 0; i < stored.size(); ++i) {
      if (!is_it(*stored[i])) continue;
      if (found >= 0) {
        return Unsupported("file " + file_ + " has column " + QuoteIdentifier(path) + " twice",
                           kAdoptRepair);
      }
      found = static_cast<int>(i);
    }
    if (found >= 0)
      TARN_RETURN_IF_ERROR(CheckId(*stored[static_cast<size_t>(found)], wanted, path));
    return found;
  }

  /// A file that has ids is read by them: they must be the table's.
  Status CheckId(const arrow::Field& stored, const Field& wanted, const std::string& path) const {
    if (!has_ids_) return {};
    const std::optional<int32_t> id = IdOf(stored);
    if (id == wanted.id.value()) return {};
    return Unsupported("file " + file_ + " gives column " + QuoteIdentifier(path) +
                           (id ? " the field id " + std::to_string(*id) : " no field id") +
                           ", and the table " + std::to_string(wanted.id.value()),
                       kAdoptRepair);
  }

  Status Nested(const Type& type, const arrow::DataType& stored, const std::string& path) {
    const auto wrong = [&] {
      return Unsupported("file " + file_ + " holds column " + QuoteIdentifier(path) + " of type " +
                             type.ToString() + " as " + stored.ToString(),
                         kAdoptRepair);
    };
    switch (type.kind()) {
      case Type::Kind::kStruct: {
        if (stored.id() != arrow::Type::STRUCT) return wrong();
        int found_here = 0;
        for (const Field& field : type.fields()) {
          const std::string inner = path + "." + field.name;
          TARN_ASSIGN_OR_RETURN(const int at, Find(stored.fields(), type.fields(), field, inner));
          if (at < 0) {
            TARN_RETURN_IF_ERROR(CheckNoDefault(field, inner));
            const bool other =
                std::any_of(stored.fields().begin(), stored.fields().end(),
                            [&](const auto& candidate) { return candidate->name() == field.name; });
            if (other) return Ambiguous(inner, "shares its name in " + file_ + " with another one");
            continue;
          }
          ++found_here;
          const arrow::Field& found = *stored.field(at);
          if (found.name() != field.name) {
            return Ambiguous(inner, "is called " + found.name() + " in " + file_);
          }
          TARN_RETURN_IF_ERROR(Within({at}, field.type, *found.type(), inner));
        }
        leftovers_ = leftovers_ || found_here < stored.num_fields();
        return {};
      }
      case Type::Kind::kList:
        if (stored.num_fields() != 1 || stored.id() == arrow::Type::STRUCT) return wrong();
        return Element({0}, type.fields()[0], *stored.field(0), path);
      case Type::Kind::kMap: {
        if (stored.id() != arrow::Type::MAP) return wrong();
        const auto& map = static_cast<const arrow::MapType&>(stored);
        TARN_RETURN_IF_ERROR(Element({0, 0}, type.fields()[0], *map.key_field(), path));
        return Element({0, 1}, type.fields()[1], *map.item_field(), path);
      }
      case Type::Kind::kVariant: {
        const arrow::DataType& storage = *StorageOf(stored);
        if (storage.id() != arrow::Type::STRUCT) return wrong();
        // "Parquet" in Iceberg's table specification. Readers take it for a struct, without a
        // sign.
        if (!reader_->IsMarkedVariant(path_)) {
          return Unsupported("file " + file_ + " does not mark column " + QuoteIdentifier(path) +
                                 " as a variant, as Iceberg demands",
                             kAdoptRepair);
        }
        const auto& group = static_cast<const arrow::StructType&>(storage);
        if (group.GetFieldIndex("typed_value") >= 0) found_.shredded_variants = true;
        return {};
      }
      case Type::Kind::kTimestamp:
      case Type::Kind::kTimestampTz:
        // Delta's log says nothing of a column that was widened from dates.
        return arrow::is_nested(stored.id()) || arrow::is_date(stored.id()) ? Status(wrong())
                                                                            : Status();
      default:
        return arrow::is_nested(stored.id()) ? Status(wrong()) : Status();
    }
  }

  /// Nested(), of what stands at these places below.
  Status Within(std::initializer_list<int> places, const Type& type, const arrow::DataType& stored,
                const std::string& path) {
    const size_t depth = path_.size();
    path_.insert(path_.end(), places);
    const Status status = Nested(type, stored, path);
    path_.resize(depth);
    return status;
  }

  Status Element(std::initializer_list<int> places, const Field& wanted, const arrow::Field& stored,
                 const std::string& path) {
    const std::string inner = path + "." + wanted.name;
    TARN_RETURN_IF_ERROR(CheckId(stored, wanted, inner));
    if (!has_ids_) found_.element_names[wanted.id.value()].insert(stored.name());
    return Within(places, wanted.type, *stored.type(), inner);
  }

  Status CheckNoDefault(const Field& field, const std::string& path) const {
    if (!field.initial_default || IsNull(*field.initial_default)) return {};
    return Unsupported("column " + QuoteIdentifier(path) + " has a default for rows of " + file_ +
                           ", which Delta cannot tell",
                       kAdoptRepair);
  }

  const ColumnLookup& lookup_;
  FoundColumns found_;
  std::string file_;                       ///< the one that is looked into
  const ParquetReader* reader_ = nullptr;  ///< of that file
  std::vector<int> path_;                  ///< in it, as ParquetReader::IsMarkedVariant() has it
  bool has_ids_ = false;
  bool by_ids_ = false;
  std::map<int32_t, std::set<std::string>> names_;
  std::map<std::string, std::set<int32_t>> ids_by_name_;  ///< of top-level columns
  bool leftovers_ = false;
};

}  // namespace

Result<FoundColumns> FindColumnsInFiles(ObjectStore& store, const Limits& limits,
                                        const ColumnLookup& lookup, std::vector<DataFile>& files) {
  Finder finder(lookup);
  std::mutex mutex;
  TARN_RETURN_IF_ERROR(RunInThreads(files.size(), kFootersAtOnceMax, [&](size_t place) -> Status {
    DataFile& file = files[place];
    TARN_ASSIGN_OR_RETURN(const std::string key, store.KeyOf(file.path));
    TARN_ASSIGN_OR_RETURN(const auto reader,
                          ParquetReader::Open(store, key, file.size_bytes, {}, limits));
    file.record_count = reader->rows();
    TARN_ASSIGN_OR_RETURN(const StoredLineage lineage, LineageOf(*reader, file.path));
    const std::lock_guard lock(mutex);
    finder.Take(lineage);
    return finder.Take(files, place, *reader);
  }));
  return finder.Finish();
}

}  // namespace tarn
