#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/wiring.h"
#include "base/json.h"
#include "project/objects.h"

namespace tarn {

/// How one applied source stands, by what the catalog keeps, what the source tells and what the
/// process that follows it tells. Of a source that is not followed only the first members are set.
struct SourceStatus {
  std::string name, type, address, mode;
  int64_t tables = 0;

  bool followed = false;              ///< mode cdc; what is below is of it alone
  bool running = false;               ///< a process that is alive follows it
  std::string position;               ///< up to which the log is in the lake
  std::string transaction;            ///< the last one that is
  int64_t transaction_micros = 0;     ///< its commit, by the source's clock; 0: none yet
  int64_t last_commit_micros = 0;     ///< of the lake, with changes; 0: not known
  std::string end;                    ///< position of the newest entry of the log; "" not known
  int64_t lag_bytes = -1;             ///< -1: not known
  std::optional<double> lag_seconds;  ///< what the lake shows is older than this by no change
  int64_t retained_bytes = -1;        ///< of the log, held for us; -1: not known
  bool read = false;                  ///< somebody reads the log, as the source sees it
  double rows_per_second = 0;         ///< of the last minute
  std::string error;                  ///< why it does not go on, "" when it does
  std::vector<std::pair<std::string, std::string>> stopped;  ///< tables, each with the reason
};

/// All applied sources, by name. A source that does not answer is told in `error`.
/// Errors: those of the catalog.
Result<std::vector<SourceStatus>> CollectSourceStatus(Wired& wired, const AliveObjects& alive);

/// What is not known is null.
Json SourceStatusJson(const SourceStatus& status);
/// Lines for people, without the line's end.
std::vector<std::string> SourceStatusLines(const SourceStatus& status);

}  // namespace tarn
