#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_position.h"

namespace tarn::mysql {

/// Whole events, each behind four bytes of its length.
struct LogChunk {
  std::unique_ptr<uint8_t[]> data;
  int64_t capacity = 0;
  int64_t end = 0;
};

/// A connection on which a server dumps its binary log, and a thread that reads it ahead up to a
/// limit. Heartbeats tell a server that is idle from one that is gone.
/// Threads: Take and Recycle from one; Stop from any.
class LogReader {
 public:
  struct Options {
    std::string doing;  ///< put before errors
    Position position;
    uint32_t server_id = 0;  ///< ours; unique among all that read this server's log
    std::string uuid;        ///< the same for MySQL: an older reader of this one is ended
    int64_t read_ahead_bytes = 0;
    int64_t heartbeat_ms = 0;
  };
  /// Asks for the log from the position on. Whether the server has it shows with the first Take().
  static Result<std::unique_ptr<LogReader>> Start(std::unique_ptr<Connection> connection,
                                                  Options options);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  /// What came; nullopt when nothing came in `wait_ms`. Errors: Unavailable (the connection broke),
  /// NotFound (the log from the position on is gone), Cancelled (after Stop); what came before is
  /// taken first, but for Cancelled.
  Result<std::optional<LogChunk>> Take(int64_t wait_ms);
  /// Takes memory back.
  void Recycle(LogChunk chunk);
  void Stop();

  /// Whether events have checksums before a format description says so.
  bool checksums() const { return checksums_; }

 private:
  LogReader(std::unique_ptr<Connection> connection, Options options);
  Status Ask();
  Status Run();
  void End(const Error& error);
  bool Put(const uint8_t* p, int64_t bytes);

  const Options options_;
  std::unique_ptr<Connection> connection_;
  bool checksums_ = false;
  std::atomic<bool> stop_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  std::condition_variable taken_;
  LogChunk filling_;
  LogChunk spare_;
  bool waits_ = false;  ///< for room
  std::chrono::steady_clock::time_point heard_;
  std::optional<Error> end_;

  std::thread thread_;
};

/// What a server says instead of its log.
Error LogError(Error error);

}  // namespace tarn::mysql
