#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "app/source_status.h"
#include "app/terminal_progress.h"
#include "base/json.h"
#include "base/text.h"
#include "pipeline/history_columns.h"
#include "pipeline/transform/model_error.h"
#include "project/objects.h"

namespace tarn {
namespace {

TableName ParseName(const std::string& text) {
  const auto parts = OrFail(SplitName(text));
  if (parts.size() != 2) {
    OrFail(InvalidArgument("\"" + text + "\" is not of the form schema.table", "see `tarn ls`"));
  }
  return {parts[0], parts[1]};
}

/// A number of the current snapshot's summary; 0 before the first one, null where it is not told.
Json SummaryOf(const TableMetadata& metadata, const char* key) {
  const Snapshot* snapshot = metadata.current();
  if (snapshot == nullptr) return 0;
  auto it = snapshot->summary.find(key);
  if (it == snapshot->summary.end()) return nullptr;
  int64_t number = 0;
  const char* end = it->second.data() + it->second.size();
  const auto [last, code] = std::from_chars(it->second.data(), end, number);
  return code == std::errc() && last == end ? Json(number) : Json(nullptr);
}

using Formatter = std::string (*)(int64_t);

/// As a person reads it: nothing for null, numbers by `format` on a terminal.
std::string Text(const Json& value, Formatter format) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_integer()) return DumpJson(value);
  const auto number = value.get<int64_t>();
  return format != nullptr && IsTerminal(stdout) ? format(number) : std::to_string(number);
}

struct Column {
  const char* name;
  Formatter format = nullptr;
};

Json Objects(const std::vector<Column>& head, const std::vector<std::vector<Json>>& rows) {
  Json list = Json::array();
  for (const auto& row : rows) {
    Json object = Json::object();
    for (size_t i = 0; i < head.size(); ++i) object[head[i].name] = row[i];
    list.push_back(std::move(object));
  }
  return list;
}

/// Rows of plain values: as a list of objects, or as aligned texts.
void Print(const std::vector<Column>& head, const std::vector<std::vector<Json>>& rows, bool json) {
  if (json) {
    std::printf("%s\n", DumpJson(Objects(head, rows), 2).c_str());
    return;
  }
  std::vector<std::string> names;
  for (const Column& column : head) names.push_back(column.name);
  std::vector<std::vector<std::string>> texts;
  for (const auto& row : rows) {
    texts.emplace_back();
    for (size_t i = 0; i < head.size(); ++i) texts.back().push_back(Text(row[i], head[i].format));
  }
  PrintTexts(names, texts, stdout);
}

/// Texts that are empty are unknown in JSON.
Json TextOrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

void RunList(CommandContext& context, const std::string& schema, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  std::optional<std::string> only;
  if (!schema.empty()) only = schema;
  std::vector<std::vector<Json>> rows;
  for (const TableEntry& table : OrFail(wired->catalog->ListTables(only, std::nullopt))) {
    const auto metadata = OrFail(LoadTableMetadata(*wired->store, table.metadata_location));
    rows.push_back({table.name.ToString(), "table", SummaryOf(*metadata, "total-records"),
                    SummaryOf(*metadata, "total-files-size"), table.owner});
  }
  for (const ViewEntry& view : OrFail(wired->catalog->ListViews(only, std::nullopt))) {
    rows.push_back({view.name.ToString(), "view", nullptr, nullptr, view.owner});
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a[0] < b[0]; });
  Print({{"name"}, {"kind"}, {"rows", WithThousands}, {"bytes", ByteText}, {"owner"}}, rows, json);
}

void RunStatus(CommandContext& context, bool json) {
  constexpr int64_t kRunsShown = 20;
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  Catalog& catalog = *wired->catalog;
  const AliveObjects alive = OrFail(LoadAliveObjects(catalog));
  const auto pending = OrFail(catalog.PendingPublications({.limit = 1000}));
  const auto runs = OrFail(catalog.ListRuns(kRunsShown));
  const auto sources = OrFail(CollectSourceStatus(*wired, alive));
  if (!json) {
    std::printf("project %s, lake %s in %s, sequence %lld\n", wired->open.spec.name.c_str(),
                wired->open.spec.catalog.c_str(), wired->store->root_uri().c_str(),
                static_cast<long long>(OrFail(catalog.CurrentSequence()).value()));
    for (const SourceStatus& source : sources) {
      for (const std::string& line : SourceStatusLines(source)) std::printf("%s\n", line.c_str());
    }
    if (!pending.empty()) {
      std::printf("%zu commits wait for their Delta log entries\n", pending.size());
    }
  }
  std::vector<std::vector<Json>> rows;
  for (const RunRecord& run : runs) {
    Json took = nullptr;
    if (run.finished_micros) {
      const int64_t micros = *run.finished_micros - run.started_micros;
      took = json ? Json(micros / 1000) : Json(DurationText(micros));
    }
    rows.push_back({FormatUtc(run.started_micros).substr(0, 19) + "Z", run.kind, run.name,
                    run.status, run.rows, took, TextOrNull(run.error)});
  }
  const std::vector<Column> head = {{"started"},
                                    {"kind"},
                                    {"name"},
                                    {"status"},
                                    {"rows", WithThousands},
                                    {json ? "took_ms" : "took"},
                                    {"error"}};
  if (!json) {
    Print(head, rows, false);
    return;
  }
  Json out = {{"project", wired->open.spec.name},
              {"catalog", wired->open.spec.catalog},
              {"warehouse", wired->store->root_uri()},
              {"sequence", OrFail(catalog.CurrentSequence()).value()},
              {"pending_publications", pending.size()},
              {"sources", Json::array()},
              {"runs", Objects(head, rows)}};
  for (const SourceStatus& source : sources) out["sources"].push_back(SourceStatusJson(source));
  std::printf("%s\n", DumpJson(out, 2).c_str());
}

std::string PartitionText(const TableMetadata& metadata, const PartitionField& field) {
  const Field* source = metadata.schema().Find(field.source_id);
  const std::string column = source == nullptr ? "?" : source->name;
  return field.transform.kind == Transform::Kind::kIdentity
             ? column
             : field.transform.ToString() + "(" + column + ")";
}

Json ShowJson(const TableEntry& table, const TableMetadata& metadata) {
  Json out = {{"table", table.name.ToString()},
              {"owner", table.owner},
              {"uuid", table.uuid},
              {"location", table.location},
              {"version", table.version},
              {"sequence", table.sequence.value()},
              {"rows", SummaryOf(metadata, "total-records")},
              {"files", SummaryOf(metadata, "total-data-files")},
              {"bytes", SummaryOf(metadata, "total-files-size")}};
  Json key = Json::array(), partition = Json::array(), columns = Json::array();
  for (FieldId id : metadata.schema().identifier_fields) {
    const Field* field = metadata.schema().Find(id);
    if (field != nullptr) key.push_back(field->name);
  }
  for (const PartitionField& field : metadata.spec().fields) {
    partition.push_back(PartitionText(metadata, field));
  }
  for (const Field& field : metadata.schema().fields) {
    columns.push_back({{"name", field.name},
                       {"type", field.type.ToString()},
                       {"required", field.nullability == Nullability::kRequired}});
  }
  out["key"] = key;
  out["partition"] = partition;
  out["columns"] = columns;
  out["properties"] = Json::object();
  for (const auto& [name, value] : metadata.properties) out["properties"][name] = value;
  return out;
}

std::string JoinJson(const Json& list) {
  std::vector<std::string> parts;
  for (const Json& item : list) parts.push_back(item.get<std::string>());
  return Join(parts, ", ");
}

void RunShow(CommandContext& context, const std::string& text, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const TableEntry table = OrFail(wired->catalog->LoadTable(ParseName(text), std::nullopt));
  const auto metadata = OrFail(LoadTableMetadata(*wired->store, table.metadata_location));
  const Json facts = ShowJson(table, *metadata);
  if (json) {
    std::printf("%s\n", DumpJson(facts, 2).c_str());
    return;
  }
  const std::string version = std::to_string(table.version);
  std::vector<std::vector<Json>> rows = {
      {"table", table.name.ToString()},
      {"made by", table.owner.empty() ? "hand" : table.owner},
      {"location", table.location},
      {"iceberg", table.location + "/metadata/v" + version + ".metadata.json"},
      {"delta", table.location + " (version " + std::to_string(table.version - 1) + ")"},
      {"sequence", std::to_string(table.sequence.value())},
      {"rows", Text(facts["rows"], WithThousands)},
      {"files", Text(facts["files"], WithThousands)},
      {"bytes", Text(facts["bytes"], ByteText)},
      {"key", JoinJson(facts["key"])},
      {"partition", JoinJson(facts["partition"])}};
  for (const auto& [name, value] : metadata->properties) rows.push_back({name, value});
  for (const Field& field : metadata->schema().fields) {
    rows.push_back(
        {"column " + field.name,
         field.type.ToString() + (field.nullability == Nullability::kRequired ? " not null" : "")});
  }
  Print({{"property"}, {"value"}}, rows, json);
}

/// A state's time, snapshot, operation, rows and error.
std::vector<Json> StateFacts(ObjectStore& store, const std::string& metadata_location) {
  const auto metadata = LoadTableMetadata(store, metadata_location);
  if (!metadata.ok()) return {nullptr, nullptr, nullptr, nullptr, metadata.error().message};
  const Snapshot* snapshot = (*metadata)->current();
  return {FormatUtc((*metadata)->last_updated_ms * 1000).substr(0, 19) + "Z",
          snapshot == nullptr ? Json(nullptr) : Json(snapshot->id.value()),
          snapshot == nullptr ? "create" : snapshot->summary.at("operation"),
          SummaryOf(**metadata, "total-records"), nullptr};
}

void RunHistory(CommandContext& context, const std::string& text, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const TableEntry table = OrFail(wired->catalog->LoadTable(ParseName(text), std::nullopt));
  const auto states = OrFail(wired->catalog->TableHistory(table.uuid));
  // A table that got another name is in another state, of the same metadata.
  std::map<std::string, std::vector<Json>> known;
  std::vector<std::vector<Json>> rows;
  for (const TableEntry& state : states) {
    auto found = known.find(state.metadata_location);
    if (found == known.end()) {
      found =
          known.emplace(state.metadata_location, StateFacts(*wired->store, state.metadata_location))
              .first;
    }
    rows.push_back({state.version, state.sequence.value()});
    rows.back().insert(rows.back().end(), found->second.begin(), found->second.end());
  }
  Print({{"version"},
         {"sequence"},
         {"at"},
         {"snapshot"},
         {"operation"},
         {"rows", WithThousands},
         {"error"}},
        rows, json);
}

QueryAnalysis LocatedAnalysis(SqlEngine& engine, const Model& model) {
  auto analysis = engine.Analyze(model.sql, {});
  if (!analysis.ok()) OrFail(InModelFile(model, analysis.status()));
  return std::move(analysis).value();
}

/// Prints what a model is made of, column by column, or who mirrors a table.
void RunLineage(CommandContext& context, const std::string& text, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const TableName name = ParseName(text);
  std::vector<std::vector<Json>> rows;
  const AliveObjects alive = OrFail(LoadAliveObjects(*wired->catalog));
  for (const auto& [object, table] : alive.tables) {
    if (table.target == name || (table.history && HistoryOf(table.target) == name)) {
      rows.push_back({"*", "source " + table.source, table.schema + "." + table.table, "*"});
    }
  }
  for (const Model& model : wired->open.spec.models) {
    if (model.name != name) continue;
    const QueryAnalysis analysis = LocatedAnalysis(*wired->engine, model);
    for (const QueryColumn& column : analysis.columns) {
      if (column.origins.empty()) rows.push_back({column.name, "", "", ""});
      for (const auto& [table, origin] : column.origins) {
        const size_t dot = table.find('.');
        rows.push_back({column.name, table.substr(0, dot), table.substr(dot + 1), origin});
      }
    }
  }
  if (rows.empty()) {
    OrFail(NotFound("nothing is known of where " + text + " comes from",
                    "lineage is told for models and for tables that a source is loaded into"));
  }
  Print({{"column"}, {"from"}, {"table"}, {"of column"}}, rows, json);
}

}  // namespace

void AddInspectCommands(CLI::App& app, CommandContext& context) {
  struct Flags {
    std::string name;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  auto add = [&](const char* command, const char* about, const char* argument, bool required,
                 const char* example, void (*run)(CommandContext&, const std::string&, bool)) {
    CLI::App* sub = app.add_subcommand(command, about);
    if (argument != nullptr) {
      CLI::Option* option = sub->add_option(argument, flags->name, "schema.table");
      if (required) option->required();
    }
    sub->add_flag("--json", flags->json, "print JSON");
    sub->footer(std::string("Example: ") + example);
    sub->callback([&context, flags, run] { run(context, flags->name, flags->json); });
  };
  add("status", "sources, recent runs, what is pending", nullptr, false, "tarn status",
      [](CommandContext& c, const std::string&, bool json) { RunStatus(c, json); });
  add("ls", "tables and views", "schema", false, "tarn ls bronze", RunList);
  add("show", "one table: place, columns, size", "table", true, "tarn show gold.customer_counts",
      RunShow);
  add("history", "the states of a table", "table", true, "tarn history bronze.customer",
      RunHistory);
  add("lineage", "what a table's columns are made of", "table", true,
      "tarn lineage gold.customer_counts", RunLineage);
}

}  // namespace tarn
