#pragma once

#include <string_view>

namespace tarn {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Writes one line to standard error: "2026-11-21T04:05:06.123456Z level message".
/// Line breaks inside the message become spaces, so that a message is one line. Never secrets.
/// Threads: may be called concurrently; lines are never mixed.
void Log(LogLevel level, std::string_view message);
/// Lines below this level are dropped. Default: kWarning.
void SetLogLevel(LogLevel level);

}  // namespace tarn
