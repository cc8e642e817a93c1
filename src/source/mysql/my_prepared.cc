#include "source/mysql/my_prepared.h"

#include <cstdlib>
#include <string_view>
#include <utility>

#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {

Result<std::optional<std::vector<std::string>>> PreparedTransactions(Connection& connection,
                                                                     const std::string& doing) {
  const Result<Rows> rows = connection.Query("XA RECOVER", doing);
  if (!rows.ok()) {
    const ErrorKind kind = rows.error().kind;
    const bool lost = kind == ErrorKind::kUnavailable || kind == ErrorKind::kCancelled;
    if (lost) return rows.status();
    return std::optional<std::vector<std::string>>();
  }
  constexpr int kData = 3;
  std::vector<std::string> names;
  for (int i = 0; i < rows->count(); ++i) names.push_back(rows->text(i, kData));
  return std::optional<std::vector<std::string>>(std::move(names));
}

Result<std::optional<LogEnd>> EndOfLog(Connection& connection, const std::string& doing) {
  const Result<Rows> rows = connection.Query(MasterStatusStatement(connection.version()), doing);
  if (!rows.ok() && rows.error().kind != ErrorKind::kPermissionDenied) return rows.status();
  if (!rows.ok() || rows->count() == 0) return std::optional<LogEnd>();
  LogEnd end;
  end.file = rows->text(0, 0);
  end.offset = std::strtoull(rows->text(0, 1).c_str(), nullptr, 10);
  return std::optional<LogEnd>(std::move(end));
}

Result<bool> WasPreparedSince(Connection& connection, const LogEnd& from,
                              const std::string& doing) {
  TARN_ASSIGN_OR_RETURN(const std::optional<LogEnd> now, EndOfLog(connection, doing));
  if (!now || now->file != from.file) return true;
  if (now->offset == from.offset) return false;
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query(
          "SHOW BINLOG EVENTS IN '" + from.file + "' FROM " + std::to_string(from.offset), doing));
  constexpr int kInfo = 5;
  for (int i = 0; i < rows.count(); ++i) {
    // An XA COMMIT … ONE PHASE is an event of the same type.
    if (rows.text(i, kInfo).starts_with("XA PREPARE")) return true;
  }
  return false;
}

}  // namespace tarn::mysql
