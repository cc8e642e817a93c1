#include "table/iceberg/manifest_schema.h"

#include <set>
#include <utility>

#include "base/json.h"
#include "columnar/avro_schema.h"

namespace tarn {

namespace {

namespace mf = manifest_field;
namespace lf = manifest_list_field;

Json Required(const char* name, int32_t id, Json type) {
  return Json{{"name", name}, {"type", std::move(type)}, {"field-id", id}};
}

Json Optional(const char* name, int32_t id, Json type) {
  return Json{{"name", name},
              {"type", Json::array({"null", std::move(type)})},
              {"default", nullptr},
              {"field-id", id}};
}

Json Record(const std::string& name, Json fields) {
  return Json{{"type", "record"}, {"name", name}, {"fields", std::move(fields)}};
}

/// Maps with integer keys are arrays of key-value records in Avro.
Json IntegerMap(int32_t key_id, int32_t value_id, const char* value_type) {
  const std::string name = "k" + std::to_string(key_id) + "_v" + std::to_string(value_id);
  return Json{{"type", "array"},
              {"items", Record(name, Json::array({Required("key", key_id, "int"),
                                                  Required("value", value_id, value_type)}))},
              {"logicalType", "map"}};
}

Json List(int32_t element_id, Json items) {
  return Json{{"type", "array"}, {"items", std::move(items)}, {"element-id", element_id}};
}

Json Timestamp(const char* logical_type, bool adjust_to_utc) {
  return Json{{"type", "long"}, {"logicalType", logical_type}, {"adjust-to-utc", adjust_to_utc}};
}

/// The least number of bytes that hold a decimal of this precision.
int DecimalBytes(int precision) {
  // 10^p - 1 needs about p * log2(10) bits and one for the sign.
  static constexpr int kBytes[] = {0,  1,  1,  2,  2,  3,  3,  4,  4,  4,  5,  5,  6,
                                   6,  6,  7,  7,  8,  8,  9,  9,  9,  10, 10, 11, 11,
                                   11, 12, 12, 13, 13, 13, 14, 14, 15, 15, 16, 16, 16};
  return kBytes[precision];
}

/// Names of fixed types may be defined once in a schema and must be referred to afterwards.
class PartitionTypeWriter {
 public:
  Json Write(const Type& type) {
    switch (type.kind()) {
      case Type::Kind::kBoolean:
        return "boolean";
      case Type::Kind::kInt:
        return "int";
      case Type::Kind::kLong:
        return "long";
      case Type::Kind::kFloat:
        return "float";
      case Type::Kind::kDouble:
        return "double";
      case Type::Kind::kDate:
        return Json{{"type", "int"}, {"logicalType", "date"}};
      case Type::Kind::kTime:
        return Json{{"type", "long"}, {"logicalType", "time-micros"}};
      case Type::Kind::kTimestamp:
        return Timestamp("timestamp-micros", false);
      case Type::Kind::kTimestampTz:
        return Timestamp("timestamp-micros", true);
      case Type::Kind::kTimestampNs:
        return Timestamp("timestamp-nanos", false);
      case Type::Kind::kTimestampTzNs:
        return Timestamp("timestamp-nanos", true);
      case Type::Kind::kString:
        return "string";
      case Type::Kind::kDecimal:
        return Fixed(
            "decimal_" + std::to_string(type.precision()) + "_" + std::to_string(type.scale()),
            DecimalBytes(type.precision()),
            Json{{"logicalType", "decimal"},
                 {"precision", type.precision()},
                 {"scale", type.scale()}});
      case Type::Kind::kUuid:
        return Fixed("uuid_fixed", 16, Json{{"logicalType", "uuid"}});
      case Type::Kind::kFixed:
        return Fixed("fixed_" + std::to_string(type.length()), type.length(), Json::object());
      default:
        return "bytes";
    }
  }

 private:
  Json Fixed(const std::string& name, int bytes, const Json& attributes) {
    if (!defined_.insert(name).second) return name;
    Json json{{"type", "fixed"}, {"name", name}, {"size", bytes}};
    json.update(attributes);
    return json;
  }

  std::set<std::string> defined_;
};

}  // namespace

std::string ManifestAvroSchema(const PartitionSpec& spec, const std::vector<Type>& partition_types,
                               int format_version) {
  Json partition = Json::array();
  PartitionTypeWriter types;
  for (size_t i = 0; i < spec.fields.size(); ++i) {
    const PartitionField& field = spec.fields[i];
    partition.push_back(
        Optional(AvroName(field.name).c_str(), field.field_id, types.Write(partition_types[i])));
  }
  Json file = Json::array(
      {Required("content", mf::kContent, "int"), Required("file_path", mf::kFilePath, "string"),
       Required("file_format", mf::kFileFormat, "string"),
       Required("partition", mf::kPartition, Record("r102", std::move(partition))),
       Required("record_count", mf::kRecordCount, "long"),
       Required("file_size_in_bytes", mf::kFileSize, "long"),
       Optional("column_sizes", mf::kColumnSizes, IntegerMap(117, 118, "long")),
       Optional("value_counts", mf::kValueCounts, IntegerMap(119, 120, "long")),
       Optional("null_value_counts", mf::kNullCounts, IntegerMap(121, 122, "long")),
       Optional("nan_value_counts", mf::kNanCounts, IntegerMap(138, 139, "long")),
       Optional("lower_bounds", mf::kLowerBounds, IntegerMap(126, 127, "bytes")),
       Optional("upper_bounds", mf::kUpperBounds, IntegerMap(129, 130, "bytes")),
       Optional("key_metadata", mf::kKeyMetadata, "bytes"),
       Optional("split_offsets", mf::kSplitOffsets, List(133, "long")),
       Optional("equality_ids", mf::kEqualityIds, List(136, "int")),
       Optional("sort_order_id", mf::kSortOrderId, "int")});
  if (format_version >= kVersionOfRowIds) {
    file.push_back(Optional("first_row_id", mf::kFirstRowId, "long"));
  }
  file.push_back(Optional("referenced_data_file", mf::kReferencedDataFile, "string"));
  if (format_version >= kVersionOfRowIds) {
    file.push_back(Optional("content_offset", mf::kContentOffset, "long"));
    file.push_back(Optional("content_size_in_bytes", mf::kContentSize, "long"));
  }
  return DumpJson(Record("manifest_entry",
                         Json::array({Required("status", mf::kStatus, "int"),
                                      Optional("snapshot_id", mf::kSnapshotId, "long"),
                                      Optional("sequence_number", mf::kSequenceNumber, "long"),
                                      Optional("file_sequence_number", mf::kFileSequence, "long"),
                                      Required("data_file", 2, Record("r2", std::move(file)))})));
}

std::string ManifestListAvroSchema(int format_version) {
  Json summary =
      Record("r508", Json::array({Required("contains_null", lf::kContainsNull, "boolean"),
                                  Optional("contains_nan", lf::kContainsNan, "boolean"),
                                  Optional("lower_bound", lf::kLowerBound, "bytes"),
                                  Optional("upper_bound", lf::kUpperBound, "bytes")}));
  Json fields = Json::array({Required("manifest_path", lf::kPath, "string"),
                             Required("manifest_length", lf::kLength, "long"),
                             Required("partition_spec_id", lf::kSpecId, "int"),
                             Required("content", lf::kContent, "int"),
                             Required("sequence_number", lf::kSequenceNumber, "long"),
                             Required("min_sequence_number", lf::kMinSequenceNumber, "long"),
                             Required("added_snapshot_id", lf::kSnapshotId, "long"),
                             Required("added_files_count", lf::kAddedFiles, "int"),
                             Required("existing_files_count", lf::kExistingFiles, "int"),
                             Required("deleted_files_count", lf::kDeletedFiles, "int"),
                             Required("added_rows_count", lf::kAddedRows, "long"),
                             Required("existing_rows_count", lf::kExistingRows, "long"),
                             Required("deleted_rows_count", lf::kDeletedRows, "long"),
                             Optional("partitions", lf::kPartitions, List(508, std::move(summary))),
                             Optional("key_metadata", lf::kKeyMetadata, "bytes")});
  if (format_version >= kVersionOfRowIds) {
    fields.push_back(Optional("first_row_id", lf::kFirstRowId, "long"));
  }
  return DumpJson(Record("manifest_file", std::move(fields)));
}

}  // namespace tarn
