#include "catalog/sqlite/settle.h"

#include <cstring>
#include <fstream>
#include <string>

namespace tarn::sqlite {
namespace {

// SQLite's "WAL File Format": header and frame headers, and where the salt stands in them.
constexpr int64_t kHeaderBytes = 32;
constexpr int64_t kFrameHeaderBytes = 24;
constexpr int64_t kHeaderSaltOffset = 16;
constexpr int64_t kFrameSaltOffset = 8;
constexpr size_t kSaltBytes = 8;

// Whether a frame of the log's present generation follows the `frames` that are known. Nobody locks
// the log's own file, so that closing it again takes no lock of SQLite's away.
bool HasUnknownFrame(const std::string& path, int64_t page_bytes, int64_t frames) {
  std::ifstream log(path + "-wal", std::ios::binary);
  char now[kSaltBytes], next[kSaltBytes];
  log.seekg(kHeaderSaltOffset);
  if (!log.read(now, kSaltBytes)) return false;
  log.seekg(kHeaderBytes + frames * (kFrameHeaderBytes + page_bytes) + kFrameSaltOffset);
  return log.read(next, kSaltBytes) && std::memcmp(now, next, kSaltBytes) == 0;
}

Result<int64_t> ReadNumber(Connection& connection, const char* sql) {
  TARN_ASSIGN_OR_RETURN(Statement query, connection.Query(sql));
  TARN_RETURN_IF_ERROR(query.Step());
  return query.Int(0);
}

// Whether the log may hold a commit beyond the end that is known.
Result<bool> MayHoldUnknownCommit(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(const int64_t page_bytes, ReadNumber(connection, "PRAGMA page_size"));
  TARN_ASSIGN_OR_RETURN(Statement query, connection.Query("PRAGMA wal_checkpoint(PASSIVE)"));
  TARN_RETURN_IF_ERROR(query.Step());
  // While another process moves the log's pages it is not told how many there are.
  if (query.Int(0) != 0) return true;
  const int64_t frames = query.Int(1);  // -1 without a log
  return frames >= 0 && HasUnknownFrame(connection.path(), page_bytes, frames);
}

}  // namespace

Status SettleLog(Connection& connection) {
  TARN_ASSIGN_OR_RETURN(const bool unknown, MayHoldUnknownCommit(connection));
  if (!unknown) return {};
  TARN_RETURN_IF_ERROR(connection.Begin());
  // Writes the first page as it is: nothing uses that number. Each frame's checksum rests on the
  // ones before it, so that what follows the new one in the file is no part of the log any more.
  Status status = connection.Execute("PRAGMA user_version = 0");
  if (!status.ok()) {
    connection.Rollback();
    return status;
  }
  status = connection.Commit();
  if (status.ok() || status.error().kind != ErrorKind::kCommitUnknown) return status;
  Error error = status.error();
  error.kind = ErrorKind::kUnavailable;  // opening again finds out
  return error;
}

}  // namespace tarn::sqlite
