#pragma once

#include <string_view>

#include "base/check.h"
#include "table/iceberg/metadata_json.h"
#include "table/model/metadata.h"

namespace tarn::fuzz {

/// The table that manifests and partition texts are read against: every type that a partition or
/// bound may have. Its columns are those of the manifests in fuzz/corpus.
inline const TableMetadata& SampleTable() {
  static constexpr std::string_view kJson = R"json({
    "format-version": 3, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": "memory://t",
    "last-sequence-number": 9, "last-updated-ms": 1602638573590, "last-column-id": 30, "next-row-id": 100,
    "current-schema-id": 0, "schemas": [{"type": "struct", "schema-id": 0, "fields": [
      {"id": 1, "name": "id", "type": "long", "required": true},
      {"id": 2, "name": "name", "type": "string", "required": false},
      {"id": 3, "name": "price", "type": "decimal(9, 2)", "required": false},
      {"id": 4, "name": "sold_at", "type": "timestamp", "required": false},
      {"id": 5, "name": "seen", "type": "timestamptz", "required": false},
      {"id": 6, "name": "day", "type": "date", "required": false},
      {"id": 7, "name": "ok", "type": "boolean", "required": false},
      {"id": 8, "name": "ratio", "type": "float", "required": false},
      {"id": 9, "name": "d", "type": "double", "required": false},
      {"id": 10, "name": "raw", "type": "binary", "required": false},
      {"id": 11, "name": "tags", "required": false,
       "type": {"type": "list", "element-id": 13, "element": "string", "element-required": false}},
      {"id": 12, "name": "addr", "required": false, "type": {"type": "struct", "fields": [
        {"id": 14, "name": "zip", "type": "int", "required": false},
        {"id": 15, "name": "city", "type": "string", "required": false}]}},
      {"id": 16, "name": "extra", "type": "int", "required": false},
      {"id": 17, "name": "at", "type": "time", "required": false},
      {"id": 18, "name": "u", "type": "uuid", "required": false},
      {"id": 19, "name": "fx", "type": "fixed[4]", "required": false},
      {"id": 20, "name": "ns", "type": "timestamp_ns", "required": false},
      {"id": 21, "name": "big", "type": "decimal(38, 10)", "required": false},
      {"id": 22, "name": "Odd \"name\", (x)", "type": "int", "required": false}]
}],
    "default-spec-id": 1, "last-partition-id": 1010, "partition-specs": [
      {"spec-id": 0, "fields": []},
      {"spec-id": 1, "fields": [
        {"source-id": 4, "field-id": 1000, "transform": "day", "name": "sold_at_day"},
        {"source-id": 7, "field-id": 1001, "transform": "identity", "name": "ok"},
        {"source-id": 1, "field-id": 1002, "transform": "bucket[8]", "name": "id_bucket"},
        {"source-id": 3, "field-id": 1003, "transform": "identity", "name": "price"},
        {"source-id": 2, "field-id": 1004, "transform": "truncate[4]", "name": "name_trunc"},
        {"source-id": 18, "field-id": 1005, "transform": "identity", "name": "u"}]}],
    "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
    "properties": {}, "refs": {}, "snapshots": []
})json";
  static const TableMetadata table = [] {
    auto parsed = ParseTableMetadata(kJson, "the sample table");
    TARN_CHECK_MSG(parsed.ok(), parsed.status().ToString().c_str());
    return std::move(parsed).value();
  }();
  return table;
}

}  // namespace tarn::fuzz
