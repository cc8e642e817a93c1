#include "source/postgres/pg_log_assembler.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include "source/postgres/pg_names.h"
#include "source/postgres/pg_numeric.h"

namespace tarn::postgres {
namespace {

/// Offsets of Arrow's text are 32 bits: a table's rows are closed into an event at this size.
constexpr int64_t kEventBytesMax = 64 << 20;

Error Malformed(char type) {
  return Corruption(std::string("a message of the log, type ") +
                        (type >= ' ' && type <= '~' ? std::string(1, type)
                                                    : std::to_string(static_cast<int>(type))) +
                        ", is not as pgoutput writes it",
                    "check what stands between here and the server");
}

bool SameShape(const SourceTable& a, const SourceTable& b) {
  const auto same = [](const SourceColumn& x, const SourceColumn& y) {
    const bool natives = !x.native_type.empty() && !y.native_type.empty();
    return x.name == y.name && x.field->type()->Equals(*y.field->type()) &&
           (!natives || x.native_type == y.native_type);
  };
  return a.key == b.key &&
         std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(), same);
}

}  // namespace

/// Reads a message's fields; after the first that is not there, `ok` is false.
struct LogAssembler::Cursor {
  const uint8_t* p;
  const uint8_t* end;
  bool ok = true;

  bool Need(int64_t bytes) {
    ok = ok && end - p >= bytes;
    return ok;
  }
  uint8_t U8() { return Need(1) ? *p++ : 0; }
  uint16_t U16() {
    if (!Need(2)) return 0;
    p += 2;
    return ReadBig16(p - 2);
  }
  uint32_t U32() {
    if (!Need(4)) return 0;
    p += 4;
    return ReadBig32(p - 4);
  }
  uint64_t U64() {
    if (!Need(8)) return 0;
    p += 8;
    return ReadBig64(p - 8);
  }
  int64_t Micros() {
    int64_t micros = 0;
    const int64_t since_2000 = static_cast<int64_t>(U64());
    if (__builtin_add_overflow(since_2000, kMicrosTo2000, &micros)) ok = false;
    return micros;
  }
  std::string_view Text() {
    const void* zero = ok ? std::memchr(p, 0, static_cast<size_t>(end - p)) : nullptr;
    if (zero == nullptr) {
      ok = false;
      return {};
    }
    const char* const begin = reinterpret_cast<const char*>(p);
    p = static_cast<const uint8_t*>(zero) + 1;
    return {begin, static_cast<size_t>(reinterpret_cast<const char*>(p) - begin - 1)};
  }
};

struct LogAssembler::Table {
  SourceTable now;
  std::string relation;                ///< the message that `shape` was made of
  std::optional<LogRelation> waiting;  ///< a later one, in whose place the table was not followed
  std::optional<Lsn> loaded;           ///< what the log says before it is in the table
  std::shared_ptr<const FollowedShape> shape;
  std::unique_ptr<TableBuilder> builder;
  std::vector<TableEvent> events;
  bool stopped = false;
};

LogAssembler::LogAssembler(Options options, ShapeResolver* resolver, arrow::MemoryPool* pool)
    : resolver_(resolver),
      pool_(pool),
      rules_(options.rules),
      streamed_(std::move(options.spool_folder), std::move(options.spool_name),
                options.transaction_memory_bytes),
      position_(options.position) {
  for (SourceTable& table : options.tables) {
    auto followed = std::make_unique<Table>();
    followed->now = std::move(table);
    by_name_[followed->now.name] = followed.get();
    tables_.push_back(std::move(followed));
  }
}

LogAssembler::~LogAssembler() = default;

Status LogAssembler::Feed(const uint8_t* p, const uint8_t* end, const uint8_t* readable_end) {
  if (p == end) return Malformed('?');
  const char type = static_cast<char>(*p++);
  Cursor cursor{p, end};
  switch (type) {
    case 'B': {
      const Lsn final{cursor.U64()};
      const int64_t micros = cursor.Micros();
      const uint32_t xid = cursor.U32();
      if (!cursor.ok || in_transaction_ || streaming_) return Malformed(type);
      return Begin(xid, micros, final);
    }
    case 'C': {
      cursor.U8();
      cursor.U64();
      const Lsn after{cursor.U64()};
      const int64_t micros = cursor.Micros();
      if (!cursor.ok || !in_transaction_ || streaming_) return Malformed(type);
      return Commit(after, micros);
    }
    case 'S':
    case 'E':
    case 'c':
    case 'A':
      return StreamMessage(type, cursor);
    case 'O':  // where a replicated transaction came from
    case 'M':
      return Status::Ok();
    default:
      break;
  }
  if (!streaming_) return Change(type, p, end, readable_end);
  const uint32_t part = cursor.U32();
  if (!cursor.ok) return Malformed(type);
  return streamed_.Add(*streaming_, part, type, cursor.p, end);
}

Status LogAssembler::StreamMessage(char type, Cursor& cursor) {
  if (in_transaction_) return Malformed(type);
  if (type == 'E') {
    if (!streaming_) return Malformed(type);
    streaming_.reset();
    return Status::Ok();
  }
  if (streaming_) return Malformed(type);
  const uint32_t xid = cursor.U32();
  switch (type) {
    case 'S':
      cursor.U8();
      if (!cursor.ok) return Malformed(type);
      streaming_ = xid;
      return Status::Ok();
    case 'A': {
      const uint32_t part = cursor.U32();
      if (!cursor.ok) return Malformed(type);
      streamed_.Abort(xid, part);
      return Status::Ok();
    }
    default: {
      cursor.U8();
      const Lsn final{cursor.U64()};
      const Lsn after{cursor.U64()};
      const int64_t micros = cursor.Micros();
      if (!cursor.ok) return Malformed(type);
      TARN_RETURN_IF_ERROR(Begin(xid, micros, final));
      transaction_.position = after.ToString();
      replay_end_ = after;
      replay_ = streamed_.Commit(xid);
      return Status::Ok();
    }
  }
}

Status LogAssembler::Replay() {
  StreamedTransactions::Replay::Message message;
  TARN_ASSIGN_OR_RETURN(const bool more, replay_->Next(&message));
  if (more) return Change(message.type, message.begin, message.end, message.end);
  replay_.reset();
  return Commit(replay_end_, transaction_.commit_micros);
}

Status LogAssembler::Change(char type, const uint8_t* p, const uint8_t* end,
                            const uint8_t* readable_end) {
  Cursor cursor{p, end};
  switch (type) {
    case 'R':
      return OnRelation(p, end);
    case 'Y':  // types are looked up where they are needed
      return Status::Ok();
    case 'I':
    case 'U':
    case 'D':
      if (!in_transaction_) return Malformed(type);
      return OnRow(type, cursor, readable_end);
    case 'T':
      if (!in_transaction_) return Malformed(type);
      return OnTruncate(cursor);
    default:
      return Malformed(type);
  }
}

Status LogAssembler::Begin(uint32_t xid, int64_t commit_micros, Lsn final) {
  in_transaction_ = true;
  xid_ = xid;
  final_ = final;
  // Where it ends is told by its commit. A load may stand at the very place where the commit's
  // record begins, and does not have it then: batches until then stand behind that place.
  transaction_ = {std::to_string(xid), Lsn{final.value + 1}.ToString(), commit_micros};
  transaction_index_.reset();
  continued_ = false;
  ordinal_ = 0;
  return Status::Ok();
}

Status LogAssembler::Commit(Lsn end, int64_t commit_micros) {
  in_transaction_ = false;
  // Its other changes were in batches before: this one says where it ends.
  if (continued_ && !transaction_index_) TransactionIndex();
  if (transaction_index_) {
    ChangeTransaction& transaction = transactions_[*transaction_index_];
    transaction.position = end.ToString();
    transaction.commit_micros = commit_micros;
  }
  position_ = std::max(position_, end);
  return Status::Ok();
}

void LogAssembler::Keepalive(Lsn end) {
  if (!in_transaction_ && !streaming_) position_ = std::max(position_, end);
}

uint32_t LogAssembler::TransactionIndex() {
  if (!transaction_index_) {
    transaction_index_ = static_cast<uint32_t>(transactions_.size());
    transactions_.push_back(transaction_);
  }
  return *transaction_index_;
}

void LogAssembler::Event(Table& table, TableEvent event) {
  table.events.push_back(std::move(event));
  ++events_;
}

Status LogAssembler::Close(Table& table) {
  if (table.builder == nullptr || table.builder->rows() == 0) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(RowChanges changes, table.builder->Finish());
  table.events.push_back(std::move(changes));
  return Status::Ok();
}

Status LogAssembler::Stop(Table& table, Error reason) {
  if (table.stopped) return Status::Ok();
  TARN_RETURN_IF_ERROR(Close(table));
  table.stopped = true;
  table.builder.reset();
  Event(table, TableStopped{std::move(reason)});
  return Status::Ok();
}

Status LogAssembler::StopTable(const SourceTableName& name, Error reason) {
  const auto found = by_name_.find(name);
  return found != by_name_.end() ? Stop(*found->second, std::move(reason)) : Status::Ok();
}

Status LogAssembler::OnRelation(const uint8_t* p, const uint8_t* end) {
  Cursor cursor{p, end};
  LogRelation relation;
  relation.oid = cursor.U32();
  relation.name.schema = cursor.Text();
  if (relation.name.schema.empty()) relation.name.schema = "pg_catalog";
  relation.name.name = cursor.Text();
  relation.identity = static_cast<char>(cursor.U8());
  const uint16_t count = cursor.U16();
  for (uint16_t i = 0; i < count && cursor.ok; ++i) {
    LogRelation::Column column;
    column.key = (cursor.U8() & 1) != 0;
    column.name = cursor.Text();
    column.type = cursor.U32();
    column.modifier = static_cast<int32_t>(cursor.U32());
    relation.columns.push_back(std::move(column));
  }
  if (!cursor.ok) return Malformed('R');
  relation.text.assign(reinterpret_cast<const char*>(p), static_cast<size_t>(end - p));
  last_table_ = nullptr;
  last_oid_ = 0;

  const auto known = by_oid_.find(relation.oid);
  Table* table = known != by_oid_.end() ? known->second : nullptr;
  const auto named = by_name_.find(relation.name);
  if (table == nullptr) {
    for (const auto& one : tables_) {
      if (one->now.id == relation.oid && relation.oid != 0) table = one.get();
    }
  }
  if (table != nullptr && table->now.name != relation.name && !IsLoaded(*table)) {
    by_oid_[relation.oid] = table;
    return Stop(*table, InvalidArgument("table " + table->now.name.ToString() + " is " +
                                            relation.name.ToString() + " in the source now",
                                        "name it back: ALTER TABLE " + QuoteName(relation.name) +
                                            " …, or take the new name into tables: and load it"));
  }
  if (table == nullptr && named != by_name_.end()) {
    table = named->second;
    if (table->now.id != 0 && table->now.id != relation.oid) {
      by_oid_[relation.oid] = IsLoaded(*table) ? nullptr : table;
      if (IsLoaded(*table)) return Status::Ok();
      return Stop(*table, NotFound("table " + relation.name.ToString() +
                                       " was dropped and made again in the source",
                                   "load it again with `tarn resync`"));
    }
    table->now.id = relation.oid;
  }
  by_oid_[relation.oid] = table;
  if (table == nullptr || table->stopped) return Status::Ok();
  if (IsLoaded(*table)) {
    table->waiting = std::move(relation);
    return Status::Ok();
  }
  return Adopt(*table, relation);
}

Status LogAssembler::Adopt(Table& table, const LogRelation& relation) {
  table.waiting.reset();
  // A message that comes again may be about other columns of the same names: dropped, and added.
  const bool again = table.relation == relation.text;
  Result<ShapeResolver::Resolved> resolved = resolver_->Resolve(relation, table.now, xid_);
  if (!resolved.ok()) {
    const ErrorKind kind = resolved.error().kind;
    if (kind == ErrorKind::kUnavailable || kind == ErrorKind::kCancelled) return resolved.status();
    return Stop(table, resolved.error());
  }
  const SourceTable& is = resolved->shape->table->table;
  const bool altered =
      !SameShape(table.now, is) || !resolved->renamed.empty() || !resolved->filled.empty();
  if (again && !altered) {
    table.now.rows_mark = is.rows_mark;
    return Status::Ok();
  }
  TARN_RETURN_IF_ERROR(Close(table));
  if (altered) {
    Event(table, TableAltered{std::make_shared<SourceTable>(is), std::move(resolved->renamed),
                              std::move(resolved->filled)});
  }
  table.now = is;
  table.relation = relation.text;
  table.shape = resolved->shape;
  table.builder = std::make_unique<TableBuilder>(table.shape, rules_, pool_);
  return Status::Ok();
}

void LogAssembler::LoadedAt(const SourceTableName& name, Lsn position) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) found->second->loaded = position;
}

// Whether the transaction that is being read is in the table's load: its commit lies before.
bool LogAssembler::IsLoaded(Table& table) const {
  if (!table.loaded) return false;
  if (final_ < *table.loaded) return true;
  table.loaded.reset();
  return false;
}

Status LogAssembler::OnRow(char type, Cursor& cursor, const uint8_t* readable_end) {
  const uint32_t oid = cursor.U32();
  if (oid != last_oid_ || oid == 0) {
    const auto found = by_oid_.find(oid);
    if (found == by_oid_.end()) return Malformed(type);
    last_oid_ = oid;
    last_table_ = found->second;
  }
  Table* const table = last_table_;
  if (table == nullptr || table->stopped || IsLoaded(*table)) return Status::Ok();
  if (table->waiting) {
    TARN_RETURN_IF_ERROR(Adopt(*table, LogRelation(*table->waiting)));
    if (table->stopped) return Status::Ok();
  }
  const size_t columns = table->shape->columns.size();
  TableBuilder::Change change;
  change.row = &row_;
  char kind = static_cast<char>(cursor.U8());
  if (!cursor.ok) return Malformed(type);
  const auto read = [&](LogTuple* tuple) { return tuple->Read(&cursor.p, cursor.end, columns); };
  if (type == 'I') {
    if (kind != 'N' || !read(&row_)) return Malformed(type);
  } else if (type == 'D') {
    change.op = RowOp::kDelete;
    change.old_is_whole = kind == 'O';
    if ((kind != 'K' && kind != 'O') || !read(&row_)) return Malformed(type);
  } else {
    change.op = RowOp::kUpdate;
    if (kind == 'K' || kind == 'O') {
      change.old = &old_;
      change.old_is_whole = kind == 'O';
      if (!read(&old_)) return Malformed(type);
      kind = static_cast<char>(cursor.U8());
    }
    if (!cursor.ok || kind != 'N' || !read(&row_)) return Malformed(type);
  }
  change.transaction = TransactionIndex();
  change.ordinal = ordinal_++;
  change.readable_end = readable_end;
  const int64_t before = table->builder->bytes();
  if (!table->builder->Add(change)) {
    if (table->builder->wants_text()) {
      wants_text_ = true;
      return Unavailable(
          "table " + table->now.name.ToString() + " has values that are read in their text form",
          "the stream begins again from the last commit");
    }
    return Stop(*table, table->builder->fault());
  }
  ++rows_;
  ++events_;
  bytes_ += table->builder->bytes() - before;
  if (table->builder->bytes() >= kEventBytesMax) return Close(*table);
  return Status::Ok();
}

Status LogAssembler::OnTruncate(Cursor& cursor) {
  const uint32_t count = cursor.U32();
  cursor.U8();  // CASCADE and RESTART IDENTITY: what they lead to is told by itself
  for (uint32_t i = 0; i < count && cursor.ok; ++i) {
    const auto found = by_oid_.find(cursor.U32());
    if (!cursor.ok) break;
    if (found == by_oid_.end()) return Malformed('T');
    Table* const table = found->second;
    if (table == nullptr || table->stopped || IsLoaded(*table)) continue;
    TARN_RETURN_IF_ERROR(Close(*table));
    Event(*table, TableTruncated{TransactionIndex(), ordinal_++});
  }
  return cursor.ok ? Status::Ok() : Status(Malformed('T'));
}

Result<ChangeBatch> LogAssembler::Take() {
  ChangeBatch batch;
  for (const auto& table : tables_) {
    TARN_RETURN_IF_ERROR(Close(*table));
    if (table->events.empty()) continue;
    batch.tables.push_back({table->now.name, std::exchange(table->events, {})});
  }
  batch.ends_at_commit = !in_transaction_ || (!transaction_index_ && !continued_);
  batch.transactions = std::exchange(transactions_, {});
  batch.rows = std::exchange(rows_, 0);
  batch.bytes = std::exchange(bytes_, 0);
  batch.position = position_.ToString();
  events_ = 0;
  if (in_transaction_ && transaction_index_) {
    // The next batch goes on with it.
    continued_ = true;
    transaction_index_.reset();
  }
  if (in_transaction_ && continued_) TransactionIndex();
  return batch;
}

}  // namespace tarn::postgres
