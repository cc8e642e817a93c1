#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include "sql/duckdb/testing.h"

namespace tarn {

void LakeTest::Open(std::map<std::string, Source*> sources) {
  session_.reset();
  engine_.reset();
  if (catalog_ == nullptr) {
    auto catalog = OpenSqliteCatalogInMemory(SystemClock());
    ASSERT_TRUE(catalog.ok()) << catalog.error().ToString();
    catalog_ = std::move(catalog).value();
  }
  SqlEngineOptions options;
  options.catalog_name = "lake";
  options.tables = TableContext{&store_, &SystemClock(), &SystemRandom(), &limits_};
  options.catalog = catalog_.get();
  options.sources = std::move(sources);
  options.limits = limits_;
  auto engine = OpenDuckDbEngine(std::move(options));
  ASSERT_TRUE(engine.ok()) << engine.error().ToString();
  engine_ = std::move(engine).value();
  session_ = NewSession();
}

std::unique_ptr<Session> LakeTest::NewSession(const SessionOptions& options) {
  auto session = engine_->NewSession(options);
  EXPECT_TRUE(session.ok()) << session.error().ToString();
  return std::move(session).value();
}

std::string LakeTest::ErrorText(const Error& error) {
  return std::string(ErrorKindName(error.kind)) + ": " + error.message;
}

std::string LakeTest::Sql(const std::string& sql) { return Sql(*session_, sql); }

std::string LakeTest::Sql(Session& session, const std::string& sql) {
  auto rows = session.Execute(sql);
  if (!rows.ok()) return ErrorText(rows.error());
  std::string text;
  while (true) {
    auto batch = (*rows)->Next();
    if (!batch.ok()) return ErrorText(batch.error());
    if (*batch == nullptr) break;
    EXPECT_TRUE((*batch)->ValidateFull().ok());
    EXPECT_TRUE((*batch)->schema()->Equals(*(*rows)->schema()));
    for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
      for (int column = 0; column < (*batch)->num_columns(); ++column) {
        auto scalar = (*batch)->column(column)->GetScalar(row);
        if (column > 0) text += "|";
        if (!(*scalar)->is_valid) {
          text += "NULL";
        } else if ((*batch)->schema()->field(column)->type()->id() == arrow::Type::STRING) {
          text += std::static_pointer_cast<arrow::StringScalar>(*scalar)->view();
        } else {
          text += (*scalar)->ToString();
        }
      }
      text += "\n";
    }
  }
  if (!(*rows)->returns_rows()) return (*rows)->command_tag();
  return text;
}

int64_t LakeTest::CountObjects(const std::string& prefix) {
  int64_t count = 0;
  const Status listed = store_.List(prefix, [&count](const ObjectInfo&) {
    ++count;
    return Status::Ok();
  });
  EXPECT_TRUE(listed.ok()) << listed.ToString();
  return count;
}

}  // namespace tarn
