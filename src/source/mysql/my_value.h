#pragma once

#include <cstdint>
#include <string_view>

#include "source/arrow_column.h"
#include "source/mysql/my_types.h"

namespace tarn::mysql {

/// Wide enough for an unscaled decimal of 38 digits.
__extension__ typedef __int128 Wide;

/// Why a value cannot be stored.
enum class Trouble : uint8_t {
  kNone,
  kMalformed,  ///< not what the server's type says
  kZeroDate,   ///< '0000-00-00', '2010-00-00', a 31st of February
  kRange,      ///< more digits than the lake's column has
  kInexact,    ///< digits beyond its scale
  kTooLong,    ///< above value_bytes_max
  kUtf8,       ///< bytes that are no text, where text was asked for
  kMemory,
  kCharset,  ///< a character set without table here
  kJson      ///< no variant can be made of the text: ArrowColumn::refusal()
};

struct DateParts {
  int year = 0;
  int month = 0;
  int day = 0;
};
struct TimeParts {
  bool negative = false;
  int64_t hours = 0;
  int minutes = 0;
  int seconds = 0;
  int micros = 0;
};

/// Writes values of one column, wherever they come from (a result's row, the binary log), into
/// Arrow memory: what a value means in the lake is decided here alone, so that a snapshot and the
/// log agree. Threads: one at a time.
class ValueWriter {
 public:
  ValueWriter(const MyColumn& column, int64_t value_bytes_max, arrow::MemoryPool* pool)
      : to(column.arrow_type, pool), column_(column), value_bytes_max_(value_bytes_max) {}

  const MyColumn& column() const { return column_; }

  Trouble Null(int64_t row) { return to.SetNull(row).ok() ? Trouble::kNone : Trouble::kMemory; }
  Trouble Signed(int64_t row, int64_t value) {
    if (column_.store == Store::kInt32) {
      Store32(row, static_cast<int32_t>(value));
      return Trouble::kNone;
    }
    if (column_.store == Store::kInt64) {
      Store64(row, value);
      return Trouble::kNone;
    }
    return SignedSlow(row, value);
  }
  Trouble Unsigned(int64_t row, uint64_t value) {
    if (value <= static_cast<uint64_t>(INT64_MAX)) return Signed(row, static_cast<int64_t>(value));
    return UnsignedSlow(row, value);
  }
  Trouble Float(int64_t row, float value);
  Trouble Double(int64_t row, double value);
  /// "-12.30": digits of the column's scale.
  Trouble DecimalText(int64_t row, std::string_view text);
  /// `value` at `scale` digits; only where the lake's column is a decimal.
  Trouble Decimal(int64_t row, Wide value, int scale);
  Trouble Date(int64_t row, const DateParts& date);
  Trouble Datetime(int64_t row, const DateParts& date, const TimeParts& time);
  /// Microseconds since 1970, UTC.
  Trouble Instant(int64_t row, int64_t micros);
  Trouble Time(int64_t row, const TimeParts& time);
  Trouble Bits(int64_t row, uint64_t value);
  /// Text in UTF-8, or bytes.
  Trouble Chars(int64_t row, const uint8_t* p, int64_t bytes);

  ArrowColumn to;

 private:
  void Store32(int64_t row, int32_t value) { __builtin_memcpy(to.values + row * 4, &value, 4); }
  void Store64(int64_t row, int64_t value) { __builtin_memcpy(to.values + row * 8, &value, 8); }
  Trouble SignedSlow(int64_t row, int64_t value);
  Trouble UnsignedSlow(int64_t row, uint64_t value);
  Trouble Text(int64_t row, std::string_view text);
  Trouble Json(int64_t row, std::string_view text);

  const MyColumn& column_;
  const int64_t value_bytes_max_;
};

/// Days since 1970-01-01 of a date that exists; false for one that does not.
bool DaysOf(const DateParts& date, int64_t* days);
/// The date of a day number from the year 0 on.
DateParts DateOf(int64_t days);

}  // namespace tarn::mysql
