#include "table/dual/schema_editor.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/nearest.h"
#include "base/text.h"
#include "table/dual/table_checks.h"

namespace tarn {

namespace {

using Incompatible = TableTransaction::IncompatibleColumns;

std::string Quoted(const std::string& name) { return QuoteIdentifier(name); }

Type FreshIds(const Type& type, int32_t& last_id) { return AssignFreshIds(type, last_id); }

/// The type with ids of `old` where its parts are kept; nothing when `old` cannot become `wanted`.
std::optional<Type> Merge(const Type& old, const Type& wanted, int32_t& last_id);

/// Required parts may become optional, never the other way round: older rows may hold nulls.
Nullability MergeNullability(const Field& old, const Field& wanted) {
  return old.nullability == Nullability::kRequired && wanted.nullability == Nullability::kRequired
             ? Nullability::kRequired
             : Nullability::kOptional;
}

std::optional<Type> MergeStruct(const Type& old, const Type& wanted, int32_t& last_id) {
  std::vector<Field> fields;
  for (const Field& want : wanted.fields()) {
    const auto kept = std::find_if(old.fields().begin(), old.fields().end(),
                                   [&](const Field& field) { return field.name == want.name; });
    Field field = want;
    if (kept == old.fields().end()) {
      field.id = FieldId(++last_id);
      field.type = FreshIds(want.type, last_id);
      field.nullability = Nullability::kOptional;
    } else {
      std::optional<Type> type = Merge(kept->type, want.type, last_id);
      if (!type) return std::nullopt;
      field.id = kept->id;
      field.type = *std::move(type);
      field.nullability = MergeNullability(*kept, want);
    }
    fields.push_back(std::move(field));
  }
  return Type::Struct(std::move(fields));
}

std::optional<Type> Merge(const Type& old, const Type& wanted, int32_t& last_id) {
  if (old.primitive() || wanted.primitive()) {
    if (old == wanted || CanWiden(old, wanted)) return wanted;
    return std::nullopt;
  }
  if (old.kind() != wanted.kind()) return std::nullopt;
  if (old.kind() == Type::Kind::kVariant) return wanted;  // neither primitive nor of parts
  if (old.kind() == Type::Kind::kStruct) return MergeStruct(old, wanted, last_id);
  std::vector<Field> parts = wanted.fields();
  for (size_t i = 0; i < parts.size(); ++i) {
    const Field& kept = old.fields()[i];
    std::optional<Type> type = Merge(kept.type, wanted.fields()[i].type, last_id);
    if (!type) return std::nullopt;
    parts[i].id = kept.id;
    parts[i].type = *std::move(type);
    parts[i].nullability = MergeNullability(kept, wanted.fields()[i]);
  }
  return old.kind() == Type::Kind::kList ? Type::List(parts[0]) : Type::Map(parts[0], parts[1]);
}

Status CheckNewFieldName(const std::vector<Field>& fields, const std::string& name,
                         const Field* except) {
  if (name.empty()) return InvalidArgument("a field needs a name");
  for (const Field& field : fields) {
    if (&field != except && LowerAscii(field.name) == LowerAscii(name)) {
      return InvalidArgument("there is already a field " + Quoted(field.name) + " in the struct",
                             "choose another name than " + Quoted(name));
    }
  }
  return {};
}

Error NoSuchField(const std::vector<Field>& fields, const FieldPath& path) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  const std::optional<std::string> nearest = NearestName(path.back(), names);
  return InvalidArgument("there is no field " + PathText(path),
                         nearest ? "did you mean " + Quoted(*nearest) + "?" : "");
}

}  // namespace

Result<size_t> SchemaEditor::Place(const std::string& name) const {
  const Field* field = schema.Find(name);
  if (field != nullptr) return static_cast<size_t>(field - schema.fields.data());
  std::vector<std::string> names;
  for (const Field& each : schema.fields) names.push_back(each.name);
  const std::optional<std::string> nearest = NearestName(name, names);
  return InvalidArgument("there is no column " + Quoted(name),
                         nearest ? "did you mean " + Quoted(*nearest) + "?" : "");
}

Status SchemaEditor::CheckNewName(const std::string& name, const Field* except) const {
  if (name.empty()) return InvalidArgument("a column needs a name");
  for (const Field& field : schema.fields) {
    if (&field != except && LowerAscii(field.name) == LowerAscii(name)) {
      return InvalidArgument("there is already a column " + Quoted(field.name),
                             "choose another name than " + Quoted(name));
    }
  }
  return {};
}

void SchemaEditor::MapNames() {
  if (files == Files::kNone) return;
  VisitStructFields(schema.fields, [this](const Field& field) {
    physical_names.emplace(field.id.value(), field.name);
  });
}

void SchemaEditor::NameNewColumn(const Field& field) {
  if (physical_names.empty()) return;
  std::string name = "col-" + std::to_string(field.id.value());
  const auto taken = [&] {
    return std::any_of(physical_names.begin(), physical_names.end(),
                       [&](const auto& entry) { return entry.second == name; });
  };
  while (taken()) name += "_";
  physical_names[field.id.value()] = std::move(name);
}

/// A name of before may come again: what files call it is another one's.
void SchemaEditor::NameNewFields(const Schema& before) {
  if (physical_names.empty()) return;
  VisitStructFields(schema.fields, [&](const Field& field) {
    const bool known = before.Find(field.id) != nullptr;
    if (!known && !physical_names.contains(field.id.value())) NameNewColumn(field);
  });
}

Result<Field> SchemaEditor::NewField(const Field& wanted) {
  Field field = wanted;
  field.id = FieldId(++last_column_id);
  field.type = FreshIds(wanted.type, last_column_id);
  NameNewColumn(field);
  return field;
}

Status SchemaEditor::Add(const std::string& name, const Type& type, const std::string& doc) {
  TARN_RETURN_IF_ERROR(CheckNewName(name, nullptr));
  TARN_ASSIGN_OR_RETURN(Field field, NewField({{}, name, type, Nullability::kOptional, doc}));
  schema.fields.push_back(std::move(field));
  return {};
}

Status SchemaEditor::AddWithDefault(const std::string& name, const Type& type,
                                    const Scalar& value) {
  TARN_RETURN_IF_ERROR(CheckDefault(type, value, name));
  TARN_RETURN_IF_ERROR(Add(name, type, ""));
  schema.fields.back().initial_default = value;
  schema.fields.back().write_default = value;
  return {};
}

Status SchemaEditor::SetDefault(const std::string& name, std::optional<Scalar> value) {
  TARN_ASSIGN_OR_RETURN(size_t place, Place(name));
  Field& field = schema.fields[place];
  if (value) TARN_RETURN_IF_ERROR(CheckDefault(field.type, *value, field.name));
  field.write_default = std::move(value);
  return {};
}

Status SchemaEditor::SetInitialDefault(FieldId id, std::optional<Scalar> value) {
  for (Field& field : schema.fields) {
    if (field.id == id) field.initial_default = value;
  }
  return {};
}

Status SchemaEditor::Drop(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(size_t place, Place(name));
  const FieldId id = schema.fields[place].id;
  const auto& keys = schema.identifier_fields;
  if (std::find(keys.begin(), keys.end(), id) != keys.end()) {
    return InvalidArgument("column " + Quoted(name) + " belongs to the table's key",
                           "change the key first");
  }
  if (schema.fields.size() == 1) {
    return InvalidArgument("column " + Quoted(name) + " is the table's only one",
                           "drop the table instead");
  }
  MapNames();
  schema.fields.erase(schema.fields.begin() + static_cast<std::ptrdiff_t>(place));
  return {};
}

Status SchemaEditor::Rename(const std::string& from, const std::string& to) {
  TARN_ASSIGN_OR_RETURN(size_t place, Place(from));
  TARN_RETURN_IF_ERROR(CheckNewName(to, &schema.fields[place]));
  if (schema.fields[place].name == to) return {};
  MapNames();
  schema.fields[place].name = to;
  return {};
}

Status SchemaEditor::Widen(const std::string& name, const Type& type) {
  TARN_ASSIGN_OR_RETURN(size_t place, Place(name));
  const Schema before = schema;
  Field& field = schema.fields[place];
  TARN_ASSIGN_OR_RETURN(
      field.type, WidenType(field.type, type, "column " + Quoted(field.name), last_column_id));
  NameNewFields(before);
  return {};
}

Status SchemaEditor::AddField(const FieldPath& parent, const std::string& name, const Type& type) {
  const Schema before = schema;
  const auto add = [&](std::vector<Field>& fields) -> Status {
    TARN_RETURN_IF_ERROR(CheckNewFieldName(fields, name, nullptr));
    Field field{FieldId(++last_column_id), name, {}, Nullability::kOptional, ""};
    field.type = FreshIds(type, last_column_id);
    fields.push_back(std::move(field));
    return {};
  };
  TARN_RETURN_IF_ERROR(EditStruct(schema.fields, parent, add));
  NameNewFields(before);
  return {};
}

Status SchemaEditor::DropField(const FieldPath& path) {
  const Field* field = FindField(schema, path);
  const FieldPath parent(path.begin(), path.end() - 1);
  MapNames();
  return EditStruct(schema.fields, parent, [&](std::vector<Field>& fields) -> Status {
    if (field == nullptr) return NoSuchField(fields, path);
    const Field gone = *field;
    const auto& keys = schema.identifier_fields;
    bool is_key = false;
    VisitStructFields({gone}, [&](const Field& part) {
      is_key = is_key || std::find(keys.begin(), keys.end(), part.id) != keys.end();
    });
    if (is_key) {
      return InvalidArgument("field " + PathText(path) + " belongs to the table's key",
                             "change the key first");
    }
    if (fields.size() == 1) {
      return InvalidArgument("field " + PathText(path) + " is the only one of its struct",
                             "drop " + PathText(parent) + " instead");
    }
    std::erase_if(fields, [&](const Field& one) { return one.id == gone.id; });
    return {};
  });
}

Status SchemaEditor::RenameField(const FieldPath& path, const std::string& to) {
  const Field* field = FindField(schema, path);
  const FieldPath parent(path.begin(), path.end() - 1);
  return EditStruct(schema.fields, parent, [&](std::vector<Field>& fields) -> Status {
    if (field == nullptr) return NoSuchField(fields, path);
    const auto renamed = std::find_if(fields.begin(), fields.end(),
                                      [&](const Field& one) { return one.id == field->id; });
    TARN_RETURN_IF_ERROR(CheckNewFieldName(fields, to, &*renamed));
    if (renamed->name == to) return {};
    MapNames();
    renamed->name = to;
    return {};
  });
}

Status SchemaEditor::MakeOptional(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(size_t place, Place(name));
  const auto& keys = schema.identifier_fields;
  if (std::find(keys.begin(), keys.end(), schema.fields[place].id) != keys.end()) {
    return InvalidArgument("column " + Quoted(name) +
                               " belongs to the table's key, which has no "
                               "nulls",
                           "change the key first");
  }
  schema.fields[place].nullability = Nullability::kOptional;
  return {};
}

Status SchemaEditor::Reorder(const std::vector<std::string>& names) {
  std::vector<Field> fields;
  std::set<size_t> seen;
  for (const std::string& name : names) {
    TARN_ASSIGN_OR_RETURN(size_t place, Place(name));
    if (!seen.insert(place).second) {
      return InvalidArgument("column " + Quoted(name) + " is named twice in the new order");
    }
    fields.push_back(schema.fields[place]);
  }
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    if (!seen.contains(i)) {
      return InvalidArgument(
          "column " + Quoted(schema.fields[i].name) + " is missing from the new order",
          "name every column once");
    }
  }
  schema.fields = std::move(fields);
  return {};
}

Status SchemaEditor::SetKey(const std::vector<std::string>& columns, OptionalKeys optional) {
  std::vector<FieldId> keys;
  for (const std::string& name : columns) {
    TARN_ASSIGN_OR_RETURN(size_t place, Place(name));
    Field& field = schema.fields[place];
    const Type::Kind kind = field.type.kind();
    if (!field.type.primitive() || kind == Type::Kind::kFloat || kind == Type::Kind::kDouble) {
      return InvalidArgument("column " + Quoted(name) + " of type " + field.type.ToString() +
                                 " cannot be part of a key",
                             "a key is made of columns of exact, simple types");
    }
    if (field.nullability == Nullability::kOptional) {
      if (optional == OptionalKeys::kRefuse) {
        return InvalidArgument("column " + Quoted(name) +
                                   " may hold nulls, so it cannot be part "
                                   "of a key",
                               "overwrite the table with the column declared NOT NULL");
      }
      field.nullability = Nullability::kRequired;
    }
    if (std::find(keys.begin(), keys.end(), field.id) != keys.end()) {
      return InvalidArgument("column " + Quoted(name) + " is named twice in the key");
    }
    keys.push_back(field.id);
  }
  schema.identifier_fields = std::move(keys);
  return {};
}

Status SchemaEditor::EvolveTo(const Schema& wanted, Incompatible incompatible) {
  TARN_RETURN_IF_ERROR(CheckColumnNames(wanted));
  const bool replace = incompatible == Incompatible::kReplace;
  // Where all rows are overwritten, no older file will be read by the new names.
  const auto keep_names = [&] {
    if (!replace) MapNames();
    needs_overwrite = needs_overwrite || replace;
  };
  const Schema before = schema;
  std::set<FieldId> kept;
  for (const Field& want : wanted.fields) {
    const Field* old = before.Find(want.name);
    if (old != nullptr) kept.insert(old->id);
    if (old != nullptr && old->name != want.name) keep_names();
  }
  if (kept.size() < before.fields.size()) keep_names();

  std::vector<Field> fields;
  for (const Field& want : wanted.fields) {
    const Field* old = before.Find(want.name);
    std::optional<Type> type = old ? Merge(old->type, want.type, last_column_id) : std::nullopt;
    if (old != nullptr && !type && !replace) {
      return InvalidArgument("column " + Quoted(want.name) + " of type " + old->type.ToString() +
                                 " cannot become " + want.type.ToString() + " in place",
                             "cast it to " + old->type.ToString() +
                                 ", or load the table anew so that all rows are replaced");
    }
    if (!type) {
      if (old != nullptr) keep_names();
      TARN_ASSIGN_OR_RETURN(Field field, NewField(want));
      if (!replace) field.nullability = Nullability::kOptional;
      if (field.nullability == Nullability::kRequired) needs_overwrite = true;
      fields.push_back(std::move(field));
      continue;
    }
    Field field = want;
    field.id = old->id;
    field.type = *std::move(type);
    field.nullability = replace ? want.nullability : MergeNullability(*old, want);
    if (!replace) {
      field.initial_default = old->initial_default;
      if (!field.write_default) field.write_default = old->write_default;
    }
    if (field.nullability == Nullability::kRequired && old->nullability == Nullability::kOptional) {
      needs_overwrite = true;
    }
    if (field.doc.empty()) field.doc = old->doc;
    fields.push_back(std::move(field));
  }
  const Schema merged{{}, std::move(fields), {}};
  bool field_gone = false;
  VisitStructFields(before.fields, [&](const Field& old) {
    const Field* now = merged.Find(old.id);
    field_gone = field_gone || now == nullptr || now->name != old.name;
  });
  if (field_gone) keep_names();
  schema.fields = merged.fields;
  NameNewFields(before);

  schema.identifier_fields.clear();
  for (FieldId key : wanted.identifier_fields) {
    const Field* want = wanted.Find(key);
    const Field* field = want ? schema.Find(want->name) : nullptr;
    if (field == nullptr || field->nullability == Nullability::kOptional) {
      schema.identifier_fields.clear();
      break;
    }
    schema.identifier_fields.push_back(field->id);
  }
  return {};
}

void SchemaEditor::Restore(const Schema& earlier) {
  schema.fields = earlier.fields;
  schema.identifier_fields = earlier.identifier_fields;
  if (physical_names.empty()) return;
  // What was gone before names were mapped stands in its files under its own.
  VisitStructFields(schema.fields, [this](const Field& field) {
    physical_names.emplace(field.id.value(), field.name);
  });
}

}  // namespace tarn
