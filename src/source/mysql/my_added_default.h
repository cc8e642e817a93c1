#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "source/change_batch.h"
#include "source/mysql/my_lexer.h"
#include "source/mysql/my_types.h"

namespace tarn::mysql {

/// What rows of before have in a column that an ALTER TABLE adds, as its definition says it.
struct AddedDefault {
  enum class Kind : uint8_t {
    kNull,
    kZero,     ///< NOT NULL without a default: the type's own zero
    kNumber,   ///< `text` as it is written
    kString,   ///< `text` without quotes and escapes
    kBytes,    ///< `text`, from hexadecimal digits
    kBits,     ///< `text`, binary digits
    kUnknown,  ///< `text` says why: an expression, CURRENT_TIMESTAMP, AUTO_INCREMENT, …
  } kind = Kind::kNull;
  std::string text;

  /// \name The type that the definition gives, under the name by which the server describes it; ""
  /// where it is not understood.
  /// @{
  std::string type = {};
  std::vector<std::string> parameters = {};  ///< what stands in parentheses behind it
  bool is_unsigned = false;
  /// @}

  static AddedDefault Unknown(std::string why) { return {Kind::kUnknown, std::move(why)}; }
};

/// `tokens`: of a column's definition, from its type on to its end.
AddedDefault ReadAddedDefault(std::span<const Token> tokens, StatementSettings::Encoding encoding);

/// The value of rows of before in `column`, which was added so. `column` may be described as it is
/// later: a value is told only where it has the type that the statement gave it, and where it has
/// the value exactly, for what the server rounds or cuts is not done here.
TableAltered::Filled FillOf(const AddedDefault& added, const MyColumn& column,
                            int64_t value_bytes_max);

}  // namespace tarn::mysql
