#include "target.h"

#include <cstdio>
#include <cstdlib>

namespace tarn::fuzz {
namespace {

/// What foreign text an error may quote is cut where it is quoted.
constexpr size_t kMessageBytesMax = 16 << 10;

[[noreturn]] void Fail(std::string_view what, std::string_view more) {
  std::fprintf(stderr, "fuzz: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(more.size()), more.data());
  std::abort();
}

}  // namespace

void CheckThat(bool holds, std::string_view what) {
  if (!holds) Fail("does not hold", what);
}

void CheckError(const Error& error, std::string_view name) {
  const std::string text = error.ToString();
  if (text.find(name) == std::string::npos) Fail("an error that does not name its input", text);
  if (text.size() > kMessageBytesMax) Fail("an endless error", text);
  switch (error.kind) {
    case ErrorKind::kCorruption:
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kUnsupported:
    case ErrorKind::kResourceExhausted:
      return;
    default:
      Fail("an error of a kind that foreign bytes cannot lead to", text);
  }
}

}  // namespace tarn::fuzz
