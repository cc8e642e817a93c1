#pragma once

#include <string>
#include <string_view>

namespace tarn {

/// A statement, or a message about one, as it may be remembered: passwords in addresses
/// ("postgres://user:…@host"), signatures in their queries, and literals after words such as
/// `password`, `secret` or `token` become "***". The rest of the text stays as it was typed.
std::string WithoutSecrets(std::string_view text);

}  // namespace tarn
