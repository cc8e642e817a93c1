#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_statement.h"

namespace tarn::mysql {

/// The columns of a table as statements of the log made them, of which nothing that was seen so far
/// tells the types. Empty: there are none such.
struct AlteredNames {
  std::vector<AlteredName> names;
  bool strict = true;  ///< the sql_mode of all the statements

  /// For SourceTable::log_mark; "" of none.
  std::string ToMark() const;
  /// Errors: Corruption.
  static Result<AlteredNames> FromMark(std::string_view mark);
};

}  // namespace tarn::mysql
