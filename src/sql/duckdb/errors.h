#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace duckdb {
class ErrorData;
}

namespace tarn::duck {

/// The wall between Results and DuckDB's exceptions. Inside callbacks that DuckDB calls, Throw()
/// turns an Error into its exception; Guard() at our own edge turns any exception into a Result.
/// An Error that went in comes out with its kind, detail and hint.

/// Throws DuckDB's exception that carries `error`.
[[noreturn]] void Throw(const Error& error);
inline void ThrowIfError(const Status& status) {
  if (!status.ok()) Throw(status.error());
}
template <typename T>
T ValueOrThrow(Result<T> result) {
  if (!result.ok()) Throw(result.error());
  return std::move(result).value();
}

/// What DuckDB's error means to a caller. `LINE x: …^` of its message becomes the detail.
Error FromDuckDb(const duckdb::ErrorData& error);
/// The same for a caught exception of any kind (also bad_alloc).
Error FromException(const std::exception& exception);

/// Calls `function` (which returns a Result or Status) and catches what it throws.
template <typename Function>
auto Guard(Function&& function) -> decltype(function()) {
  try {
    return std::forward<Function>(function)();
  } catch (const std::exception& exception) {
    return FromException(exception);
  }
}

}  // namespace tarn::duck
