#include "sql/duckdb/file_fields.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/variant_import.h"
#include "table/iceberg/manifest.h"

namespace tarn::duck {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using Column = duckdb::MultiFileColumnDefinition;

/// Of columns that are none of the table's: DuckDB's mapper stops at the first without any.
constexpr int32_t kNoField = -1;

constexpr char kWithoutNanoseconds[] =
    "select the other columns, or have its table's writer make it timestamptz";

/// A timestamp whose number counts, whatever the table's type says of its time zone.
LogicalType SameNumber(LogicalTypeId id) {
  LogicalType type(id);
  type.SetAlias("timestamp_of_file");
  return type;
}

/// What cannot be read: DuckDB has no timestamp with a time zone that is finer than microseconds.
bool RefuseNanoseconds(duckdb::Vector&, duckdb::Vector&, duckdb::idx_t, duckdb::CastParameters&) {
  Throw(Unsupported("a field is of type timestamptz_ns, whose nanoseconds would be lost",
                    kWithoutNanoseconds));
}

void AddNames(const std::vector<Field>& fields, const std::map<int32_t, std::string>& physical,
              std::map<int32_t, std::set<std::string>>& names) {
  for (const Field& field : fields) {
    const auto name = physical.find(field.id.value());
    names[field.id.value()] = {name == physical.end() ? field.name : name->second};
    if (!field.type.primitive()) AddNames(field.type.fields(), physical, names);
  }
}

class Identifier {
 public:
  Identifier(const FileFields& fields, const std::string& file, bool by_ids)
      : fields_(fields), file_(file), by_ids_(by_ids) {}

  void Identify(const ScanColumns& columns, ScanColumns& in_file) const {
    if (!by_ids_) Forget(in_file);
    std::vector<Column*> found(columns.size(), nullptr);
    for (size_t i = 0; i < columns.size(); ++i) {
      found[i] = by_ids_ ? FindId(columns[i], in_file, i) : Take(columns[i], in_file, SameText);
    }
    if (!by_ids_ && fields_.match == FileFields::Match::kAnyCase) {
      for (size_t i = 0; i < columns.size(); ++i) {
        if (found[i] == nullptr) found[i] = Take(columns[i], in_file, SameInAnyCase);
      }
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      if (found[i] != nullptr) IdentifyWithin(columns[i], *found[i]);
    }
    for (Column& column : in_file) {
      if (column.identifier.IsNull()) column.identifier = duckdb::Value::INTEGER(kNoField);
    }
  }

 private:
  static bool SameText(std::string_view a, std::string_view b) { return a == b; }
  static bool SameInAnyCase(std::string_view a, std::string_view b) {
    return LowerAscii(a) == LowerAscii(b);
  }

  static void Forget(ScanColumns& in_file) {
    for (Column& column : in_file) {
      if (column.identifier.IsNull()) continue;
      if (column.identifier != duckdb::Value::INTEGER(kRowIdFieldId)) {
        column.identifier = duckdb::Value();
      }
    }
  }

  /// Looks at `place` first: most files have the table's order.
  static Column* FindId(const Column& wanted, ScanColumns& in_file, size_t place) {
    for (size_t i = 0; i < in_file.size(); ++i) {
      Column& column = in_file[(place + i) % in_file.size()];
      if (!column.identifier.IsNull() && column.identifier == wanted.identifier) return &column;
    }
    return nullptr;
  }

  template <typename Same>
  Column* Take(const Column& wanted, ScanColumns& in_file, Same same) const {
    const auto names = fields_.names.find(wanted.identifier.GetValue<int32_t>());
    if (names == fields_.names.end()) return nullptr;
    for (Column& column : in_file) {
      if (!column.identifier.IsNull()) continue;
      for (const std::string& name : names->second) {
        if (!same(name, column.name)) continue;
        column.identifier = wanted.identifier;
        return &column;
      }
    }
    return nullptr;
  }

  void IdentifyWithin(const Column& column, Column& in_file) const {
    switch (column.type.id()) {
      case LogicalTypeId::STRUCT: {
        CheckKind(column, in_file, in_file.children.size());
        Identify(column.children, in_file.children);
        duckdb::child_list_t<LogicalType> parts;
        for (const Column& part : in_file.children) parts.emplace_back(part.name, part.type);
        in_file.type = LogicalType::STRUCT(std::move(parts));
        return;
      }
      case LogicalTypeId::LIST: {
        CheckKind(column, in_file, 1);
        Column& element = in_file.children[0];
        IdentifyPart(column.children[0], element);
        in_file.type = LogicalType::LIST(element.type);
        return;
      }
      case LogicalTypeId::MAP: {
        CheckKind(column, in_file, 1);
        ScanColumns& entry = in_file.children[0].children;
        if (entry.size() != 2) ThrowKind(column, in_file);
        IdentifyPart(column.children[0], entry[0]);
        IdentifyPart(column.children[1], entry[1]);
        in_file.type = LogicalType::MAP(entry[0].type, entry[1].type);
        return;
      }
      case LogicalTypeId::TIMESTAMP:
      case LogicalTypeId::TIMESTAMP_TZ:
        if (in_file.type.id() != column.type.id() &&
            (in_file.type.id() == LogicalTypeId::TIMESTAMP ||
             in_file.type.id() == LogicalTypeId::TIMESTAMP_TZ)) {
          in_file.type = SameNumber(in_file.type.id());
        }
        return;
      case LogicalTypeId::TIMESTAMP_NS:
        if (in_file.type.id() == LogicalTypeId::TIMESTAMP_TZ) {
          in_file.type = SameNumber(in_file.type.id());
        }
        return;
      case LogicalTypeId::VARIANT:
        if (in_file.type.id() == LogicalTypeId::STRUCT) {
          in_file.type = StoredVariant(in_file.type);
        } else if (in_file.type.id() != LogicalTypeId::VARIANT) {
          ThrowKind(column, in_file);
        }
        return;
      default:
        return;
    }
  }

  void IdentifyPart(const Column& part, Column& in_file) const {
    in_file.identifier = part.identifier;
    IdentifyWithin(part, in_file);
  }

  void CheckKind(const Column& column, const Column& in_file, size_t parts) const {
    const bool same =
        in_file.type.id() == column.type.id() && in_file.children.size() == parts && parts > 0;
    if (!same) ThrowKind(column, in_file);
  }

  [[noreturn]] void ThrowKind(const Column& column, const Column& in_file) const {
    Throw(Corruption("data file " + file_ + ": column " + QuoteIdentifier(in_file.name) + " is " +
                     in_file.type.ToString() + ", and the table's is " + column.type.ToString()));
  }

  const FileFields& fields_;
  const std::string& file_;
  const bool by_ids_;
};

}  // namespace

std::map<int32_t, std::set<std::string>> NamesInFiles(
    const Schema& schema, const std::map<int32_t, std::string>& physical_names) {
  std::map<int32_t, std::set<std::string>> names;
  AddNames(schema.fields, physical_names, names);
  return names;
}

void IdentifyFileColumns(const FileFields& fields, const ScanColumns& columns,
                         const std::string& file, ScanColumns& file_columns) {
  const bool has_ids = std::any_of(file_columns.begin(), file_columns.end(),
                                   [](const Column& c) { return !c.identifier.IsNull(); });
  const bool by_ids = fields.ids == FileFields::Ids::kOfFiles && has_ids;
  Identifier(fields, file, by_ids).Identify(columns, file_columns);
}

void CheckNanoseconds(const duckdb::BaseFileReader& reader, const ScanColumns& columns,
                      const duckdb::vector<duckdb::ColumnIndex>& column_ids) {
  for (const duckdb::ColumnIndex& index : column_ids) {
    if (index.IsVirtualColumn()) continue;
    const Column& column = columns[index.GetPrimaryIndex()];
    if (column.type.id() != LogicalTypeId::TIMESTAMP_NS) continue;
    for (const Column& own : reader.columns) {
      if (own.identifier != column.identifier || own.type.id() != LogicalTypeId::TIMESTAMP_TZ) {
        continue;
      }
      Throw(Unsupported("column " + QuoteIdentifier(column.name) + " in " + reader.file.path +
                            " is of type timestamptz_ns, whose nanoseconds would be lost",
                        kWithoutNanoseconds));
    }
  }
}

void RegisterFileCasts(duckdb::DatabaseInstance& database) {
  duckdb::ExtensionLoader loader(database, "tarn");
  const auto cast = [&](LogicalTypeId from, LogicalTypeId to) {
    loader.RegisterCastFunction(SameNumber(from), LogicalType(to),
                                duckdb::BoundCastInfo(duckdb::DefaultCasts::ReinterpretCast));
  };
  cast(LogicalTypeId::TIMESTAMP, LogicalTypeId::TIMESTAMP_TZ);
  cast(LogicalTypeId::TIMESTAMP_TZ, LogicalTypeId::TIMESTAMP);
  loader.RegisterCastFunction(SameNumber(LogicalTypeId::TIMESTAMP_TZ), LogicalType::TIMESTAMP_NS,
                              duckdb::BoundCastInfo(RefuseNanoseconds));
}

Column IdentifiedByNames(const FileFields& fields, Column column) {
  if (!column.identifier.IsNull()) {
    const auto names = fields.names.find(column.identifier.GetValue<int32_t>());
    column.identifier = duckdb::Value(names == fields.names.end() || names->second.empty()
                                          ? column.name
                                          : *names->second.begin());
  }
  for (Column& child : column.children) child = IdentifiedByNames(fields, std::move(child));
  return column;
}

}  // namespace tarn::duck
