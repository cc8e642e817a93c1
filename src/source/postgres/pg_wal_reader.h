#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_lsn.h"

namespace tarn::postgres {

/// Whole messages of the protocol (type, length, body), as they came.
struct WalChunk {
  static constexpr int64_t kSlackBytes = 32;  ///< readable behind `capacity`
  std::unique_ptr<uint8_t[]> data;
  int64_t capacity = 0;
  int64_t end = 0;
};

/// A thread that owns the socket of one START_REPLICATION: it reads ahead up to a limit, tells the
/// server that we live and what is durable, and answers its questions, however long the reader of
/// the chunks is busy.
///
/// The rhythm: the walsender makes one send() a message as long as the socket takes it. Whoever
/// always waits for the next byte costs both sides a wake-up a row; one who lets data gather for a
/// moment once the socket is empty gets the same rows at half the price.
///
/// Threads: Take and Recycle from one; the others from any.
class WalReader {
 public:
  struct Options {
    std::string doing;               ///< put before errors
    int64_t read_ahead_bytes = 0;    ///< memory of chunks that wait
    int64_t status_interval_ms = 0;  ///< between reports to the server
    Lsn start;                       ///< what is durable at the beginning
  };
  /// Sends the statement and waits for its answer. Errors: those of the statement.
  static Result<std::unique_ptr<WalReader>> Start(std::unique_ptr<Connection> connection,
                                                  const std::string& sql, Options options);
  /// Reports what is durable and closes the connection.
  ~WalReader();
  WalReader(const WalReader&) = delete;
  WalReader& operator=(const WalReader&) = delete;

  /// The next chunk; nullopt when nothing came in `wait_ms`. Errors: Unavailable (the connection
  /// broke), Cancelled (after Stop); every chunk before is taken first, but for Cancelled.
  Result<std::optional<WalChunk>> Take(int64_t wait_ms);
  /// Takes memory back.
  void Recycle(WalChunk chunk);
  /// Everything up to here is durable.
  void SetFlushed(Lsn lsn);
  /// Asks the server how far it is: a keepalive follows.
  void RequestReply();
  /// Ends the wait of Take and all later ones; what is acknowledged afterwards is still reported.
  void Stop();

 private:
  WalReader(std::unique_ptr<Connection> connection, Options options);
  Status Begin(const std::string& sql);
  Status BeginByLibpq(const std::string& sql);
  Status Run();
  /// Reads what is there into `current_`; false: nothing is.
  Result<bool> Receive();
  Result<bool> ReceiveByLibpq();
  int64_t Wanted() const;  ///< bytes that `current_` must have room for
  Status MakeRoom(int64_t wanted);
  void Publish();
  /// Publishes if nothing else waits to be taken. Who is busy gets full chunks: those with little
  /// in them would use up what may be read ahead.
  void Offer();
  void Walk();
  Status SendStatusIfDue();
  Status SendStatus(bool ask);
  Status SendBytes(const uint8_t* p, size_t bytes);
  void Wait(bool socket_too);
  void Wake();
  int64_t MillisToStatus() const;
  int WaitMillis();  ///< at most, for the socket
  WalChunk NewChunk(int64_t capacity);

  const Options options_;
  std::unique_ptr<Connection> connection_;
  const bool by_libpq_;
  int wake_ = -1;                  ///< eventfd
  std::atomic<bool> stop_{false};  ///< no more chunks are taken
  std::atomic<bool> quit_{false};  ///< the thread ends
  std::atomic<bool> ask_{false};
  std::atomic<uint64_t> flushed_;

  // Of the thread alone.
  WalChunk current_;
  int64_t filled_ = 0;
  std::chrono::steady_clock::time_point gathers_since_;  ///< where `current_` has whole messages
  uint64_t received_;
  uint64_t reported_;
  bool reply_due_ = false;
  std::chrono::steady_clock::time_point last_status_;
  std::chrono::steady_clock::time_point last_heard_;
  /// Since when the server has sent nothing but questions: it wants to stop.
  std::chrono::steady_clock::time_point pinged_since_;
  std::optional<std::chrono::steady_clock::time_point> last_ping_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  std::deque<WalChunk> queue_;
  std::vector<WalChunk> spare_;
  int64_t queued_bytes_ = 0;
  bool held_back_ = false;  ///< `current_` has what is wanted once `queue_` is empty
  std::optional<Error> end_;

  std::thread thread_;
};

}  // namespace tarn::postgres
