#include "source/mysql/my_binlog_value.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include "columnar/utf8.h"
#include "source/mysql/my_binlog_types.h"
#include "source/mysql/my_fault.h"
#include "source/mysql/my_json.h"

namespace tarn::mysql {
namespace {

template <typename T>
T Read(const uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

uint64_t Little(const uint8_t* p, int64_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, p, static_cast<size_t>(bytes));
  return value;
}

uint64_t Big(const uint8_t* p, int64_t bytes) {
  uint64_t value = 0;
  for (int64_t i = 0; i < bytes; ++i) value = value << 8 | p[i];
  return value;
}

// Microseconds of one, two or three bytes for two digits each.
int Micros(const uint8_t* p, int digits) {
  static constexpr int kUnit[] = {1, 10000, 100, 1};
  const int bytes = (digits + 1) / 2;
  return static_cast<int>(Big(p, bytes)) * kUnit[bytes];
}

Trouble Integer(ValueWriter& writer, int64_t row, const uint8_t* p, int bytes) {
  const uint64_t value = Little(p, bytes);
  if (writer.column().is_unsigned) return writer.Unsigned(row, value);
  const int shift = 64 - 8 * bytes;
  return writer.Signed(row, static_cast<int64_t>(value << shift) >> shift);
}

Trouble Decimal(const LogColumn& how, ValueWriter& writer, int64_t row, const uint8_t* p,
                int64_t bytes, std::string* scratch) {
  static constexpr int kGroupBytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  const int digits = how.meta & 0xff;
  const int fraction = how.meta >> 8;
  uint8_t copy[32];
  if (bytes < 1 || bytes > static_cast<int64_t>(sizeof(copy))) return Trouble::kMalformed;
  const bool negative = (p[0] & 0x80) == 0;
  for (int64_t i = 0; i < bytes; ++i) copy[i] = static_cast<uint8_t>(negative ? ~p[i] : p[i]);
  copy[0] ^= 0x80;
  const uint8_t* at = copy;
  const bool wide = digits <= kDecimalDigitsMax && writer.column().store == Store::kDecimal;
  Wide value = 0;
  std::string& text = *scratch;
  if (!wide) text = negative ? "-" : "";
  const size_t first = text.size();
  static constexpr uint32_t kTens[] = {1,      10,      100,      1000,      10000,
                                       100000, 1000000, 10000000, 100000000, 1000000000};
  bool fits = true;
  const auto group = [&](int of) {
    const int size = kGroupBytes[of];
    const uint32_t part = static_cast<uint32_t>(Big(at, size));
    at += size;
    if (part >= kTens[of]) fits = false;
    if (wide) {
      value = value * kTens[of] + part;
      return;
    }
    char chars[9];
    uint32_t rest = part;
    for (int i = of - 1; i >= 0; --i, rest /= 10) chars[i] = static_cast<char>('0' + rest % 10);
    text.append(chars, static_cast<size_t>(of));
  };
  const int whole = digits - fraction;
  if (whole % 9 != 0) group(whole % 9);
  for (int i = 0; i < whole / 9; ++i) group(9);
  if (!wide) {
    // Without zeros before, but for one.
    size_t zeros = first;
    while (zeros < text.size() && text[zeros] == '0') ++zeros;
    text.erase(first, zeros - first);
    if (text.size() == first) text += '0';
    if (fraction > 0) text += '.';
  }
  for (int i = 0; i < fraction / 9; ++i) group(9);
  if (fraction % 9 != 0) group(fraction % 9);
  if (!fits) return Trouble::kMalformed;
  if (wide) return writer.Decimal(row, negative ? -value : value, fraction);
  return writer.DecimalText(row, text);
}

Trouble Datetime(const LogColumn& how, ValueWriter& writer, int64_t row, const uint8_t* p) {
  const uint64_t packed = Big(p, 5);
  if (packed < 0x8000000000) return Trouble::kMalformed;
  const uint64_t value = packed - 0x8000000000;
  const uint64_t day = value >> 17;
  const uint64_t month = day >> 5;
  const DateParts date{static_cast<int>(month / 13), static_cast<int>(month % 13),
                       static_cast<int>(day % 32)};
  TimeParts time;
  time.hours = static_cast<int64_t>(value >> 12 & 31);
  time.minutes = static_cast<int>(value >> 6 & 63);
  time.seconds = static_cast<int>(value & 63);
  time.micros = Micros(p + 5, how.meta);
  return writer.Datetime(row, date, time);
}

Trouble Time(const LogColumn& how, ValueWriter& writer, int64_t row, const uint8_t* p) {
  // Below the middle it is negative, the fraction too.
  const int bytes = (how.meta + 1) / 2;
  const int64_t middle = int64_t{0x800000} << (8 * bytes);
  int64_t value = static_cast<int64_t>(Big(p, 3 + bytes)) - middle;
  TimeParts time;
  time.negative = value < 0;
  value = std::abs(value);
  static constexpr int kUnit[] = {1, 10000, 100, 1};
  time.micros = static_cast<int>(value & ((int64_t{1} << (8 * bytes)) - 1)) * kUnit[bytes];
  value >>= 8 * bytes;
  time.hours = value >> 12 & 1023;
  time.minutes = static_cast<int>(value >> 6 & 63);
  time.seconds = static_cast<int>(value & 63);
  return writer.Time(row, time);
}

// Of zero: the date that is none.
Trouble Instant(ValueWriter& writer, int64_t row, uint64_t seconds, int micros) {
  if (seconds == 0 && micros == 0) return writer.Datetime(row, {}, {});
  return writer.Instant(row, static_cast<int64_t>(seconds) * 1000000 + micros);
}

Trouble OldDatetime(ValueWriter& writer, int64_t row, uint64_t number) {
  const uint64_t day = number / 1000000;
  const uint64_t second = number % 1000000;
  TimeParts time;
  time.hours = static_cast<int64_t>(second / 10000);
  time.minutes = static_cast<int>(second / 100 % 100);
  time.seconds = static_cast<int>(second % 100);
  if (day > 99991231) return Trouble::kMalformed;
  return writer.Datetime(row,
                         {static_cast<int>(day / 10000), static_cast<int>(day / 100 % 100),
                          static_cast<int>(day % 100)},
                         time);
}

Trouble OldTime(ValueWriter& writer, int64_t row, uint64_t bytes) {
  int64_t number = static_cast<int64_t>(bytes << 40) >> 40;
  TimeParts time;
  time.negative = number < 0;
  number = std::abs(number);
  time.hours = number / 10000;
  time.minutes = static_cast<int>(number / 100 % 100);
  time.seconds = static_cast<int>(number % 100);
  return writer.Time(row, time);
}

Trouble Chosen(ValueWriter& writer, int64_t row, uint8_t type, uint64_t value,
               std::string* scratch) {
  const std::vector<std::string>& labels = writer.column().labels;
  scratch->clear();
  if (type == kLogEnum) {
    if (value > labels.size()) return Trouble::kMalformed;
    if (value > 0) *scratch = labels[value - 1];
  } else {
    if (labels.size() < 64 && value >> labels.size() != 0) return Trouble::kMalformed;
    for (size_t i = 0; i < labels.size() && i < 64; ++i) {
      if ((value >> i & 1) == 0) continue;
      if (!scratch->empty()) *scratch += ',';
      *scratch += labels[i];
    }
  }
  return writer.Chars(row, reinterpret_cast<const uint8_t*>(scratch->data()),
                      static_cast<int64_t>(scratch->size()));
}

Trouble Text(const LogColumn& how, ValueWriter& writer, int64_t row, const uint8_t* p,
             int64_t bytes, std::string* scratch) {
  const MyColumn& column = writer.column();
  switch (column.type) {
    case MyType::kChars: {
      if (how.charset == nullptr) return Trouble::kCharset;
      if (how.charset->is_utf8()) {
        // What is none was written in another set than the one that is known.
        if (!IsValidUtf8({reinterpret_cast<const char*>(p), static_cast<size_t>(bytes)})) {
          return Trouble::kUtf8;
        }
        return writer.Chars(row, p, bytes);
      }
      const Trouble converted = how.charset->ToUtf8(p, bytes, scratch);
      if (converted != Trouble::kNone) return converted;
      break;
    }
    case MyType::kUuid:
    case MyType::kInet4:
    case MyType::kInet6:
      if (!FixedBytesToText(column.type, p, bytes, scratch)) return Trouble::kMalformed;
      break;
    case MyType::kBytes:
      // The log leaves zeros at the end of BINARY(n) away.
      if (!column.fixed_length || bytes >= column.length) return writer.Chars(row, p, bytes);
      scratch->assign(reinterpret_cast<const char*>(p), static_cast<size_t>(bytes));
      scratch->resize(static_cast<size_t>(column.length), '\0');
      break;
    default:
      return writer.Chars(row, p, bytes);
  }
  return writer.Chars(row, reinterpret_cast<const uint8_t*>(scratch->data()),
                      static_cast<int64_t>(scratch->size()));
}

}  // namespace

bool LogTypeFits(uint8_t type, uint16_t meta, const MyColumn& column) {
  const auto temporal = [&](uint8_t with_fraction, uint8_t old) {
    return type == old || (type == with_fraction && meta <= column.fraction_digits);
  };
  switch (column.type) {
    case MyType::kInt8:
    case MyType::kInt16:
    case MyType::kInt24:
    case MyType::kInt32:
    case MyType::kInt64: {
      static constexpr uint8_t kByWidth[] = {kLogTiny, kLogShort, kLogInt24, kLogLong,
                                             kLogLongLong};
      const auto* const wide = std::begin(kByWidth) + static_cast<int>(column.type) + 1;
      return std::find(std::begin(kByWidth), wide, type) != wide;
    }
    case MyType::kFloat32:
      return type == kLogFloat;
    case MyType::kFloat64:
      return type == kLogDouble || type == kLogFloat;
    case MyType::kDecimal:
      return type == kLogDecimal && meta >> 8 <= column.fraction_digits &&
             (meta & 0xff) - (meta >> 8) <= column.digits - column.fraction_digits;
    case MyType::kDate:
      return type == kLogDate || type == kLogNewDate;
    case MyType::kTime:
      return temporal(kLogTime, kLogTimeOld);
    case MyType::kDatetime:
      return temporal(kLogDatetime, kLogDatetimeOld);
    case MyType::kTimestamp:
      return temporal(kLogTimestamp, kLogTimestampOld);
    case MyType::kYear:
      return type == kLogYear;
    case MyType::kBit:
      return type == kLogBit && (meta >> 8) * 8 + (meta & 0xff) <= column.length;
    case MyType::kEnum:
      return type == kLogEnum;
    case MyType::kSet:
      return type == kLogSet;
    case MyType::kJson:
      return type == kLogJson;
    case MyType::kGeometry:
      return type == kLogGeometry;
    case MyType::kChars:
    case MyType::kBytes:
      return IsLogText(type) && type != kLogBlobCompressed && type != kLogVarcharCompressed;
    case MyType::kUuid:
    case MyType::kInet4:
    case MyType::kInet6:
      return type == kLogString;
  }
  return false;
}

Trouble DecodeLogValue(const LogColumn& how, ValueWriter& writer, int64_t row, const uint8_t** p,
                       const uint8_t* end, std::string* scratch) {
  const uint8_t* q = *p;
  // The types that most columns are of, without a detour.
  switch (how.type) {
    case kLogLong:
      if (end - q < 4) return Trouble::kMalformed;
      *p = q + 4;
      return writer.Signed(row, writer.column().is_unsigned ? int64_t{Read<uint32_t>(q)}
                                                            : int64_t{Read<int32_t>(q)});
    case kLogLongLong:
      if (end - q < 8) return Trouble::kMalformed;
      *p = q + 8;
      return writer.column().is_unsigned ? writer.Unsigned(row, Read<uint64_t>(q))
                                         : writer.Signed(row, Read<int64_t>(q));
    default:
      break;
  }
  const uint8_t* const after = SkipLogValue(how.type, how.meta, q, end);
  if (after == nullptr) return Trouble::kMalformed;
  *p = after;
  switch (how.type) {
    case kLogTiny:
    case kLogShort:
    case kLogInt24:
      return Integer(writer, row, q, static_cast<int>(after - q));
    case kLogFloat:
      return writer.Float(row, Read<float>(q));
    case kLogDouble:
      return writer.Double(row, Read<double>(q));
    case kLogDecimal:
      return Decimal(how, writer, row, q, after - q, scratch);
    case kLogDate:
    case kLogNewDate: {
      const uint64_t packed = Little(q, 3);
      return writer.Date(row, {static_cast<int>(packed >> 9), static_cast<int>(packed >> 5 & 15),
                               static_cast<int>(packed & 31)});
    }
    case kLogDatetime:
      return Datetime(how, writer, row, q);
    case kLogTime:
      return Time(how, writer, row, q);
    case kLogTimestamp:
      return Instant(writer, row, Big(q, 4), Micros(q + 4, how.meta));
    case kLogTimestampOld:
      return Instant(writer, row, Little(q, 4), 0);
    case kLogDatetimeOld:
      return OldDatetime(writer, row, Little(q, 8));
    case kLogTimeOld:
      return OldTime(writer, row, Little(q, 3));
    case kLogYear:
      return writer.Signed(row, *q == 0 ? 0 : 1900 + int64_t{*q});
    case kLogBit:
      if (after - q > 8) return Trouble::kMalformed;
      return writer.Bits(row, Big(q, after - q));
    case kLogEnum:
    case kLogSet:
      if (after - q > 8) return Trouble::kMalformed;
      return Chosen(writer, row, how.type, Little(q, after - q), scratch);
    default:
      break;
  }
  const bool blob = LogMetaBytes(how.type) == 1;
  const uint8_t* const text = q + (blob ? how.meta : how.meta > 255 ? 2 : 1);
  if (how.type == kLogJson) {
    if (!JsonToText(text, after, scratch)) return Trouble::kMalformed;
    return writer.Chars(row, reinterpret_cast<const uint8_t*>(scratch->data()),
                        static_cast<int64_t>(scratch->size()));
  }
  return Text(how, writer, row, text, after - text, scratch);
}

std::string LogValueToText(const LogColumn& how, const MyColumn& column, const uint8_t* p,
                           const uint8_t* end) {
  switch (how.type) {
    case kLogTiny:
    case kLogShort:
    case kLogInt24:
    case kLogLong:
    case kLogLongLong:
      return WireValueToText(column, p, end);
    case kLogVarchar:
    case kLogString:
    case kLogVarString:
      p += std::min<int64_t>(how.meta > 255 ? 2 : 1, end - p);
      return WireValueToText(column, p, end);
    case kLogBlob:
      p += std::min<int64_t>(how.meta, end - p);
      return WireValueToText(column, p, end);
    default:
      break;
  }
  // As the column would be read as text.
  MyColumn text = column;
  text.store = Store::kText;
  text.arrow_type = arrow::utf8();
  ValueWriter writer(text, 1 << 10, arrow::default_memory_pool());
  std::string scratch;
  const uint8_t* at = p;
  if (!writer.to.Reset(1).ok() ||
      DecodeLogValue(how, writer, 0, &at, end, &scratch) != Trouble::kNone) {
    return "";
  }
  return "'" +
         std::string(reinterpret_cast<const char*>(writer.to.chars),
                     static_cast<size_t>(std::min<int64_t>(writer.to.chars_size, 64))) +
         "'";
}

}  // namespace tarn::mysql
