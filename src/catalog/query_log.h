#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"

namespace tarn {

/// \name What is remembered at most.
/// @{
inline constexpr int64_t kQueriesKeptMax = 10000;    ///< statements, the newest
inline constexpr int64_t kQueryTextBytesMax = 8192;  ///< of a statement's text, and of an error's
/// @}

/// One statement that somebody ran, for `system.queries`.
struct QueryRecord {
  std::string id;  ///< UUID
  int64_t started_micros = 0;
  int64_t duration_micros = 0;  ///< until the last row was taken
  std::string statement;        ///< without secrets, and cut at kQueryTextBytesMax
  /// "succeeded", "failed", "interrupted"; "abandoned": not all rows were taken.
  std::string status;
  int64_t rows = 0;  ///< that were handed out, or changed
  /// \name Of a statement that failed
  /// @{
  std::string error_kind;
  std::string error;
  /// @}
  std::string author;
  std::optional<Sequence> sequence;  ///< the lake that it saw; none where it did not look
};

/// What statements were run. Remembered beside the catalog and not in it: a statement costs no
/// commit, waits for none, and losing the last ones in a power cut harms nobody.
/// Threads: every method may be called concurrently, also from several processes.
class QueryLog {
 public:
  virtual ~QueryLog() = default;
  /// Never fails a statement: what cannot be kept is logged and forgotten.
  virtual void Record(const QueryRecord& query) = 0;
  /// The newest first.
  virtual Result<std::vector<QueryRecord>> List(int64_t limit) = 0;
};

}  // namespace tarn
