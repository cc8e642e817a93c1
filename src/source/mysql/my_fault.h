#pragma once

#include <string>

#include "source/mysql/my_value.h"

namespace tarn::mysql {

/// What a value that cannot be stored looks like to a person: table, row, column, value and repair.
/// `which_row` is "row 12 (id 7)"; `shown` the value, "" where it has no form to show; of kJson why
/// no variant can be made of it.
Error ValueError(Trouble trouble, const SourceTableName& table, const std::string& which_row,
                 const MyColumn& column, const std::string& shown);

/// A value of a result's row (binary protocol) for people: at most 64 characters.
std::string WireValueToText(const MyColumn& column, const uint8_t* p, const uint8_t* end);

}  // namespace tarn::mysql
