#include "source/postgres/pg_wal_reader.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/thread.h"
#include "source/postgres/pg_error.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int64_t kChunkBytes = 256 << 10;
constexpr size_t kSparesMax = 8;
constexpr int64_t kHeaderBytes = 5;
// How long data gathers once the socket is empty: fewer wake-ups of the server's sender.
constexpr long kGatherNanos = 300'000;
// How long messages gather before they are handed over: fewer wake-ups of who takes them.
constexpr milliseconds kHandOverAfter{3};
// A walsender that shuts down waits until its reader has made everything durable. Whoever cannot
// do that at once lets it go instead of holding up the server.
constexpr milliseconds kPingsMax{3000};
constexpr milliseconds kPingPause{20};
constexpr milliseconds kPingsApart{1000};  // at most, those of a server that shuts down
// Statuses that the server may leave without any sign of life.
constexpr int64_t kSilentStatusesMax = 6;
constexpr int64_t kMicrosTo2000Unix = 946684800000000;

void Put32(uint8_t* p, uint32_t value) {
  const uint32_t big = __builtin_bswap32(value);
  std::memcpy(p, &big, sizeof(big));
}
void Put64(uint8_t* p, uint64_t value) {
  const uint64_t big = __builtin_bswap64(value);
  std::memcpy(p, &big, sizeof(big));
}

}  // namespace

WalReader::WalReader(std::unique_ptr<Connection> connection, Options options)
    : options_(std::move(options)),
      connection_(std::move(connection)),
      by_libpq_(!connection_->plain_socket()),
      flushed_(options_.start.value),
      received_(options_.start.value),
      reported_(0) {}

WalReader::~WalReader() {
  Stop();
  quit_.store(true, std::memory_order_release);
  if (wake_ >= 0) Wake();
  if (thread_.joinable()) thread_.join();
  if (wake_ >= 0) close(wake_);
}

Result<std::unique_ptr<WalReader>> WalReader::Start(std::unique_ptr<Connection> connection,
                                                    const std::string& sql, Options options) {
  std::unique_ptr<WalReader> reader(new WalReader(std::move(connection), std::move(options)));
  reader->wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (reader->wake_ < 0) return ResourceExhausted("no file descriptor for a stream of changes");
  reader->current_ = reader->NewChunk(kChunkBytes);
  reader->last_status_ = reader->last_heard_ = Clock::now();
  TARN_RETURN_IF_ERROR(reader->by_libpq_ ? reader->BeginByLibpq(sql) : reader->Begin(sql));
  WalReader* self = reader.get();
  TARN_ASSIGN_OR_RETURN(reader->thread_,
                        StartThread([self] { return self->Run(); },
                                    [self](const Status& status) {
                                      const std::lock_guard<std::mutex> lock(self->mutex_);
                                      self->end_ = status.error();
                                      self->arrived_.notify_all();
                                    }));
  return reader;
}

WalChunk WalReader::NewChunk(int64_t capacity) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (capacity == kChunkBytes && !spare_.empty()) {
      WalChunk chunk = std::move(spare_.back());
      spare_.pop_back();
      return chunk;
    }
  }
  WalChunk chunk;
  chunk.data.reset(new (std::nothrow)
                       uint8_t[static_cast<size_t>(capacity + WalChunk::kSlackBytes)]);
  chunk.capacity = chunk.data != nullptr ? capacity : 0;
  return chunk;
}

// Behind libpq's back, so that none of the stream's first bytes stay in its buffer.
Status WalReader::Begin(const std::string& sql) {
  std::string message(kHeaderBytes, 'Q');
  Put32(reinterpret_cast<uint8_t*>(message.data()) + 1, static_cast<uint32_t>(sql.size() + 5));
  message.append(sql).push_back('\0');
  TARN_RETURN_IF_ERROR(SendBytes(reinterpret_cast<const uint8_t*>(message.data()), message.size()));
  while (true) {
    const int64_t length =
        filled_ < kHeaderBytes ? 0 : int64_t{ReadBig32(current_.data.get() + 1)} + 1;
    if (length > 0 && filled_ >= length) {
      const uint8_t* body = current_.data.get() + kHeaderBytes;
      const char type = static_cast<char>(*current_.data.get());
      if (type == 'E') {
        return ErrorFromServer(ParseErrorResponse({reinterpret_cast<const char*>(body),
                                                   static_cast<size_t>(length - kHeaderBytes)}),
                               options_.doing);
      }
      std::memmove(current_.data.get(), current_.data.get() + length,
                   static_cast<size_t>(filled_ - length));
      filled_ -= length;
      if (type == 'W') return Status::Ok();
      continue;
    }
    TARN_RETURN_IF_ERROR(MakeRoom(std::max(length, kHeaderBytes)));
    TARN_RETURN_IF_ERROR(connection_->AwaitInput(options_.doing));
    TARN_RETURN_IF_ERROR(Receive().status());
  }
}

Status WalReader::BeginByLibpq(const std::string& sql) {
  return connection_->Run(sql, options_.doing);
}

Status WalReader::MakeRoom(int64_t wanted) {
  if (wanted <= current_.capacity && filled_ < current_.capacity) return Status::Ok();
  WalChunk larger = NewChunk(std::max(wanted, kChunkBytes));
  if (larger.capacity < wanted) {
    return ResourceExhausted(options_.doing + ": no memory for a change of " +
                             std::to_string(wanted) + " bytes");
  }
  std::memcpy(larger.data.get(), current_.data.get(), static_cast<size_t>(filled_));
  larger.end = current_.end;
  current_ = std::move(larger);
  return Status::Ok();
}

Result<bool> WalReader::Receive() {
  const int socket = PQsocket(connection_->handle());
  while (true) {
    const ssize_t n = recv(socket, current_.data.get() + filled_,
                           static_cast<size_t>(current_.capacity - filled_), MSG_DONTWAIT);
    if (n > 0) {
      filled_ += n;
      return true;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    return connection_->Lost(options_.doing);
  }
}

Result<bool> WalReader::ReceiveByLibpq() {
  bool any = false;
  while (filled_ < kChunkBytes) {
    char* message = nullptr;
    const int bytes = PQgetCopyData(connection_->handle(), &message, 1);
    if (bytes == 0) {
      if (any) return true;
      if (PQconsumeInput(connection_->handle()) == 0) return connection_->Lost(options_.doing);
      const int again = PQgetCopyData(connection_->handle(), &message, 1);
      if (again == 0) return false;
      if (again < 0) return connection_->Lost(options_.doing);
      TARN_RETURN_IF_ERROR(MakeRoom(filled_ + kHeaderBytes + again));
      current_.data[static_cast<size_t>(filled_)] = 'd';
      Put32(current_.data.get() + filled_ + 1, static_cast<uint32_t>(again) + 4);
      std::memcpy(current_.data.get() + filled_ + kHeaderBytes, message,
                  static_cast<size_t>(again));
      filled_ += kHeaderBytes + again;
      PQfreemem(message);
      any = true;
      continue;
    }
    if (bytes < 0) {
      pg_result* result = PQgetResult(connection_->handle());
      const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      Error error = text != nullptr && state != nullptr
                        ? ErrorFromServer({state, text, "", ""}, options_.doing)
                        : connection_->Lost(options_.doing);
      PQclear(result);
      return error;
    }
    TARN_RETURN_IF_ERROR(MakeRoom(filled_ + kHeaderBytes + bytes));
    current_.data[static_cast<size_t>(filled_)] = 'd';
    Put32(current_.data.get() + filled_ + 1, static_cast<uint32_t>(bytes) + 4);
    std::memcpy(current_.data.get() + filled_ + kHeaderBytes, message, static_cast<size_t>(bytes));
    filled_ += kHeaderBytes + bytes;
    PQfreemem(message);
    any = true;
  }
  return true;
}

// Moves `current_.end` behind the whole messages and looks at the server's questions among them.
void WalReader::Walk() {
  const uint8_t* const data = current_.data.get();
  int64_t at = current_.end;
  const bool first = at == 0;
  while (filled_ - at >= kHeaderBytes) {
    const int64_t length = int64_t{ReadBig32(data + at + 1)} + 1;
    if (length < kHeaderBytes || filled_ - at < length) break;
    if (data[at] == 'd' && length >= kHeaderBytes + 18 && data[at + kHeaderBytes] == 'k') {
      received_ = std::max(received_, ReadBig64(data + at + kHeaderBytes + 1));
      if (data[at + kHeaderBytes + 17] != 0) {
        reply_due_ = true;
        const auto now = Clock::now();
        if (!last_ping_ || now - *last_ping_ > kPingsApart) pinged_since_ = now;
        last_ping_ = now;
      }
    } else if (data[at] == 'd' && length >= kHeaderBytes + 25) {
      received_ = std::max(received_, ReadBig64(data + at + kHeaderBytes + 1));
      last_ping_.reset();
    }
    at += length;
  }
  current_.end = at;
  if (first) gathers_since_ = last_heard_;
}

void WalReader::Offer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    held_back_ = !queue_.empty() && current_.end > 0;
    if (held_back_) return;
  }
  Publish();
}

void WalReader::Publish() {
  if (current_.end == 0) return;
  const int64_t tail = filled_ - current_.end;
  WalChunk next = NewChunk(std::max(kChunkBytes, tail));
  if (next.capacity < tail) return;  // what is whole goes with the next ones
  std::memcpy(next.data.get(), current_.data.get() + current_.end, static_cast<size_t>(tail));
  next.end = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  held_back_ = false;
  queued_bytes_ += current_.capacity;
  queue_.push_back(std::exchange(current_, std::move(next)));
  filled_ = tail;
  arrived_.notify_all();
}

// A message that has begun needs its whole room.
int64_t WalReader::Wanted() const {
  const int64_t more = filled_ + 1;
  if (filled_ - current_.end < kHeaderBytes) return more;
  return std::max(more, current_.end + ReadBig32(current_.data.get() + current_.end + 1) + 1);
}

Status WalReader::Run() {
  while (!quit_.load(std::memory_order_acquire)) {
    TARN_RETURN_IF_ERROR(SendStatusIfDue());
    bool full;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      full = queued_bytes_ >= options_.read_ahead_bytes;
    }
    if (full) {
      last_heard_ = Clock::now();  // nobody listens
      Wait(/*socket_too=*/false);
      continue;
    }
    if (Wanted() > current_.capacity) Publish();
    TARN_RETURN_IF_ERROR(MakeRoom(Wanted()));
    const Result<bool> any = by_libpq_ ? ReceiveByLibpq() : Receive();
    if (!any.ok()) {
      Publish();  // what came before the end, perhaps the reason
      return any.status();
    }
    if (*any) {
      last_heard_ = Clock::now();
      Walk();
    }
    const bool gathered = Clock::now() - gathers_since_ >= kHandOverAfter;
    if (gathered || current_.end >= kChunkBytes / 2) Offer();
    if (*any) continue;
    if (Clock::now() - last_heard_ >
        milliseconds(options_.status_interval_ms * kSilentStatusesMax)) {
      return Unavailable(options_.doing + ": no sign of life from the server",
                         "run again when it is back");
    }
    if (last_ping_ && *last_ping_ - pinged_since_ > kPingsMax) {
      return Unavailable(options_.doing + ": the server shuts down", "run again when it is back");
    }
    Wait(/*socket_too=*/true);
    const timespec gather{0, kGatherNanos};
    nanosleep(&gather, nullptr);
  }
  // What was made durable before the stop is reported.
  if (flushed_.load() > reported_) TARN_RETURN_IF_ERROR(SendStatus(/*ask=*/false));
  return Cancelled("the stream of changes was stopped");
}

int64_t WalReader::MillisToStatus() const {
  const auto due =
      last_status_ + (reply_due_ ? kPingPause : milliseconds(options_.status_interval_ms));
  const auto left = std::chrono::duration_cast<milliseconds>(due - Clock::now()).count();
  return std::clamp<int64_t>(left, 0, options_.status_interval_ms);
}

int WalReader::WaitMillis() {
  const int to_status = static_cast<int>(MillisToStatus()) + 1;
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool gathers = current_.end > 0 && !held_back_;
  return gathers ? std::min(to_status, static_cast<int>(kHandOverAfter.count())) : to_status;
}

void WalReader::Wait(bool socket_too) {
  pollfd fds[2] = {{wake_, POLLIN, 0}, {PQsocket(connection_->handle()), POLLIN, 0}};
  poll(fds, socket_too ? 2 : 1, socket_too ? WaitMillis() : static_cast<int>(MillisToStatus()) + 1);
  uint64_t ignored;
  if ((fds[0].revents & POLLIN) != 0) {
    [[maybe_unused]] const ssize_t n = read(wake_, &ignored, sizeof(ignored));
  }
}

void WalReader::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_, &one, sizeof(one));
}

Status WalReader::SendStatusIfDue() {
  const bool ask = ask_.exchange(false);
  if (ask || flushed_.load() > reported_ || MillisToStatus() == 0) {
    // A server that is silent is asked whether it lives.
    const bool silent = Clock::now() - last_heard_ > milliseconds(options_.status_interval_ms / 2);
    return SendStatus(ask || silent);
  }
  return Status::Ok();
}

Status WalReader::SendStatus(bool ask) {
  constexpr size_t kStatusBytes = 34;
  uint8_t message[kHeaderBytes + kStatusBytes];
  const uint64_t flushed = flushed_.load();
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const int64_t micros = int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000 - kMicrosTo2000Unix;
  message[0] = 'd';
  Put32(message + 1, kStatusBytes + 4);
  uint8_t* const body = message + kHeaderBytes;
  body[0] = 'r';
  Put64(body + 1, std::max(received_, flushed));
  Put64(body + 9, flushed);
  Put64(body + 17, flushed);
  Put64(body + 25, static_cast<uint64_t>(micros));
  body[33] = ask ? 1 : 0;
  last_status_ = Clock::now();
  reply_due_ = false;
  reported_ = flushed;
  if (!by_libpq_) return SendBytes(message, sizeof(message));
  if (PQputCopyData(connection_->handle(), reinterpret_cast<const char*>(body), kStatusBytes) !=
          1 ||
      PQflush(connection_->handle()) < 0) {
    return connection_->Lost(options_.doing);
  }
  return Status::Ok();
}

Status WalReader::SendBytes(const uint8_t* p, size_t bytes) {
  const int socket = PQsocket(connection_->handle());
  while (bytes > 0) {
    const ssize_t n = send(socket, p, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      p += n;
      bytes -= static_cast<size_t>(n);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wait{socket, POLLOUT, 0};
      poll(&wait, 1, static_cast<int>(options_.status_interval_ms));
      if (quit_.load()) return Cancelled("the stream of changes was stopped");
    } else if (errno != EINTR) {
      return connection_->Lost(options_.doing);
    }
  }
  return Status::Ok();
}

Result<std::optional<WalChunk>> WalReader::Take(int64_t wait_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  arrived_.wait_for(lock, milliseconds(wait_ms),
                    [&] { return stop_.load() || end_ || !queue_.empty(); });
  if (stop_.load()) return Cancelled("the stream of changes was stopped");
  if (!queue_.empty()) {
    WalChunk chunk = std::move(queue_.front());
    queue_.pop_front();
    const bool was_full = queued_bytes_ >= options_.read_ahead_bytes;
    queued_bytes_ -= chunk.capacity;
    const bool has_room = was_full && queued_bytes_ < options_.read_ahead_bytes;
    if (has_room || (queue_.empty() && held_back_)) Wake();
    return std::optional<WalChunk>(std::move(chunk));
  }
  if (end_) return *end_;
  return std::optional<WalChunk>();
}

void WalReader::Recycle(WalChunk chunk) {
  if (chunk.capacity != kChunkBytes) return;
  chunk.end = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (spare_.size() < kSparesMax) spare_.push_back(std::move(chunk));
}

void WalReader::SetFlushed(Lsn lsn) {
  uint64_t before = flushed_.load();
  while (before < lsn.value && !flushed_.compare_exchange_weak(before, lsn.value)) {
  }
  Wake();
}

void WalReader::RequestReply() {
  ask_.store(true);
  Wake();
}

void WalReader::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true, std::memory_order_release);
  }
  arrived_.notify_all();
  if (wake_ >= 0) Wake();
}

}  // namespace tarn::postgres
