#include "table/delta/file_values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/json.h"
#include "table/delta/text.h"

namespace tarn::delta {
namespace {

constexpr int64_t kMicrosPerMinute = 60'000'000;
/// What a timestamp in milliseconds may have lost.
constexpr int64_t kLostMicrosMax = 999;
/// A number of so many digits is the same after it was read as a double.
constexpr int kExactDigitsMax = 15;

enum class Bound { kLower, kUpper };

// The offset from UTC at the end of a timestamp ("Z", "+01:00"), which is taken off `text`.
std::optional<int64_t> TakeOffsetMinutes(std::string_view& text) {
  if (text.ends_with('Z')) {
    text.remove_suffix(1);
    return 0;
  }
  constexpr size_t kOffsetCharacters = 6;  // "+01:00"
  if (text.size() <= kOffsetCharacters) return 0;
  const std::string_view offset = text.substr(text.size() - kOffsetCharacters);
  if ((offset[0] != '+' && offset[0] != '-') || offset[3] != ':') return 0;
  const auto digit = [&](size_t i) { return offset[i] - '0'; };
  for (const size_t i : {1, 2, 4, 5}) {
    if (digit(i) < 0 || digit(i) > 9) return std::nullopt;
  }
  const int minutes = (digit(1) * 10 + digit(2)) * 60 + digit(4) * 10 + digit(5);
  text.remove_suffix(kOffsetCharacters);
  return offset[0] == '-' ? -minutes : minutes;
}

std::optional<Scalar> ReadTimestamp(const Type& type, std::string_view text) {
  int64_t offset_minutes = 0;
  if (type.kind() == Type::Kind::kTimestampTz) {
    const auto offset = TakeOffsetMinutes(text);
    if (!offset) return std::nullopt;
    offset_minutes = *offset;
  }
  // A date alone is its midnight.
  const std::string whole = text.size() == 10 ? std::string(text) + "T00:00:00" : std::string(text);
  const auto local = ValueFromText(Type(Type::Kind::kTimestamp), whole);
  if (!local) return std::nullopt;
  return Scalar(std::get<int64_t>(*local) - offset_minutes * kMicrosPerMinute);
}

std::optional<Scalar> ReadText(const Type& type, std::string_view text) {
  switch (type.kind()) {
    case Type::Kind::kTimestamp:
    case Type::Kind::kTimestampTz:
      return ReadTimestamp(type, text);
    case Type::Kind::kBinary:  // the bytes themselves, as characters
      return Scalar(std::string(text));
    default:
      return ValueFromText(type, text);
  }
}

std::optional<Scalar> NumberBound(const Type& type, const Json& json) {
  if (!json.is_number()) return std::nullopt;
  switch (type.kind()) {
    case Type::Kind::kInt:
    case Type::Kind::kLong:
      if (!json.is_number_integer()) return std::nullopt;
      return ValueFromText(type, DumpJson(json));
    case Type::Kind::kFloat:
      // As the column has it, not as its digits say.
      return Scalar(static_cast<double>(static_cast<float>(json.get<double>())));
    case Type::Kind::kDouble:
      return Scalar(json.get<double>());
    case Type::Kind::kDecimal:
      if (json.is_number_float() && type.precision() > kExactDigitsMax) return std::nullopt;
      // A double writes 2.50 as 2.5, and nothing that is shorter than an exponent.
      return ValueFromText(type, DumpJson(json));
    default:
      return std::nullopt;
  }
}

std::optional<Scalar> BoundFrom(const Type& type, const Json& json, Bound bound) {
  if (!json.is_string()) return NumberBound(type, json);
  const std::string text = json.get<std::string>();
  switch (type.kind()) {
    case Type::Kind::kString:
      return Scalar(text);
    case Type::Kind::kDate:
    case Type::Kind::kDecimal:
      return ValueFromText(type, text);
    case Type::Kind::kTimestamp:
    case Type::Kind::kTimestampTz: {
      std::optional<Scalar> value = ReadTimestamp(type, text);
      if (value && bound == Bound::kUpper) {
        const int64_t micros = std::get<int64_t>(*value);
        if (micros > INT64_MAX - kLostMicrosMax) return std::nullopt;
        value = Scalar(micros + kLostMicrosMax);
      }
      return value;
    }
    default:
      return std::nullopt;
  }
}

class StatsReader {
 public:
  StatsReader(const TableSchema& table, DataFile& file) : table_(table), file_(file) {}

  void Read(const Json& stats) {
    const Json* rows = FindMember(stats, "numRecords");
    if (rows == nullptr || !rows->is_number_integer() || rows->get<int64_t>() < 0) return;
    file_.record_count = rows->get<int64_t>();
    const Json* tight = FindMember(stats, "tightBounds");
    wide_ = tight != nullptr && tight->is_boolean() && !tight->get<bool>();
    static const Json nothing = Json::object();
    const auto member = [&](const char* name) -> const Json& {
      const Json* found = FindMember(stats, name);
      return found == nullptr ? nothing : *found;
    };
    Columns(table_.schema.fields, member("minValues"), member("maxValues"), member("nullCount"));
  }

 private:
  void Columns(const std::vector<Field>& fields, const Json& lower, const Json& upper,
               const Json& nulls) {
    for (const Field& field : fields) {
      const auto name = table_.physical_names.find(field.id.value());
      if (name == table_.physical_names.end()) continue;
      static const Json nothing;
      const auto member = [&](const Json& object) -> const Json& {
        const Json* found = FindMember(object, name->second);
        return found == nullptr ? nothing : *found;
      };
      if (field.type.kind() == Type::Kind::kStruct) {
        Columns(field.type.fields(), member(lower), member(upper), member(nulls));
      } else if (field.type.primitive()) {
        Column(field, member(lower), member(upper), member(nulls));
      }
    }
  }

  void Column(const Field& field, const Json& lower, const Json& upper, const Json& nulls) {
    const int32_t id = field.id.value();
    file_.value_counts[id] = file_.record_count;
    if (nulls.is_number_integer()) {
      const int64_t count = nulls.get<int64_t>();
      if (!wide_ || count == 0 || count == file_.record_count) file_.null_counts[id] = count;
    }
    if (auto bound = BoundFrom(field.type, lower, Bound::kLower)) file_.lower_bounds[id] = *bound;
    if (auto bound = BoundFrom(field.type, upper, Bound::kUpper)) file_.upper_bounds[id] = *bound;
  }

  const TableSchema& table_;
  DataFile& file_;
  bool wide_ = false;
};

}  // namespace

Result<Scalar> ReadPartitionValue(const Type& type, const std::optional<std::string>& text) {
  if (!text || text->empty()) return Scalar();
  std::optional<Scalar> value = ReadText(type, *text);
  if (value) return std::move(*value);
  return Corruption("'" + *text + "' is no partition value of type " + type.ToString());
}

Result<TableFile> ReadTableFile(const AddFile& add, const TableSchema& table,
                                std::string_view table_uri) {
  TableFile result;
  DataFile& file = result.file;
  file.path = FileUri(table_uri, add.path);
  file.size_bytes = add.size_bytes;
  file.record_count = -1;
  if (!add.stats.empty()) {
    const Result<Json> stats = ParseJson(add.stats, "statistics");
    if (stats.ok()) StatsReader(table, file).Read(*stats);
  }
  for (const FieldId id : table.partition_columns) {
    const Field* field = table.schema.Find(id);
    const auto text = add.partition_values.find(table.physical_names.at(id.value()));
    TARN_ASSIGN_OR_RETURN(
        Scalar value,
        ReadPartitionValue(field->type,
                           text == add.partition_values.end() ? std::nullopt : text->second)
            .Wrap(file.path));
    if (IsNull(value)) {
      if (file.record_count >= 0) {
        file.null_counts[id.value()] = file.value_counts[id.value()] = file.record_count;
      }
    } else {
      file.lower_bounds[id.value()] = file.upper_bounds[id.value()] = value;
      file.null_counts[id.value()] = 0;
    }
    result.partition_values.emplace(id.value(), std::move(value));
  }
  result.deletion_vector = add.deletion_vector;
  result.base_row_id = add.base_row_id;
  result.default_row_commit_version = add.default_row_commit_version;
  return result;
}

}  // namespace tarn::delta
