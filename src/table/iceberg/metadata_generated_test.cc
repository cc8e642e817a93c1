#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/random.h"
#include "table/iceberg/metadata_json.h"
#include "table/model/partition.h"

namespace tarn {
namespace {

using Kind = Type::Kind;

/// Tables of version 2 and 3 with something of everything, by a seed.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(SeededRandom(seed)) {}

  TableMetadata Table() {
    TableMetadata table;
    table.format_version = Chance(2) ? 3 : 2;
    table.table_uuid = random_->Uuid();
    table.location = "s3://bucket/" + Text();
    table.last_updated_ms = Below(1'000'000'000'000);
    const int64_t schemas = 1 + Below(3);
    for (int64_t i = 0; i < schemas; ++i) table.schemas.push_back(OneSchema(i, table));
    table.current_schema = table.schemas.back().id;
    table.last_column_id = last_id_;
    Specs(table);
    Orders(table);
    for (int64_t i = Below(4); i > 0; --i) table.properties[Text()] = Text();
    Snapshots(table);
    if (Chance(2)) table.unknown_members["encryption-keys"] = R"([{"key-id":"k"}])";
    if (Chance(2)) table.unknown_members["partition-statistics"] = R"([{"snapshot-id":1}])";
    return table;
  }

 private:
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_->Below(static_cast<uint64_t>(bound)));
  }
  bool Chance(int64_t one_in) { return Below(one_in) == 0; }
  std::string Text() {
    static constexpr const char* kTexts[] = {"a",  "Größe", "\"q\"", "x y",
                                             "\\", "日本",  "null",  "0"};
    return kTexts[Below(8)] + std::to_string(Below(1000));
  }
  std::string Bytes(int64_t size) {
    std::string bytes;
    for (int64_t i = 0; i < size; ++i) bytes += static_cast<char>(random_->Next());
    return bytes;
  }

  Type Simple(int version) {
    static constexpr Kind kKinds[] = {
        Kind::kBoolean,     Kind::kInt,           Kind::kLong,    Kind::kFloat,
        Kind::kDouble,      Kind::kDate,          Kind::kTime,    Kind::kTimestamp,
        Kind::kTimestampTz, Kind::kString,        Kind::kUuid,    Kind::kBinary,
        Kind::kTimestampNs, Kind::kTimestampTzNs, Kind::kUnknown, Kind::kVariant};
    if (Chance(8)) return Type::Fixed(static_cast<int>(1 + Below(20)));
    if (Chance(6)) {
      const int precision = static_cast<int>(1 + Below(38));
      return Type::Decimal(precision, static_cast<int>(Below(precision + 1)));
    }
    return Type(kKinds[Below(version == 3 ? 16 : 12)]);
  }

  Type AnyType(int version, int depth) {
    if (depth > 3 || !Chance(4)) return Simple(version);
    if (Chance(3)) return Type::List(OneField(version, depth + 1, Defaults::kNone));
    if (Chance(2)) {
      Field key = OneField(version, depth + 1, Defaults::kNone);
      if (key.type.kind() == Kind::kUnknown) key.type = Type(Kind::kString);  // keys are required
      return Type::Map(key, OneField(version, depth + 1, Defaults::kNone));
    }
    std::vector<Field> fields;
    for (int64_t i = 1 + Below(3); i > 0; --i) {
      fields.push_back(OneField(version, depth + 1, Defaults::kSome));
    }
    return Type::Struct(std::move(fields));
  }

  std::optional<Scalar> Value(const Type& type) {
    switch (type.kind()) {
      case Kind::kBoolean:
        return Scalar(Chance(2));
      case Kind::kInt:
      case Kind::kDate:
        return Scalar(int64_t{static_cast<int32_t>(random_->Next())} / 10);
      case Kind::kTime:
        return Scalar(Below(86'400'000'000));
      case Kind::kFloat:
      case Kind::kDouble:
        return Scalar(static_cast<double>(Below(1'000'000)) / 128);
      case Kind::kDecimal:
        return Scalar(Int128FromInt64(Below(10) - 5));
      case Kind::kString:
        return Scalar(Text());
      case Kind::kUuid:
        return Scalar(Bytes(16));
      case Kind::kFixed:
        return Scalar(Bytes(type.length()));
      case Kind::kBinary:
        return Scalar(Bytes(Below(20)));
      case Kind::kLong:
      case Kind::kTimestampNs:
      case Kind::kTimestampTzNs:
        return Scalar(static_cast<int64_t>(random_->Next()));
      case Kind::kTimestamp:
      case Kind::kTimestampTz:
        return Scalar(static_cast<int64_t>(random_->Next()) / 1000);
      default:
        return std::nullopt;
    }
  }

  enum class Defaults { kNone, kSome };
  Field OneField(int version, int depth, Defaults defaults) {
    Field field;
    field.id = FieldId(++last_id_);
    field.name = Text() + std::to_string(last_id_);
    field.type = AnyType(version, depth);
    field.nullability = Chance(3) && field.type.kind() != Kind::kUnknown ? Nullability::kRequired
                                                                         : Nullability::kOptional;
    if (defaults == Defaults::kNone) return field;
    if (Chance(3)) field.doc = Text();
    if (version == 3 && Chance(2)) field.initial_default = Value(field.type);
    if (version == 3 && Chance(2)) field.write_default = Value(field.type);
    return field;
  }

  Schema OneSchema(int64_t id, const TableMetadata& table) {
    Schema schema;
    schema.id = SchemaId(static_cast<int32_t>(id));
    for (int64_t i = 1 + Below(6); i > 0; --i) {
      schema.fields.push_back(OneField(table.format_version, 0, Defaults::kSome));
    }
    if (Chance(2)) schema.identifier_fields = {schema.fields[0].id};
    return schema;
  }

  void Specs(TableMetadata& table) {
    static constexpr const char* kTransforms[] = {"identity", "day",    "bucket[16]", "truncate[3]",
                                                  "void",     "zorder", "bucket[0]"};
    for (int64_t i = 1 + Below(3); i > 0; --i) {
      PartitionSpec spec;
      spec.id = SpecId(static_cast<int32_t>(table.specs.size()));
      for (int64_t k = Below(3); k > 0; --k) {
        PartitionField field;
        field.source_id = table.schema().fields[0].id;
        field.field_id = ++table.last_partition_id;
        field.name = Text() + std::to_string(field.field_id);
        field.transform = ParseTransform(kTransforms[Below(7)]);
        if (table.format_version == 3 && Chance(3)) {
          field.source_ids = {field.source_id, FieldId(99)};
          field.transform = {Transform::Kind::kUnknown, 0, "bucket[4]"};
        }
        spec.fields.push_back(std::move(field));
      }
      table.specs.push_back(std::move(spec));
    }
    table.default_spec = table.specs.back().id;
  }

  void Orders(TableMetadata& table) {
    table.sort_orders.emplace_back();
    if (Chance(2)) return;
    SortField field;
    field.source_id = table.schema().fields[0].id;
    field.transform = ParseTransform("truncate[8]");
    if (Chance(2)) field.direction = SortField::Direction::kDescending;
    if (Chance(2)) field.nulls = SortField::Nulls::kLast;
    table.sort_orders.push_back({3, {field}});
    table.default_sort_order = 3;
  }

  void Snapshots(TableMetadata& table) {
    for (int64_t i = Below(4); i > 0; --i) {
      Snapshot snapshot;
      snapshot.id = SnapshotId(random_->PositiveInt64());
      if (!table.snapshots.empty()) snapshot.parent = table.snapshots.back().id;
      snapshot.sequence_number = ++table.last_sequence_number;
      snapshot.timestamp_ms = table.last_updated_ms;
      if (Chance(4)) {
        snapshot.manifests = {Text(), Text()};
      } else {
        snapshot.manifest_list = "s3://bucket/" + Text();
      }
      snapshot.summary = {{"operation", "append"}, {Text(), Text()}};
      if (Chance(2)) snapshot.schema_id = table.current_schema;
      if (table.format_version == 3 && Chance(2)) {
        snapshot.first_row_id = table.next_row_id;
        snapshot.added_rows = Below(1000);
        table.next_row_id += *snapshot.added_rows;
      }
      if (Chance(4)) snapshot.unknown_members["key-id"] = "\"k\"";
      table.snapshot_log.emplace_back(snapshot.timestamp_ms, snapshot.id);
      table.metadata_log.emplace_back(snapshot.timestamp_ms, Text());
      table.snapshots.push_back(std::move(snapshot));
    }
    if (table.snapshots.empty()) return;
    table.current_snapshot = table.snapshots.back().id;
    table.refs["main"].snapshot = *table.current_snapshot;
    SnapshotRef tag{table.snapshots[0].id, "tag", {}, {}, Below(1000)};
    table.refs[Text()] = tag;
    table.refs[Text()] = {table.snapshots[0].id, "branch", 1, Below(1000), {}};
    StatisticsBlob blob{"apache-datasketches-theta-v1", *table.current_snapshot, 1, {1, 2}, {}};
    if (Chance(2)) blob.properties["ndv"] = "7";
    table.statistics.push_back({*table.current_snapshot, Text(), 10, 5, {blob, blob}, ""});
  }

  std::unique_ptr<Random> random_;
  int32_t last_id_ = 0;
};

TEST(GeneratedMetadata, IsReadAsItWasWritten) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const TableMetadata table = Generator(seed).Table();
    ASSERT_TRUE(CheckTypeForVersion(table.schema(), table.format_version).ok()) << "seed " << seed;
    const std::string text = WriteTableMetadata(table);
    auto back = ParseTableMetadata(text, "generated");
    ASSERT_TRUE(back.ok()) << "seed " << seed << ": " << back.status().ToString() << "\n" << text;
    ASSERT_TRUE(*back == table) << "seed " << seed << "\n"
                                << text << "\n"
                                << WriteTableMetadata(*back);
  }
}

TEST(GeneratedMetadata, BrokenAnywhereIsAnErrorAndNothingWorse) {
  auto random = SeededRandom(3);
  int errors = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::string good = WriteTableMetadata(Generator(seed).Table());
    for (int i = 0; i < 10; ++i) {
      std::string text = good;
      const size_t begin = random->Below(text.size());
      switch (random->Below(3)) {
        case 0:
          text.resize(begin);
          break;
        case 1:
          text[begin] = static_cast<char>(random->Next());
          break;
        default:
          text.replace(begin, random->Below(20), good, random->Below(good.size()), 10);
      }
      if (!ParseTableMetadata(text, "generated").ok()) ++errors;
    }
  }
  EXPECT_GT(errors, 1000);
}

}  // namespace
}  // namespace tarn
