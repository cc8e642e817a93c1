#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "catalog/catalog.h"

namespace tarn {

/// The `table` of the position that stands for a source's log as a whole.
inline constexpr char kStreamPosition[] = "*";

/// Up to where a source's log is in the lake, as `SetPositionOp::position` keeps it (JSON). Set in
/// the very commit that brings the rows, and compared with what it was: two that follow one log
/// cannot both go on.
struct StreamPosition {
  std::string position;            ///< in the source's words
  std::string transaction;         ///< id of the last one; "" before the first
  int64_t transaction_micros = 0;  ///< its commit, by the source's clock
  int64_t order = 0;               ///< its place in the log as histories count; see history_rows.h
  std::string ToJson() const;
  static Result<StreamPosition> FromJson(const std::string& json);
};

/// What the catalog has of it for a source, as JSON; "" where it was never loaded.
Result<std::string> FindStreamPosition(Catalog& catalog, const std::string& source);

}  // namespace tarn
