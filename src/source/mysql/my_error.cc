#include "source/mysql/my_error.h"

namespace tarn::mysql {
namespace {

// Numbers of the servers' mysqld_error.h and the library's errmsg.h.
std::string RepairOf(unsigned number) {
  switch (number) {
    case 1044:  // ER_DBACCESS_DENIED_ERROR
      return "check the user in the source's url and its grants: SHOW GRANTS";
    case 1045:  // ER_ACCESS_DENIED_ERROR
    case 1698:  // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
      return "check user and password in the source's url";
    case 1049:  // ER_BAD_DB_ERROR
      return "check the database name at the end of the source's url";
    case 1040:  // ER_CON_COUNT_ERROR
    case 1203:  // ER_TOO_MANY_USER_CONNECTIONS
      return "lower load_streams under limits:, or raise max_connections";
    case 1130:  // ER_HOST_NOT_PRIVILEGED
      return "create the user for this host: CREATE USER name@'%'";
    case 1205:  // ER_LOCK_WAIT_TIMEOUT
      return "another session has locked the table; run again when it is done";
    case 1412:  // ER_TABLE_DEF_CHANGED
      return "the table was altered when its load began: run again";
    case 1317:  // ER_QUERY_INTERRUPTED
    case 1927:  // ER_CONNECTION_KILLED
    case 3169:  // ER_SESSION_WAS_KILLED
      return "somebody ended it in the server, or the server shuts down: run again";
    case 2026:  // CR_SSL_CONNECTION_ERROR
      return "check ssl-mode and ssl-ca in the source's url";
    case 2059:  // CR_AUTH_PLUGIN_CANNOT_LOAD
      return "the login plugin is a file beside libmariadb.so.3; MARIADB_PLUGIN_DIR names another "
             "folder";
    default:
      return "";
  }
}

}  // namespace

ErrorKind KindOfNumber(unsigned number, std::string_view sqlstate) {
  switch (number) {
    case 1045:
    case 1044:
    case 1130:
    case 1142:  // ER_TABLEACCESS_DENIED_ERROR
    case 1143:  // ER_COLUMNACCESS_DENIED_ERROR
    case 1227:  // ER_SPECIFIC_ACCESS_DENIED_ERROR
    case 1698:
    case 1873:  // ER_ACCESS_DENIED_CHANGE_USER_ERROR
    case 3118:  // ER_ACCOUNT_HAS_BEEN_LOCKED
      return ErrorKind::kPermissionDenied;
    case 1049:
    case 1051:  // ER_BAD_TABLE_ERROR
    case 1054:  // ER_BAD_FIELD_ERROR
    case 1146:  // ER_NO_SUCH_TABLE
      return ErrorKind::kNotFound;
    case 1412:
      return ErrorKind::kConflict;
    case 1021:  // ER_DISK_FULL
    case 1037:  // ER_OUTOFMEMORY
    case 1041:  // ER_OUT_OF_RESOURCES
    case 1114:  // ER_RECORD_FILE_FULL
    case 1153:  // ER_NET_PACKET_TOO_LARGE
    case 2020:  // CR_NET_PACKET_TOO_LARGE
      return ErrorKind::kResourceExhausted;
    case 1064:  // ER_PARSE_ERROR
      return ErrorKind::kInternal;
    case 2026:
    case 2059:
      return ErrorKind::kInvalidArgument;
    case 1040:
    case 1053:  // ER_SERVER_SHUTDOWN
    case 1203:
    case 1205:
    case 1213:  // ER_LOCK_DEADLOCK
    case 1317:  // ER_QUERY_INTERRUPTED: by somebody else, or by a shutdown
    case 1927:  // ER_CONNECTION_KILLED
    case 1969:  // ER_STATEMENT_TIMEOUT of MariaDB
    case 3024:  // ER_QUERY_TIMEOUT of MySQL
    case 3169:  // ER_SESSION_WAS_KILLED
      return ErrorKind::kUnavailable;
    default:
      break;
  }
  if (number >= 2000 && number < 3000) return ErrorKind::kUnavailable;
  if (sqlstate.starts_with("08") || sqlstate.starts_with("40")) return ErrorKind::kUnavailable;
  if (sqlstate.starts_with("28")) return ErrorKind::kPermissionDenied;
  return ErrorKind::kInvalidArgument;
}

Error ErrorFromServer(const ServerError& error, std::string_view doing) {
  return MakeError(KindOfNumber(error.number, error.sqlstate),
                   std::string(doing) + ": " + error.message + " (error " +
                       std::to_string(error.number) + ", SQLSTATE " + error.sqlstate + ")",
                   RepairOf(error.number));
}

}  // namespace tarn::mysql
