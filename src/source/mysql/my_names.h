#pragma once

#include <string>
#include <string_view>

#include "source/source_table.h"

namespace tarn::mysql {

/// `` `odd``name` ``.
std::string QuoteIdentifier(std::string_view name);
/// `` `schema`.`name` ``.
std::string QuoteName(const SourceTableName& name);
/// A string that no setting of the session reads otherwise: `x'6974'`, binary; `_utf8mb4 x'…'`.
/// @{
std::string BytesLiteral(std::string_view bytes);
std::string TextLiteral(std::string_view text);
/// @}

}  // namespace tarn::mysql
