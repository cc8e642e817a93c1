#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "app/terminal_progress.h"
#include "base/json.h"
#include "base/text.h"
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

std::string SummaryOf(const TableMetadata& metadata, const char* key) {
  const Snapshot* snapshot = metadata.current();
  if (snapshot == nullptr) return "0";
  auto it = snapshot->summary.find(key);
  return it == snapshot->summary.end() ? "?" : it->second;
}

std::string Thousands(const std::string& number) {
  const bool digits =
      !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  return digits && number.size() < 18 ? WithThousands(std::stoll(number)) : number;
}

std::string Bytes(const std::string& number) {
  const bool digits =
      !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  return digits && number.size() < 18 ? ByteText(std::stoll(number)) : number;
}

void PrintJsonRows(const std::vector<std::string>& head,
                   const std::vector<std::vector<std::string>>& rows) {
  Json list = Json::array();
  for (const auto& row : rows) {
    Json object = Json::object();
    for (size_t i = 0; i < head.size(); ++i) object[head[i]] = row[i];
    list.push_back(std::move(object));
  }
  std::printf("%s\n", DumpJson(list, 2).c_str());
}

void Print(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows,
           bool json) {
  if (json) {
    PrintJsonRows(head, rows);
  } else {
    PrintTexts(head, rows, stdout);
  }
}

void RunList(CommandContext& context, const std::string& schema, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  std::optional<std::string> only;
  if (!schema.empty()) only = schema;
  std::vector<std::vector<std::string>> rows;
  for (const TableEntry& table : OrFail(wired->catalog->ListTables(only, std::nullopt))) {
    const auto metadata = OrFail(LoadTableMetadata(*wired->store, table.metadata_location));
    rows.push_back({table.name.ToString(), "table", SummaryOf(*metadata, "total-records"),
                    SummaryOf(*metadata, "total-files-size"), table.owner});
    if (!json && IsTerminal(stdout)) {
      rows.back()[2] = Thousands(rows.back()[2]);
      rows.back()[3] = Bytes(rows.back()[3]);
    }
  }
  for (const ViewEntry& view : OrFail(wired->catalog->ListViews(only, std::nullopt))) {
    rows.push_back({view.name.ToString(), "view", "", "", view.owner});
  }
  std::sort(rows.begin(), rows.end());
  Print({"name", "kind", "rows", "bytes", "owner"}, rows, json);
}

void RunStatus(CommandContext& context, bool json) {
  constexpr int64_t kRunsShown = 20;
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  Catalog& catalog = *wired->catalog;
  const AliveObjects alive = OrFail(LoadAliveObjects(catalog));
  const auto pending = OrFail(catalog.PendingPublications({.limit = 1000}));
  const auto runs = OrFail(catalog.ListRuns(kRunsShown));
  if (!json) {
    std::printf("project %s, lake %s in %s, sequence %lld\n", wired->open.spec.name.c_str(),
                wired->open.spec.catalog.c_str(), wired->store->root_uri().c_str(),
                static_cast<long long>(OrFail(catalog.CurrentSequence()).value()));
    for (const auto& [name, source] : alive.sources) {
      const auto tables = std::count_if(alive.tables.begin(), alive.tables.end(),
                                        [&, source_name = name](const auto& entry) {
                                          return entry.second.source == source_name;
                                        });
      std::printf("source %s: %s, %s, %lld tables\n", name.c_str(), source.address.c_str(),
                  source.mode.c_str(), static_cast<long long>(tables));
    }
    if (!pending.empty()) {
      std::printf("%zu commits wait for their Delta log entries\n", pending.size());
    }
  }
  std::vector<std::vector<std::string>> rows;
  for (const RunRecord& run : runs) {
    const std::string took =
        run.finished_micros ? DurationText(*run.finished_micros - run.started_micros) : "";
    rows.push_back({FormatUtc(run.started_micros).substr(0, 19) + "Z", run.kind, run.name,
                    run.status, std::to_string(run.rows), took, run.error});
  }
  Print({"started", "kind", "name", "status", "rows", "took", "error"}, rows, json);
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
  std::vector<std::vector<std::string>> rows = {
      {"table", table.name.ToString()},
      {"made by", table.owner.empty() ? "hand" : table.owner},
      {"location", table.location},
      {"iceberg", table.location + "/metadata/v" + version + ".metadata.json"},
      {"delta", table.location + " (version " + std::to_string(table.version - 1) + ")"},
      {"sequence", std::to_string(table.sequence.value())},
      {"rows", Thousands(SummaryOf(*metadata, "total-records"))},
      {"files", Thousands(SummaryOf(*metadata, "total-data-files"))},
      {"bytes", Bytes(SummaryOf(*metadata, "total-files-size"))},
      {"key", JoinJson(facts["key"])},
      {"partition", JoinJson(facts["partition"])}};
  for (const auto& [name, value] : metadata->properties) rows.push_back({name, value});
  for (const Field& field : metadata->schema().fields) {
    rows.push_back(
        {"column " + field.name,
         field.type.ToString() + (field.nullability == Nullability::kRequired ? " not null" : "")});
  }
  Print({"property", "value"}, rows, json);
}

void RunHistory(CommandContext& context, const std::string& text, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const TableEntry table = OrFail(wired->catalog->LoadTable(ParseName(text), std::nullopt));
  const auto states = OrFail(wired->catalog->TableHistory(table.uuid));
  std::vector<std::vector<std::string>> rows;
  for (const TableEntry& state : states) {
    auto metadata = LoadTableMetadata(*wired->store, state.metadata_location);
    if (!metadata.ok()) {
      rows.push_back({std::to_string(state.version), std::to_string(state.sequence.value()), "", "",
                      "", metadata.error().message});
      continue;
    }
    const Snapshot* snapshot = (*metadata)->current();
    rows.push_back({std::to_string(state.version), std::to_string(state.sequence.value()),
                    FormatUtc((*metadata)->last_updated_ms * 1000).substr(0, 19) + "Z",
                    snapshot == nullptr ? "" : std::to_string(snapshot->id.value()),
                    snapshot == nullptr ? "create" : snapshot->summary.at("operation"),
                    SummaryOf(**metadata, "total-records") + " rows"});
  }
  Print({"version", "sequence", "at", "snapshot", "operation", "state"}, rows, json);
}

/// Prints what a model is made of, column by column, or who mirrors a table.
void RunLineage(CommandContext& context, const std::string& text, bool json) {
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  const TableName name = ParseName(text);
  std::vector<std::vector<std::string>> rows;
  const AliveObjects alive = OrFail(LoadAliveObjects(*wired->catalog));
  for (const auto& [object, table] : alive.tables) {
    if (table.target == name) {
      rows.push_back({"*", "source " + table.source, table.schema + "." + table.table, "*"});
    }
  }
  for (const Model& model : wired->open.spec.models) {
    if (model.name != name) continue;
    const QueryAnalysis analysis = OrFail(wired->engine->Analyze(model.sql, {}));
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
  Print({"column", "from", "table", "of column"}, rows, json);
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
