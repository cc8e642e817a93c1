#include "sql/duckdb/lake_files.h"

#include <optional>
#include <set>
#include <string>

#include "sql/duckdb/testing.h"

namespace tarn {
namespace {

class LakeFilesTest : public LakeTest {};

TEST_F(LakeFilesTest, ExplainReadsOnlyManifestsOfTheFilter) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.p (d DATE, v INTEGER) PARTITIONED BY (d)");
  for (const std::string day : {"01", "02", "03"}) {
    EXPECT_EQ(Sql("INSERT INTO s.p VALUES (DATE '2026-01-" + day + "', 1)"), "INSERT 0 1");
  }
  std::set<std::string> manifests;
  store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    const bool list = call.key.find("/snap-") != std::string_view::npos;
    if (call.operation == StorageOperation::kGet && call.key.ends_with(".avro") && !list) {
      manifests.emplace(call.key);
    }
    return std::nullopt;
  });
  const std::string plan = Sql("EXPLAIN SELECT * FROM s.p WHERE d = DATE '2026-01-02'");
  EXPECT_NE(plan.find("Files: 1 of 3"), std::string::npos) << plan;
  EXPECT_EQ(manifests.size(), 1U);
  const std::string all = Sql("EXPLAIN SELECT * FROM s.p");
  EXPECT_NE(all.find("Files: 3 of 3"), std::string::npos) << all;
  EXPECT_EQ(manifests.size(), 3U);
  store_.SetFaultInjector(nullptr);
}

TEST_F(LakeFilesTest, WhereThereIsNoRoomToCommitDataFilesAreTakenBack) {
  Sql("CREATE SCHEMA s");
  Sql("CREATE TABLE s.t (i INTEGER)");
  const int64_t before = CountObjects("s/t");
  store_.SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    const bool writes = call.operation == StorageOperation::kPutIfAbsent ||
                        call.operation == StorageOperation::kOpenWriter;
    if (!writes || !call.key.ends_with(".avro")) return std::nullopt;
    return ResourceExhausted("no space left");
  });
  EXPECT_NE(Sql("INSERT INTO s.t SELECT * FROM range(1000)").find("no space left"),
            std::string::npos);
  store_.SetFaultInjector(nullptr);
  EXPECT_EQ(CountObjects("s/t"), before);
  EXPECT_EQ(Sql("INSERT INTO s.t VALUES (1)"), "INSERT 0 1");
}

}  // namespace
}  // namespace tarn
