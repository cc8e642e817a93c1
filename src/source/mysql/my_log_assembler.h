#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/change_batch.h"
#include "source/mysql/my_binlog_packed.h"
#include "source/mysql/my_cascade_watch.h"
#include "source/mysql/my_followed_table.h"
#include "source/mysql/my_half_transaction.h"
#include "source/mysql/my_position.h"

namespace tarn::mysql {

/// Events of the binary log → batches of changes. Threads: one at a time.
/// Errors: Corruption (bytes that are no such event), NotFound (the log itself says that it lacks
/// events), Unsupported (an event that may not be passed over), Unavailable (a transaction was
/// broken off by a crash of the server: the next assembler passes it over), those of the resolver.
/// After an error nothing more is fed.
class LogAssembler {
 public:
  struct Options {
    std::vector<std::shared_ptr<const MyTable>> tables;  ///< as they are at `position`
    ForeignKeys foreign_keys;                            ///< of these tables
    Position position;
    bool checksums = false;    ///< until the first format description says so
    bool folds_names = false;  ///< lower_case_table_names is not 0
    int64_t value_bytes_max = 0;
    std::shared_ptr<HalfTransaction> half = std::make_shared<HalfTransaction>();
  };
  LogAssembler(Options options, ShapeResolver* resolver, arrow::MemoryPool* pool);
  ~LogAssembler();

  /// One event, with header and checksum. Not while unpacking().
  Status Feed(const uint8_t* p, const uint8_t* end);
  /// The last event is a compressed transaction, of which there is more.
  bool unpacking() const { return packed_ != nullptr; }
  /// One event of it.
  Status Unpack();
  /// What the log says of the table up to here is passed over, whatever it is.
  void LoadedAt(const SourceTableName& name, Position position);
  void WantRowsBefore(const SourceTableName& name);
  /// Stops the tables whose foreign keys cannot be watched. Before the first event.
  Status StopUnwatched();
  /// The table cannot be followed, for a reason from elsewhere.
  Status StopTable(const SourceTableName& name, Error reason);

  bool in_transaction() const { return in_transaction_; }
  const Position& position() const { return position_; }
  int64_t rows() const { return rows_; }
  int64_t bytes() const { return bytes_; }

  /// What was assembled since the last call.
  Result<ChangeBatch> Take();

 private:
  static Error Malformed(int type);
  Status FeedBody(const EventHeader& header, const uint8_t* body, const uint8_t* end);
  Status OnFormat(const EventHeader& header, const uint8_t* p, const uint8_t* end);
  Status OnRotate(const EventHeader& header, EventCursor cursor);
  Status OnHeartbeat(const EventHeader& header);
  Status OnQuery(const EventHeader& header, const LogQuery& query);
  Status OnStatement(const LogStatement& statement, const LogQuery& query);
  Status Cascaded(const std::vector<CascadeWatch::Changed>& changed);
  Status OnMariaGtid(const EventHeader& header, EventCursor cursor);
  Status OnTableMap(const uint8_t* body, const uint8_t* end);
  Status OnRows(const EventHeader& header, EventCursor cursor);
  Status OnPayload(const EventHeader& header, EventCursor cursor);
  void Advance();
  Status Unreadable(EventCursor cursor, Error reason);
  void Open(const EventHeader& header);
  Status Commit(const EventHeader& header);
  Status RolledBack();
  uint32_t TransactionIndex();
  std::string PositionAfter() const;
  Result<bool> IsLoaded(FollowedTable* table);
  bool IsOf(const SourceTableName& written, const FollowedTable& table) const;
  Result<FollowedTable*> Mapped(uint64_t id);

  const Options options_;
  ShapeResolver* const resolver_;
  CascadeWatch watch_;
  std::vector<std::unique_ptr<FollowedTable>> tables_;
  std::map<SourceTableName, FollowedTable*> by_name_;
  std::unordered_map<uint64_t, FollowedTable*> by_id_;  ///< nullptr: passed over
  std::map<const FollowedTable*, Position> loaded_;     ///< where those stand that joined later
  std::vector<FollowedTable*> touched_;                 ///< by the transaction, perhaps twice

  bool checksums_;
  bool is_mariadb_ = false;
  std::string file_;
  uint64_t offset_ = 0;  ///< right after the event that is being read
  Position position_;    ///< after the last whole transaction
  Position after_;       ///< after the one that is being read; of a file: unknown until then
  std::string gtid_;     ///< of what follows; "" without
  int64_t gtid_micros_ = 0;
  bool is_mariadb_transaction_ = false;  ///< begun by its GTID
  bool half_of_alter_ = false;
  bool in_transaction_ = false;
  bool in_xa_ = false;
  bool passes_over_ = false;  ///< what is read is Options::half
  ChangeTransaction transaction_;
  std::optional<uint32_t> transaction_index_;  ///< in transactions_, once it has changed something
  bool continued_ = false;                     ///< of it, earlier batches have changes
  int64_t ordinal_ = 0;
  std::string unpacked_;
  std::unique_ptr<PackedEvents> packed_;

  std::vector<ChangeTransaction> transactions_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace tarn::mysql
