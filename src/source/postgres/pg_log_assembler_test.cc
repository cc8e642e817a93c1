// Messages of pgoutput, as the documentation of its protocol has them.
#include "source/postgres/pg_log_assembler.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include "source/source_test_support.h"

namespace tarn::postgres {
namespace {

using testing::Must;

constexpr uint32_t kOid = 16384;
constexpr uint32_t kXid = 700;
const SourceTableName kName{"public", "t"};

void Append(std::string* to, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) to->push_back(static_cast<char>(value >> (8 * i)));
}

/// A message's fields, behind its type and, of a transaction that is sent in pieces, its xid.
struct Message {
  explicit Message(char type) : text(1, type) {}
  Message& Add(uint64_t value, int bytes) {
    Append(&text, value, bytes);
    return *this;
  }
  Message& Add(const std::string& name) {
    text += name + '\0';
    return *this;
  }
  std::string text;
};

std::string Begin(uint64_t final) { return Message('B').Add(final, 8).Add(0, 8).Add(kXid, 4).text; }
std::string Commit(uint64_t final, uint64_t end) {
  return Message('C').Add(0, 1).Add(final, 8).Add(end, 8).Add(0, 8).text;
}
/// t (id int PRIMARY KEY).
std::string Relation(bool streamed = false) {
  Message message('R');
  if (streamed) message.Add(kXid, 4);
  message.Add(kOid, 4).Add(kName.schema).Add(kName.name).Add('d', 1).Add(1, 2);
  return message.Add(1, 1).Add("id").Add(23, 4).Add(0xFFFFFFFF, 4).text;
}
std::string Insert(uint32_t id, bool streamed = false) {
  Message message('I');
  if (streamed) message.Add(kXid, 4);
  return message.Add(kOid, 4).Add('N', 1).Add(1, 2).Add('b', 1).Add(4, 4).Add(id, 4).text;
}

class Fake final : public ShapeResolver {
 public:
  Result<Resolved> Resolve(const LogRelation& relation, const SourceTable& before,
                           uint32_t /*xid*/) override {
    auto table = std::make_shared<PgTable>();
    table->table.name = before.name;
    table->table.key = {relation.columns[0].name};
    PgColumn column;
    column.name = relation.columns[0].name;
    column.native_type = "integer";
    column.wire = WireKind::kInt32;
    column.value_oid = 23;
    column.type = arrow::int32();
    table->cursor_types.emplace_back("int4");
    auto shape = std::make_shared<FollowedShape>();
    shape->columns.push_back(MakeStreamColumn(column, 2));
    shape->columns.back().is_key = true;
    table->columns.push_back(std::move(column));
    TARN_RETURN_IF_ERROR(table->Assemble({1}));
    shape->table = std::move(table);
    return Resolved{std::move(shape), {}, {}};
  }
};

class PostgresLog : public ::testing::Test {
 protected:
  PostgresLog() {
    LogAssembler::Options options;
    options.tables.resize(1);
    options.tables[0].name = kName;
    options.rules.value_bytes_max = 1 << 20;
    options.spool_folder = ::testing::TempDir();
    options.transaction_memory_bytes = 1 << 20;
    log_ = std::make_unique<LogAssembler>(std::move(options), &resolver_,
                                          arrow::default_memory_pool());
  }
  void Feed(const std::string& message) {
    const auto* p = reinterpret_cast<const uint8_t*>(message.data());
    const Status fed = log_->Feed(p, p + message.size(), p + message.size());
    ASSERT_TRUE(fed.ok()) << fed.ToString();
  }
  /// Of the next batch: where its only transaction stands.
  Lsn Take(int64_t rows, bool whole) {
    const ChangeBatch batch = Must(log_->Take());
    EXPECT_EQ(batch.rows, rows);
    EXPECT_EQ(batch.ends_at_commit, whole);
    EXPECT_EQ(batch.transactions.size(), 1u);
    return batch.transactions.empty() ? Lsn() : Must(Lsn::Parse(batch.transactions[0].position));
  }

  Fake resolver_;
  std::unique_ptr<LogAssembler> log_;
};

// A keepalive may have told that place: the end of the record before.
TEST_F(PostgresLog, APartOfATransactionStandsBehindALoadThatEndsWhereItsCommitBegins) {
  constexpr uint64_t kFinal = 0x1000;
  constexpr uint64_t kEnd = 0x1030;
  log_->LoadedAt(kName, Lsn{kFinal});
  Feed(Begin(kFinal));
  Feed(Relation());
  Feed(Insert(1));
  const Lsn part = Take(1, false);
  EXPECT_GT(part, Lsn{kFinal});
  EXPECT_LE(part, Lsn{kEnd});
  Feed(Insert(2));
  EXPECT_EQ(Take(1, false), part);
  Feed(Insert(3));
  Feed(Commit(kFinal, kEnd));
  EXPECT_EQ(Take(1, true), Lsn{kEnd});
}

TEST_F(PostgresLog, PartsOfATransactionThatWasSentBeforeItsCommitTellWhereItEnds) {
  constexpr uint64_t kFinal = 0x1000;
  constexpr uint64_t kEnd = 0x1030;
  log_->LoadedAt(kName, Lsn{kFinal});
  Feed(Message('S').Add(kXid, 4).Add(1, 1).text);
  Feed(Relation(true));
  Feed(Insert(1, true));
  Feed(Insert(2, true));
  Feed("E");
  Feed(Message('c').Add(kXid, 4).Add(0, 1).Add(kFinal, 8).Add(kEnd, 8).Add(0, 8).text);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(log_->Replay().ok());
  EXPECT_EQ(Take(1, false), Lsn{kEnd});
  while (log_->replaying()) ASSERT_TRUE(log_->Replay().ok());
  EXPECT_EQ(Take(1, true), Lsn{kEnd});
}

}  // namespace
}  // namespace tarn::postgres
