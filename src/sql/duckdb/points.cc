#include "sql/duckdb/points.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "sql/duckdb/errors.h"

namespace tarn::duck {
namespace {

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error NoMoment() {
  return InvalidArgument("no moment of a table is named",
                         "name a snapshot, a tag, a commit ('sequence 42') or a time");
}

}  // namespace

LakePoint PointOfTime(duckdb::ClientContext& context, const duckdb::Value& value) {
  if (value.IsNull()) Throw(NoMoment());
  LakePoint point;
  const auto time = value.CastAs(context, duckdb::LogicalType::TIMESTAMP_TZ);
  point.timestamp_ms =
      duckdb::Timestamp::GetEpochMs(duckdb::timestamp_t(time.GetValueUnsafe<int64_t>()));
  return point;
}

LakePoint PointOf(duckdb::ClientContext& context, const duckdb::Value& value) {
  if (value.IsNull()) Throw(NoMoment());
  if (value.type().IsTemporal()) return PointOfTime(context, value);
  if (!value.type().IsIntegral()) return ValueOrThrow(ParsePoint(value.ToString()));
  LakePoint point;
  point.snapshot = SnapshotId(value.GetValue<int64_t>());
  return point;
}

Result<LakePoint> ParsePoint(const std::string& text) {
  LakePoint point;
  if (text.empty()) return NoMoment();
  if (const auto snapshot = Number(text)) {
    point.snapshot = SnapshotId(*snapshot);
    return point;
  }
  constexpr std::string_view kSequence = "sequence ";
  if (LowerAscii(text).starts_with(kSequence)) {
    const auto sequence = Number(std::string_view(text).substr(kSequence.size()));
    if (!sequence) {
      return InvalidArgument("\"" + text + "\" names no commit of the lake",
                             "write 'sequence 42'; system.commits lists them");
    }
    point.sequence = Sequence(*sequence);
    return point;
  }
  point.ref = text;
  return point;
}

}  // namespace tarn::duck
