#include "source/postgres/pg_lsn.h"

#include <charconv>
#include <cstdio>

namespace tarn::postgres {

std::string Lsn::ToString() const {
  char text[32];
  std::snprintf(text, sizeof(text), "%X/%X", static_cast<unsigned>(value >> 32),
                static_cast<unsigned>(value));
  return text;
}

Result<Lsn> Lsn::Parse(const std::string& text) {
  uint32_t high = 0;
  uint32_t low = 0;
  const char* const end = text.data() + text.size();
  const auto [slash, bad] = std::from_chars(text.data(), end, high, 16);
  if (bad == std::errc() && slash != end && *slash == '/') {
    const auto [stop, worse] = std::from_chars(slash + 1, end, low, 16);
    if (worse == std::errc() && stop == end) return Lsn{uint64_t{high} << 32 | low};
  }
  return InvalidArgument("`" + text + "` is not a position of PostgreSQL's log",
                         "positions look like 16/B374D848");
}

}  // namespace tarn::postgres
