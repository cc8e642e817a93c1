#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "project/spec.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

/// A project folder of its own for each test.
class LoadProjectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tarn-project-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  Result<ProjectSpec> Load(const std::string& yaml, const std::string& environment = "") {
    Write("tarn.yaml", yaml);
    return LoadProject(root_.string(), environment);
  }
  std::string ErrorOf(const std::string& yaml, const std::string& environment = "") {
    auto spec = Load(yaml, environment);
    return spec.ok() ? "no error" : spec.error().ToString();
  }

  fs::path root_;
};

constexpr char kSource[] =
    "name: shop\n"
    "sources:\n"
    "  postgres:\n"
    "    type: postgres\n"
    "    url: postgresql://127.0.0.1/x\n";

TEST_F(LoadProjectTest, DefaultsAreALakeInTheProjectsFolder) {
  auto spec = Load("name: shop\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->catalog, "lake");
  EXPECT_EQ(spec->warehouse, (root_ / "warehouse").string());
  EXPECT_EQ(spec->state, (root_ / "state").string());
}

TEST_F(LoadProjectTest, SourcesAreReadWithTheirTables) {
  auto spec = Load(std::string(kSource) +
                   "    tables: [public.customer, \"public.payment*\"]\n"
                   "    into: {public.customer: bronze.crm}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  ASSERT_EQ(spec->sources.size(), 1u);
  EXPECT_EQ(spec->sources[0].tables,
            (std::vector<std::string>{"public.customer", "public.payment*"}));
  EXPECT_EQ(spec->sources[0].into_tables.at("public.customer"), "bronze.crm");
  EXPECT_EQ(spec->sources[0].into_schema, "bronze");
  EXPECT_EQ(spec->sources[0].position.ToString(), "tarn.yaml:4:5");
}

TEST_F(LoadProjectTest, AnUnknownKeyIsNamedWithItsPlaceAndTheNearestKey) {
  EXPECT_EQ(ErrorOf(std::string(kSource) + "    tabels: [a.b]\n"),
            "tarn.yaml:6:5: unknown key \"tabels\" in source postgres\n"
            "HINT:  did you mean \"tables\"?");
  EXPECT_NE(ErrorOf("name: x\nwarehous: y\n").find("tarn.yaml:2:1: unknown key \"warehous\""),
            std::string::npos);
}

TEST_F(LoadProjectTest, AListWhoseLinesAreAllRemarksIsNotWhatNoListIs) {
  EXPECT_NE(ErrorOf(std::string(kSource) + "    tables:\n    # - a.b\n")
                .find("tarn.yaml:6:5: \"tables\" of source postgres has no value"),
            std::string::npos);
  EXPECT_NE(ErrorOf(std::string(kSource) + "    tables: []\n")
                .find("tarn.yaml:6:5: \"tables\" of source postgres names none"),
            std::string::npos);
}

TEST_F(LoadProjectTest, AKeyThatStandsTwiceIsAnError) {
  EXPECT_NE(ErrorOf("name: x\nname: y\n").find("tarn.yaml:2:1: the key \"name\" stands twice"),
            std::string::npos);
}

TEST_F(LoadProjectTest, TextThatBeginsNoDocumentIsAnErrorNotAnEndlessOne) {
  EXPECT_EQ(ErrorOf(",name: x\n"), "tarn.yaml:1:1: no YAML begins like this");
  EXPECT_EQ(ErrorOf("}"), "tarn.yaml:1:1: illegal flow end");
  EXPECT_EQ(
      ErrorOf("name: x\n---\nname: y\n"),
      "tarn.yaml:2:1: a second YAML document begins here\nHINT:  keep one document in the file");
}

TEST_F(LoadProjectTest, WrongTypesAreErrorsWithTheirPlace) {
  EXPECT_NE(ErrorOf("name: [x]\n").find("tarn.yaml:1:7"), std::string::npos);
  EXPECT_NE(ErrorOf("name: x\nlimits: {load_streams: many}\n").find("must be a whole number"),
            std::string::npos);
  EXPECT_NE(ErrorOf("name: x\nlimits: {load_streams: 0}\n").find("at least 1"), std::string::npos);
  EXPECT_NE(ErrorOf("name: x\nsources: [a]\n").find("must be a mapping"), std::string::npos);
  EXPECT_NE(ErrorOf("- a\n").find("must be a mapping"), std::string::npos);
  EXPECT_NE(ErrorOf("name: 'x\n").find("tarn.yaml:"), std::string::npos);
  EXPECT_NE(ErrorOf("").find("has no \"name\""), std::string::npos);
}

TEST_F(LoadProjectTest, VariablesComeFromTheEnvironment) {
  setenv("TARN_TEST_NAME", "from_env", 1);
  unsetenv("TARN_TEST_MISSING");
  auto spec = Load("name: ${TARN_TEST_NAME}\ncatalog: ${TARN_TEST_MISSING:-fallback}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->name, "from_env");
  EXPECT_EQ(spec->catalog, "fallback");
  const std::string error = ErrorOf("name: x\nwarehouse: ${TARN_TEST_MISSING}/lake\n");
  EXPECT_NE(error.find("tarn.yaml:2:12: the environment variable TARN_TEST_MISSING is not set"),
            std::string::npos)
      << error;
}

TEST_F(LoadProjectTest, EnvironmentsNeverShareAWarehouseOrAState) {
  const std::string yaml =
      "name: x\nenvironments:\n  dev: {}\n  prod: {warehouse: s3://b/lake, state: /srv/state}\n";
  auto dev = Load(yaml, "dev");
  ASSERT_TRUE(dev.ok()) << dev.error().ToString();
  EXPECT_EQ(dev->warehouse, (root_ / "warehouse-dev").string());
  EXPECT_EQ(dev->state, (root_ / "state-dev").string());
  auto prod = Load(yaml, "prod");
  ASSERT_TRUE(prod.ok()) << prod.error().ToString();
  EXPECT_EQ(prod->warehouse, "s3://b/lake");
  EXPECT_EQ(prod->state, "/srv/state");
  EXPECT_NE(ErrorOf(yaml, "prd").find("did you mean \"prod\"?"), std::string::npos);
}

TEST_F(LoadProjectTest, PlacesAreThoseOfTheFileInEveryEnvironment) {
  const std::string yaml = std::string(kSource) +
                           "    tabels: [a.b]\n"
                           "environments:\n"
                           "  dev: {}\n"
                           "  prod: {sources: {postgres: {url: postgresql://127.0.0.1/y}}}\n"
                           "  test: {sources: {postgres: {url: a, url: b}}}\n";
  for (const char* environment : {"", "dev", "prod"}) {
    EXPECT_NE(ErrorOf(yaml, environment).find("tarn.yaml:6:5: unknown key \"tabels\""),
              std::string::npos)
        << environment;
  }
  EXPECT_NE(ErrorOf(yaml, "test").find("tarn.yaml:10:39: the key \"url\" stands twice"),
            std::string::npos);
  auto spec =
      Load(std::string(kSource) + "environments: {prod: {sources: {postgres: {tables: [a.b]}}}}\n",
           "prod");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->sources[0].position.ToString(), "tarn.yaml:4:5");
  EXPECT_EQ(spec->sources[0].tables, std::vector<std::string>{"a.b"});
}

TEST_F(LoadProjectTest, AnEnvironmentChangesWhatItNamesAndNoAliasOfIt) {
  auto spec = Load(
      "name: x\n"
      "tables:\n"
      "  silver.seed: &t {tags: {owner: all}}\n"
      "  silver.i: *t\n"
      "environments: {dev: {tables: {silver.seed: {tags: {owner: dev}}}}}\n",
      "dev");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  ASSERT_EQ(spec->tables.size(), 2u);
  EXPECT_EQ(spec->tables[0].tags.at("owner"), "dev");
  EXPECT_EQ(spec->tables[1].tags.at("owner"), "all");
}

TEST_F(LoadProjectTest, AnEnvironmentThatIsNotChosenMayNeedVariablesThatAreNotSet) {
  unsetenv("TARN_TEST_MISSING");
  auto spec = Load("name: x\nenvironments: {prod: {warehouse: \"${TARN_TEST_MISSING}\"}}\n");
  EXPECT_TRUE(spec.ok()) << spec.error().ToString();
}

TEST_F(LoadProjectTest, ReadsWhenACapturedSourceIsCommitted) {
  const std::string cdc = std::string(kSource) + "    mode: cdc\n";
  EXPECT_NE(ErrorOf(std::string(kSource) + "    slot: s\n").find("only mode cdc takes slot"),
            std::string::npos);
  for (const char* line : {"every: 100ms", "every: 5", "every: 2h", "rows: 0", "bytes: 5s"}) {
    const std::string error = ErrorOf(cdc + "    commit: {" + line + "}\n");
    EXPECT_NE(error.find("tarn.yaml:"), std::string::npos) << line << ": " << error;
  }
  EXPECT_EQ(ErrorOf(cdc + "    commit: {every: 200ms, rows: 7, bytes: 64MB}\n"), "no error");
}

TEST_F(LoadProjectTest, HistoryIsOfAllTablesOrOfSome) {
  const std::string cdc = std::string(kSource) + "    mode: cdc\n";
  const auto history = [&](const std::string& value) {
    const auto spec = Load(cdc + "    history: " + value + "\n");
    EXPECT_TRUE(spec.ok()) << spec.error().ToString();
    return spec->sources[0].history;
  };
  EXPECT_EQ(history("true"), std::vector<std::string>{"*.*"});
  EXPECT_EQ(history("false"), std::vector<std::string>{});
  EXPECT_EQ(history("public.customer"), std::vector<std::string>{"public.customer"});
  EXPECT_EQ(history("[public.customer, '\"Odd.Schema\".*']"),
            (std::vector<std::string>{"public.customer", "\"Odd.Schema\".*"}));
  EXPECT_EQ(Load(cdc)->sources[0].history, std::vector<std::string>{});
  EXPECT_NE(ErrorOf(cdc + "    history: [customer]\n").find("tarn.yaml:7:"), std::string::npos)
      << ErrorOf(cdc + "    history: [customer]\n");
  EXPECT_NE(ErrorOf(std::string(kSource) + "    history: true\n").find("only mode cdc takes"),
            std::string::npos);
}

TEST_F(LoadProjectTest, SchedulesAreReadByNameWithThoseOfSources) {
  auto spec = Load(std::string(kSource) +
                   "    schedule: '@hourly'\n"
                   "schedules:\n"
                   "  z: {cron: '0 2 * * *', time_zone: Europe/Berlin, run: [gold.*, +silver.x]}\n"
                   "  a: {cron: '*/5 * * * *', run: gold.y}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  ASSERT_EQ(spec->schedules.size(), 3u);
  EXPECT_EQ(spec->schedules[0].name, "a");
  EXPECT_EQ(spec->schedules[0].run, std::vector<std::string>{"gold.y"});
  EXPECT_EQ(spec->schedules[1].name, "source postgres");
  EXPECT_EQ(spec->schedules[1].source, "postgres");
  EXPECT_EQ(spec->schedules[2].run, (std::vector<std::string>{"gold.*", "+silver.x"}));
  EXPECT_EQ(spec->schedules[2].zone.OffsetAt(1'782'864'000), 7200);
  for (const char* line : {"    schedule: daily\n", "    schedule: '0 0 31 2 *'\n"}) {
    EXPECT_NE(ErrorOf(std::string(kSource) + line).find("tarn.yaml:6:5: "), std::string::npos)
        << ErrorOf(std::string(kSource) + line);
  }
  for (const char* mode : {"cdc", "query"}) {
    const std::string text =
        std::string(kSource) + "    mode: " + mode + "\n    schedule: '@daily'\n";
    EXPECT_NE(ErrorOf(text).find("has nothing to load at set times"), std::string::npos);
  }
  EXPECT_NE(ErrorOf("name: x\nschedules: {n: {cron: '* * * * *'}}\n").find("runs nothing"),
            std::string::npos);
}

TEST_F(LoadProjectTest, TheDoorIsOfThisMachine) {
  EXPECT_EQ(Load("name: x\n")->serve.http_port, 8181);
  EXPECT_FALSE(Load("name: x\nserve: {http: off}\n")->serve.http);
  auto spec = Load("name: x\nserve: {http: '[::1]:0', flight: off}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->serve.http_host, "[::1]");
  EXPECT_EQ(spec->serve.http_port, 0);
  for (const char* address : {"0.0.0.0:80", "lake.example:80", "127.0.0.1", "127.0.0.1:65536",
                              "127.0.0.1:x", "127.0.0.1:"}) {
    EXPECT_NE(
        ErrorOf(std::string("name: x\nserve: {http: '") + address + "'}\n").find("tarn.yaml:2:"),
        std::string::npos)
        << address;
  }
}

TEST_F(LoadProjectTest, WhatIsNotAvailableIsRefusedNotIgnored) {
  EXPECT_NE(ErrorOf("name: x\ntables: {a.b: {retain: 30d}}\n").find("not available"),
            std::string::npos);
  EXPECT_NE(ErrorOf("name: x\nstate: postgres://h/d\n").find("not available"), std::string::npos);
}

TEST_F(LoadProjectTest, IncrementalNeedsACursorAndOnlyItTakesOne) {
  EXPECT_NE(ErrorOf(std::string(kSource) + "    mode: incremental\n").find("no cursor"),
            std::string::npos);
  EXPECT_NE(ErrorOf(std::string(kSource) + "    cursor: a\n").find("only mode incremental"),
            std::string::npos);
}

TEST_F(LoadProjectTest, ASecretNeverStandsInAnError) {
  const std::string error = ErrorOf(
      "name: x\nsources: {p: {type: postgres, url: 'postgresql://u:hunter2@h/d', mode: fast}}\n");
  EXPECT_NE(error.find("mode"), std::string::npos);
  EXPECT_EQ(error.find("hunter2"), std::string::npos);
}

TEST_F(LoadProjectTest, ModelsAreFoundByTheirPathAndRulesApply) {
  Write("models/silver/a.sql", "SELECT 1 AS x");
  Write("models/gold/b.sql", "SELECT 2 AS x");
  Write("models/.hidden/c.sql", "nonsense");
  auto spec = Load("name: x\ntables: {silver.*: {partition: [x], tags: {owner: me}}}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  ASSERT_EQ(spec->models.size(), 2u);
  EXPECT_EQ(spec->models[0].name.ToString(), "gold.b");
  EXPECT_TRUE(spec->models[0].partition.empty());
  EXPECT_EQ(spec->models[1].partition, std::vector<std::string>{"x"});
  EXPECT_EQ(spec->models[1].tags.at("owner"), "me");
}

TEST_F(LoadProjectTest, ModelsAreFoundThroughLinks) {
  Write("elsewhere/gold/b.sql", "SELECT 2 AS x");
  Write("elsewhere/c.sql", "SELECT 3 AS x");
  Write("models/silver/a.sql", "SELECT 1 AS x");
  fs::create_directory_symlink(root_ / "elsewhere/gold", root_ / "models/gold");
  fs::create_directory_symlink(root_ / "elsewhere/gold", root_ / "models/platinum");
  fs::create_symlink(root_ / "elsewhere/c.sql", root_ / "models/silver/c.sql");
  fs::create_symlink(root_ / "models/silver/a.sql", root_ / "models/silver/d.sql");
  fs::create_symlink("nobody@host.1", root_ / "models/silver/.#a.sql");  // an editor's
  auto spec = Load("name: x\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  std::vector<std::string> names;
  for (const Model& model : spec->models) names.push_back(model.name.ToString() + " " + model.path);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "gold.b models/gold/b.sql", "platinum.b models/platinum/b.sql",
                       "silver.a models/silver/a.sql", "silver.c models/silver/c.sql",
                       "silver.d models/silver/d.sql"}));
}

TEST_F(LoadProjectTest, ALinkOfModelsThatLeadsNowhereIsNamed) {
  Write("models/silver/a.sql", "SELECT 1 AS x");
  const fs::path link = root_ / "models/gold";
  const auto error_of_link = [&](const fs::path& target) {
    fs::remove(link);
    fs::create_directory_symlink(target, link);
    return ErrorOf("name: x\n");
  };
  EXPECT_EQ(error_of_link(root_ / "gone").find("models/gold: the link leads nowhere"), 0u);
  EXPECT_EQ(error_of_link("gold").find("models/gold: cannot be looked at: Too many levels"), 0u);
  EXPECT_EQ(error_of_link(".").find("models/gold: the link leads back"), 0u);
  EXPECT_EQ(error_of_link(root_).find("models/gold/models: the link leads back"), 0u);
  fs::remove_all(root_ / "models");
  fs::create_directory_symlink(root_ / "gone", root_ / "models");
  EXPECT_EQ(ErrorOf("name: x\n").find("models: the link leads nowhere"), 0u);
}

TEST_F(LoadProjectTest, TheIcebergVersionOfATableIsOneOfThree) {
  auto spec = Load("name: x\ntables: {a.b: {iceberg: 2}, a.c: {iceberg: auto}, a.d: {}}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  ASSERT_EQ(spec->tables.size(), 3u);
  EXPECT_EQ(spec->tables[0].iceberg, "2");
  EXPECT_EQ(spec->tables[1].iceberg, "auto");
  EXPECT_EQ(spec->tables[2].iceberg, "");
  EXPECT_NE(ErrorOf("name: x\ntables: {a.b: {iceberg: 4}}\n").find("choices: auto, 2, 3"),
            std::string::npos);
}

TEST_F(LoadProjectTest, TwoFilesThatMakeOneNameAreADouble) {
  Write("models/silver/a.sql", "SELECT 1 AS x");
  Write("models/silver/A.sql", "SELECT 1 AS x");
  EXPECT_NE(ErrorOf("name: x\n").find("is there twice"), std::string::npos);
}

TEST_F(LoadProjectTest, TheProjectIsFoundFromAFolderBelow) {
  Write("tarn.yaml", "name: x\n");
  fs::create_directories(root_ / "models" / "gold");
  auto found = FindProjectRoot((root_ / "models" / "gold").string());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, root_.string());
  EXPECT_FALSE(FindProjectRoot(fs::temp_directory_path().string()).ok());
}

TEST_F(LoadProjectTest, OnlyLimitsThatSwitchSomethingOffMayBeZero) {
  auto spec = Load("name: shop\nlimits: {storage_cache_bytes: 0}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->limits.storage_cache_bytes, 0);
  EXPECT_NE(ErrorOf("name: shop\nlimits: {storage_deadline_ms: 0}\n").find("at least 1"),
            std::string::npos);
  EXPECT_NE(ErrorOf("name: shop\nlimits: {storage_cache_bytes: -1}\n").find("at least 0"),
            std::string::npos);
}

TEST_F(LoadProjectTest, SettingsOfTheStorageAreCheckedAtOnce) {
  const std::string storage = "name: shop\nwarehouse: s3://b\nstorage: ";
  auto spec = Load(storage + "{path_style: false, encryption: sse-kms, kms_key: alias/lake}\n");
  ASSERT_TRUE(spec.ok()) << spec.error().ToString();
  EXPECT_EQ(spec->storage.path_style, "false");
  EXPECT_EQ(spec->storage.encryption, "sse-kms");
  EXPECT_EQ(spec->storage.kms_key, "alias/lake");
  EXPECT_NE(ErrorOf(storage + "{path_style: maybe}\n").find("true or false"), std::string::npos);
  EXPECT_NE(ErrorOf(storage + "{encryption: aes}\n").find("sse-s3 or sse-kms"), std::string::npos);
  EXPECT_NE(ErrorOf(storage + "{encryption: sse-s3, kms_key: k}\n").find("goes with"),
            std::string::npos);
}

}  // namespace
}  // namespace tarn
