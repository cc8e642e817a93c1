#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace tarn::testing {

/// What test servers share. Nothing here returns on failure: the test program aborts with the
/// reason, because a test without its server proves nothing.
[[noreturn]] void Die(const std::string& why);

/// Servers refuse root: whatever they own is the user `postgres`'s, when this process is root.
void GiveToServerUser(const std::string& path);

enum class As { kServerUser, kServerUserUntilWeDie };
/// Starts `command` with its output appended to `log`; `death_signal` is sent when we die.
pid_t Spawn(const std::vector<std::string>& command, const std::string& log, As as,
            int death_signal = 3);
/// The exit status, 128 for a signal.
int Wait(pid_t pid);
void RunOrDie(const std::vector<std::string>& command);

std::string Contents(const std::string& path);
int FreePort();
/// A directory of the server's user, of this process alone.
std::string TemporaryDirectory(const std::string& name);

/// A directory that is made once and kept for all test programs of this user: `make` fills a
/// directory, `proof` is a file in it that tells that it is whole; output goes to
/// `<directory>.log`.
std::string MadeOnce(const std::string& name, const std::string& proof,
                     const std::function<void(const std::string&)>& make);

}  // namespace tarn::testing
