#include "sql/duckdb/variant_import.h"

#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "columnar/variant_column.h"
#include "source/arrow_column.h"
#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

/// A source whose one table public.event (id, doc) has these documents; of "" no value.
class EventSource final : public Source {
 public:
  explicit EventSource(std::vector<std::string> documents) : documents_(std::move(documents)) {}

  struct Reader final : BatchReader {
    std::shared_ptr<arrow::RecordBatch> batch;
    const std::shared_ptr<arrow::Schema>& schema() const override { return batch->schema(); }
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      return std::exchange(batch, nullptr);
    }
  };

  std::string address() const override { return "memory/events"; }
  Result<std::vector<SourceTable>> Discover(const std::vector<std::string>&) override {
    return Unsupported("not used");
  }
  Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot() override {
    return Unsupported("not used");
  }
  Result<std::vector<std::string>> ListSchemas() override {
    return std::vector<std::string>{"public"};
  }
  Result<std::vector<SourceTableName>> ListTables(const std::string&) override {
    return std::vector<SourceTableName>{{"public", "event"}};
  }
  Result<SourceTable> Describe(const SourceTableName& name) override {
    SourceTable table;
    table.name = name;
    table.columns = {{"id", "bigint", arrow::field("id", arrow::int64(), false)},
                     {"doc", "jsonb", arrow::field("doc", VariantStorage())}};
    return table;
  }
  Result<std::unique_ptr<BatchReader>> Scan(const LiveScan& scan) override {
    const auto rows = static_cast<int64_t>(documents_.size());
    ArrowColumn ids(arrow::int64(), arrow::default_memory_pool());
    ArrowColumn docs(VariantStorage(), arrow::default_memory_pool());
    EXPECT_TRUE(ids.Reset(rows).ok() && docs.Reset(rows).ok());
    for (int64_t row = 0; row < rows; ++row) {
      reinterpret_cast<int64_t*>(ids.values)[row] = row;
      const std::string& document = documents_[static_cast<size_t>(row)];
      EXPECT_TRUE(document.empty()
                      ? docs.SetNull(row).ok()
                      : docs.AppendJson(row, document) == ArrowColumn::JsonOutcome::kAdded)
          << docs.refusal();
    }
    arrow::FieldVector fields;
    std::vector<std::shared_ptr<arrow::ArrayData>> columns;
    for (const std::string& column : scan.columns) {
      const bool is_id = column == "id";
      fields.push_back(arrow::field(column, is_id ? arrow::int64() : VariantStorage()));
      TARN_ASSIGN_OR_RETURN(columns.emplace_back(), (is_id ? ids : docs).Finish(rows));
    }
    auto reader = std::make_unique<Reader>();
    reader->batch = arrow::RecordBatch::Make(arrow::schema(fields), rows, std::move(columns));
    return std::unique_ptr<BatchReader>(std::move(reader));
  }
  Result<std::string> ExplainScan(const LiveScan&) override { return std::string("READ"); }
  Predicate Pushable(const SourceTable&, const Predicate&) override { return Predicate::True(); }

 private:
  const std::vector<std::string> documents_;
};

class VariantImportTest : public LakeTest {};

TEST_F(VariantImportTest, AreWhatTheyAreInTheLake) {
  EventSource source({R"({"b":[1,-200,70000,5000000000,true,null],"a":{"x":"text"}})", "", "null",
                      "1.10", "12345678901234567890.5", "1e300",
                      "\"" + std::string(200, 'x') + "\"", "[]", "{}", "12345678901.25",
                      "18446744073709551615"});
  Open({{"shop", &source}});
  Sql("CREATE TABLE kept AS SELECT * FROM shop.public.event");
  for (const char* what : {"doc::JSON", "variant_typeof(doc)", "doc IS NULL", "doc"}) {
    const std::string select = "SELECT id, " + std::string(what) + " FROM ";
    EXPECT_EQ(Sql(select + "shop.public.event ORDER BY id"), Sql(select + "kept ORDER BY id"));
  }
  EXPECT_EQ(Sql("SELECT doc::JSON FROM shop.public.event WHERE id < 6 ORDER BY id"),
            "{\"a\":{\"x\":\"text\"},\"b\":[1,-200,70000,5000000000,true,null]}\nNULL\nNULL\n1.10\n"
            "12345678901234567890.5\n1e+300\n");
  EXPECT_EQ(Sql("SELECT doc.a.x::VARCHAR, doc.b[4]::BIGINT FROM shop.public.event "
                "WHERE doc.a.x::VARCHAR = 'text'"),
            "text|5000000000\n");
  EXPECT_EQ(Sql("SELECT count(*) FROM shop.public.event"), "11\n");
  EXPECT_NE(Sql("DESCRIBE shop.public.event").find("doc|VARIANT"), std::string::npos);
}

TEST_F(VariantImportTest, ManyRowsComeInSeveralChunks) {
  std::vector<std::string> documents;
  for (int i = 0; i < 5000; ++i) {
    documents.push_back(
        i % 7 == 0 ? "" : "{\"k" + std::to_string(i % 50) + "\":" + std::to_string(i) + "}");
  }
  EventSource source(documents);
  Open({{"shop", &source}});
  EXPECT_EQ(
      Sql("SELECT count(*), count(doc), sum(doc.k1::BIGINT) FROM shop.public.event "),
      "5000|4285|" +
          [] {
            int64_t sum = 0;
            for (int i = 1; i < 5000; i += 50) sum += i % 7 == 0 ? 0 : i;
            return std::to_string(sum);
          }() +
          "\n");
}

}  // namespace
}  // namespace tarn
