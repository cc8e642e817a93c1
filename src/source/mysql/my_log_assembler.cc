#include "source/mysql/my_log_assembler.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "source/mysql/my_binlog_packed.h"

namespace tarn::mysql {
namespace {

/// Of rows events that belong to no table.
constexpr uint64_t kNoTable = 0xffffff;
constexpr int64_t kChecksumBytes = 4;

// What carries nothing that is followed: a stop; values and files for statements that are told as
// such; the statement behind rows; GTIDs of files before; group replication. Of MariaDB the same,
// how far recovery has to go, and a file that is encrypted, though not here.
bool IsPassedOver(uint8_t type) {
  static constexpr uint8_t kTypes[] = {3, 5, 13, 14, 17, 29, 35, 36, 37, 160, 161, 163, 164};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

std::vector<SourceTableName> NamesOf(const std::vector<std::shared_ptr<const MyTable>>& tables) {
  std::vector<SourceTableName> names;
  for (const auto& table : tables) names.push_back(table->table.name);
  return names;
}

}  // namespace

LogAssembler::LogAssembler(Options options, ShapeResolver* resolver, arrow::MemoryPool* pool)
    : options_(std::move(options)),
      resolver_(resolver),
      watch_(NamesOf(options_.tables), options_.foreign_keys),
      checksums_(options_.checksums),
      file_(options_.position.file),
      offset_(options_.position.offset),
      position_(options_.position) {
  for (const auto& table : options_.tables) {
    tables_.push_back(
        std::make_unique<FollowedTable>(table, options_.value_bytes_max, resolver, pool));
    by_name_[table->table.name] = tables_.back().get();
  }
}

LogAssembler::~LogAssembler() = default;

Error LogAssembler::Malformed(int type) {
  return Corruption(
      "an event of the log, type " + std::to_string(type) + ", is not as the servers write it",
      "check the server's log with mysqlbinlog, and what stands between here and the server");
}

Status LogAssembler::Feed(const uint8_t* p, const uint8_t* end) {
  EventHeader header;
  if (!ReadEventHeader(p, end, &header)) return Malformed(header.type);
  if (header.type == kFormatEvent) return OnFormat(header, p, end);
  if (checksums_) {
    if (!ChecksumFits(p, end)) {
      return Corruption("the checksum of an event of the log is wrong, behind " + file_ + ":" +
                            std::to_string(offset_),
                        "run again; if it stays, check the server's log with mysqlbinlog "
                        "--verify-binlog-checksum");
    }
    end -= kChecksumBytes;
  }
  if (header.next != 0 && (header.flags & EventHeader::kArtificial) == 0) offset_ = header.next;
  TARN_RETURN_IF_ERROR(FeedBody(header, p + EventHeader::kBytes, end));
  const bool begins = header.type == kGtidEvent || header.type == kAnonymousGtidEvent ||
                      header.type == kMariaGtidEvent;
  if (!begins && !unpacking()) Advance();
  return Status::Ok();
}

// The event is read: what was committed is behind it.
void LogAssembler::Advance() {
  if (position_.kind != Position::Kind::kFile || in_transaction_) return;
  position_.file = file_;
  position_.offset = offset_;
}

Status LogAssembler::FeedBody(const EventHeader& header, const uint8_t* body, const uint8_t* end) {
  const EventCursor cursor{body, end};
  switch (header.type) {
    case kTableMapEvent:
      return OnTableMap(body, end);
    case kWriteRowsV1:
    case kUpdateRowsV1:
    case kDeleteRowsV1:
    case kWriteRows:
    case kUpdateRows:
    case kDeleteRows:
    case kMariaWriteRowsCompressedV1:
    case kMariaUpdateRowsCompressedV1:
    case kMariaDeleteRowsCompressedV1:
    case kMariaWriteRowsCompressed:
    case kMariaUpdateRowsCompressed:
    case kMariaDeleteRowsCompressed:
      return OnRows(header, cursor);
    case kPartialUpdateRows:
      return Unreadable(
          cursor, Unsupported("an update of JSON is told in parts (binlog_row_value_options is "
                              "PARTIAL_JSON)",
                              "SET GLOBAL binlog_row_value_options = '', and let sessions connect "
                              "anew; then load the table again with `tarn resync`"));
    case kGtidEvent: {
      LogGtid gtid;
      if (!ReadGtid(cursor, &gtid) || in_transaction_) return Malformed(header.type);
      gtid_ = gtid.server + ":" + std::to_string(gtid.number);
      gtid_micros_ = gtid.commit_micros;
      after_ = position_;
      if (after_.kind == Position::Kind::kGtid) after_.gtids.Add(gtid.server, gtid.number);
      return Status::Ok();
    }
    case kAnonymousGtidEvent: {
      LogGtid gtid;
      if (!ReadGtid(cursor, &gtid) || in_transaction_) return Malformed(header.type);
      gtid_.clear();
      gtid_micros_ = gtid.commit_micros;
      after_ = position_;
      return Status::Ok();
    }
    case kMariaGtidEvent:
      return OnMariaGtid(header, cursor);
    case kQueryEvent:
    case kExecuteLoadEvent: {
      LogQuery query;
      if (!ReadQuery(cursor, header.type == kExecuteLoadEvent, &query)) {
        return Malformed(header.type);
      }
      return OnQuery(header, query);
    }
    case kMariaQueryCompressed: {
      LogQuery query;
      if (!ReadQuery(cursor, false, &query)) return Malformed(header.type);
      std::string text;
      TARN_RETURN_IF_ERROR(UnpackZlib(query.text, &text));
      query.text = text;
      return OnQuery(header, query);
    }
    case kXidEvent:
    case kXaPrepareEvent:
      if (!in_transaction_) return Malformed(header.type);
      return Commit(header);
    case kPayloadEvent:
      return OnPayload(header, cursor);
    case kRotateEvent:
      return OnRotate(header, cursor);
    case kHeartbeatEvent:
    case kHeartbeatEventV2:
      return OnHeartbeat(header);
    case kTaggedGtidEvent:
      return TaggedGtid();
    case kIncidentEvent:
      return NotFound("the server's log says of itself that it lacks events (an incident)",
                      "load the tables again with `tarn resync`");
    default:
      break;
  }
  if (IsPassedOver(header.type) || (header.flags & EventHeader::kIgnorable) != 0) {
    return Status::Ok();
  }
  return Unsupported(
      "the log has an event of type " + std::to_string(header.type) + ", which is not known here",
      "use mode: snapshot or incremental for this source, or an older server");
}

Status LogAssembler::OnFormat(const EventHeader& header, const uint8_t* p, const uint8_t* end) {
  LogFormat format;
  if (!format.Read(p + EventHeader::kBytes, end)) return Malformed(header.type);
  if (format.checksums && !ChecksumFits(p, end)) return Malformed(header.type);
  checksums_ = format.checksums;
  is_mariadb_ = format.is_mariadb;
  if (header.next != 0 && (header.flags & EventHeader::kArtificial) == 0) offset_ = header.next;
  by_id_.clear();
  watch_.Forget();
  if (!in_transaction_) return Status::Ok();
  if (!passes_over_) {
    // Some of it may be in batches that were taken.
    options_.half->Remember(transaction_.id);
    return Unavailable("the server was restarted amid a transaction of its log, " +
                           transaction_.id + ", and has rolled it back",
                       "the stream begins again from the last commit, and passes it over");
  }
  options_.half->Forget();  // its name may be given again
  passes_over_ = false;
  in_transaction_ = false;
  after_ = position_;
  gtid_.clear();
  gtid_micros_ = 0;
  return Status::Ok();
}

Status LogAssembler::OnRotate(const EventHeader& header, EventCursor cursor) {
  const uint64_t offset = cursor.Number(8);
  const std::string_view file = cursor.Rest();
  if (!cursor.ok || file.empty()) return Malformed(header.type);
  file_ = file;
  offset_ = offset;
  by_id_.clear();
  watch_.Forget();
  return Status::Ok();
}

Status LogAssembler::OnHeartbeat(const EventHeader& header) {
  if (!in_transaction_) offset_ = std::max<uint64_t>(offset_, header.next);
  return Status::Ok();
}

Status LogAssembler::OnMariaGtid(const EventHeader& header, EventCursor cursor) {
  LogMariaGtid gtid;
  if (!ReadMariaGtid(cursor, &gtid) || in_transaction_) return Malformed(header.type);
  gtid_ = std::to_string(gtid.domain) + "-" + std::to_string(header.server) + "-" +
          std::to_string(gtid.number);
  gtid_micros_ = 0;
  half_of_alter_ = gtid.half_of_alter;
  after_ = position_;
  if (after_.kind == Position::Kind::kMariaDb) {
    after_.domains.Advance(gtid.domain, header.server, gtid.number);
  }
  if (gtid.standalone) return Status::Ok();
  Open(header);
  in_transaction_ = true;
  in_xa_ = gtid.prepared_xa;
  is_mariadb_transaction_ = true;
  return Status::Ok();
}

void LogAssembler::Open(const EventHeader& header) {
  transaction_ = {};
  transaction_.id = !gtid_.empty() ? gtid_ : file_ + ":" + std::to_string(offset_ - header.bytes);
  transaction_.commit_micros = gtid_micros_ != 0 ? gtid_micros_ : int64_t{header.seconds} * 1000000;
  transaction_index_.reset();
  continued_ = false;
  in_xa_ = false;
  is_mariadb_transaction_ = false;
  ordinal_ = 0;
  touched_.clear();
  passes_over_ = options_.half->Is(transaction_.id);
}

std::string LogAssembler::PositionAfter() const {
  if (position_.kind != Position::Kind::kFile) return after_.ToString();
  Position here;
  here.file = file_;
  here.offset = offset_;
  return here.ToString();
}

Status LogAssembler::Commit(const EventHeader& header) {
  if (passes_over_) {
    options_.half->Forget();
    return Unavailable("transaction " + transaction_.id + ", which was cut off, is whole now",
                       "the stream begins again from the last commit");
  }
  in_transaction_ = false;
  if (gtid_micros_ == 0) transaction_.commit_micros = int64_t{header.seconds} * 1000000;
  // Its other changes were in batches before: this one says where it ends.
  if (continued_ && !transaction_index_) TransactionIndex();
  if (transaction_index_) {
    ChangeTransaction& transaction = transactions_[*transaction_index_];
    transaction.position = PositionAfter();
    transaction.commit_micros = transaction_.commit_micros;
  }
  transaction_index_.reset();
  continued_ = false;
  if (position_.kind == Position::Kind::kFile) {
    position_.file = file_;
    position_.offset = offset_;
  } else {
    position_ = std::move(after_);
    after_ = position_;
  }
  gtid_.clear();
  gtid_micros_ = 0;
  half_of_alter_ = false;
  return Status::Ok();
}

uint32_t LogAssembler::TransactionIndex() {
  if (!transaction_index_) {
    transaction_.position = PositionAfter();
    transaction_index_ = static_cast<uint32_t>(transactions_.size());
    transactions_.push_back(transaction_);
  }
  return *transaction_index_;
}

// Rows of tables without transactions stay, the others go: which were which is not told.
Status LogAssembler::RolledBack() {
  for (FollowedTable* table : touched_) {
    TARN_RETURN_IF_ERROR(table->Stop(InvalidArgument(
        "table " + table->name().ToString() +
            " was changed in a transaction that also changed tables without transactions and was "
            "rolled back in part",
        "ALTER TABLE … ENGINE = InnoDB for those; then load the table again with `tarn resync`")));
  }
  return Status::Ok();
}

Status LogAssembler::OnTableMap(const uint8_t* body, const uint8_t* end) {
  LogTableMap map;
  if (!ReadTableMapName({body, end}, &map)) return Malformed(kTableMapEvent);
  watch_.At(position_);
  TARN_RETURN_IF_ERROR(watch_.OnMap(map, body, end, is_mariadb_));
  const auto found = by_name_.find(map.table);
  FollowedTable* const table = found != by_name_.end() ? found->second : nullptr;
  by_id_[map.id] = table;
  if (table == nullptr) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const bool loaded, IsLoaded(table));
  return loaded ? Status::Ok() : table->OnMap(body, end, is_mariadb_);
}

Result<FollowedTable*> LogAssembler::Mapped(uint64_t id) {
  if (!in_transaction_) return Malformed(kWriteRows);
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) return found->second;
  if (id == kNoTable) return static_cast<FollowedTable*>(nullptr);
  return Malformed(kWriteRows);
}

Status LogAssembler::Unreadable(EventCursor cursor, Error reason) {
  const uint64_t id = cursor.Number(6);
  if (!cursor.ok) return Malformed(kWriteRows);
  TARN_ASSIGN_OR_RETURN(FollowedTable * table, Mapped(id));
  if (table == nullptr) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const bool loaded, IsLoaded(table));
  if (loaded) return Status::Ok();
  reason.message = "table " + table->name().ToString() + ": " + reason.message;
  return table->Stop(std::move(reason));
}

Status LogAssembler::OnRows(const EventHeader& header, EventCursor cursor) {
  LogRows rows;
  if (!ReadRows(header.type, cursor, &rows)) return Malformed(header.type);
  if (passes_over_) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(FollowedTable * table, Mapped(rows.table));
  if (rows.packed && (table != nullptr || watch_.Watches(rows.table))) {
    TARN_RETURN_IF_ERROR(UnpackZlib(
        {reinterpret_cast<const char*>(rows.rows), static_cast<size_t>(rows.end - rows.rows)},
        &unpacked_));
    rows.rows = reinterpret_cast<const uint8_t*>(unpacked_.data());
    rows.end = rows.rows + unpacked_.size();
  }
  TARN_ASSIGN_OR_RETURN(const auto changed, watch_.OnRows(rows));
  TARN_RETURN_IF_ERROR(Cascaded(changed));
  if (table == nullptr || table->stopped()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const bool loaded, IsLoaded(table));
  if (loaded) return Status::Ok();
  if (in_xa_) {
    return table->Stop(Unsupported(
        "table " + table->name().ToString() +
            " was changed by an XA transaction: the log has its rows before it is committed",
        "change it without XA; then load it again with `tarn resync`"));
  }
  if (touched_.empty() || touched_.back() != table) touched_.push_back(table);
  const int64_t rows_before = table->rows();
  const int64_t bytes_before = table->bytes();
  TARN_RETURN_IF_ERROR(table->OnRows(rows, TransactionIndex(), &ordinal_));
  rows_ += table->rows() - rows_before;
  bytes_ += table->bytes() - bytes_before;
  return Status::Ok();
}

Status LogAssembler::OnPayload(const EventHeader& header, EventCursor cursor) {
  LogPayload payload;
  if (!ReadPayload(cursor, &payload)) return Malformed(header.type);
  using Packing = PackedEvents::Packing;
  TARN_ASSIGN_OR_RETURN(
      packed_, PackedEvents::Open(std::string(payload.packed),
                                  payload.zstd ? Packing::kZstd : Packing::kNone, payload.bytes));
  return Status::Ok();
}

Status LogAssembler::Unpack() {
  TARN_ASSIGN_OR_RETURN(const std::optional<std::string_view> event, packed_->Next());
  if (!event) {
    packed_.reset();
    Advance();
    return Status::Ok();
  }
  const uint8_t* const p = reinterpret_cast<const uint8_t*>(event->data());
  EventHeader inner;
  if (!ReadEventHeader(p, p + event->size(), &inner) || inner.type == kPayloadEvent ||
      inner.type == kRotateEvent || inner.type == kFormatEvent) {
    return Malformed(kPayloadEvent);
  }
  return FeedBody(inner, p + EventHeader::kBytes, p + event->size());
}

void LogAssembler::LoadedAt(const SourceTableName& name, Position position) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) loaded_[found->second] = std::move(position);
}

void LogAssembler::WantRowsBefore(const SourceTableName& name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) found->second->WantRowsBefore();
}

// Whether the transaction that is being read is in the table's load.
Result<bool> LogAssembler::IsLoaded(FollowedTable* table) {
  const auto found = loaded_.find(table);
  if (found == loaded_.end()) return false;
  Position here = after_;
  if (position_.kind == Position::Kind::kFile) {
    here = position_;
    here.file = file_;
    here.offset = offset_;
  }
  TARN_ASSIGN_OR_RETURN(const int order, here.Compare(found->second));
  if (order <= 0) return true;
  loaded_.erase(found);
  return false;
}

Status LogAssembler::StopTable(const SourceTableName& name, Error reason) {
  const auto found = by_name_.find(name);
  return found != by_name_.end() ? found->second->Stop(std::move(reason)) : Status::Ok();
}

Result<ChangeBatch> LogAssembler::Take() {
  ChangeBatch batch;
  for (const auto& table : tables_) {
    if (!table->has_events()) continue;
    TARN_ASSIGN_OR_RETURN(std::vector<TableEvent> events, table->Take());
    if (!events.empty()) batch.tables.push_back({table->name(), std::move(events)});
  }
  batch.ends_at_commit = !in_transaction_ || (!transaction_index_ && !continued_);
  batch.transactions = std::exchange(transactions_, {});
  batch.rows = std::exchange(rows_, 0);
  batch.bytes = std::exchange(bytes_, 0);
  batch.position = position_.ToString();
  if (in_transaction_ && transaction_index_) {
    // The next batch goes on with it.
    continued_ = true;
    transaction_index_.reset();
  }
  if (in_transaction_ && continued_) TransactionIndex();
  return batch;
}

}  // namespace tarn::mysql
