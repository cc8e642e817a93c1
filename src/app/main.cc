#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/output.h"
#include "base/log.h"
#include "base/nearest.h"

namespace {

tarn::CancelFlag g_cancel;

/// The first signal asks for a clean stop, the second one ends the process: every step can be
/// repeated.
void HandleSignal(int signal_number) {
  if (g_cancel.requested()) {
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
  }
  g_cancel.Request();
}

/// A first word that names no command is told as such, with the nearest one.
std::optional<tarn::Error> UnknownCommand(const CLI::App& app, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--project" || word == "--env") {
      ++i;
      continue;
    }
    if (word.empty() || word[0] == '-') continue;
    std::vector<std::string> commands;
    for (const CLI::App* command : app.get_subcommands({})) commands.push_back(command->get_name());
    if (std::find(commands.begin(), commands.end(), word) != commands.end()) return std::nullopt;
    const auto nearest = tarn::NearestName(word, commands);
    return tarn::InvalidArgument(
        "there is no command \"" + word + "\"",
        nearest ? "did you mean `tarn " + *nearest + "`?" : "see `tarn --help`");
  }
  return std::nullopt;
}

int PrintError(const tarn::Error& error) {
  std::fprintf(stderr, "tarn: %s\n", error.ToString().c_str());
  return tarn::kExitFailed;
}

int Run(int argc, char** argv) {
  std::signal(SIGINT, HandleSignal);
  std::signal(SIGTERM, HandleSignal);
  std::signal(SIGPIPE, SIG_IGN);
  // A file beyond `ulimit -f` is an error of the write, which names the file.
  std::signal(SIGXFSZ, SIG_IGN);

  CLI::App app{
      "tarn: a data lakehouse in one program.\n"
      "One folder with a tarn.yaml says what should exist; `tarn apply` makes it so."};
  app.set_version_flag("--version", TARN_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("Begin with: tarn init pagila && cd pagila && cat README.md");
  tarn::CommandContext context;
  context.cancel = &g_cancel;
  bool verbose = false;
  app.add_option("--project", context.project,
                 "folder that holds tarn.yaml (default: the current one or one above)");
  app.add_option("--env", context.environment, "environment of tarn.yaml");
  app.add_flag("-v,--verbose", verbose, "log what happens to standard error");
  app.parse_complete_callback([&] {
    if (verbose) tarn::SetLogLevel(tarn::LogLevel::kDebug);
  });
  tarn::AddInitCommand(app, context);
  tarn::AddDeployCommands(app, context);
  tarn::AddSqlCommand(app, context);
  tarn::AddInspectCommands(app, context);
  tarn::AddCheckCommand(app, context);
  tarn::AddMaintainCommand(app, context);
  tarn::AddUpCommand(app, context);
  tarn::AddResyncCommand(app, context);

  if (const auto unknown = UnknownCommand(app, argc, argv)) {
    PrintError(*unknown);
    return tarn::kExitUsage;
  }
  try {
    app.parse(argc, argv);
    return context.exit_code;
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? tarn::kExitDone : tarn::kExitUsage;
  } catch (const tarn::CommandFailed& failed) {
    return PrintError(failed.error);
  } catch (const std::bad_alloc&) {
    return PrintError(tarn::ResourceExhausted("out of memory"));
  } catch (const std::exception& error) {
    return PrintError(tarn::Internal(error.what()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int code = Run(argc, argv);
  // A result that nobody got is none, whatever was done.
  errno = 0;
  const int error = std::fflush(stdout) == 0 ? 0 : errno;
  const bool written = error == 0 && std::ferror(stdout) == 0;
  if (written || code == tarn::kExitFailed) return code;
  return PrintError(tarn::WriteError(error));
}
