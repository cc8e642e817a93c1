#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "catalog/delta_log.h"
#include "catalog/test_support.h"
#include "table/delta/log_json.h"
#include "table/dual/changes.h"

namespace tarn::testing {

inline const TableName kT{"bronze", "t"};
inline const TableName kU{"bronze", "u"};
inline constexpr char kFolder[] = "bronze/t";

inline std::string Get(TestLake& lake, const std::string& key) {
  const auto bytes = lake.store().Get(key);
  EXPECT_TRUE(bytes.ok()) << bytes.status().ToString();
  return bytes.ok() ? *bytes : "";
}
inline std::string Hint(TestLake& lake, const std::string& folder = kFolder) {
  return Get(lake, folder + "/metadata/version-hint.text");
}
inline std::vector<delta::Action> Entry(TestLake& lake, int64_t version) {
  const std::string name = delta::LogEntryName(version);
  return *delta::ParseLogEntry(Get(lake, std::string(kFolder) + "/_delta_log/" + name), name);
}
template <typename T>
std::vector<T> Of(const std::vector<delta::Action>& actions) {
  std::vector<T> found;
  for (const delta::Action& action : actions) {
    if (const T* one = std::get_if<T>(&action)) found.push_back(*one);
  }
  return found;
}
inline delta::State Read(TestLake& lake, std::optional<int64_t> version = {}) {
  const auto state = DeltaLog(lake.store(), kFolder).ReadState(version);
  EXPECT_TRUE(state.ok()) << state.status().ToString();
  return state.ok() ? *state : delta::State();
}

/// The files that Delta's log names are those of the Iceberg snapshot.
inline void ExpectLogsAgree(TestLake& lake, const TableName& name) {
  const TableEntry entry = *lake.catalog().LoadTable(name, {});
  const auto table = *LoadTableMetadata(lake.store(), entry.metadata_location);
  std::set<std::string> iceberg;
  if (table->current_snapshot) {
    const auto live = *ListLiveFiles(lake.store(), *table, *table->current_snapshot);
    for (const LiveFile& one : live) {
      iceberg.insert(one.file.path);
    }
  }
  const auto state = DeltaLog(lake.store(), *lake.store().KeyOf(entry.location)).ReadState({});
  ASSERT_TRUE(state.ok()) << state.error().ToString();
  EXPECT_EQ(state->version, entry.version - 1);
  std::set<std::string> delta;
  for (const auto& [path, add] : state->files) delta.insert(entry.location + "/" + path);
  EXPECT_EQ(delta, iceberg);
  EXPECT_EQ(Hint(lake, *lake.store().KeyOf(entry.location)), std::to_string(entry.version));
}

/// Commits of every kind whose publication is held back, so that the outbox is full.
inline void FillOutbox(TestLake& lake) {
  lake.store().SetFaultInjector([](const StorageCall& call) -> std::optional<Error> {
    if (call.key.find("/metadata/v") == std::string_view::npos) return std::nullopt;
    return Unavailable("held back");
  });
  lake.limits().checkpoint_every_commits = 3;
  lake.Create(kT, {"region"});
  lake.Create(kU);
  lake.Append(kT, "1", {std::string("eu")});
  lake.Append(kT, "2", {std::string("us")});
  lake.Change(kT, [](TableTransaction& t) { return t.RenameColumn("id", "key"); });
  lake.Append(kT, "3", {std::string()});
  lake.Append(kU, "1");
  lake.Change(kT, [](TableTransaction& t) {
    return t.Overwrite({TestLake::File(t, "4", {std::string("us")})});
  });
  lake.store().SetFaultInjector(nullptr);
}

}  // namespace tarn::testing
