#include "columnar/utf8.h"

namespace tarn {

bool IsValidUtf8(std::string_view bytes) {
  size_t i = 0;
  while (i < bytes.size()) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    if (first < 0x80) {
      ++i;
      continue;
    }
    size_t length = 0;
    uint32_t code = 0;
    uint32_t least = 0;
    if ((first & 0xe0) == 0xc0) {
      length = 2, code = first & 0x1fu, least = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
      length = 3, code = first & 0x0fu, least = 0x800;
    } else if ((first & 0xf8) == 0xf0) {
      length = 4, code = first & 0x07u, least = 0x10000;
    } else {
      return false;
    }
    if (bytes.size() - i < length) return false;
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(bytes[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fu);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

void AppendUtf8(uint32_t code, std::string* text) {
  if (code < 0x80) {
    *text += static_cast<char>(code);
  } else if (code < 0x800) {
    *text += static_cast<char>(0xc0 | code >> 6);
    *text += static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *text += static_cast<char>(0xe0 | code >> 12);
    *text += static_cast<char>(0x80 | (code >> 6 & 63));
    *text += static_cast<char>(0x80 | (code & 63));
  } else {
    *text += static_cast<char>(0xf0 | code >> 18);
    *text += static_cast<char>(0x80 | (code >> 12 & 63));
    *text += static_cast<char>(0x80 | (code >> 6 & 63));
    *text += static_cast<char>(0x80 | (code & 63));
  }
}

uint32_t Utf8Code(std::string_view text, size_t* bytes) {
  *bytes = 0;
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t count = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < count) return 0;
  uint32_t code = count == 1 ? first : first & (0x7fU >> count);
  for (size_t i = 1; i < count; ++i) code = code << 6 | (byte(i) & 63U);
  *bytes = count;
  return code;
}

std::string_view Utf8Prefix(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace tarn
