#include "source/mysql/my_prepared.h"

#include <utility>

namespace tarn::mysql {

Result<std::optional<std::vector<std::string>>> PreparedTransactions(Connection& connection,
                                                                     const std::string& doing) {
  const Result<Rows> rows = connection.Query("XA RECOVER", doing);
  if (!rows.ok()) {
    const ErrorKind kind = rows.error().kind;
    const bool lost = kind == ErrorKind::kUnavailable || kind == ErrorKind::kCancelled;
    if (lost) return rows.status();
    return std::optional<std::vector<std::string>>();
  }
  constexpr int kData = 3;
  std::vector<std::string> names;
  for (int i = 0; i < rows->count(); ++i) names.push_back(rows->text(i, kData));
  return std::optional<std::vector<std::string>>(std::move(names));
}

}  // namespace tarn::mysql
