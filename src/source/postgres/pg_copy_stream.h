#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "source/postgres/pg_connection.h"

namespace tarn::postgres {

/// One `COPY … TO STDOUT` in progress: its CopyData messages, in place.
///
/// On a plain socket the messages are read here, not by libpq: PQgetCopyData would allocate and
/// copy every row. The statement is sent and read through its ReadyForQuery behind libpq's back, so
/// that libpq finds the connection idle, as it left it, and it can be used again. With TLS or
/// GSSAPI libpq reads. Threads: one at a time. The connection is borrowed and must not be used
/// until `finished()`.
class CopyStream {
 public:
  /// Sends the statement and waits for its first answer. Errors: those of the statement; a
  /// connection on which anything failed must be closed.
  static Result<std::unique_ptr<CopyStream>> Start(Connection& connection, const std::string& sql,
                                                   std::string doing);
  ~CopyStream();
  CopyStream(const CopyStream&) = delete;
  CopyStream& operator=(const CopyStream&) = delete;

  /// A message's payload; valid until the next call. `readable_end` ≥ `end` bounds what may be
  /// read.
  struct Message {
    const uint8_t* begin = nullptr;
    const uint8_t* end = nullptr;
    const uint8_t* readable_end = nullptr;
  };
  enum class Outcome { kMessage, kEnd, kError };

  /// The next message; kEnd only when the server has said that the statement is complete.
  Outcome Next(Message* message) {
    const uint8_t* at = buffer_.get() + position_;
    if (filled_ - position_ >= kHeaderBytes && *at == 'd') [[likely]] {
      const int64_t length = PayloadBytes(at);
      if (length >= 0 && filled_ - position_ - kHeaderBytes >= length) [[likely]] {
        message->begin = at + kHeaderBytes;
        message->end = message->begin + length;
        message->readable_end = buffer_.get() + capacity_;
        position_ += kHeaderBytes + length;
        return Outcome::kMessage;
      }
    }
    return NextSlow(message);
  }
  /// Why Next said kError: what the server reported, or Unavailable.
  const Error& error() const { return *error_; }
  /// The statement has ended well and the connection is idle again.
  bool finished() const { return finished_; }
  /// The rows that the server says it sent; -1 before the end.
  int64_t rows_sent() const { return rows_sent_; }

 private:
  static constexpr int64_t kHeaderBytes = 5;

  CopyStream(Connection& connection, std::string doing);
  static int64_t PayloadBytes(const uint8_t* at) {
    uint32_t length;
    std::memcpy(&length, at + 1, sizeof(length));
    return static_cast<int64_t>(__builtin_bswap32(length)) - 4;
  }
  Status Send(const std::string& sql);
  Status StartByLibpq(const std::string& sql);
  Outcome NextSlow(Message* message);
  Outcome NextByLibpq(Message* message);
  /// One whole message at position_; reads until it is there.
  Status Await();
  Status Fill(int64_t wanted);
  Status Receive();
  void SetLowWater(int bytes);
  Outcome Fail(Error error);
  void CommandComplete(std::string_view tag);

  Connection& connection_;
  const std::string doing_;
  const bool by_libpq_;
  std::unique_ptr<uint8_t[]> buffer_;
  int64_t capacity_ = 0;
  int64_t position_ = 0;
  int64_t filled_ = 0;
  int64_t received_ = 0;  ///< since the low-water mark was last one byte
  int low_water_ = 1;
  char* libpq_message_ = nullptr;
  bool copying_ = false;
  bool finished_ = false;
  int64_t rows_sent_ = -1;
  std::unique_ptr<Error> error_;
};

}  // namespace tarn::postgres
