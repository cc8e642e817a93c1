#include "source/mysql/my_change_stream.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include <arrow/memory_pool.h>

#include "source/mysql/my_log_assembler.h"
#include "source/mysql/my_log_reader.h"
#include "source/mysql/my_resolver.h"

namespace tarn::mysql {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A transaction that has begun is awaited for so long beyond the caller's patience, and a stop.
constexpr int64_t kCommitGraceMillis = 1000;
/// Waits are cut so that a signal is noticed.
constexpr int64_t kWaitMillis = 50;

class Stream final : public ChangeStream {
 public:
  Stream(std::shared_ptr<const Context> context, ChangeStreamOptions options)
      : context_(std::move(context)),
        options_(std::move(options)),
        doing_("reading the binary log of " + context_->spec.address()) {}

  Status Open(std::unique_ptr<Connection> connection) {
    TARN_ASSIGN_OR_RETURN(const Rows rows,
                          connection->Query("SELECT @@lower_case_table_names", doing_));
    resolver_ = std::make_unique<CatalogResolver>(context_, std::move(connection));
    LogReader::Options reader;
    reader.doing = doing_;
    reader.position = options_.position;
    reader.server_id = options_.server_id;
    reader.uuid = options_.uuid;
    reader.read_ahead_bytes = context_->limits.capture_read_ahead_bytes;
    reader.heartbeat_ms = context_->limits.capture_status_interval_ms;
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> dumping,
                          Connection::Open(context_->spec, context_->session));
    TARN_ASSIGN_OR_RETURN(reader_, LogReader::Start(std::move(dumping), std::move(reader)));
    LogAssembler::Options assembler;
    assembler.position = options_.position;
    assembler.checksums = reader_->checksums();
    assembler.folds_names = rows.integer(0, 0) != 0;
    assembler.value_bytes_max = context_->limits.value_bytes_max;
    assembler.half = options_.half;
    std::vector<std::pair<SourceTableName, Error>> unreadable;
    std::vector<SourceTableName> names;
    for (const SourceTable& table : options_.tables) names.push_back(table.name);
    TARN_ASSIGN_OR_RETURN(assembler.foreign_keys, resolver_->KeysOf(names));
    for (const SourceTable& table : options_.tables) {
      Result<std::shared_ptr<const MyTable>> known = resolver_->Remembered(table);
      if (known.ok()) {
        assembler.tables.push_back(std::move(known).value());
        continue;
      }
      const ErrorKind kind = known.error().kind;
      if (kind == ErrorKind::kUnavailable || kind == ErrorKind::kCancelled) return known.status();
      auto unknown = std::make_shared<MyTable>();
      unknown->table = table;
      assembler.tables.push_back(std::move(unknown));
      unreadable.emplace_back(table.name, known.error());
    }
    assembler_ = std::make_unique<LogAssembler>(std::move(assembler), resolver_.get(),
                                                arrow::default_memory_pool());
    for (auto& [name, error] : unreadable) {
      TARN_RETURN_IF_ERROR(assembler_->StopTable(name, std::move(error)));
    }
    return assembler_->StopUnwatched();
  }

  Status LoadedAt(const SourceTableName& table, const std::string& position) override {
    TARN_ASSIGN_OR_RETURN(Position loaded, Position::Parse(position));
    const std::lock_guard<std::mutex> lock(next_mutex_);
    assembler_->LoadedAt(table, std::move(loaded));
    return Status::Ok();
  }

  void WantRowsBefore(const SourceTableName& table) override {
    const std::lock_guard<std::mutex> lock(next_mutex_);
    assembler_->WantRowsBefore(table);
  }

  Result<ChangeBatch> Next(const ChangeLimits& limits) override {
    const std::lock_guard<std::mutex> lock(next_mutex_);
    if (failure_) return *failure_;
    Result<ChangeBatch> batch = Read(limits);
    if (!batch.ok()) {
      failure_ = batch.error();
      reader_->Stop();
    }
    return batch;
  }

  // The server keeps its log by its own rule, whoever reads it.
  Status Acknowledge(const std::string& position) override {
    return Position::Parse(position).status();
  }

  void Stop() override { reader_->Stop(); }

 private:
  Result<ChangeBatch> Read(const ChangeLimits& limits) {
    const int64_t rows_max = std::max<int64_t>(limits.rows_max, 1);
    const int64_t bytes_max = std::max<int64_t>(limits.bytes_max, 1);
    std::optional<Position> until;
    if (limits.until) {
      TARN_ASSIGN_OR_RETURN(until, Position::Parse(*limits.until));
    }
    const auto begun = Clock::now();
    auto deadline = begun + milliseconds(std::max<int64_t>(limits.wait_ms_max, 0));
    bool lingers = false;
    bool late = false;
    std::optional<Clock::time_point> stopped;
    while (true) {
      const bool inside = assembler_->in_transaction();
      const int64_t rows = assembler_->rows();
      const int64_t bytes = assembler_->bytes();
      if (rows > 0 && !std::exchange(lingers, true)) {
        const auto gathered = Clock::now() + milliseconds(limits.gather_ms);
        deadline =
            std::min(deadline, std::max(begun + milliseconds(limits.linger_ms_max), gathered));
      }
      if (!inside) {
        TARN_ASSIGN_OR_RETURN(const bool reached, Reached(until));
        if (reached || late || stopped || rows >= rows_max || bytes >= bytes_max)
          return Done(until);
      } else if (rows > rows_max + rows_max / 4 || bytes > bytes_max + bytes_max / 4) {
        return Done(until);
      }
      if (assembler_->unpacking()) {
        if (Status unpacked = assembler_->Unpack(); !unpacked.ok()) {
          return std::move(unpacked).Wrap(doing_);
        }
        continue;
      }
      TARN_ASSIGN_OR_RETURN(const bool any, Event());
      if (any) continue;
      const auto now = Clock::now();
      const auto end = inside ? deadline + milliseconds(kCommitGraceMillis) : deadline;
      late = now >= deadline;
      if (Status stop = Stopping(); !stop.ok()) {
        // What is whole is the caller's to commit; what has begun has a moment to become that.
        if (!stopped) stopped = now;
        if (!inside) continue;
        if (now - *stopped >= milliseconds(kCommitGraceMillis)) return stop;
      }
      const int64_t left = std::chrono::duration_cast<milliseconds>(end - now).count() + 1;
      TARN_ASSIGN_OR_RETURN(std::optional<LogChunk> chunk,
                            reader_->Take(now >= end ? 0 : std::min(left, kWaitMillis)));
      if (chunk) {
        chunk_ = std::move(*chunk);
        at_ = 0;
        continue;
      }
      if (now >= end) return Done(until);
    }
  }

  Result<bool> Reached(const std::optional<Position>& until) const {
    if (!until) return false;
    TARN_ASSIGN_OR_RETURN(const int order, assembler_->position().Compare(*until));
    return order >= 0;
  }

  // An error when the stream is to end.
  Status Stopping() const {
    const CancelFlag* const cancel = context_->session.cancel;
    return cancel == nullptr ? Status::Ok() : cancel->Check();
  }

  Result<ChangeBatch> Done(const std::optional<Position>& until) {
    TARN_ASSIGN_OR_RETURN(ChangeBatch batch, assembler_->Take());
    TARN_ASSIGN_OR_RETURN(const bool reached, Reached(until));
    batch.reached_until = reached && !assembler_->in_transaction();
    return batch;
  }

  // One event of the chunk; false when there is none.
  Result<bool> Event() {
    constexpr int64_t kLengthBytes = 4;
    if (at_ >= chunk_.end) {
      if (chunk_.data != nullptr) reader_->Recycle(std::exchange(chunk_, {}));
      at_ = 0;
      return false;
    }
    const uint8_t* const p = chunk_.data.get() + at_;
    uint32_t length;
    std::memcpy(&length, p, kLengthBytes);
    at_ += kLengthBytes + length;
    Status fed = assembler_->Feed(p + kLengthBytes, p + kLengthBytes + length);
    if (!fed.ok()) return std::move(fed).Wrap(doing_);
    return true;
  }

  const std::shared_ptr<const Context> context_;
  const ChangeStreamOptions options_;
  const std::string doing_;
  std::unique_ptr<CatalogResolver> resolver_;
  std::unique_ptr<LogAssembler> assembler_;
  std::unique_ptr<LogReader> reader_;
  std::mutex next_mutex_;  // guards what follows, and the assembler
  LogChunk chunk_;
  int64_t at_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::unique_ptr<ChangeStream>> OpenChangeStream(std::shared_ptr<const Context> context,
                                                       ChangeStreamOptions options,
                                                       std::unique_ptr<Connection> connection) {
  auto stream = std::make_unique<Stream>(std::move(context), std::move(options));
  TARN_RETURN_IF_ERROR(stream->Open(std::move(connection)));
  return std::unique_ptr<ChangeStream>(std::move(stream));
}

}  // namespace tarn::mysql
