#include "source/postgres/pg_error.h"

namespace tarn::postgres {
namespace {

std::string RepairOf(std::string_view sqlstate, std::string_view message) {
  if (sqlstate == "28P01") return "check user and password in the source's url";
  if (sqlstate.starts_with("28")) {
    return "check the user in the source's url, and the server's pg_hba.conf";
  }
  if (sqlstate == "3D000") return "check the database name at the end of the source's url";
  if (sqlstate == "53300") return "lower load_streams under limits:, or raise max_connections";
  if (sqlstate == "55P03") return "another session has locked the table; run again when it is done";
  if (sqlstate == "40001" && message.find("recovery") != std::string_view::npos) {
    return "the standby needed to remove rows that were being read: run again, or set "
           "hot_standby_feedback = on";
  }
  if (sqlstate == "42501" && message.find("row-level security") != std::string_view::npos) {
    return "rows would be missing silently; use a role that has BYPASSRLS";
  }
  return "";
}

}  // namespace

ErrorKind KindOfSqlState(std::string_view s) {
  if (s == "57014") return ErrorKind::kCancelled;
  if (s == "42501" || s.starts_with("28")) return ErrorKind::kPermissionDenied;
  if (s == "42P01" || s == "42703" || s == "3D000" || s == "3F000" || s == "42704") {
    return ErrorKind::kNotFound;
  }
  if (s == "53200" || s == "53100" || s == "54000" || s == "54001") {
    return ErrorKind::kResourceExhausted;
  }
  if (s == "XX001" || s == "XX002") return ErrorKind::kCorruption;
  if (s.starts_with("08") || s.starts_with("25P") || s.starts_with("40") || s.starts_with("53") ||
      s.starts_with("55P") || s == "55006" || s.starts_with("57") || s.starts_with("58") ||
      s.starts_with("72") || s.starts_with("XX")) {
    return ErrorKind::kUnavailable;
  }
  if (s.starts_with("0A")) return ErrorKind::kUnsupported;
  if (s == "42601") return ErrorKind::kInternal;
  return ErrorKind::kInvalidArgument;
}

Error ErrorFromServer(const ServerError& error, std::string_view doing) {
  std::string hint = error.hint;
  const std::string repair = RepairOf(error.sqlstate, error.message);
  if (!repair.empty()) hint = hint.empty() ? repair : hint + "; " + repair;
  return MakeError(KindOfSqlState(error.sqlstate),
                   std::string(doing) + ": " + error.message + " (SQLSTATE " + error.sqlstate + ")",
                   hint, error.detail);
}

ServerError ParseErrorResponse(std::string_view body) {
  ServerError error;
  while (!body.empty() && body[0] != '\0') {
    const char field = body[0];
    const size_t end = body.find('\0', 1);
    if (end == std::string_view::npos) break;
    const std::string_view value = body.substr(1, end - 1);
    if (field == 'C') error.sqlstate = value;
    if (field == 'M') error.message = value;
    if (field == 'D') error.detail = value;
    if (field == 'H') error.hint = value;
    body.remove_prefix(end + 1);
  }
  if (error.message.empty()) error.message = "the server reported an error without a message";
  if (error.sqlstate.empty()) error.sqlstate = "XX000";
  return error;
}

}  // namespace tarn::postgres
