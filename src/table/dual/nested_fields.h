#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/model/schema.h"

namespace tarn {

/// Fields within structs, by path: the names of structs' fields, `element` of a list, `key` and
/// `value` of a map. Names are found exactly first, then without regard to case.
using FieldPath = std::vector<std::string>;

std::string PathText(const FieldPath& path);

/// The field that a path leads to; nullptr when there is none.
const Field* FindField(const Schema& schema, const FieldPath& path);

/// Calls `change` with the fields of the struct that stands at `path` (a column, or something in
/// it), and puts the types around them together anew. Errors: InvalidArgument (no such field; no
/// struct; within the key of a map, whose equality it would change).
Status EditStruct(std::vector<Field>& columns, const FieldPath& path,
                  const std::function<Status(std::vector<Field>&)>& change);

/// `from` with the wider types and the further fields of `to`; ids are kept, and new fields get
/// some counted on from `last_id`. Errors: InvalidArgument where a type is no wider one, or a field
/// of `from` is missing. `path` is where the type stands, for messages.
Result<Type> WidenType(const Type& from, const Type& to, const std::string& path, int32_t& last_id);

/// Calls `visit` with every field of a struct, at any depth; the columns count as such. Elements,
/// keys and values do not, what is within them does.
void VisitStructFields(const std::vector<Field>& columns,
                       const std::function<void(const Field&)>& visit);

}  // namespace tarn
