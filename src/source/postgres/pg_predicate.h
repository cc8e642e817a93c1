#pragma once

#include <optional>
#include <string>

#include "columnar/predicate.h"
#include "source/postgres/pg_table.h"

namespace tarn::postgres {

/// How the server compares text.
enum class TextOrder {
  kUtf8,  ///< COLLATE "C" orders as bytes of UTF-8 do, and every string can be sent
  kOther  ///< only equality, and only of ASCII: another encoding may order and hold others
};

/// The part of `predicate` that the server applies exactly as the caller's SQL does: conjuncts that
/// are wholly expressible; kTrue when there is none. What is left out:
/// char(n) (trailing blanks do not count there), oid, money, lists, NULL and out-of-range literals.
/// Text order and prefixes are compared as bytes (COLLATE "C"), NaN is the greatest on both sides.
Predicate PushablePart(const PgTable& table, const Predicate& predicate, TextOrder order);

/// As an SQL condition over the table's columns; "" for kTrue, nullopt for what PushablePart would
/// not have kept.
std::optional<std::string> RenderPredicate(const PgTable& table, const Predicate& predicate,
                                           TextOrder order);

}  // namespace tarn::postgres
