#pragma once

#include <optional>
#include <string>

#include "columnar/predicate.h"
#include "source/mysql/my_table.h"

namespace tarn::mysql {

/// The part of `predicate` that the server applies exactly as the caller's SQL does: conjuncts that
/// are wholly expressible; kTrue when there is none. What is left out: time, JSON, geometry and
/// MariaDB's own types (but IS NULL), overridden columns in text form, NULL, NaN, infinity, dates
/// outside of the years 1 to 9999, and numbers that a YEAR or a FLOAT does not hold: the server
/// would compare with others. Text is compared by its bytes in UTF-8, for `=` there is case- and
/// accent-blind in most collations; an equality and a prefix are also asked in the column's own
/// collation, which finds more and may use its index.
Predicate PushablePart(const MyTable& table, const Predicate& predicate);

/// As an SQL condition over the table's columns; "" for kTrue, nullopt for what PushablePart would
/// not have kept.
std::optional<std::string> RenderPredicate(const MyTable& table, const Predicate& predicate);

}  // namespace tarn::mysql
