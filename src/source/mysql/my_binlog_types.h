#pragma once

#include <cstdint>

namespace tarn::mysql {

/// Types of columns in the binary log, by both servers' numbers.
enum LogType : uint8_t {
  kLogTiny = 1,
  kLogShort = 2,
  kLogLong = 3,
  kLogFloat = 4,
  kLogDouble = 5,
  kLogNull = 6,
  kLogTimestampOld = 7,
  kLogLongLong = 8,
  kLogInt24 = 9,
  kLogDate = 10,
  kLogTimeOld = 11,
  kLogDatetimeOld = 12,
  kLogYear = 13,
  kLogNewDate = 14,
  kLogVarchar = 15,
  kLogBit = 16,
  kLogTimestamp = 17,
  kLogDatetime = 18,
  kLogTime = 19,
  kLogBlobCompressed = 140,
  kLogVarcharCompressed = 141,
  kLogJson = 245,
  kLogDecimal = 246,
  kLogEnum = 247,
  kLogSet = 248,
  kLogTinyBlob = 249,
  kLogMediumBlob = 250,
  kLogLongBlob = 251,
  kLogBlob = 252,
  kLogVarString = 253,
  kLogString = 254,
  kLogGeometry = 255
};

/// Bytes of metadata that a table map has for a type; -1: an unknown type.
int LogMetaBytes(uint8_t type);

/// CHAR, BINARY, ENUM and SET share a number; the metadata has the real one and the length.
void ResolveLogString(uint8_t* type, uint16_t* meta);

/// Whether a type can have such metadata, after ResolveLogString().
bool IsLogMeta(uint8_t type, uint16_t meta);

/// \name The columns that fields of the optional metadata are about.
/// @{
bool IsLogNumber(uint8_t type);
bool IsLogText(uint8_t type);
bool IsLogChoice(uint8_t type);
/// @}

/// The end of the value at p; nullptr where it does not end before `end`.
const uint8_t* SkipLogValue(uint8_t type, uint16_t meta, const uint8_t* p, const uint8_t* end);

/// Bytes of a decimal of so many digits in all and after the point; -1: there is none such.
int LogDecimalBytes(int digits, int fraction);

}  // namespace tarn::mysql
