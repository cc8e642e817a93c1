#include "sql/duckdb/errors.h"

#include <cctype>
#include <new>

#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {
namespace {

constexpr char kKind[] = "tarn_kind";
constexpr char kMessage[] = "tarn_message";
constexpr char kDetail[] = "tarn_detail";
constexpr char kHint[] = "tarn_hint";

duckdb::ExceptionType ExceptionTypeOf(ErrorKind kind) {
  using duckdb::ExceptionType;
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return ExceptionType::INVALID_INPUT;
    case ErrorKind::kNotFound:
      return ExceptionType::CATALOG;
    case ErrorKind::kAlreadyExists:
      return ExceptionType::CATALOG;
    case ErrorKind::kConflict:
      return ExceptionType::TRANSACTION;
    case ErrorKind::kPermissionDenied:
      return ExceptionType::PERMISSION;
    case ErrorKind::kUnsupported:
      return ExceptionType::NOT_IMPLEMENTED;
    case ErrorKind::kCancelled:
      return ExceptionType::INTERRUPT;
    case ErrorKind::kResourceExhausted:
      return ExceptionType::OUT_OF_MEMORY;
    // DuckDB closes the whole database after its own INTERNAL errors: ours are not that.
    case ErrorKind::kInternal:
    case ErrorKind::kCommitUnknown:
    case ErrorKind::kUnavailable:
    case ErrorKind::kCorruption:
      return ExceptionType::IO;
  }
  return ExceptionType::IO;
}

ErrorKind KindOf(duckdb::ExceptionType type) {
  using duckdb::ExceptionType;
  switch (type) {
    case ExceptionType::TRANSACTION:
      return ErrorKind::kInvalidArgument;
    case ExceptionType::NOT_IMPLEMENTED:
    case ExceptionType::MISSING_EXTENSION:
    case ExceptionType::AUTOLOAD:
      return ErrorKind::kUnsupported;
    case ExceptionType::PERMISSION:
      return ErrorKind::kPermissionDenied;
    case ExceptionType::INTERRUPT:
      return ErrorKind::kCancelled;
    case ExceptionType::OUT_OF_MEMORY:
      return ErrorKind::kResourceExhausted;
    case ExceptionType::IO:
    case ExceptionType::HTTP:
    case ExceptionType::NETWORK:
    case ExceptionType::CONNECTION:
      return ErrorKind::kUnavailable;
    case ExceptionType::FATAL:
    case ExceptionType::INTERNAL:
    case ExceptionType::NULL_POINTER:
      return ErrorKind::kInternal;
    default:
      return ErrorKind::kInvalidArgument;
  }
}

/// Our style: lower case first letter (unless the first word is an acronym or a name), no full
/// stop.
std::string Tidy(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '.')) {
    text.pop_back();
  }
  if (text.size() > 1 && std::isupper(static_cast<unsigned char>(text[0])) &&
      std::islower(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

}  // namespace

void Throw(const Error& error) {
  duckdb::unordered_map<std::string, std::string> extra;
  extra[kKind] = std::to_string(static_cast<int>(error.kind));
  extra[kMessage] = error.message;
  extra[kDetail] = error.detail;
  extra[kHint] = error.hint;
  throw duckdb::Exception(extra, ExceptionTypeOf(error.kind), error.message);
}

Error FromDuckDb(const duckdb::ErrorData& error) {
  const auto& extra = error.ExtraInfo();
  if (const auto kind = extra.find(kKind); kind != extra.end()) {
    const auto text = [&extra](const char* key) {
      const auto found = extra.find(key);
      return found == extra.end() ? std::string() : found->second;
    };
    return Error{static_cast<ErrorKind>(std::stoi(kind->second)), text(kMessage), text(kDetail),
                 text(kHint)};
  }
  Error result;
  result.kind = KindOf(error.Type());
  std::string message = error.RawMessage();
  if (const size_t trace = message.find("\n\nStack Trace:"); trace != std::string::npos) {
    message.resize(trace);
  }
  // DuckDB appends the offending line after an empty line: "\n\nLINE 1: select …\n   ^".
  if (const size_t line = message.find("\n\nLINE "); line != std::string::npos) {
    result.detail = message.substr(line + 2);
    while (!result.detail.empty() && result.detail.back() == '\n') result.detail.pop_back();
    message.resize(line);
  }
  if (const size_t mean = message.find("\nDid you mean "); mean != std::string::npos) {
    result.hint = Tidy(message.substr(mean + 1));
    message.resize(mean);
  } else if (const size_t similar = message.find("\nCandidate bindings: ");
             similar != std::string::npos) {
    result.hint = Tidy(message.substr(similar + 1));
    message.resize(similar);
  }
  if (error.Type() == duckdb::ExceptionType::CATALOG &&
      message.find("does not exist") != std::string::npos) {
    result.kind = ErrorKind::kNotFound;
  } else if (message.find("already exists") != std::string::npos &&
             error.Type() == duckdb::ExceptionType::CATALOG) {
    result.kind = ErrorKind::kAlreadyExists;
  }
  if (result.kind == ErrorKind::kCancelled) message = "stopped by request";
  result.message = Tidy(std::move(message));
  return result;
}

Error FromException(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) {
    return ResourceExhausted("out of memory", "raise `limits: duckdb_memory_bytes`");
  }
  return FromDuckDb(duckdb::ErrorData(exception));
}

}  // namespace tarn::duck
