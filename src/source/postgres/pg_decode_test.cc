#include "source/postgres/pg_decode.h"

#include <string>

#include <arrow/array.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace tarn::postgres {
namespace {

std::string Big32(uint32_t value) {
  const uint32_t big = __builtin_bswap32(value);
  return {reinterpret_cast<const char*>(&big), sizeof(big)};
}

/// What decoding one row with one field comes to: "" or the error.
std::string FaultOf(WireKind wire, int dimensions, const std::string& field) {
  PgColumn column;
  column.name = "c";
  column.wire = wire;
  column.dimensions = dimensions;
  column.type = wire == WireKind::kDate ? arrow::date32() : arrow::int32();
  for (int i = 0; i < dimensions; ++i) column.type = arrow::list(column.type);
  RowDecoder::Options options;
  options.table = {"public", "t"};
  options.columns = {column};
  options.schema = arrow::schema({arrow::field("c", column.type)});
  RowDecoder decoder(std::move(options), arrow::default_memory_pool());
  EXPECT_TRUE(decoder.Begin().ok());

  const std::string row =
      std::string("\0\1", 2) + Big32(static_cast<uint32_t>(field.size())) + field;
  const auto* begin = reinterpret_cast<const uint8_t*>(row.data());
  const uint8_t* const end = begin + row.size();
  if (!decoder.Row(&begin, end, end)) return decoder.fault().message;
  const auto batch = decoder.Finish();
  EXPECT_TRUE(batch.ok() && (*batch)->ValidateFull().ok());
  return "";
}

/// An array of int4 without nulls.
std::string Array(const std::vector<uint32_t>& lengths, const std::string& items) {
  std::string bytes = Big32(static_cast<uint32_t>(lengths.size())) + Big32(0) + Big32(23);
  for (const uint32_t length : lengths) bytes += Big32(length) + Big32(1);
  return bytes + items;
}

TEST(RowDecoder, ADateBeyondPostgresLastDayIsMalformed) {
  EXPECT_EQ(FaultOf(WireKind::kDate, 0, Big32(2145031948)), "");  // 5874897-12-31
  EXPECT_EQ(FaultOf(WireKind::kDate, 0, Big32(0x7FFFFFFF)), "");  // infinity
  for (const uint32_t days : {2145031949U, 0x7FFFFFF0U, 0x7FFFFFFEU}) {
    const std::string fault = FaultOf(WireKind::kDate, 0, Big32(days));
    EXPECT_NE(fault.find("public.t"), std::string::npos) << days << ": " << fault;
  }
}

TEST(RowDecoder, AnArrayHasAsManyItemsAsItsBytesCanHold) {
  const std::string item = Big32(4) + Big32(7);
  EXPECT_EQ(FaultOf(WireKind::kInt32, 2, Array({1, 2}, item + item)), "");
  EXPECT_EQ(FaultOf(WireKind::kInt32, 1, Array({0}, "")), "");  // an empty oidvector
  EXPECT_NE(FaultOf(WireKind::kInt32, 1, Array({0xFFFFFFFF}, item)), "");
  EXPECT_NE(FaultOf(WireKind::kInt32, 1, Array({0x7FFFFFFF}, item)), "");
  EXPECT_NE(FaultOf(WireKind::kInt32, 2, Array({0x7FFFFFFF, 0x7FFFFFFF}, item)), "");
}

TEST(RowDecoder, EmptyLevelsOfAnArrayAreNotRepeatedWithoutEnd) {
  EXPECT_NE(FaultOf(WireKind::kInt32, 6, Array({200, 200, 200, 200, 200, 0}, std::string(200, 0))),
            "");
}

}  // namespace
}  // namespace tarn::postgres
