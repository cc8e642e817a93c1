#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_many_bytes.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {

/// A character set of the server's, as the binary log has text in it. Immutable.
class Charset {
 public:
  enum class Kind : uint8_t { kUtf8, kSingleByte, kUtf16, kUtf16Le, kUtf32, kManyBytes };

  explicit Charset(Kind kind) : kind_(kind) {}
  /// One byte a character, each as the server itself turns it into UTF-8.
  explicit Charset(std::array<std::string, 256> table)
      : kind_(Kind::kSingleByte), table_(std::move(table)) {}

  explicit Charset(std::shared_ptr<const ManyBytes> table)
      : kind_(Kind::kManyBytes), many_bytes_(std::move(table)) {}

  /// Whether text stands as it is.
  bool is_utf8() const { return kind_ == Kind::kUtf8; }
  /// kNone or kMalformed.
  Trouble ToUtf8(const uint8_t* p, int64_t bytes, std::string* text) const;

 private:
  const Kind kind_;
  const std::array<std::string, 256> table_;
  const std::shared_ptr<const ManyBytes> many_bytes_;
};

/// Whether text in this set can be read from the log: UTF-8, UTF-16, UCS-2, UTF-32, those that
/// ManyBytes knows, and every set of one byte a character, which all others are.
bool IsLogCharset(const std::string& name);

/// Asks the server for the tables of character sets, once for each. Threads: one at a time.
class Charsets {
 public:
  /// nullptr where IsLogCharset() is false.
  Result<std::shared_ptr<const Charset>> Find(Connection& connection, const std::string& name);

 private:
  std::map<std::string, std::shared_ptr<const Charset>> known_;
};

}  // namespace tarn::mysql
