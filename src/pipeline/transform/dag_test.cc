#include "pipeline/transform/dag.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

Model MakeModel(const std::string& schema, const std::string& name, std::vector<TableName> inputs) {
  Model model;
  model.name = {schema, name};
  model.path = "models/" + schema + "/" + name + ".sql";
  model.inputs = std::move(inputs);
  return model;
}

/// bronze.a → silver.b → gold.c, gold.d; silver.e alone.
std::vector<Model> Chain() {
  return {MakeModel("gold", "d", {{"silver", "b"}}), MakeModel("gold", "c", {{"silver", "b"}}),
          MakeModel("silver", "b", {{"bronze", "a"}}), MakeModel("silver", "e", {{"bronze", "a"}})};
}

std::vector<std::string> Names(const ModelGraph& graph, const std::vector<size_t>& indexes) {
  std::vector<std::string> names;
  for (size_t i : indexes) names.push_back(graph.models()[i].name.ToString());
  return names;
}

using Strings = std::vector<std::string>;

TEST(ModelGraphTest, InputsRunBeforeWhatNeedsThem) {
  const auto models = Chain();
  auto graph = ModelGraph::Build(models);
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(Names(*graph, graph->order()), (Strings{"silver.b", "gold.c", "gold.d", "silver.e"}));
}

TEST(ModelGraphTest, WhatAChecksReadRunsBeforeToo) {
  std::vector<Model> models = {MakeModel("s", "a", {}), MakeModel("s", "z", {})};
  models[0].check_inputs = {{"s", "Z"}};
  auto graph = ModelGraph::Build(models);
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(Names(*graph, graph->order()), (Strings{"s.z", "s.a"}));
  EXPECT_EQ(Names(*graph, graph->Downstream({1})), (Strings{"s.z", "s.a"}));
  models[1].inputs = {{"s", "a"}};
  EXPECT_FALSE(ModelGraph::Build(models).ok());
}

TEST(ModelGraphTest, SelectorsTakeUpstreamAndDownstream) {
  const auto models = Chain();
  auto graph = ModelGraph::Build(models);
  ASSERT_TRUE(graph.ok());
  auto select = [&](const Strings& selectors) {
    auto indexes = graph->Select(selectors);
    EXPECT_TRUE(indexes.ok());
    return Names(*graph, *indexes);
  };
  EXPECT_EQ(select({"gold.c"}), Strings{"gold.c"});
  EXPECT_EQ(select({"+gold.c"}), (Strings{"silver.b", "gold.c"}));
  EXPECT_EQ(select({"silver.b+"}), (Strings{"silver.b", "gold.c", "gold.d"}));
  EXPECT_EQ(select({"gold.*"}), (Strings{"gold.c", "gold.d"}));
  EXPECT_EQ(select({"silver.b", "+silver.b+"}), (Strings{"silver.b", "gold.c", "gold.d"}));
}

TEST(ModelGraphTest, ASelectorWithoutMatchNamesTheNearestModel) {
  const auto models = Chain();
  auto graph = ModelGraph::Build(models);
  ASSERT_TRUE(graph.ok());
  auto indexes = graph->Select({"gold.cc"});
  ASSERT_FALSE(indexes.ok());
  EXPECT_EQ(indexes.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(indexes.error().hint.find("gold.c"), std::string::npos);
}

TEST(ModelGraphTest, ACycleIsToldByItsPath) {
  const std::vector<Model> models = {MakeModel("s", "a", {{"s", "c"}}),
                                     MakeModel("s", "b", {{"s", "a"}}),
                                     MakeModel("s", "c", {{"s", "b"}})};
  auto graph = ModelGraph::Build(models);
  ASSERT_FALSE(graph.ok());
  EXPECT_NE(graph.error().message.find("s.a (models/s/a.sql) → s.c (models/s/c.sql) → s.b "
                                       "(models/s/b.sql) → s.a (models/s/a.sql)"),
            std::string::npos)
      << graph.error().message;
}

TEST(ModelGraphTest, AModelThatReadsItselfIsACycle) {
  const std::vector<Model> models = {MakeModel("s", "a", {{"s", "a"}})};
  EXPECT_FALSE(ModelGraph::Build(models).ok());
}

TEST(ModelGraphTest, DownstreamHasTheRootsAndAllThatNeedsThem) {
  const auto models = Chain();
  auto graph = ModelGraph::Build(models);
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(Names(*graph, graph->Downstream({2})), (Strings{"silver.b", "gold.c", "gold.d"}));
  EXPECT_TRUE(graph->Downstream({}).empty());
}

}  // namespace
}  // namespace tarn
