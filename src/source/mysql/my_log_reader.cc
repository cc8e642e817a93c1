#include "source/mysql/my_log_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/thread.h"
#include "source/mysql/my_names.h"

namespace tarn::mysql {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr unsigned kDump = 0x12;
constexpr unsigned kDumpGtid = 0x1e;
constexpr uint16_t kThroughGtid = 4;
constexpr uint64_t kFirstOffset = 4;  // behind a file's mark
constexpr int64_t kLengthBytes = 4;
constexpr int64_t kFirstBytes = 256 << 10;
/// Heartbeats that may fail to come.
constexpr int kSilentHeartbeatsMax = 4;

void Append(std::string* body, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) body->push_back(static_cast<char>(value >> (8 * i)));
}

std::string DumpFrom(const Position& position, uint32_t server_id) {
  std::string body;
  Append(&body, position.kind == Position::Kind::kFile ? position.offset : kFirstOffset, 4);
  Append(&body, 0, 2);
  Append(&body, server_id, 4);
  return body + position.file;
}

std::string UuidBytes(const std::string& uuid) {
  std::string bytes;
  unsigned half = 0;
  bool high = true;
  for (const char c : uuid) {
    if (c == '-') continue;
    const unsigned digit = static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (!high) bytes.push_back(static_cast<char>(half << 4 | digit));
    half = digit;
    high = !high;
  }
  return bytes;
}

std::string DumpFromGtids(const GtidSet& gtids, uint32_t server_id) {
  std::string set;
  Append(&set, gtids.servers().size(), 8);
  for (const auto& [server, intervals] : gtids.servers()) {
    set += UuidBytes(server);
    Append(&set, intervals.size(), 8);
    for (const GtidSet::Interval& interval : intervals) {
      Append(&set, static_cast<uint64_t>(interval.first), 8);
      Append(&set, static_cast<uint64_t>(interval.last) + 1, 8);
    }
  }
  std::string body;
  Append(&body, kThroughGtid, 2);
  Append(&body, server_id, 4);
  Append(&body, 0, 4);  // no file
  Append(&body, kFirstOffset, 8);
  Append(&body, set.size(), 4);
  return body + set;
}

LogChunk NewChunk(int64_t capacity) {
  LogChunk chunk;
  chunk.data.reset(new (std::nothrow) uint8_t[static_cast<size_t>(capacity)]);
  if (chunk.data != nullptr) chunk.capacity = capacity;
  return chunk;
}

}  // namespace

Error LogError(Error error) {
  const auto says = [&](const char* what) { return error.message.find(what) != std::string::npos; };
  if (!says("error 1236,") && !says("error 1789,")) return error;
  if (says("same server_uuid") || says("same server_id")) {
    error.kind = ErrorKind::kConflict;
    error.hint = "somebody else reads the log under this name: let one `tarn up` run at a time";
    return error;
  }
  if (says("max_allowed_packet") || says("packet bigger")) {
    error.kind = ErrorKind::kResourceExhausted;
    error.hint = "raise max_allowed_packet of the server";
    return error;
  }
  if (says("server_id") || says("server id")) {
    error.kind = ErrorKind::kInvalidArgument;
    error.hint = "give the server an id: SET GLOBAL server_id = 1, and in its configuration";
    return error;
  }
  error.kind = ErrorKind::kNotFound;
  error.hint =
      "what comes next in the log is gone from the server: load the tables again with `tarn "
      "resync`, and let the server keep its log for longer (binlog_expire_logs_seconds)";
  return error;
}

Result<std::unique_ptr<LogReader>> LogReader::Start(std::unique_ptr<Connection> connection,
                                                    Options options) {
  std::unique_ptr<LogReader> reader(new LogReader(std::move(connection), std::move(options)));
  TARN_RETURN_IF_ERROR(reader->Ask());
  // A stop that was asked for does not cut off what has begun: whoever takes decides when to end.
  reader->connection_->LeaveUncancelled();
  reader->heard_ = Clock::now();
  TARN_ASSIGN_OR_RETURN(reader->thread_, StartThread([self = reader.get()] { return self->Run(); },
                                                     [self = reader.get()](const Status& status) {
                                                       self->End(status.error());
                                                     }));
  return reader;
}

LogReader::LogReader(std::unique_ptr<Connection> connection, Options options)
    : options_(std::move(options)), connection_(std::move(connection)) {}

LogReader::~LogReader() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

Status LogReader::Ask() {
  Connection& connection = *connection_;
  TARN_ASSIGN_OR_RETURN(const Rows rows,
                        connection.Query("SELECT @@global.binlog_checksum", options_.doing));
  const std::string checksum = rows.text(0, 0);
  checksums_ = checksum == "CRC32";
  // Both words of MySQL: those of before and after 8.0.26.
  const std::string nanoseconds =
      std::to_string(std::max<int64_t>(options_.heartbeat_ms, 1) * 1000000);
  std::string settings = "SET @master_binlog_checksum = " + TextLiteral(checksum) +
                         ", @source_binlog_checksum = @master_binlog_checksum" +
                         ", @master_heartbeat_period = " + nanoseconds +
                         ", @source_heartbeat_period = " + nanoseconds;
  if (connection.version().is_mariadb) {
    // 4: it knows GTIDs, and so every event up to them.
    settings += ", @mariadb_slave_capability = 4";
    if (options_.position.kind == Position::Kind::kMariaDb) {
      settings += ", @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0" +
                  (", @slave_connect_state = " + TextLiteral(options_.position.domains.ToString()));
    }
  } else {
    settings += ", @slave_uuid = " + TextLiteral(options_.uuid) + ", @replica_uuid = @slave_uuid";
  }
  TARN_RETURN_IF_ERROR(connection.Run(settings, options_.doing));
  if (options_.position.kind == Position::Kind::kGtid) {
    return connection.Send(kDumpGtid, DumpFromGtids(options_.position.gtids, options_.server_id),
                           options_.doing);
  }
  return connection.Send(kDump, DumpFrom(options_.position, options_.server_id), options_.doing);
}

void LogReader::End(const Error& error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  end_ = error;
  arrived_.notify_all();
}

bool LogReader::Put(const uint8_t* p, int64_t bytes) {
  const int64_t wanted = filling_.end + kLengthBytes + bytes;
  if (wanted > filling_.capacity) {
    LogChunk larger = NewChunk(std::max({wanted, filling_.capacity * 2, kFirstBytes}));
    if (larger.data == nullptr) return false;
    if (filling_.end > 0) {
      std::memcpy(larger.data.get(), filling_.data.get(), static_cast<size_t>(filling_.end));
    }
    larger.end = filling_.end;
    filling_ = std::move(larger);
  }
  const uint32_t length = static_cast<uint32_t>(bytes);
  std::memcpy(filling_.data.get() + filling_.end, &length, kLengthBytes);
  std::memcpy(filling_.data.get() + filling_.end + kLengthBytes, p, static_cast<size_t>(bytes));
  filling_.end = wanted;
  return true;
}

Status LogReader::Run() {
  while (!stop_.load()) {
    const Result<Connection::Packet> packet = connection_->ReadPacket(options_.doing);
    if (!packet.ok()) {
      if (stop_.load()) break;
      return LogError(packet.error());
    }
    const int64_t bytes = packet->end - packet->begin;
    if (bytes == 0 || packet->begin[0] != 0) {
      return Unavailable(options_.doing + ": the server ended the log",
                         "run again when it is back");
    }
    std::unique_lock<std::mutex> lock(mutex_);
    waits_ = true;
    taken_.wait(lock, [&] {
      return stop_.load() || filling_.end == 0 || filling_.end + bytes <= options_.read_ahead_bytes;
    });
    waits_ = false;
    heard_ = Clock::now();
    const bool was_empty = filling_.end == 0;
    if (!Put(packet->begin + 1, bytes - 1)) {
      return ResourceExhausted(
          options_.doing + ": no memory for an event of " + std::to_string(bytes) + " bytes",
          "lower capture_read_ahead_bytes under limits:");
    }
    if (was_empty) arrived_.notify_all();
  }
  return Cancelled("the stream of changes was stopped");
}

Result<std::optional<LogChunk>> LogReader::Take(int64_t wait_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  arrived_.wait_for(lock, milliseconds(wait_ms),
                    [&] { return stop_.load() || end_ || filling_.end > 0; });
  if (stop_.load()) return Cancelled("the stream of changes was stopped");
  if (filling_.end > 0) {
    LogChunk chunk = std::exchange(filling_, std::exchange(spare_, {}));
    filling_.end = 0;
    taken_.notify_all();
    return std::optional<LogChunk>(std::move(chunk));
  }
  if (end_) return *end_;
  const auto silent = milliseconds(options_.heartbeat_ms * kSilentHeartbeatsMax);
  if (!waits_ && Clock::now() - heard_ > silent) {
    connection_->Abort();
    return Unavailable(options_.doing + ": no sign of life from the server",
                       "run again when it is back");
  }
  return std::optional<LogChunk>();
}

void LogReader::Recycle(LogChunk chunk) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (spare_.data == nullptr && chunk.capacity <= options_.read_ahead_bytes) {
    spare_ = std::move(chunk);
  }
}

void LogReader::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stop_.exchange(true)) return;
  }
  arrived_.notify_all();
  taken_.notify_all();
  connection_->Abort();
}

}  // namespace tarn::mysql
