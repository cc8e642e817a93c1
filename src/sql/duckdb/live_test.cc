#include <algorithm>

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

/// A source whose one table public.numbers (id, name, odd) holds ids 0…9999, in memory. Takes
/// comparisons of `id` with constants, and remembers what it was asked.
class NumbersSource final : public Source {
 public:
  struct Reader final : BatchReader {
    std::shared_ptr<arrow::Schema> batch_schema;
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    size_t next = 0;
    const std::shared_ptr<arrow::Schema>& schema() const override { return batch_schema; }
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (next == batches.size()) return std::shared_ptr<arrow::RecordBatch>();
      return batches[next++];
    }
  };

  std::string address() const override { return "memory/numbers"; }
  Result<std::vector<SourceTable>> Discover(const std::vector<std::string>&) override {
    return Unsupported("not used");
  }
  Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot() override {
    return Unsupported("not used");
  }
  Result<std::vector<std::string>> ListSchemas() override {
    if (away) return Unavailable("numbers is away", "start it");
    return std::vector<std::string>{"Other", "public"};
  }
  Result<std::vector<SourceTableName>> ListTables(const std::string& schema) override {
    if (schema != "public") return std::vector<SourceTableName>{};
    return std::vector<SourceTableName>{{"public", "Numbers"}};
  }
  Result<SourceTable> Describe(const SourceTableName& name) override {
    if (name.schema != "public" || name.name != "Numbers") {
      return NotFound("table " + name.ToString() + " does not exist");
    }
    SourceTable table;
    table.name = name;
    table.estimated_rows = 10000;
    table.columns = {{"id", "bigint", arrow::field("id", arrow::int64(), false)},
                     {"name", "text", arrow::field("name", arrow::utf8())},
                     {"odd", "boolean", arrow::field("odd", arrow::boolean())}};
    return table;
  }
  Result<std::unique_ptr<BatchReader>> Scan(const LiveScan& scan) override {
    last = scan;
    auto reader = std::make_unique<Reader>();
    std::vector<std::shared_ptr<arrow::Field>> fields;
    for (const std::string& column : scan.columns) {
      for (const SourceColumn& known : scan.table.columns) {
        if (known.name == column) fields.push_back(known.field);
      }
    }
    reader->batch_schema = arrow::schema(fields);
    std::vector<int64_t> ids;
    for (int64_t id = 0; id < 10000; ++id) {
      if (Matches(scan.predicate, id) &&
          (!scan.limit || static_cast<int64_t>(ids.size()) < *scan.limit)) {
        ids.push_back(id);
      }
    }
    for (size_t begin = 0; begin < ids.size(); begin += 3000) {
      const size_t end = std::min(ids.size(), begin + 3000);
      arrow::ArrayVector arrays;
      for (const std::string& column : scan.columns) {
        arrays.push_back(Column(column, {ids.begin() + static_cast<long>(begin),
                                         ids.begin() + static_cast<long>(end)}));
      }
      reader->batches.push_back(arrow::RecordBatch::Make(
          reader->batch_schema, static_cast<int64_t>(end - begin), std::move(arrays)));
    }
    return std::unique_ptr<BatchReader>(std::move(reader));
  }
  Result<std::string> ExplainScan(const LiveScan& scan) override {
    return "READ WHERE " + ToString(scan.predicate) +
           (scan.limit ? " LIMIT " + std::to_string(*scan.limit) : "");
  }
  Predicate Pushable(const SourceTable& table, const Predicate& predicate) override {
    if (predicate.op == Predicate::Op::kAnd) {
      std::vector<Predicate> parts;
      for (const Predicate& child : predicate.children) {
        Predicate part = Pushable(table, child);
        if (!part.always_true()) parts.push_back(std::move(part));
      }
      return parts.empty() ? Predicate::True() : Predicate::And(std::move(parts));
    }
    return predicate.column == "id" && predicate.values.size() == 1 ? predicate : Predicate::True();
  }

  LiveScan last;
  bool away = false;

 private:
  static bool Matches(const Predicate& predicate, int64_t id) {
    if (predicate.op == Predicate::Op::kTrue) return true;
    if (predicate.op == Predicate::Op::kAnd) {
      return std::all_of(predicate.children.begin(), predicate.children.end(),
                         [id](const Predicate& child) { return Matches(child, id); });
    }
    const int64_t value = std::get<int64_t>(predicate.values[0]);
    switch (predicate.op) {
      case Predicate::Op::kEq:
        return id == value;
      case Predicate::Op::kNotEq:
        return id != value;
      case Predicate::Op::kLt:
        return id < value;
      case Predicate::Op::kLtEq:
        return id <= value;
      case Predicate::Op::kGt:
        return id > value;
      default:
        return id >= value;
    }
  }
  static std::shared_ptr<arrow::Array> Column(const std::string& name,
                                              const std::vector<int64_t>& ids) {
    if (name == "id") {
      arrow::Int64Builder builder;
      for (const int64_t id : ids) EXPECT_TRUE(builder.Append(id).ok());
      return *builder.Finish();
    }
    if (name == "odd") {
      arrow::BooleanBuilder builder;
      for (const int64_t id : ids) EXPECT_TRUE(builder.Append(id % 2 == 1).ok());
      return *builder.Finish();
    }
    arrow::StringBuilder builder;
    for (const int64_t id : ids) {
      const arrow::Status appended =
          id % 10 == 0 ? builder.AppendNull() : builder.Append("n" + std::to_string(id));
      EXPECT_TRUE(appended.ok());
    }
    return *builder.Finish();
  }
};

class LiveTest : public LakeTest {
 protected:
  void SetUp() override { Open({{"postgres", &source_}}); }
  NumbersSource source_;
};

TEST_F(LiveTest, ReadsAndJoinsALiveTable) {
  EXPECT_EQ(Sql("SELECT count(*), sum(id), count(name) FROM postgres.public.numbers"),
            "10000|49995000|9000\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM postgres.numbers"), "10000\n");
  EXPECT_TRUE(source_.last.columns.empty());
  Sql("CREATE TABLE l AS SELECT 17::BIGINT AS id");
  EXPECT_EQ(Sql("SELECT p.name, p.odd FROM l JOIN postgres.public.\"Numbers\" p ON l.id = p.id"),
            "n17|true\n");
  EXPECT_EQ(Sql("CREATE TABLE copied AS SELECT * FROM postgres.public.numbers"), "SELECT 10000");
  EXPECT_EQ(Sql("SELECT count(*), sum(id), count(name) FROM copied"), "10000|49995000|9000\n");
}

TEST_F(LiveTest, PushesColumnsFiltersAndLimits) {
  EXPECT_EQ(Sql("SELECT name FROM postgres.public.numbers WHERE id = 42"), "n42\n");
  EXPECT_EQ(source_.last.columns, (std::vector<std::string>{"name"}));
  EXPECT_EQ(ToString(source_.last.predicate), "id = 42");
  // What the source does not take stays here, and then no limit may go there.
  EXPECT_EQ(
      Sql("SELECT id FROM postgres.public.numbers WHERE id > 100 AND name LIKE '%99' LIMIT 1"),
      "199\n");
  EXPECT_EQ(ToString(source_.last.predicate), "id > 100");
  EXPECT_EQ(source_.last.limit, std::nullopt);
  EXPECT_EQ(Sql("SELECT id FROM postgres.public.numbers WHERE id >= 100 LIMIT 2 OFFSET 1"),
            "101\n102\n");
  EXPECT_EQ(source_.last.limit, 3);
  EXPECT_EQ(Sql("SELECT count(*) FROM (SELECT * FROM postgres.public.numbers LIMIT 5)"), "5\n");
  EXPECT_EQ(source_.last.limit, 5);
  // An ORDER BY needs all rows.
  EXPECT_EQ(Sql("SELECT id FROM postgres.public.numbers ORDER BY id DESC LIMIT 1"), "9999\n");
  EXPECT_EQ(source_.last.limit, std::nullopt);
  EXPECT_NE(Sql("EXPLAIN SELECT id FROM postgres.public.numbers WHERE id < 3").find("id < 3"),
            std::string::npos);
}

TEST_F(LiveTest, IsReadOnly) {
  for (const char* sql :
       {"INSERT INTO postgres.public.numbers VALUES (1, 'a', true)",
        "CREATE TABLE postgres.public.t (i INTEGER)", "CREATE TABLE postgres.public.t AS SELECT 1",
        "DROP TABLE postgres.public.numbers", "CREATE SCHEMA postgres.s",
        "CREATE VIEW postgres.public.v AS SELECT 1",
        "ALTER TABLE postgres.public.numbers ADD COLUMN x INTEGER",
        "DELETE FROM postgres.public.numbers", "UPDATE postgres.public.numbers SET name = 'x'"}) {
    EXPECT_EQ(Sql(sql), "permission denied: source postgres is read only") << sql;
  }
}

TEST_F(LiveTest, ShowsWhatTheSourceHas) {
  EXPECT_EQ(Sql("SHOW SCHEMAS FROM postgres"), "Other\npublic\n");
  EXPECT_EQ(Sql("SHOW TABLES FROM postgres"), "public|Numbers|table\n");
  EXPECT_EQ(Sql("SHOW TABLES FROM postgres.public"), "public|Numbers|table\n");
  EXPECT_EQ(Sql("DESCRIBE postgres.public.numbers"),
            "id|BIGINT|NO|NULL|NULL|NULL\nname|VARCHAR|YES|NULL|NULL|NULL\n"
            "odd|BOOLEAN|YES|NULL|NULL|NULL\n");
  EXPECT_EQ(Sql("SELECT * FROM postgres.public.nope").substr(0, 10), "not found:");
}

TEST_F(LiveTest, ASourceThatIsAwayBreaksOnlyItsOwnQueries) {
  Sql("CREATE TABLE t AS SELECT 1 AS i");
  source_.away = true;
  EXPECT_EQ(Sql("SELECT * FROM t"), "1\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM information_schema.tables WHERE table_name = 't'"), "1\n");
  EXPECT_EQ(Sql("SELECT * FROM postgres.public.numbers"), "unavailable: numbers is away");
}

class AnalysisTest : public LiveTest {
 protected:
  static std::string Names(const Result<std::vector<TableName>>& names) {
    if (!names.ok()) return ErrorText(names.error());
    std::string text;
    for (const TableName& name : *names) text += (text.empty() ? "" : " ") + name.ToString();
    return text;
  }
  std::string Origins(const std::string& sql, const SessionOptions& options = {}) {
    auto analysis = engine_->Analyze(sql, options);
    if (!analysis.ok()) return ErrorText(analysis.error());
    std::string text;
    for (const QueryColumn& column : analysis->columns) {
      text += column.name + ":" + column.field->type()->ToString() + "(";
      for (const auto& [table, name] : column.origins) text += table + "." + name + " ";
      text += ") ";
    }
    return text;
  }
};

TEST_F(AnalysisTest, InputsAreNamesOfTheParseTree) {
  EXPECT_EQ(Names(engine_->InputsOf(
                "WITH c AS (SELECT * FROM bronze.a), d AS (SELECT * FROM c) "
                "SELECT (SELECT max(x) FROM lake.bronze.b), EXISTS (FROM bronze.a) FROM d "
                "JOIN postgres.public.numbers p ON p.id IN (SELECT id FROM silver.\"Odd c\") "
                "UNION ALL SELECT * FROM plain, range(3), system.runs")),
            "bronze.a silver.Odd c bronze.b main.plain");
  EXPECT_EQ(Names(engine_->InputsOf("WITH customer AS (SELECT * FROM bronze.customer) "
                                    "FROM customer")),
            "bronze.customer");
  EXPECT_EQ(Names(engine_->InputsOf("WITH RECURSIVE r(n) AS (SELECT id FROM s.t UNION ALL SELECT "
                                    "n + 1 FROM r WHERE n < 5) SELECT n FROM r")),
            "s.t");
  EXPECT_EQ(Names(engine_->InputsOf("SELECT 1;\n  -- and\n  SELECT 2")),
            "invalid argument: 3:3: a second statement begins here, expected one SELECT");
  EXPECT_EQ(Names(engine_->InputsOf("SELECT a,\n  FROM FROM t")).substr(0, 22),
            "invalid argument: 2:8:");
  EXPECT_EQ(Names(engine_->InputsOf("DROP TABLE s.t")), "invalid argument: 1:1: expected a SELECT");
  EXPECT_EQ(Names(engine_->InputsOf(" ")), "invalid argument: there is no statement");
}

TEST_F(AnalysisTest, LineageFollowsValuesThroughThePlan) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.t (id BIGINT, name VARCHAR, v DOUBLE)");
  Sql("CREATE TABLE s.a (i BIGINT)");
  Sql("CREATE VIEW s.w AS SELECT id * 2 AS dbl, name FROM s.t WHERE v > 0");
  EXPECT_EQ(Origins("SELECT dbl, upper(name) || 'x' AS u FROM s.w"),
            "dbl:int64(lake.s.t.id ) u:string(lake.s.t.name ) ");
  EXPECT_EQ(Origins("WITH q AS (SELECT id, sum(v) AS sv FROM s.t GROUP BY id) "
                    "SELECT sv, (SELECT max(i) FROM s.a WHERE i = q.id) AS m, 1 AS one FROM q"),
            "sv:double(lake.s.t.v ) m:int64(lake.s.a.i ) one:int32() ");
  EXPECT_EQ(Origins("SELECT id AS x FROM s.t UNION ALL SELECT i FROM s.a"),
            "x:int64(lake.s.a.i lake.s.t.id ) ");
  EXPECT_EQ(Origins("SELECT p.name FROM postgres.public.numbers p"),
            "name:string(postgres.public.Numbers.name ) ");
  auto analysis =
      engine_->Analyze("SELECT * FROM s.w JOIN postgres.public.numbers p ON p.id = dbl", {});
  ASSERT_TRUE(analysis.ok());
  EXPECT_EQ(analysis->lake_inputs, (std::vector<TableName>{{"s", "w"}}));
  ASSERT_EQ(analysis->live_inputs.size(), 1u);
  EXPECT_EQ(analysis->live_inputs[0].first, "postgres");
}

TEST_F(AnalysisTest, BindsOnOverlaysAndSaysWhereAColumnIsUnknown) {
  SessionOptions options;
  ViewEntry view;
  view.name = {"silver", "future"};
  view.sql = "SELECT 1 AS a";
  options.views.push_back({view});
  EXPECT_EQ(Origins("SELECT a FROM silver.future", options), "a:int32() ");
  const std::string unknown = Origins("SELECT a,\n  nope FROM silver.future", options);
  EXPECT_EQ(unknown.substr(0, 23), "invalid argument: 2:3: ") << unknown;
  EXPECT_NE(unknown.find("nope"), std::string::npos);
}

}  // namespace
}  // namespace tarn
