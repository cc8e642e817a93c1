#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_connection.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {

/// A character set of Chinese, Japanese or Korean text: one to four bytes a character. Which bytes
/// make a character is told here, which character it is by the server itself, so that text of the
/// log becomes what a snapshot reads, whatever other tables say. Immutable.
/// Memory: 200 KB to 1 MB.
class ManyBytes {
 public:
  /// big5, cp932, eucjpms, euckr, gb18030, gb2312, gbk, sjis and ujis.
  static bool Knows(const std::string& name);
  /// Asks for the characters. `name`: one that is known.
  static Result<std::shared_ptr<const ManyBytes>> Load(Connection& connection,
                                                       const std::string& name);

  /// kNone or kMalformed. A character without counterpart in Unicode becomes `?`, as it does in the
  /// server.
  Trouble ToUtf8(const uint8_t* p, int64_t bytes, std::string* text) const;

 private:
  struct Shape;
  static const Shape* ShapeOf(const std::string& name);
  explicit ManyBytes(const Shape& shape);

  /// The bytes of the character at *p, and its place in `codes_`; moves behind it. -1: malformed.
  int64_t Place(const uint8_t** p, const uint8_t* end) const;
  Status Ask(Connection& connection, const std::string& name, int64_t begin, int64_t end);
  std::string BytesOf(int64_t place) const;

  const Shape& shape_;
  /// Characters of one byte, of two, of three behind 0x8f, and the first ones of four, one after
  /// the other; 0: no character.
  std::vector<uint32_t> codes_;
};

}  // namespace tarn::mysql
