#include "table/model/schema.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace tarn {

namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameWithoutCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerAscii(x) == LowerAscii(y);
         });
}

const Field* FindById(const std::vector<Field>& fields, FieldId id) {
  for (const Field& field : fields) {
    if (field.id == id) return &field;
    if (const Field* nested = FindById(field.type.fields(), id)) return nested;
  }
  return nullptr;
}

int32_t HighestId(const std::vector<Field>& fields) {
  int32_t highest = 0;
  for (const Field& field : fields) {
    highest = std::max({highest, field.id.value(), HighestId(field.type.fields())});
  }
  return highest;
}

}  // namespace

const Field* Schema::Find(std::string_view name) const {
  const Field* found = nullptr;
  bool ambiguous = false;
  for (const Field& field : fields) {
    if (field.name == name) return &field;
    if (SameWithoutCase(field.name, name)) {
      ambiguous = found != nullptr;
      found = &field;
    }
  }
  return ambiguous ? nullptr : found;
}

const Field* Schema::Find(FieldId field) const { return FindById(fields, field); }

int32_t Schema::HighestFieldId() const { return HighestId(fields); }

bool Schema::SameColumns(const Schema& other) const {
  return fields == other.fields && identifier_fields == other.identifier_fields;
}

Type AssignFreshIds(const Type& type, int32_t& last_id) {
  if (type.fields().empty()) return type;
  std::vector<Field> fields = type.fields();
  for (Field& field : fields) field.id = FieldId(++last_id);
  for (Field& field : fields) field.type = AssignFreshIds(field.type, last_id);
  switch (type.kind()) {
    case Type::Kind::kList:
      return Type::List(std::move(fields[0]));
    case Type::Kind::kMap:
      return Type::Map(std::move(fields[0]), std::move(fields[1]));
    default:
      return Type::Struct(std::move(fields));
  }
}

Schema AssignFreshIds(const Schema& schema) {
  int32_t last_id = 0;
  Schema fresh;
  fresh.id = schema.id;
  fresh.fields = AssignFreshIds(Type::Struct(schema.fields), last_id).fields();
  for (FieldId key : schema.identifier_fields) {
    for (size_t i = 0; i < schema.fields.size(); ++i) {
      if (schema.fields[i].id == key) fresh.identifier_fields.push_back(fresh.fields[i].id);
    }
  }
  return fresh;
}

}  // namespace tarn
