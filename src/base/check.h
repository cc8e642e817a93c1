#pragma once

namespace tarn {

/// Prints where and what, then aborts. A crash is safe: every step of Tarn can be repeated.
[[noreturn]] void CheckFailed(const char* file, int line, const char* what);

}  // namespace tarn

/// Assertions on our own invariants; they stay on in release builds. Never for users' input.
#define TARN_CHECK(condition) TARN_CHECK_MSG(condition, #condition)
#define TARN_CHECK_MSG(condition, what) \
  ((condition) ? static_cast<void>(0) : ::tarn::CheckFailed(__FILE__, __LINE__, what))
