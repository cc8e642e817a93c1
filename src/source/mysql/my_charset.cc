#include "source/mysql/my_charset.h"

#include <cstdio>

#include "columnar/utf8.h"

namespace tarn::mysql {
namespace {

Trouble FromUtf16(const uint8_t* p, int64_t bytes, int high, std::string* text) {
  if (bytes % 2 != 0) return Trouble::kMalformed;
  for (int64_t i = 0; i < bytes; i += 2) {
    uint32_t code = static_cast<uint32_t>(p[i + high] << 8 | p[i + 1 - high]);
    if (code >= 0xd800 && code < 0xdc00) {
      if (i + 4 > bytes) return Trouble::kMalformed;
      const uint32_t low = static_cast<uint32_t>(p[i + 2 + high] << 8 | p[i + 3 - high]);
      if (low < 0xdc00 || low > 0xdfff) return Trouble::kMalformed;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      i += 2;
    } else if (code >= 0xdc00 && code < 0xe000) {
      return Trouble::kMalformed;
    }
    AppendUtf8(code, text);
  }
  return Trouble::kNone;
}

Trouble FromUtf32(const uint8_t* p, int64_t bytes, std::string* text) {
  if (bytes % 4 != 0) return Trouble::kMalformed;
  for (int64_t i = 0; i < bytes; i += 4) {
    const uint32_t code = uint32_t{p[i]} << 24 | uint32_t{p[i + 1]} << 16 |
                          uint32_t{p[i + 2]} << 8 | uint32_t{p[i + 3]};
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return Trouble::kMalformed;
    AppendUtf8(code, text);
  }
  return Trouble::kNone;
}

}  // namespace

Trouble Charset::ToUtf8(const uint8_t* p, int64_t bytes, std::string* text) const {
  text->clear();
  switch (kind_) {
    case Kind::kUtf8:
      text->assign(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes));
      return Trouble::kNone;
    case Kind::kSingleByte:
      for (int64_t i = 0; i < bytes; ++i) *text += table_[p[i]];
      return Trouble::kNone;
    case Kind::kUtf16:
      return FromUtf16(p, bytes, 0, text);
    case Kind::kUtf16Le:
      return FromUtf16(p, bytes, 1, text);
    case Kind::kUtf32:
      return FromUtf32(p, bytes, text);
    case Kind::kManyBytes:
      return many_bytes_->ToUtf8(p, bytes, text);
  }
  return Trouble::kMalformed;
}

bool IsLogCharset(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

Result<std::shared_ptr<const Charset>> Charsets::Find(Connection& connection,
                                                      const std::string& name) {
  using Kind = Charset::Kind;
  static const std::map<std::string, Kind> kUnicode = {
      {"utf8mb4", Kind::kUtf8}, {"utf8mb3", Kind::kUtf8}, {"utf8", Kind::kUtf8},
      {"ucs2", Kind::kUtf16},   {"utf16", Kind::kUtf16},  {"utf16le", Kind::kUtf16Le},
      {"utf32", Kind::kUtf32}};
  std::shared_ptr<const Charset>& known = known_[name];
  if (known != nullptr || !IsLogCharset(name)) return known;
  if (const auto found = kUnicode.find(name); found != kUnicode.end()) {
    known = std::make_shared<const Charset>(found->second);
    return known;
  }
  if (ManyBytes::Knows(name)) {
    TARN_ASSIGN_OR_RETURN(auto table, ManyBytes::Load(connection, name));
    known = std::make_shared<const Charset>(std::move(table));
    return known;
  }
  std::string sql = "SELECT ";
  for (int i = 0; i < 256; ++i) {
    char hex[4];
    std::snprintf(hex, sizeof(hex), "%02x", i);
    sql += std::string(i > 0 ? ", " : "") + "CONVERT(_" + name + " x'" + hex + "' USING utf8mb4)";
  }
  TARN_ASSIGN_OR_RETURN(const Rows rows,
                        connection.Query(sql, "reading the character set " + name));
  std::array<std::string, 256> table;
  for (int i = 0; i < 256 && i < rows.columns(); ++i) {
    table[static_cast<size_t>(i)] = rows.text(0, i);
  }
  known = std::make_shared<const Charset>(std::move(table));
  return known;
}

}  // namespace tarn::mysql
