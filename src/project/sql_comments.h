#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace tarn {

/// Where the block comments of a SQL text begin: those of the outermost level, none within quotes,
/// dollar quotes and line comments. What is not closed goes to the end of the text.
std::vector<size_t> BlockComments(std::string_view sql);

}  // namespace tarn
