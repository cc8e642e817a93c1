#include "source/mysql/my_fault.h"

#include <cstdio>
#include <cstring>

#include <arrow/type.h>

namespace tarn::mysql {
namespace {

constexpr size_t kShownMax = 64;

std::string Shortened(std::string text) {
  if (text.size() <= kShownMax) return text;
  const size_t whole = text.size();
  size_t cut = kShownMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return text.substr(0, cut) + "… (" + std::to_string(whole) + " bytes)";
}

std::string Hex(const uint8_t* p, const uint8_t* end) {
  std::string out = "x'";
  for (int i = 0; p < end && i < 32; ++p, ++i) {
    out += "0123456789abcdef"[*p >> 4];
    out += "0123456789abcdef"[*p & 15];
  }
  return out + (p < end ? "…'" : "'");
}

std::string DateText(const uint8_t* p, int64_t bytes, bool with_time) {
  uint16_t year = 0;
  if (bytes >= 4) std::memcpy(&year, p, 2);
  char text[64];
  int size = std::snprintf(text, sizeof(text), "'%04d-%02d-%02d", year, bytes >= 4 ? p[2] : 0,
                           bytes >= 4 ? p[3] : 0);
  if (with_time) {
    size += std::snprintf(text + size, sizeof(text) - static_cast<size_t>(size), " %02d:%02d:%02d",
                          bytes >= 7 ? p[4] : 0, bytes >= 7 ? p[5] : 0, bytes >= 7 ? p[6] : 0);
  }
  return std::string(text, static_cast<size_t>(size)) + "'";
}

}  // namespace

std::string WireValueToText(const MyColumn& column, const uint8_t* p, const uint8_t* end) {
  const int64_t bytes = end - p;
  switch (column.type) {
    case MyType::kInt8:
    case MyType::kInt16:
    case MyType::kInt24:
    case MyType::kInt32:
    case MyType::kInt64:
    case MyType::kYear: {
      if (bytes > 8 || bytes < 1) return "?";
      uint64_t value = 0;
      std::memcpy(&value, p, static_cast<size_t>(bytes));
      if (column.is_unsigned || column.type == MyType::kYear) return std::to_string(value);
      const int shift = 64 - 8 * static_cast<int>(bytes);
      return std::to_string(static_cast<int64_t>(value << shift) >> shift);
    }
    case MyType::kDate:
      return DateText(p, bytes, false);
    case MyType::kDatetime:
    case MyType::kTimestamp:
      return DateText(p, bytes, true);
    case MyType::kDecimal:
      return Shortened(std::string(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes)));
    case MyType::kChars:
    case MyType::kEnum:
    case MyType::kSet:
    case MyType::kJson:
    case MyType::kUuid:
    case MyType::kInet4:
    case MyType::kInet6:
      return "'" +
             Shortened(std::string(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes))) +
             "'";
    default:
      return Hex(p, end);
  }
}

Error ValueError(Trouble trouble, const SourceTableName& table, const std::string& which_row,
                 const MyColumn& column, const std::string& shown) {
  const std::string place =
      "table " + table.ToString() + ", " + which_row + ", column " + column.name + ": ";
  const std::string value = (shown.empty() ? "a value" : shown) + " of " + column.native_type;
  const std::string as_text = "read the column as text: " + OverrideHint(table, column.name);
  switch (trouble) {
    case Trouble::kZeroDate:
      return InvalidArgument(place + value + " is no date", as_text);
    case Trouble::kRange:
      return InvalidArgument(place + value + " does not fit " + column.arrow_type->ToString(),
                             as_text);
    case Trouble::kInexact:
      return InvalidArgument(
          place + value + " has more digits than " + column.arrow_type->ToString() + " keeps",
          as_text);
    case Trouble::kTooLong:
      return ResourceExhausted(place + "the value is longer than value_bytes_max",
                               "raise value_bytes_max under limits:");
    case Trouble::kUtf8:
      return InvalidArgument(place + value + " is not text in UTF-8",
                             column.type == MyType::kChars
                                 ? "the column had another character set in that place of the log: "
                                   "load the table again with `tarn resync`"
                                 : "leave the column's types: away, and it becomes binary");
    case Trouble::kMemory:
      return ResourceExhausted(place + "no memory for another value",
                               "lower batch_rows, batch_bytes_max or load_streams under limits:");
    case Trouble::kCharset:
      return Unsupported(
          place + "its character set " + column.charset + " cannot be read from the binary log",
          "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4, or read the table with "
          "mode: snapshot");
    case Trouble::kJson:
      return InvalidArgument(place + "no variant can be made of the value: " + shown, as_text);
    case Trouble::kNone:
    case Trouble::kMalformed:
      break;
  }
  return Corruption(place + value + " is not what the server's type promises",
                    "run again; if it stays, CHECK TABLE in the server");
}

}  // namespace tarn::mysql
