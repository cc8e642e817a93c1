#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/change_batch.h"
#include "source/postgres/pg_lsn.h"
#include "source/postgres/pg_streamed.h"
#include "source/postgres/pg_table_builder.h"

namespace tarn::postgres {

/// A Relation message of pgoutput.
struct LogRelation {
  struct Column {
    bool key = false;
    std::string name;
    uint32_t type = 0;
    int32_t modifier = -1;
  };
  uint32_t oid = 0;
  SourceTableName name;
  char identity = 'd';
  std::vector<Column> columns;
  std::string text;  ///< the message itself
};

/// What a relation is, seen from the description that held before.
class ShapeResolver {
 public:
  virtual ~ShapeResolver() = default;
  struct Resolved {
    std::shared_ptr<const FollowedShape> shape;  ///< columns in the relation's order
    std::vector<TableAltered::Renamed> renamed;
    std::vector<TableAltered::Filled> filled;
  };
  /// `xid`: of the transaction that has the message.
  /// Errors: Unavailable and Cancelled end the stream; every other one stops the table.
  virtual Result<Resolved> Resolve(const LogRelation& relation, const SourceTable& before,
                                   uint32_t xid) = 0;
};

/// Messages of pgoutput (protocol 1 to 4, streaming or not) → batches of changes.
/// Threads: one at a time. Errors: Corruption (bytes that are no such message), those of
/// StreamedTransactions and of the resolver. After an error nothing more is fed.
class LogAssembler {
 public:
  struct Options {
    std::vector<SourceTable> tables;  ///< as they are at `position`; others are passed over
    Lsn position;
    ValueRules rules;
    std::string spool_folder;
    std::string spool_name;
    int64_t transaction_memory_bytes = 0;
  };
  LogAssembler(Options options, ShapeResolver* resolver, arrow::MemoryPool* pool);
  ~LogAssembler();

  /// One message. Not while replaying().
  Status Feed(const uint8_t* p, const uint8_t* end, const uint8_t* readable_end);
  /// A transaction that was sent in pieces has committed and is being assembled.
  bool replaying() const { return replay_ != nullptr; }
  /// One message of it.
  Status Replay();
  /// The server has sent everything up to here.
  void Keepalive(Lsn end);
  /// What the log says of the table up to here is passed over, whatever it is.
  void LoadedAt(const SourceTableName& name, Lsn position);
  /// The table cannot be followed, for a reason from elsewhere.
  Status StopTable(const SourceTableName& name, Error reason);

  bool in_transaction() const { return in_transaction_; }
  Lsn position() const { return position_; }
  int64_t rows() const { return rows_; }
  int64_t bytes() const { return bytes_; }
  /// Whether there is anything to take but the position.
  bool has_events() const { return events_ > 0; }
  /// A value came whose binary form is not read here: all must come as text.
  bool wants_text() const { return wants_text_; }
  int64_t spilled_bytes() const { return streamed_.spilled_bytes(); }

  /// What was assembled since the last call.
  Result<ChangeBatch> Take();

 private:
  struct Table;
  struct Cursor;

  Status Change(char type, const uint8_t* p, const uint8_t* end, const uint8_t* readable_end);
  Status Begin(uint32_t xid, int64_t commit_micros, Lsn final);
  Status Commit(Lsn end, int64_t commit_micros);
  Status StreamMessage(char type, Cursor& cursor);
  Status OnRelation(const uint8_t* p, const uint8_t* end);
  Status Adopt(Table& table, const LogRelation& relation);
  bool IsLoaded(Table& table) const;
  Status OnRow(char type, Cursor& cursor, const uint8_t* readable_end);
  Status OnTruncate(Cursor& cursor);
  Status Close(Table& table);
  Status Stop(Table& table, Error reason);
  void Event(Table& table, TableEvent event);
  uint32_t TransactionIndex();

  ShapeResolver* const resolver_;
  arrow::MemoryPool* const pool_;
  const ValueRules rules_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::map<SourceTableName, Table*> by_name_;
  std::unordered_map<uint32_t, Table*> by_oid_;  ///< nullptr: passed over
  uint32_t last_oid_ = 0;
  Table* last_table_ = nullptr;
  LogTuple row_;
  LogTuple old_;

  StreamedTransactions streamed_;
  std::unique_ptr<StreamedTransactions::Replay> replay_;
  Lsn replay_end_;
  std::optional<uint32_t> streaming_;  ///< between Stream Start and Stream Stop

  Lsn position_;
  bool in_transaction_ = false;
  uint32_t xid_ = 0;  ///< of the transaction that is being read
  Lsn final_;         ///< of its commit
  ChangeTransaction transaction_;
  std::optional<uint32_t> transaction_index_;  ///< in transactions_, once it has changed something
  bool continued_ = false;                     ///< of it, earlier batches have changes
  int64_t ordinal_ = 0;

  std::vector<ChangeTransaction> transactions_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  int64_t events_ = 0;
  bool wants_text_ = false;
};

}  // namespace tarn::postgres
