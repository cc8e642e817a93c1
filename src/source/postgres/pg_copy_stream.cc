#include "source/postgres/pg_copy_stream.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "source/postgres/pg_error.h"

namespace tarn::postgres {
namespace {

constexpr int64_t kBufferBytes = 512 << 10;
constexpr int64_t kKeptBytesMax = 4 << 20;  // a buffer that grew beyond this is given back
// The server sends 8 KiB at a time. Waking for each costs more than decoding it: once a stream has
// shown that it is long, the kernel is asked to wake us for this much …
constexpr int kLowWaterBytes = 192 << 10;
constexpr int64_t kLongStreamBytes = 1 << 20;
// … but a tail or a slow query waits no longer than this.
constexpr int kLowWaterMillis = 5;

void AppendBig32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *out += static_cast<char>(value >> shift);
}

}  // namespace

CopyStream::CopyStream(Connection& connection, std::string doing)
    : connection_(connection), doing_(std::move(doing)), by_libpq_(!connection.plain_socket()) {}

CopyStream::~CopyStream() {
  if (libpq_message_ != nullptr) PQfreemem(libpq_message_);
  if (low_water_ != 1) SetLowWater(1);
}

Result<std::unique_ptr<CopyStream>> CopyStream::Start(Connection& connection,
                                                      const std::string& sql, std::string doing) {
  std::unique_ptr<CopyStream> stream(new CopyStream(connection, std::move(doing)));
  if (stream->by_libpq_) {
    TARN_RETURN_IF_ERROR(stream->StartByLibpq(sql));
    return stream;
  }
  if (PQstatus(connection.handle()) != CONNECTION_OK) return connection.Lost(stream->doing_);
  stream->buffer_.reset(new uint8_t[kBufferBytes]);
  stream->capacity_ = kBufferBytes;
  TARN_RETURN_IF_ERROR(stream->Send(sql));
  // Errors of planning come before the first row: tell them here.
  Message first;
  while (!stream->copying_) {
    const Outcome outcome = stream->NextSlow(&first);
    if (outcome == Outcome::kError) return stream->error();
    if (outcome == Outcome::kEnd) break;
  }
  return stream;
}

Status CopyStream::StartByLibpq(const std::string& sql) {
  copying_ = true;
  TARN_ASSIGN_OR_RETURN(PGresult* const result, connection_.Execute(sql));
  const ExecStatusType status = PQresultStatus(result);
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  Status answer;
  if (status != PGRES_COPY_OUT && state == nullptr) {
    answer = connection_.Lost(doing_);
  } else if (status != PGRES_COPY_OUT) {
    const auto field = [&](int code) {
      const char* text = PQresultErrorField(result, code);
      return text != nullptr ? std::string(text) : std::string();
    };
    answer = ErrorFromServer({state, field(PG_DIAG_MESSAGE_PRIMARY), field(PG_DIAG_MESSAGE_DETAIL),
                              field(PG_DIAG_MESSAGE_HINT)},
                             doing_);
  }
  PQclear(result);
  return answer;
}

Status CopyStream::Send(const std::string& sql) {
  std::string message(1, 'Q');
  AppendBig32(&message, static_cast<uint32_t>(sql.size() + 5));
  message.append(sql).push_back('\0');
  const int socket = PQsocket(connection_.handle());
  for (size_t sent = 0; sent < message.size();) {
    const ssize_t n = send(socket, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{socket, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return connection_.Lost(doing_);
    }
  }
  return Status::Ok();
}

void CopyStream::SetLowWater(int bytes) {
  const int socket = PQsocket(connection_.handle());
  if (socket >= 0 && setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0) {
    low_water_ = bytes;
  }
}

Status CopyStream::Receive() {
  const int socket = PQsocket(connection_.handle());
  while (true) {
    if (low_water_ > 1) {
      pollfd wait{socket, POLLIN, 0};
      const int ready = poll(&wait, 1, kLowWaterMillis);
      if (ready < 0 && errno != EINTR) return connection_.Lost(doing_);
    } else {
      TARN_RETURN_IF_ERROR(connection_.AwaitInput(doing_));
    }
    const ssize_t n = recv(socket, buffer_.get() + filled_,
                           static_cast<size_t>(capacity_ - filled_), MSG_DONTWAIT);
    if (n > 0) {
      filled_ += n;
      received_ += n;
      if (low_water_ == 1 && received_ >= kLongStreamBytes) SetLowWater(kLowWaterBytes);
      return Status::Ok();
    }
    if (n == 0) return connection_.Lost(doing_);
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (low_water_ > 1) {  // nothing at all for a while: wait for the first byte
        SetLowWater(1);
        received_ = 0;
      }
    } else if (errno != EINTR) {
      return connection_.Lost(doing_);
    }
  }
}

Status CopyStream::Fill(int64_t wanted) {
  const int64_t kept = filled_ - position_;
  if (wanted > capacity_ || (capacity_ > kKeptBytesMax && wanted <= kBufferBytes)) {
    // A long message gets just its room.
    const int64_t capacity = std::max(wanted, std::max(kept, kBufferBytes));
    std::unique_ptr<uint8_t[]> larger(new (std::nothrow) uint8_t[static_cast<size_t>(capacity)]);
    if (larger == nullptr) {
      return ResourceExhausted(doing_ + ": no memory for a row of " + std::to_string(wanted) +
                               " bytes");
    }
    std::memcpy(larger.get(), buffer_.get() + position_, static_cast<size_t>(kept));
    buffer_ = std::move(larger);
    capacity_ = capacity;
  } else if (position_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + position_, static_cast<size_t>(kept));
  }
  position_ = 0;
  filled_ = kept;
  while (filled_ < wanted) TARN_RETURN_IF_ERROR(Receive());
  return Status::Ok();
}

Status CopyStream::Await() {
  if (filled_ - position_ < kHeaderBytes) TARN_RETURN_IF_ERROR(Fill(kHeaderBytes));
  const int64_t length = PayloadBytes(buffer_.get() + position_);
  if (length < 0) {
    return Unavailable(doing_ + ": the server's answer is not PostgreSQL's protocol",
                       "check what stands between here and the server");
  }
  if (filled_ - position_ < kHeaderBytes + length)
    TARN_RETURN_IF_ERROR(Fill(kHeaderBytes + length));
  return Status::Ok();
}

CopyStream::Outcome CopyStream::Fail(Error error) {
  if (error_ == nullptr) error_ = std::make_unique<Error>(std::move(error));
  finished_ = false;
  return Outcome::kError;
}

void CopyStream::CommandComplete(std::string_view tag) {
  if (!tag.starts_with("COPY ")) return;
  tag.remove_prefix(5);
  std::from_chars(tag.data(), tag.data() + tag.size(), rows_sent_);
}

CopyStream::Outcome CopyStream::NextSlow(Message* message) {
  if (error_ != nullptr) return Outcome::kError;
  if (finished_) return Outcome::kEnd;
  if (by_libpq_) return NextByLibpq(message);
  while (true) {
    if (Status status = Await(); !status.ok()) return Fail(status.error());
    const uint8_t* at = buffer_.get() + position_;
    const int64_t length = PayloadBytes(at);
    const std::string_view body(reinterpret_cast<const char*>(at + kHeaderBytes),
                                static_cast<size_t>(length));
    switch (*at) {
      case 'd':
        return Next(message);
      case 'H':  // CopyOutResponse
        copying_ = true;
        position_ += kHeaderBytes + length;
        return Outcome::kMessage;  // only Start sees it
      case 'E': {
        const Error error = ErrorFromServer(ParseErrorResponse(body), doing_);
        return Fail(error);
      }
      case 'C':
        CommandComplete(body);
        break;
      case 'Z':
        position_ += kHeaderBytes + length;
        finished_ = true;
        if (low_water_ != 1) SetLowWater(1);
        return Outcome::kEnd;
      case 'c':  // CopyDone
      case 'N':  // notice
      case 'S':  // a setting changed
      case 'A':  // notification
        break;
      default:
        return Fail(Unavailable(doing_ + ": unexpected message from the server"));
    }
    position_ += kHeaderBytes + length;
  }
}

CopyStream::Outcome CopyStream::NextByLibpq(Message* message) {
  if (libpq_message_ != nullptr) PQfreemem(std::exchange(libpq_message_, nullptr));
  int bytes = 0;
  while ((bytes = PQgetCopyData(connection_.handle(), &libpq_message_, 1)) == 0) {
    if (Status ready = connection_.AwaitInput(doing_); !ready.ok()) return Fail(ready.error());
    if (PQconsumeInput(connection_.handle()) == 0) return Fail(connection_.Lost(doing_));
  }
  if (bytes > 0) {
    message->begin = reinterpret_cast<const uint8_t*>(libpq_message_);
    message->end = message->begin + bytes;
    message->readable_end = message->end;
    return Outcome::kMessage;
  }
  if (bytes == -2) return Fail(connection_.Lost(doing_));
  while (PGresult* result = PQgetResult(connection_.handle())) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
      CommandComplete(PQcmdStatus(result));
    } else if (state == nullptr) {
      Fail(connection_.Lost(doing_));
    } else {
      const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      Fail(ErrorFromServer({state, text != nullptr ? text : "", "", ""}, doing_));
    }
    PQclear(result);
  }
  if (error_ != nullptr) return Outcome::kError;
  finished_ = true;
  return Outcome::kEnd;
}

}  // namespace tarn::postgres
