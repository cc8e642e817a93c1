#include "source/postgres/pg_change_stream.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <arrow/memory_pool.h>

#include "base/text.h"
#include "source/postgres/pg_error.h"
#include "source/postgres/pg_log_assembler.h"
#include "source/postgres/pg_shape_resolver.h"
#include "source/postgres/pg_slot.h"
#include "source/postgres/pg_wal_reader.h"

namespace tarn::postgres {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kActivePollMillis = 50;
/// A transaction that has begun is awaited for so long beyond the caller's patience, and a stop.
constexpr int64_t kCommitGraceMillis = 1000;
/// Waits are cut so that a signal and the end of the log are noticed.
constexpr int64_t kWaitMillis = 50;

bool IsState(const Error& error, const char* sqlstate) {
  return error.message.find(std::string("(SQLSTATE ") + sqlstate + ")") != std::string::npos;
}

// What the server says of a slot or of log that it does not have.
Error LogError(Error error) {
  const bool gone =
      IsState(error, "58P01") || IsState(error, "42704") ||
      (IsState(error, "55000") && (error.message + error.detail).find("slot") != std::string::npos);
  if (gone) {
    error.kind = ErrorKind::kNotFound;
    error.hint +=
        (error.hint.empty() ? "" : "; ") + std::string("load the tables again with `tarn resync`");
  }
  return error;
}

std::string ProtocolOf(int server_version) {
  if (server_version >= 160000) return "4";
  return server_version >= 150000 ? "3" : "2";
}

class Stream final : public ChangeStream {
 public:
  Stream(std::shared_ptr<const Context> context, ChangeStreamOptions options,
         std::unique_ptr<Connection> connection, std::shared_ptr<CaptureMemory> memory)
      : context_(std::move(context)),
        options_(std::move(options)),
        doing_("reading replication slot " + options_.slot + " of " + context_->spec.address()),
        utf8_(connection->sends_valid_utf8()),
        memory_(std::move(memory)),
        side_(std::move(connection)) {}

  Status Open() {
    if (options_.session == nullptr) TARN_RETURN_IF_ERROR(AwaitSlot());
    TARN_ASSIGN_OR_RETURN(const int64_t timeout, SenderTimeout());
    resolver_ = std::make_unique<CatalogResolver>(context_, std::move(side_));
    TARN_ASSIGN_OR_RETURN(const auto columns, resolver_->ColumnsOf(&options_.tables));
    if (std::any_of(columns.begin(), columns.end(), [](const StreamColumn& column) {
          return column.binary == StreamColumn::Binary::kUnreadable;
        })) {
      memory_->text.store(true);
    }
    LogAssembler::Options assembler;
    assembler.tables = options_.tables;
    assembler.position = options_.position;
    assembler.rules = {context_->limits.value_bytes_max, !utf8_};
    assembler.spool_folder = context_->spool;
    assembler.spool_name = options_.slot;
    assembler.transaction_memory_bytes = context_->limits.capture_transaction_memory_bytes;
    assembler_ = std::make_unique<LogAssembler>(std::move(assembler), resolver_.get(),
                                                arrow::default_memory_pool());
    TARN_RETURN_IF_ERROR(StopMissing());
    return StartReader(timeout);
  }

  Status LoadedAt(const SourceTableName& table, const std::string& position) override {
    TARN_ASSIGN_OR_RETURN(const Lsn loaded, Lsn::Parse(position));
    assembler_->LoadedAt(table, loaded);
    return Status::Ok();
  }

  Result<ChangeBatch> Next(const ChangeLimits& limits) override {
    const std::lock_guard<std::mutex> lock(next_mutex_);
    if (failure_) return *failure_;
    Result<ChangeBatch> batch = Read(limits);
    if (!batch.ok() && batch.error().kind == ErrorKind::kCancelled &&
        !assembler_->in_transaction() && assembler_->has_events()) {
      // A stop cut off something else: what is whole is the caller's to commit.
      batch = Done(std::nullopt);
    }
    if (!batch.ok()) {
      failure_ = batch.error();
      reader_->Stop();
    }
    return batch;
  }

  Status Acknowledge(const std::string& position) override {
    TARN_ASSIGN_OR_RETURN(const Lsn lsn, Lsn::Parse(position));
    reader_->SetFlushed(lsn);
    return Status::Ok();
  }

  void Stop() override { reader_->Stop(); }

 private:
  // The slot must be there and free. A walsender whose client has just died needs a moment to
  // notice: as long as connecting may take.
  Status AwaitSlot() {
    for (int64_t waited = 0;; waited += kActivePollMillis) {
      TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(*side_, options_.slot));
      TARN_RETURN_IF_ERROR(CheckSlot(slot, options_.slot, options_.position));
      if (!slot->active) return Status::Ok();
      if (waited >= context_->session.connect_timeout_ms) return SlotIsActive(*slot);
      if (context_->session.cancel != nullptr) {
        TARN_RETURN_IF_ERROR(context_->session.cancel->Check());
      }
      poll(nullptr, 0, kActivePollMillis);
    }
  }

  Result<int64_t> SenderTimeout() {
    TARN_ASSIGN_OR_RETURN(Rows rows, side_->Query("SELECT setting FROM pg_catalog.pg_settings "
                                                  "WHERE name = 'wal_sender_timeout'",
                                                  {}, "asking for wal_sender_timeout"));
    return rows.count() > 0 ? rows.integer(0, 0) : 0;
  }

  // A table that is no longer published says nothing: somebody must be told. One that left and came
  // back has a gap in what the log says of it.
  Status StopMissing() {
    TARN_ASSIGN_OR_RETURN(auto published, resolver_->TablesOf(options_.publication));
    for (const SourceTable& table : options_.tables) {
      const auto is = published.find(table.name);
      const auto was = members_.find(table.name);
      if (is != published.end() && (was == members_.end() || was->second == is->second)) continue;
      const std::string name = "table " + table.name.ToString();
      TARN_RETURN_IF_ERROR(assembler_->StopTable(
          table.name,
          is != published.end()
              ? NotFound(name + " was taken out of publication " + options_.publication +
                             " and put in again: what happened to it meanwhile is not told",
                         "load it again with `tarn resync`")
              : NotFound(name + " is not in publication " + options_.publication +
                             " any more: it was dropped, renamed or taken out, or the publication "
                             "leaves out some of the changes",
                         "take it out of tables:, or load it again with `tarn resync`")));
    }
    members_ = std::move(published);
    members_asked_ = Clock::now();
    return Status::Ok();
  }

  Status StartReader(int64_t sender_timeout_ms) {
    SessionSettings settings = context_->session;
    settings.speaks = SessionSettings::Speaks::kReplication;
    const bool text = memory_->text.load();
    WalReader::Options reader;
    reader.doing = doing_;
    reader.read_ahead_bytes = context_->limits.capture_read_ahead_bytes;
    reader.status_interval_ms = context_->limits.capture_status_interval_ms;
    if (sender_timeout_ms > 0) {
      reader.status_interval_ms =
          std::clamp<int64_t>(sender_timeout_ms / 4, 10, reader.status_interval_ms);
    }
    reader.start = options_.position;
    for (int64_t waited = 0;; waited += kActivePollMillis) {
      std::unique_ptr<Connection> connection = std::move(options_.session);
      const bool own_slot = connection != nullptr;
      if (!own_slot) {
        TARN_ASSIGN_OR_RETURN(connection, Connection::Open(context_->spec, settings));
      }
      // Amounts of money in the one form that is read here.
      if (text) TARN_RETURN_IF_ERROR(connection->Run("SET lc_monetary = 'C'", doing_));
      const std::string sql = "START_REPLICATION SLOT " + QuoteIdentifier(options_.slot) +
                              " LOGICAL " + options_.position.ToString() + " (proto_version '" +
                              ProtocolOf(connection->server_version()) + "', publication_names " +
                              QuoteLiteral(QuoteIdentifier(options_.publication)) +
                              ", streaming 'on'" + (text ? "" : ", binary 'true'") + ")";
      Result<std::unique_ptr<WalReader>> started =
          WalReader::Start(std::move(connection), sql, reader);
      if (started.ok()) {
        reader_ = std::move(started).value();
        return Status::Ok();
      }
      if (own_slot || !IsState(started.error(), "55006")) return LogError(started.error());
      if (waited >= context_->session.connect_timeout_ms) {
        Error active = started.error();
        active.kind = ErrorKind::kConflict;
        return active;
      }
      poll(nullptr, 0, kActivePollMillis);
    }
  }

  Result<ChangeBatch> Read(const ChangeLimits& limits) {
    const int64_t rows_max = std::max<int64_t>(limits.rows_max, 1);
    const int64_t bytes_max = std::max<int64_t>(limits.bytes_max, 1);
    std::optional<Lsn> until;
    if (limits.until) {
      TARN_ASSIGN_OR_RETURN(until, Lsn::Parse(*limits.until));
    }
    const auto begun = Clock::now();
    auto deadline = begun + milliseconds(std::max<int64_t>(limits.wait_ms_max, 0));
    bool lingers = false;
    auto asked = Clock::now();
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
        if (until && assembler_->position() >= *until) return Done(until);
        if (late || stopped || rows >= rows_max || bytes >= bytes_max) return Done(until);
      } else if (rows > rows_max + rows_max / 4 || bytes > bytes_max + bytes_max / 4) {
        return Done(until);
      }
      if (assembler_->replaying()) {
        TARN_RETURN_IF_ERROR(assembler_->Replay());
        continue;
      }
      TARN_ASSIGN_OR_RETURN(const bool any, Frame(until));
      if (any) continue;
      const auto now = Clock::now();
      if (!inside &&
          now - members_asked_ >= milliseconds(context_->limits.capture_status_interval_ms)) {
        TARN_RETURN_IF_ERROR(StopMissing());
      }
      const auto end = inside ? deadline + milliseconds(kCommitGraceMillis) : deadline;
      late = now >= deadline;
      if (Status stop = Stopping(); !stop.ok()) {
        // What is whole is the caller's to commit; what has begun has a moment to become that.
        if (!stopped) stopped = now;
        if (!inside) continue;
        if (now - *stopped >= milliseconds(kCommitGraceMillis)) return stop;
      }
      const int64_t left = std::chrono::duration_cast<milliseconds>(end - now).count() + 1;
      TARN_ASSIGN_OR_RETURN(std::optional<WalChunk> chunk,
                            reader_->Take(now >= end ? 0 : std::min(left, kWaitMillis)));
      if (chunk) {
        chunk_ = std::move(*chunk);
        at_ = 0;
        continue;
      }
      if (now >= end) return Done(until);
      if (until && Clock::now() - asked >= milliseconds(kWaitMillis)) {
        asked = Clock::now();
        reader_->RequestReply();
      }
    }
  }

  // An error when the stream is to end.
  Status Stopping() const {
    const CancelFlag* const cancel = context_->session.cancel;
    return cancel == nullptr ? Status::Ok() : cancel->Check();
  }

  Result<ChangeBatch> Done(const std::optional<Lsn>& until) {
    TARN_ASSIGN_OR_RETURN(ChangeBatch batch, assembler_->Take());
    batch.reached_until =
        until && assembler_->position() >= *until && !assembler_->in_transaction();
    return batch;
  }

  // Whether the message begins to deliver a transaction that was committed at `until` or later: all
  // of before were delivered then.
  static bool IsCommittedFrom(Lsn until, const uint8_t* p, const uint8_t* end) {
    const int64_t at = *p == 'B' ? 1 : *p == 'c' ? 6 : 0;  // of the commit's own place
    return at > 0 && end - p >= at + 8 && Lsn{ReadBig64(p + at)} >= until;
  }

  // One message of the chunk; false when there is none.
  Result<bool> Frame(const std::optional<Lsn>& until) {
    constexpr int64_t kHeaderBytes = 5;
    constexpr int64_t kDataHeaderBytes = 25;  // w, two positions, a time
    if (at_ >= chunk_.end) {
      if (chunk_.data != nullptr) reader_->Recycle(std::exchange(chunk_, {}));
      at_ = 0;
      return false;
    }
    const uint8_t* const frame = chunk_.data.get() + at_;
    const int64_t length = int64_t{ReadBig32(frame + 1)} + 1;
    const uint8_t* const body = frame + kHeaderBytes;
    const uint8_t* const end = frame + length;
    at_ += length;
    switch (*frame) {
      case 'd':
        if (end - body > kDataHeaderBytes && *body == 'w') {
          if (until && IsCommittedFrom(*until, body + kDataHeaderBytes, end)) {
            at_ -= length;
            assembler_->Keepalive(*until);
            return true;
          }
          const uint8_t* const readable_end =
              chunk_.data.get() + chunk_.capacity + WalChunk::kSlackBytes;
          Status fed = assembler_->Feed(body + kDataHeaderBytes, end, readable_end);
          if (!fed.ok() && assembler_->wants_text()) memory_->text.store(true);
          TARN_RETURN_IF_ERROR(fed);
        } else if (end - body >= 18 && *body == 'k') {
          assembler_->Keepalive(Lsn{ReadBig64(body + 1)});
        }
        return true;
      case 'E':
        return LogError(ErrorFromServer(ParseErrorResponse({reinterpret_cast<const char*>(body),
                                                            static_cast<size_t>(end - body)}),
                                        doing_));
      case 'c':
      case 'C':
      case 'Z':
        return Unavailable(doing_ + ": the server ended the stream", "run again when it is back");
      default:  // notices and settings
        return true;
    }
  }

  const std::shared_ptr<const Context> context_;
  ChangeStreamOptions options_;
  const std::string doing_;
  const bool utf8_;
  const std::shared_ptr<CaptureMemory> memory_;
  std::unique_ptr<Connection> side_;  // until the resolver has it
  std::unique_ptr<CatalogResolver> resolver_;
  std::unique_ptr<LogAssembler> assembler_;
  std::unique_ptr<WalReader> reader_;
  std::mutex next_mutex_;  // guards what follows, and the assembler
  WalChunk chunk_;
  int64_t at_ = 0;
  std::optional<Error> failure_;
  std::map<SourceTableName, int64_t> members_;  // of the publication, when it was last asked
  Clock::time_point members_asked_;
};

}  // namespace

Result<std::unique_ptr<ChangeStream>> OpenChangeStream(std::shared_ptr<const Context> context,
                                                       ChangeStreamOptions options,
                                                       std::unique_ptr<Connection> connection,
                                                       std::shared_ptr<CaptureMemory> memory) {
  auto stream = std::make_unique<Stream>(std::move(context), std::move(options),
                                         std::move(connection), std::move(memory));
  TARN_RETURN_IF_ERROR(stream->Open());
  return std::unique_ptr<ChangeStream>(std::move(stream));
}

}  // namespace tarn::postgres
