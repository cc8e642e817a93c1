#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

/// A fuzz target: one decoder of bytes that somebody else made. For any bytes it gives a value or
/// an error that names the input; it never crashes, takes more than a second, or allocates beyond
/// what the decoder's header promises.
///
/// ```
/// TARN_FUZZ_TARGET(puffin) {
///   const auto footer = ReadPuffinFooter(input, …, "input.puffin", nullptr);
///   if (!footer.ok()) return CheckError(footer.error(), "input.puffin");
///   … what holds for every value that the decoder gives: CheckThat(…)
/// }
/// ```
/// In the fuzz preset (TARN_LIBFUZZER) each target is libFuzzer's LLVMFuzzerTestOneInput in a
/// program of its own; elsewhere fuzz_replay_test finds it by its name.
namespace tarn::fuzz {

using Target = void (*)(std::string_view input);

/// Adds to what fuzz_replay_test runs.
struct Registration {
  Registration(const char* name, Target target);
};

/// Ends the process, saying what did not hold.
void CheckThat(bool holds, std::string_view what);
/// The error names the input, is of a kind that foreign bytes may lead to, and has a length that
/// people can read.
void CheckError(const Error& error, std::string_view name);

}  // namespace tarn::fuzz

#ifdef TARN_LIBFUZZER
#define TARN_FUZZ_TARGET(name)                                                 \
  static void name##Target(std::string_view input);                            \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {    \
    name##Target(std::string_view(reinterpret_cast<const char*>(data), size)); \
    return 0;                                                                  \
  }                                                                            \
  static void name##Target(std::string_view input)
#else
#define TARN_FUZZ_TARGET(name)                                                      \
  static void name##Target(std::string_view input);                                 \
  static const ::tarn::fuzz::Registration name##_registration(#name, name##Target); \
  static void name##Target(std::string_view input)
#endif
