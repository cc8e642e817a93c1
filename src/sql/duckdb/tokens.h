#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// The tokens of a statement that DuckDB's parser does not know, without comments. Borrows the
/// text.
class Tokens {
 public:
  explicit Tokens(const std::string& sql);

  size_t size() const { return starts_.size(); }
  /// Where a token begins; the text's end behind the last one.
  size_t start(size_t i) const { return i < starts_.size() ? starts_[i] : sql_.size(); }
  /// Whether a token is this word, which is written in capitals here, or sign.
  bool Is(size_t i, std::string_view word) const;
  /// The same of several, one after the other, of which `i` is moved behind the last.
  bool Take(size_t& i, std::initializer_list<std::string_view> words) const;
  /// A name of up to `parts_max` parts with dots between, its parts as they stand; `i` is moved
  /// behind it.
  std::string TakeName(size_t& i, int parts_max) const;
  /// The text between the parenthesis before `i` and the one that closes it, without comments; `i`
  /// is moved behind that one. Nothing when none does.
  std::optional<std::string> TakeUntilClosed(size_t& i) const;
  /// Whether nothing but a semicolon is left.
  bool AtEnd(size_t i) const { return i >= size() || (i + 1 == size() && Is(i, ";")); }

 private:
  const std::string& sql_;
  std::vector<size_t> starts_;
  std::vector<size_t> ends_;  ///< where what follows begins, comments too
};

/// 'a text'.
std::string QuotedText(const std::string& text);

/// The table of the lake that a name of up to three parts means in this session; throws for other
/// catalogs.
TableName ResolveTable(duckdb::ClientContext& context, EngineState& engine,
                       const std::string& name);

}  // namespace tarn::duck
