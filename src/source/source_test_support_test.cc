#include "source/source_test_support.h"

#include <algorithm>
#include <charconv>

#include <arrow/util/decimal.h>

#include "columnar/variant_json.h"

namespace tarn::testing {
namespace {

std::string FloatText(double value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

}  // namespace

std::string TextOf(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return "NULL";
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
    case arrow::Type::INT32:
      return std::to_string(static_cast<const arrow::Int32Array&>(array).Value(row));
    case arrow::Type::INT64:
      return std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row));
    case arrow::Type::FLOAT: {
      char text[64];
      const float value = static_cast<const arrow::FloatArray&>(array).Value(row);
      return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
    }
    case arrow::Type::DOUBLE:
      return FloatText(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case arrow::Type::DATE32:
      return std::to_string(static_cast<const arrow::Date32Array&>(array).Value(row));
    case arrow::Type::TIMESTAMP:
      return std::to_string(static_cast<const arrow::TimestampArray&>(array).Value(row));
    case arrow::Type::DECIMAL128:
      return static_cast<const arrow::Decimal128Array&>(array).FormatValue(row);
    case arrow::Type::STRUCT: {
      const auto& parts = static_cast<const arrow::StructArray&>(array);
      const auto part = [&](int i) {
        return static_cast<const arrow::BinaryArray&>(*parts.field(i)).GetView(row);
      };
      std::string json;
      const Status told = AppendVariantJson(part(0), part(1), &json);
      return told.ok() ? json : told.ToString();
    }
    case arrow::Type::STRING:
      return static_cast<const arrow::StringArray&>(array).GetString(row);
    case arrow::Type::BINARY: {
      std::string out = "\\x";
      for (const char c : static_cast<const arrow::BinaryArray&>(array).GetView(row)) {
        out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
      }
      return out;
    }
    case arrow::Type::LIST: {
      const auto& list = static_cast<const arrow::ListArray&>(array);
      std::string out = "[";
      for (int64_t i = 0; i < list.value_length(row); ++i) {
        out += (i > 0 ? "," : "") + TextOf(*list.values(), list.value_offset(row) + i);
      }
      return out + "]";
    }
    default:
      ADD_FAILURE() << "type " << array.type()->ToString();
      return "?";
  }
}

std::vector<std::string> RowTexts(const arrow::RecordBatch& batch) {
  EXPECT_TRUE(batch.ValidateFull().ok()) << batch.ValidateFull().ToString();
  std::vector<std::string> rows;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    std::string text;
    for (int i = 0; i < batch.num_columns(); ++i) {
      text += (i > 0 ? "|" : "") + TextOf(*batch.column(i), row);
    }
    rows.push_back(std::move(text));
  }
  return rows;
}

std::vector<std::string> Drain(BatchReader& reader) {
  std::vector<std::string> rows;
  while (std::shared_ptr<arrow::RecordBatch> batch = Must(reader.Next())) {
    EXPECT_GT(batch->num_rows(), 0);
    EXPECT_TRUE(batch->schema()->Equals(*reader.schema()));
    for (std::string& row : RowTexts(*batch)) rows.push_back(std::move(row));
  }
  EXPECT_EQ(Must(reader.Next()), nullptr) << "the end is the end";
  return rows;
}

Error DrainToError(BatchReader& reader) {
  while (true) {
    auto batch = reader.Next();
    if (!batch.ok()) {
      EXPECT_FALSE(reader.Next().ok()) << "an error is not followed by rows or an end";
      return batch.error();
    }
    if (*batch == nullptr) {
      ADD_FAILURE() << "an error was expected";
      return {};
    }
  }
}

std::vector<std::string> ReadTable(Source& source, const SourceTableName& name, int ranges) {
  auto snapshot = Must(source.BeginSnapshot());
  const SourceTable table = Must(snapshot->Describe(name));
  std::vector<std::string> rows;
  const std::vector<ScanRange> parts = Must(snapshot->Split(table, ranges));
  EXPECT_LE(static_cast<int>(parts.size()), std::max(ranges, 1));
  for (const ScanRange& part : parts) {
    auto reader = Must(snapshot->Open(table, part, std::nullopt));
    for (std::string& row : Drain(*reader)) rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace tarn::testing
