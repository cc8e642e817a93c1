#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include <arrow/record_batch.h>
#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "app/sql_shell.h"
#include "app/value_text.h"
#include "base/clock.h"
#include "base/time_zone.h"
#include "pipeline/interrupter.h"

namespace tarn {
namespace {

enum class Timing { kQuiet, kTold };

/// Runs statements of one session and prints what they give.
class StatementRunner {
 public:
  StatementRunner(Session& session, OutputFormat format, Timing timing, const Limits& limits)
      : session_(session), format_(format), timing_(timing), limits_(limits) {}

  Status RunAll(const std::string& text) {
    TARN_ASSIGN_OR_RETURN(const auto statements, session_.Split(text));
    for (const std::string& statement : statements) {
      const int64_t began_micros = SystemClock().MonotonicMicros();
      const std::clock_t cpu_began = std::clock();
      TARN_RETURN_IF_ERROR(Run(statement));
      if (timing_ == Timing::kQuiet) continue;
      std::fprintf(stderr, "time: %.6f s, of all processors %.6f s\n",
                   static_cast<double>(SystemClock().MonotonicMicros() - began_micros) / 1e6,
                   static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC);
    }
    return Status::Ok();
  }

 private:
  Status Run(const std::string& statement) {
    std::string tag;
    {
      TARN_ASSIGN_OR_RETURN(auto rows, session_.Execute(statement));
      if (rows->returns_rows()) {
        return PrintRows(*rows, format_, limits_, zone_ ? &*zone_ : nullptr, stdout);
      }
      while (true) {
        TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
        if (batch == nullptr) break;
      }
      tag = rows->command_tag();
    }
    if (tag == "SET" || tag == "RESET") TARN_RETURN_IF_ERROR(FollowTimeZone());
    std::fprintf(stderr, "%s\n", tag.c_str());
    return Status::Ok();
  }

  /// The session's time zone is that of what is printed.
  Status FollowTimeZone() {
    TARN_ASSIGN_OR_RETURN(auto rows, session_.Execute("SELECT current_setting('TimeZone')"));
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
    std::string name;
    if (batch != nullptr) AppendText(*batch->column(0), 0, nullptr, &name);
    rows.reset();
    zone_.reset();
    if (name == "UTC") return Status::Ok();
    auto zone = TimeZone::Load(name);
    if (!zone.ok()) {
      // Casts of the session and what is printed never speak of two zones.
      TARN_RETURN_IF_ERROR(session_.Run("SET TimeZone = 'UTC'"));
      return zone.status();
    }
    zone_ = std::move(zone).value();
    return Status::Ok();
  }

  Session& session_;
  const OutputFormat format_;
  const Timing timing_;
  const Limits& limits_;
  std::optional<TimeZone> zone_;  ///< empty: UTC
};

struct SqlFlags {
  std::vector<std::string> commands;
  std::string format;
  bool timing = false;
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
  const InterruptibleSession session =
      OrFail(InterruptibleSession::Open(*wired->engine, options, context.cancel));
  StatementRunner runner(*session, format, flags.timing ? Timing::kTold : Timing::kQuiet,
                         wired->open.spec.limits);
  if (flags.commands.empty() && isatty(STDIN_FILENO) == 1) {
    ShellOptions shell;
    shell.catalog = wired->open.spec.catalog;
    shell.cancel = context.cancel;
    shell.run = [&](const std::string& text) { return runner.RunAll(text); };
    RunShell(shell);
    return;
  }
  if (flags.commands.empty()) {
    std::ostringstream text;
    text << std::cin.rdbuf();
    OrFail(runner.RunAll(text.str()));
    return;
  }
  for (const std::string& command : flags.commands) {
    OrFail(runner.RunAll(command));
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
  sql->add_flag("--timing", flags->timing, "tell on standard error how long each statement took");
  sql->footer("Example: tarn sql -c 'SELECT * FROM gold.customer_counts' --format csv");
  sql->callback([&context, flags] { RunSql(context, *flags); });
}

}  // namespace tarn
