#include "source/mysql/my_binlog_types.h"

#include <cstring>

namespace tarn::mysql {
namespace {

constexpr int kDecimalDigits = 65;  // of the servers
// Bytes of a group of fewer than nine digits.
constexpr int kGroupBytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

// Far below zero where no type has so many digits.
int FractionBytes(uint16_t digits) { return digits > 6 ? -100 : (digits + 1) / 2; }

}  // namespace

int LogMetaBytes(uint8_t type) {
  switch (type) {
    case kLogTiny:
    case kLogShort:
    case kLogLong:
    case kLogNull:
    case kLogTimestampOld:
    case kLogLongLong:
    case kLogInt24:
    case kLogDate:
    case kLogTimeOld:
    case kLogDatetimeOld:
    case kLogYear:
    case kLogNewDate:
      return 0;
    case kLogFloat:
    case kLogDouble:
    case kLogTimestamp:
    case kLogDatetime:
    case kLogTime:
    case kLogJson:
    case kLogTinyBlob:
    case kLogMediumBlob:
    case kLogLongBlob:
    case kLogBlob:
    case kLogGeometry:
    case kLogBlobCompressed:
      return 1;
    case kLogVarchar:
    case kLogVarcharCompressed:
    case kLogBit:
    case kLogDecimal:
    case kLogEnum:
    case kLogSet:
    case kLogVarString:
    case kLogString:
      return 2;
    default:
      return -1;
  }
}

void ResolveLogString(uint8_t* type, uint16_t* meta) {
  const uint8_t first = static_cast<uint8_t>(*meta & 0xff);
  const uint16_t second = static_cast<uint16_t>(*meta >> 8);
  if (first == kLogEnum || first == kLogSet) {
    *type = first;
    *meta = second;
    return;
  }
  // Two bits of the length stand, turned over, in the type.
  *meta = static_cast<uint16_t>(second | ((first & 0x30) ^ 0x30) << 4);
}

bool IsLogMeta(uint8_t type, uint16_t meta) {
  switch (type) {
    case kLogDecimal:
      return LogDecimalBytes(meta & 0xff, meta >> 8) > 0;
    case kLogTimestamp:
    case kLogDatetime:
    case kLogTime:
      return meta <= 6;
    case kLogBit: {
      const int bits = (meta >> 8) * 8 + (meta & 0xff);
      return (meta & 0xff) < 8 && bits >= 1 && bits <= 64;
    }
    case kLogEnum:
      return meta == 1 || meta == 2;
    case kLogSet:
      return meta >= 1 && meta <= 8;
    case kLogJson:
    case kLogTinyBlob:
    case kLogMediumBlob:
    case kLogLongBlob:
    case kLogBlob:
    case kLogGeometry:
    case kLogBlobCompressed:
      return meta >= 1 && meta <= 4;
    default:
      return true;
  }
}

bool IsLogNumber(uint8_t type) {
  switch (type) {
    case kLogTiny:
    case kLogShort:
    case kLogInt24:
    case kLogLong:
    case kLogLongLong:
    case kLogFloat:
    case kLogDouble:
    case kLogDecimal:
      return true;
    default:
      return false;
  }
}

bool IsLogText(uint8_t type) {
  switch (type) {
    case kLogString:
    case kLogVarString:
    case kLogVarchar:
    case kLogVarcharCompressed:
    case kLogBlob:
    case kLogTinyBlob:
    case kLogMediumBlob:
    case kLogLongBlob:
    case kLogBlobCompressed:
      return true;
    default:
      return false;
  }
}

bool IsLogChoice(uint8_t type) { return type == kLogEnum || type == kLogSet; }

int LogDecimalBytes(int digits, int fraction) {
  if (digits < 1 || digits > kDecimalDigits || fraction < 0 || fraction > digits) return -1;
  const int whole = digits - fraction;
  return whole / 9 * 4 + kGroupBytes[whole % 9] + fraction / 9 * 4 + kGroupBytes[fraction % 9];
}

const uint8_t* SkipLogValue(uint8_t type, uint16_t meta, const uint8_t* p, const uint8_t* end) {
  int64_t bytes = 0;
  int length_bytes = 0;
  switch (type) {
    case kLogTiny:
    case kLogYear:
      bytes = 1;
      break;
    case kLogShort:
      bytes = 2;
      break;
    case kLogInt24:
    case kLogDate:
    case kLogNewDate:
    case kLogTimeOld:
      bytes = 3;
      break;
    case kLogLong:
    case kLogFloat:
    case kLogTimestampOld:
      bytes = 4;
      break;
    case kLogLongLong:
    case kLogDouble:
    case kLogDatetimeOld:
      bytes = 8;
      break;
    case kLogNull:
      break;
    case kLogTimestamp:
      bytes = 4 + FractionBytes(meta);
      break;
    case kLogDatetime:
      bytes = 5 + FractionBytes(meta);
      break;
    case kLogTime:
      bytes = 3 + FractionBytes(meta);
      break;
    case kLogDecimal:
      bytes = LogDecimalBytes(meta & 0xff, meta >> 8);
      break;
    case kLogBit:
      bytes = (meta >> 8) + ((meta & 0xff) != 0 ? 1 : 0);
      break;
    case kLogEnum:
    case kLogSet:
      bytes = meta;
      break;
    case kLogVarchar:
    case kLogVarcharCompressed:
    case kLogVarString:
    case kLogString:
      length_bytes = meta > 255 ? 2 : 1;
      break;
    case kLogJson:
    case kLogTinyBlob:
    case kLogMediumBlob:
    case kLogLongBlob:
    case kLogBlob:
    case kLogGeometry:
    case kLogBlobCompressed:
      if (meta < 1 || meta > 4) return nullptr;
      length_bytes = meta;
      break;
    default:
      return nullptr;
  }
  if (length_bytes > 0) {
    if (end - p < length_bytes) return nullptr;
    uint32_t length = 0;
    std::memcpy(&length, p, static_cast<size_t>(length_bytes));
    p += length_bytes;
    bytes = length;
  }
  if (bytes < 0 || end - p < bytes) return nullptr;
  return p + bytes;
}

}  // namespace tarn::mysql
