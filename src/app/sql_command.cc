#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"

namespace tarn {
namespace {

constexpr auto kCancelPoll = std::chrono::milliseconds(50);

/// Interrupts the session while it works, when the user asks for a stop.
class Interrupter {
 public:
  Interrupter(Session& session, const CancelFlag& cancel)
      : thread_([this, &session, &cancel] {
          std::unique_lock lock(mutex_);
          while (!stop_.wait_for(lock, kCancelPoll, [&] { return done_; })) {
            if (cancel.requested()) session.Interrupt();
          }
        }) {}
  ~Interrupter() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    stop_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable stop_;
  bool done_ = false;
  std::thread thread_;
};

Status RunStatement(Session& session, const std::string& statement, OutputFormat format,
                    const Limits& limits) {
  TARN_ASSIGN_OR_RETURN(auto rows, session.Execute(statement));
  if (rows->returns_rows()) return PrintRows(*rows, format, limits, stdout);
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    if (batch == nullptr) break;
  }
  std::fprintf(stderr, "%s\n", rows->command_tag().c_str());
  return Status::Ok();
}

Status RunScript(Session& session, const std::string& text, OutputFormat format,
                 const Limits& limits) {
  TARN_ASSIGN_OR_RETURN(const auto statements, session.Split(text));
  for (const std::string& statement : statements) {
    TARN_RETURN_IF_ERROR(RunStatement(session, statement, format, limits));
  }
  return Status::Ok();
}

/// Whether the text ends a statement: the last token is ';'.
bool Complete(const std::string& text) {
  const size_t last = text.find_last_not_of(" \t\r\n");
  return last != std::string::npos && text[last] == ';';
}

void Interactive(Session& session, const std::string& catalog, OutputFormat format,
                 const Limits& limits) {
  std::fprintf(stderr, "tarn %s, lake \"%s\". End a statement with ';', leave with \\q.\n",
               TARN_VERSION, catalog.c_str());
  std::string pending, line;
  while (true) {
    std::fprintf(stderr, "%s%s ", catalog.c_str(), pending.empty() ? "=>" : "->");
    if (!std::getline(std::cin, line)) break;
    if (pending.empty() && (line == "\\q" || line == "exit" || line == "quit")) break;
    if (pending.empty() && line == "\\d") line = "SHOW ALL TABLES;";
    pending += line + "\n";
    if (!Complete(pending)) continue;
    const Status status = RunScript(session, pending, format, limits);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
    pending.clear();
  }
}

struct SqlFlags {
  std::vector<std::string> commands;
  std::string format;
  std::string file;
  int64_t at = -1;
};

void RunSql(CommandContext& context, const SqlFlags& flags) {
  static const std::map<std::string, OutputFormat> formats = {{"table", OutputFormat::kTable},
                                                              {"csv", OutputFormat::kCsv},
                                                              {"json", OutputFormat::kJson},
                                                              {"parquet", OutputFormat::kParquet},
                                                              {"arrow", OutputFormat::kArrow}};
  OutputFormat format = IsTerminal(stdout) ? OutputFormat::kTable : OutputFormat::kCsv;
  if (!flags.format.empty()) format = formats.at(flags.format);
  if (IsTerminal(stdout) && (format == OutputFormat::kParquet || format == OutputFormat::kArrow)) {
    OrFail(InvalidArgument("the format " + flags.format + " is not for a terminal",
                           "send the output to a file: tarn sql … --format " + flags.format +
                               " > out." + flags.format));
  }
  auto wired = OrFail(WireProject(context.Wire(StateUse::kRequire)));
  SessionOptions options;
  if (flags.at >= 0) options.at = Sequence(flags.at);
  auto session = OrFail(wired->engine->NewSession(options));
  const Limits& limits = wired->open.spec.limits;
  if (flags.commands.empty() && isatty(STDIN_FILENO) == 1) {
    Interactive(*session, wired->open.spec.catalog, format, limits);
    return;
  }
  Interrupter interrupter(*session, *context.cancel);
  if (flags.commands.empty()) {
    std::ostringstream text;
    text << std::cin.rdbuf();
    OrFail(RunScript(*session, text.str(), format, limits));
    return;
  }
  for (const std::string& command : flags.commands) {
    OrFail(RunScript(*session, command, format, limits));
  }
}

}  // namespace

void AddSqlCommand(CLI::App& app, CommandContext& context) {
  auto flags = std::make_shared<SqlFlags>();
  CLI::App* sql = app.add_subcommand("sql", "run SQL on the lake and the live sources");
  sql->add_option("-c,--command", flags->commands,
                  "statements to run (default: a shell, or standard input)");
  sql->add_option("--format", flags->format, "table, csv, json, parquet or arrow")
      ->check(CLI::IsMember({"table", "csv", "json", "parquet", "arrow"}));
  sql->add_option("--at", flags->at, "show the lake as it was at this sequence number")
      ->check(CLI::Range(int64_t{0}, INT64_MAX));
  sql->footer("Example: tarn sql -c 'SELECT * FROM gold.customer_counts' --format csv");
  sql->callback([&context, flags] { RunSql(context, *flags); });
}

}  // namespace tarn
