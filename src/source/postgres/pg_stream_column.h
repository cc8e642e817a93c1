#pragma once

#include <cstdint>

#include "source/postgres/pg_column_buffer.h"
#include "source/postgres/pg_types.h"
#include "source/postgres/pg_value.h"

namespace tarn::postgres {

/// How a value of the log becomes what the snapshot's select list makes of it. The log knows no
/// casts: what `::text` or `::numeric` does for a snapshot is done here.
struct StreamColumn {
  enum class Binary : uint8_t {
    kSame,       ///< as COPY has it
    kMoney,      ///< 64-bit units → decimal
    kInt16,      ///< → whatever number the column is
    kInt32,      ///< likewise
    kInt64,      ///< likewise
    kFloat32,    ///< → double
    kNumeric,    ///< → double
    kUnreadable  ///< the type's own form: the value has to come as text
  };
  enum class Text : uint8_t {
    kSame,
    kBool,    ///< t, f → true, false
    kInet,    ///< with the length of the mask, always
    kMoney,   ///< $1,234.56 of locale C
    kFloat32  ///< → double, by way of a float
  };
  PgColumn column;
  Binary binary = Binary::kSame;
  Text text = Text::kSame;
  char delimiter = ',';  ///< between the elements of an array's text form
  int money_digits = 2;  ///< after the point, in the server's lc_monetary
  bool is_key = false;
};

/// Never fails: what a column cannot be read from in binary, it can in text.
StreamColumn MakeStreamColumn(PgColumn column, int money_digits);

/// A value of kind `b`. The form must not be kUnreadable.
ValueTrouble DecodeStreamBinary(const StreamColumn& how, const ValueRules& rules,
                                ColumnBuffer& column, int64_t row, const uint8_t* p, int64_t bytes,
                                const uint8_t* readable_end);

/// A value of kind `t`: what the type's output function wrote.
ValueTrouble DecodeStreamText(const StreamColumn& how, const ValueRules& rules,
                              ColumnBuffer& column, int64_t row, const uint8_t* p, int64_t bytes);

}  // namespace tarn::postgres
