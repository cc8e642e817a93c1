#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "source/mysql/my_charset.h"
#include "source/mysql/my_value.h"

namespace tarn::mysql {

/// How a column's values stand in rows events, and where they go.
struct LogColumn {
  uint8_t type = 0;   ///< LogType
  uint16_t meta = 0;  ///< as LogTableMap has it
  int column = -1;    ///< of the table's description; -1: passed over
  bool is_key = false;
  std::shared_ptr<const Charset> charset;  ///< of text
};

/// Whether every such value is one that the described column holds: of its type, or of a narrower
/// one of its kind.
bool LogTypeFits(uint8_t type, uint16_t meta, const MyColumn& column);

/// Reads one value at *p and moves behind it. `scratch` is memory that is used again.
Trouble DecodeLogValue(const LogColumn& how, ValueWriter& writer, int64_t row, const uint8_t** p,
                       const uint8_t* end, std::string* scratch);

/// A value for people; `p` to `end` is what SkipLogValue() passed over.
std::string LogValueToText(const LogColumn& how, const MyColumn& column, const uint8_t* p,
                           const uint8_t* end);

}  // namespace tarn::mysql
