#pragma once

#include <cstdint>
#include <string>

#include "source/mysql/my_types.h"

namespace tarn::mysql {

/// MySQL's binary JSON → the text that the server makes of it: `{"a": [1, 2.5, null]}`.
/// False: the bytes are no such value.
bool JsonToText(const uint8_t* p, const uint8_t* end, std::string* text);

/// A double as MySQL's JSON prints it: the fewest digits that read back as the same.
void AppendJsonDouble(double value, std::string* text);

/// MariaDB's uuid, inet4 and inet6, as rows events have them → their text.
bool FixedBytesToText(MyType type, const uint8_t* p, int64_t bytes, std::string* text);

}  // namespace tarn::mysql
