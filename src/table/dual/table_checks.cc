#include "table/dual/table_checks.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/text.h"
#include "table/delta/properties.h"
#include "table/dual/file_columns.h"
#include "table/dual/nested_fields.h"
#include "table/dual/transaction.h"
#include "table/model/adopted_columns.h"
#include "table/model/column_mapping.h"
#include "table/model/delta_property.h"
#include "table/model/partition.h"

namespace tarn {

namespace {

/// Both logs must be able to hold the column: a table that one of them cannot show is refused here,
/// since after the commit it would be too late.
Status CheckTypeOfBothFormats(const Type& type, const std::string& column) {
  const Type::Kind kind = type.kind();
  if (kind == Type::Kind::kTimestampNs || kind == Type::Kind::kTimestampTzNs) {
    return Unsupported("column " + QuoteIdentifier(column) + " has the type " + type.ToString() +
                           ", which Delta does not have",
                       "cast it to timestamp, or create the table WITH ('" +
                           std::string(kDeltaProperty) + "' = '" + kDeltaOff + "')");
  }
  if (kind == Type::Kind::kTime || kind == Type::Kind::kUuid || kind == Type::Kind::kFixed) {
    return Unsupported("column " + QuoteIdentifier(column) + " has the type " + type.ToString() +
                           ", which Delta does not have",
                       kind == Type::Kind::kFixed ? "cast it to blob" : "cast it to varchar");
  }
  for (const Field& field : type.fields()) {
    TARN_RETURN_IF_ERROR(CheckTypeOfBothFormats(field.type, column + "." + field.name));
  }
  return {};
}

}  // namespace

Status CheckColumnNames(const Schema& schema) {
  std::map<std::string, std::string> names;
  for (const Field& field : schema.fields) {
    if (field.name.empty()) return InvalidArgument("a column has no name", "give it one with AS");
    auto [other, fresh] = names.emplace(LowerAscii(field.name), field.name);
    if (fresh) continue;
    if (other->second == field.name) {
      return InvalidArgument("column " + QuoteIdentifier(field.name) + " occurs twice",
                             "give one of the two another name");
    }
    return InvalidArgument("columns " + QuoteIdentifier(other->second) + " and " +
                               QuoteIdentifier(field.name) +
                               " differ in case only, and most readers cannot tell them apart",
                           "give one of the two another name");
  }
  return {};
}

Status CheckNewTypes(const Schema& schema, const Schema* known, Formats formats) {
  if (formats == Formats::kIcebergAlone) return {};
  for (const Field& field : schema.fields) {
    if (known != nullptr && known->Find(field.id) != nullptr) continue;
    TARN_RETURN_IF_ERROR(CheckTypeOfBothFormats(field.type, field.name));
  }
  return {};
}

Formats FormatsOf(const TableMetadata* base,
                  const std::map<std::string, std::optional<std::string>>& properties) {
  const auto set = properties.find(kDeltaProperty);
  const bool off = base != nullptr ? LeavesDeltaOut(base->properties)
                                   : set != properties.end() && set->second == kDeltaOff;
  return off ? Formats::kIcebergAlone : Formats::kBoth;
}

Status CheckDeltaStays(const TableMetadata* base, const std::string& key,
                       const std::string& value) {
  const bool off = value == kDeltaOff;
  if (key != kDeltaProperty || base == nullptr || LeavesDeltaOut(base->properties) == off) {
    return {};
  }
  return InvalidArgument("the table property tarn.delta is decided when a table is made",
                         "create another table");
}

Status CheckMappingById(const TableMetadata* base, const std::string& key,
                        const std::string& value) {
  const bool by_id = key == delta::kColumnMappingModeProperty && value == "id";
  if (!by_id || base == nullptr || !base->properties.contains(kNameMappingProperty)) return {};
  return InvalidArgument("the table was adopted with files that have no field ids",
                         "set " + key + " to 'name'");
}

Status CheckPartitionNames(const Schema& schema, const PartitionSpec& spec) {
  for (const PartitionField& field : spec.fields) {
    for (const Field& column : schema.fields) {
      if (LowerAscii(column.name) == LowerAscii(field.name) && column.id != field.source_id) {
        return InvalidArgument("column " + QuoteIdentifier(column.name) +
                                   " would have the name of a partition of the table",
                               "choose another name, or change the partitioning");
      }
    }
  }
  return {};
}

Status CheckPartitionSources(const Schema& schema, const PartitionSpec& spec) {
  for (const PartitionField& field : spec.fields) {
    const Field* source = schema.Find(field.source_id);
    if (source == nullptr || !CanTransform(field.transform, source->type)) {
      return InvalidArgument("the table is partitioned by " + QuoteIdentifier(field.name) +
                                 ", whose column would be gone",
                             "change the partitioning first");
    }
  }
  return {};
}

Status CheckProperty(const std::string& key) {
  if (key.empty() || key == kColumnMappingProperty || key == kAdoptedPartitionsProperty ||
      key == kAdoptedShreddedProperty || key == "format-version") {
    return InvalidArgument("the table property \"" + key + "\" cannot be set by hand");
  }
  return {};
}

Status CheckPropertyValue(const std::string& key, const std::string& value) {
  std::vector<std::string> allowed;
  if (key == kDeltaProperty) allowed = {kDeltaOn, kDeltaOff};
  if (key == kIcebergVersionProperty) allowed = {kIcebergVersionAuto, "2", "3"};
  if (key == delta::kAppendOnlyProperty) allowed = {"true", "false"};
  for (const char* command : {"delete", "update", "merge"}) {
    const std::string prefix = "write." + std::string(command);
    if (key == prefix + ".mode") allowed = {"merge-on-read", "copy-on-write"};
    if (key == prefix + ".isolation-level") allowed = {"serializable", "snapshot"};
  }
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end()) {
    return {};
  }
  std::string names = allowed[0];
  for (size_t i = 1; i < allowed.size(); ++i) {
    names += (i + 1 == allowed.size() ? " or " : ", ") + allowed[i];
  }
  return InvalidArgument("the table property " + key + " is \"" + value + "\"",
                         "it can be " + names);
}

std::string WhyRowsDoNotFit(const Schema& from, const Schema& to) {
  for (const Field& now : to.fields) {
    const Field* then = from.Find(now.id);
    const std::string column = "column " + QuoteIdentifier(now.name);
    if (then == nullptr) {
      // The rows have values for a column of that name, which would be lost, or shown as others.
      const bool replaced =
          std::any_of(from.fields.begin(), from.fields.end(), [&](const Field& field) {
            return LowerAscii(field.name) == LowerAscii(now.name) && !to.Find(field.id);
          });
      if (replaced) return column + " was replaced by another of that name";
      if (now.nullability == Nullability::kRequired) return column + " was added";
      if (now.write_default) return column + " was added with a default";
      continue;
    }
    if (!(then->type == now.type) && !CanWiden(then->type, now.type)) {
      return column + " changed its type";
    }
    if (now.nullability == Nullability::kRequired && then->nullability == Nullability::kOptional) {
      return column + " became required";
    }
  }
  return {};
}

std::string RenamedWithoutMapping(const Schema& from, const Schema& to,
                                  const std::map<int32_t, std::string>& mapping) {
  std::string renamed;
  VisitStructFields(to.fields, [&](const Field& field) {
    const Field* then = from.Find(field.id);
    if (then == nullptr || then->name == field.name || mapping.contains(field.id.value())) return;
    renamed = "column " + then->name + " was renamed to " + field.name;
  });
  return renamed;
}

std::string FirstDifference(const Schema& from, const Schema& to) {
  for (const Field& field : to.fields) {
    const Field* then = from.Find(field.id);
    if (then == nullptr) return "column " + QuoteIdentifier(field.name) + " was added";
    if (!(*then == field)) return "column " + QuoteIdentifier(field.name) + " was changed";
  }
  for (const Field& field : from.fields) {
    if (to.Find(field.id) == nullptr) {
      return "column " + QuoteIdentifier(field.name) + " was dropped";
    }
  }
  return from.identifier_fields == to.identifier_fields ? "the columns were reordered"
                                                        : "the key was changed";
}

Status CheckMayRemoveRows(const std::map<std::string, std::string>& properties,
                          const std::string& what) {
  const auto append_only = properties.find(delta::kAppendOnlyProperty);
  if (append_only == properties.end() || append_only->second != "true") return {};
  return InvalidArgument(what + " is not possible: the table says delta.appendOnly",
                         "ALTER TABLE … SET ('delta.appendOnly' = 'false') allows it");
}

}  // namespace tarn
