#include "table/dual/nested_fields.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "base/text.h"

namespace tarn {

namespace {

using Kind = Type::Kind;

std::optional<size_t> PlaceOf(const std::vector<Field>& fields, const std::string& name) {
  std::optional<size_t> found;
  bool ambiguous = false;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
    if (LowerAscii(fields[i].name) != LowerAscii(name)) continue;
    ambiguous = found.has_value();
    found = i;
  }
  return ambiguous ? std::nullopt : found;
}

/// The place of a part of a nested type; parts of lists and maps have fixed names.
std::optional<size_t> PartOf(const Type& type, const std::string& name) {
  const std::string lower = LowerAscii(name);
  switch (type.kind()) {
    case Kind::kStruct:
      return PlaceOf(type.fields(), name);
    case Kind::kList:
      return lower == "element" ? std::optional<size_t>(0) : std::nullopt;
    case Kind::kMap:
      if (lower == "key") return 0;
      return lower == "value" ? std::optional<size_t>(1) : std::nullopt;
    default:
      return std::nullopt;
  }
}

Type WithParts(Kind kind, std::vector<Field> parts) {
  if (kind == Kind::kStruct) return Type::Struct(std::move(parts));
  if (kind == Kind::kList) return Type::List(std::move(parts[0]));
  return Type::Map(std::move(parts[0]), std::move(parts[1]));
}

Error NoField(const std::vector<Field>& fields, const FieldPath& path, size_t depth) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  const FieldPath known(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(depth));
  const std::optional<std::string> nearest = NearestName(path[depth], names);
  const std::string wanted = QuoteIdentifier(path[depth]);
  return InvalidArgument(depth == 0 ? "there is no column " + wanted
                                    : "there is no field " + wanted + " in " + PathText(known),
                         nearest ? "did you mean " + QuoteIdentifier(*nearest) + "?" : "");
}

Status Edit(Field& field, const FieldPath& path, size_t depth,
            const std::function<Status(std::vector<Field>&)>& change) {
  std::vector<Field> parts = field.type.fields();
  const Kind kind = field.type.kind();
  if (depth == path.size()) {
    if (kind != Kind::kStruct) {
      const char* repair = kind == Kind::kList  ? "what is in the list is its `element`"
                           : kind == Kind::kMap ? "what is in the map is its `value`"
                                                : "only structs have fields";
      return InvalidArgument(PathText(path) + " of type " + field.type.ToString() + " is no struct",
                             repair);
    }
    TARN_RETURN_IF_ERROR(change(parts));
  } else {
    const std::optional<size_t> place = PartOf(field.type, path[depth]);
    if (!place) return NoField(parts, path, depth);
    if (kind == Kind::kMap && *place == 0) {
      return InvalidArgument(PathText(path) + " is within the key of a map, which stays as it is",
                             "add a column of the new type");
    }
    TARN_RETURN_IF_ERROR(Edit(parts[*place], path, depth + 1, change));
  }
  field.type = WithParts(kind, std::move(parts));
  return {};
}

void VisitWithin(const Type& type, const std::function<void(const Field&)>& visit) {
  if (type.kind() == Kind::kStruct) {
    VisitStructFields(type.fields(), visit);
  } else {
    for (const Field& part : type.fields()) VisitWithin(part.type, visit);
  }
}

}  // namespace

std::string PathText(const FieldPath& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : ".") + QuoteIdentifier(name);
  return text;
}

const Field* FindField(const Schema& schema, const FieldPath& path) {
  const Field* field = path.empty() ? nullptr : schema.Find(path[0]);
  for (size_t depth = 1; field != nullptr && depth < path.size(); ++depth) {
    const std::optional<size_t> place = PartOf(field->type, path[depth]);
    field = place ? &field->type.fields()[*place] : nullptr;
  }
  return field;
}

Status EditStruct(std::vector<Field>& columns, const FieldPath& path,
                  const std::function<Status(std::vector<Field>&)>& change) {
  const std::optional<size_t> place = PlaceOf(columns, path.at(0));
  if (!place) return NoField(columns, path, 0);
  return Edit(columns[*place], path, 1, change);
}

Result<Type> WidenType(const Type& from, const Type& to, const std::string& path,
                       int32_t& last_id) {
  const auto refuse = [&]() -> Error {
    return InvalidArgument(
        path + " of type " + from.ToString() + " cannot become " + to.ToString() + " in place",
        "int may become long, float double, and a decimal wider at the same "
        "scale; else add a column of the new type");
  };
  if (from.fields().empty() || to.fields().empty()) {
    if (from == to || CanWiden(from, to)) return to;
    return refuse();
  }
  if (from.kind() != to.kind()) return refuse();
  std::vector<Field> parts = from.fields();
  if (from.kind() != Kind::kStruct) {
    const std::vector<std::string> names = from.kind() == Kind::kList
                                               ? std::vector<std::string>{"element"}
                                               : std::vector<std::string>{"key", "value"};
    for (size_t i = 0; i < parts.size(); ++i) {
      TARN_ASSIGN_OR_RETURN(parts[i].type, WidenType(parts[i].type, to.fields()[i].type,
                                                     path + "." + names[i], last_id));
    }
    if (from.kind() == Kind::kMap && !(parts[0].type == from.fields()[0].type)) {
      return InvalidArgument(path + ": the key of a map stays as it is",
                             "add a column of the new type");
    }
    return WithParts(from.kind(), std::move(parts));
  }
  for (Field& field : parts) {
    const std::optional<size_t> place = PlaceOf(to.fields(), field.name);
    if (!place) {
      return InvalidArgument(
          path + "." + QuoteIdentifier(field.name) + " is missing in the new type",
          "name it too; ALTER TABLE … DROP COLUMN takes a field away");
    }
    TARN_ASSIGN_OR_RETURN(field.type, WidenType(field.type, to.fields()[*place].type,
                                                path + "." + QuoteIdentifier(field.name), last_id));
  }
  for (const Field& wanted : to.fields()) {
    if (PlaceOf(from.fields(), wanted.name)) continue;
    Field field = wanted;
    field.id = FieldId(++last_id);
    field.type = AssignFreshIds(wanted.type, last_id);
    field.nullability = Nullability::kOptional;
    parts.push_back(std::move(field));
  }
  return Type::Struct(std::move(parts));
}

void VisitStructFields(const std::vector<Field>& columns,
                       const std::function<void(const Field&)>& visit) {
  for (const Field& field : columns) {
    visit(field);
    VisitWithin(field.type, visit);
  }
}

}  // namespace tarn
