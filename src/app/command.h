#pragma once

#include <string>

#include "app/wiring.h"
#include "base/cancel.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace tarn {

/// How a command ends, beside its errors.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitChanges = 3,  ///< `plan`: there are changes
};

/// What every command shares.
struct CommandContext {
  std::string project;
  std::string environment;
  CancelFlag* cancel = nullptr;
  int exit_code = kExitDone;

  WireOptions Wire(StateUse state) const;
};

/// Asks on standard error, reads standard input. Without a terminal: an error that names -y.
/// Cancelled unless the answer is yes, also when a stop is requested before there is one.
Status Confirm(const std::string& question, const CancelFlag& cancel);

/// \name Each adds one or more subcommands with their options to the program.
/// @{
void AddInitCommand(CLI::App& app, CommandContext& context);
void AddDeployCommands(CLI::App& app, CommandContext& context);  // plan, apply, destroy, run
void AddSqlCommand(CLI::App& app, CommandContext& context);
void AddInspectCommands(CLI::App& app,
                        CommandContext& context);  // status, ls, show, history, lineage
void AddCheckCommand(CLI::App& app, CommandContext& context);
void AddMaintainCommand(CLI::App& app, CommandContext& context);
void AddResyncCommand(CLI::App& app, CommandContext& context);
void AddUpCommand(CLI::App& app, CommandContext& context);
/// @}

/// The error of a command, carried through CLI11 to main's wall.
struct CommandFailed {
  Error error;
};
/// Throws CommandFailed unless ok. Only for command callbacks.
void OrFail(const Status& status);
template <typename T>
T OrFail(Result<T> result) {
  if (!result.ok()) OrFail(result.status());
  return std::move(result).value();
}

}  // namespace tarn
