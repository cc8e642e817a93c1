#include <algorithm>
#include <array>
#include <memory>

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include "source/mysql/my_log_assembler.h"
#include "source/mysql/my_resolver.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

using mysql::AssembleTable;
using mysql::AttributeOf;
using mysql::Charset;
using mysql::LogAssembler;
using mysql::LogTableMap;
using mysql::MapColumn;
using mysql::MyAttribute;
using mysql::MyColumn;
using mysql::MyTable;

bool IsText(const std::string& type) { return type.ends_with("char") || type.ends_with("text"); }

/// Columns from the map alone; the collation chooses the character set.
class Resolver final : public mysql::ShapeResolver {
 public:
  Result<std::shared_ptr<const MyTable>> Today(const SourceTableName& table) override {
    return NotFound("table " + table.ToString() + " is gone");
  }
  Result<MyColumn> ColumnOf(const SourceTableName& table,
                            const LogTableMap::Column& column) override {
    MyAttribute attribute =
        AttributeOf(column.name, mysql::ColumnTypeOf(column, column.collation == 63));
    if (attribute.data_type.empty()) return Unsupported("table " + table.ToString() + ": a type");
    static constexpr const char* kCharsets[] = {"utf8mb4", "utf16",  "utf16le",
                                                "utf32",   "latin1", "gbk"};
    if (IsText(attribute.data_type)) attribute.charset = kCharsets[column.collation % 6];
    return MapColumn(table, attribute, {});
  }
  Result<std::shared_ptr<const Charset>> FindCharset(const std::string& name) override {
    using Kind = Charset::Kind;
    if (name == "utf16") return std::make_shared<const Charset>(Kind::kUtf16);
    if (name == "utf16le") return std::make_shared<const Charset>(Kind::kUtf16Le);
    if (name == "utf32") return std::make_shared<const Charset>(Kind::kUtf32);
    if (name == "gbk") return std::shared_ptr<const Charset>();
    if (name != "latin1") return std::make_shared<const Charset>(Kind::kUtf8);
    std::array<std::string, 256> table;
    for (size_t i = 0; i < table.size(); ++i) table[i] = i < 128 ? std::string(1, char(i)) : "é";
    return std::make_shared<const Charset>(std::move(table));
  }
};

std::shared_ptr<const MyTable> TableOf(const std::string& name,
                                       const std::vector<std::string>& types) {
  std::vector<MyColumn> columns;
  for (const std::string& type : types) {
    MyAttribute attribute = AttributeOf("c" + std::to_string(columns.size()), type);
    if (IsText(attribute.data_type)) attribute.charset = "utf8mb4";
    auto column = MapColumn({"d", name}, attribute, {});
    CheckThat(column.ok(), "a column of the test");
    columns.push_back(*std::move(column));
  }
  MyTable like;
  like.table.name = {"d", name};
  auto table = AssembleTable(like, std::move(columns), {"c0"});
  CheckThat(table.ok(), "a table of the test");
  return *std::move(table);
}

void CheckBatch(const Result<ChangeBatch>& batch) {
  CheckThat(batch.ok(), "a batch of what was read");
  for (const TableChanges& table : batch->tables) {
    for (const TableEvent& event : table.events) {
      const auto* rows = std::get_if<RowChanges>(&event);
      if (rows == nullptr) continue;
      for (const auto& part : {rows->rows, rows->old_keys}) {
        if (part == nullptr) continue;
        const arrow::Status valid = part->Validate();
        CheckThat(valid.ok(), valid.ToString());
      }
      CheckThat(rows->ops.size() == static_cast<size_t>(rows->rows->num_rows()), "an op a row");
      for (const uint32_t transaction : rows->transactions) {
        CheckThat(transaction < batch->transactions.size(), "a transaction of the batch");
      }
    }
  }
}

void Append(uint64_t value, int bytes, std::string* to) {
  for (int i = 0; i < bytes; ++i) to->push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

/// Events of a binary log without their headers: two bytes of length, high byte first, the type,
/// the body. What is assembled is valid.
TARN_FUZZ_TARGET(binlog) {
  Resolver resolver;
  LogAssembler::Options options;
  options.tables = {TableOf("t", {"int unsigned", "varchar(20)", "decimal(10,2)", "datetime(3)",
                                  "enum('x','y')"}),
                    TableOf("u", {"bigint", "json", "time(6)", "timestamp(2)", "bit(9)",
                                  "set('a','b')", "binary(8)", "blob", "year", "float", "double",
                                  "date", "tinyint", "mediumint unsigned", "longtext"})};
  options.position.kind = !input.empty() && (input[0] & 1) != 0 ? mysql::Position::Kind::kMariaDb
                                                                : mysql::Position::Kind::kGtid;
  options.value_bytes_max = 1 << 10;
  LogAssembler assembler(std::move(options), &resolver, arrow::default_memory_pool());
  input.remove_prefix(std::min<size_t>(input.size(), 1));
  while (input.size() >= 3) {
    const size_t length = std::min<size_t>(
        static_cast<uint8_t>(input[0]) * 256U + static_cast<uint8_t>(input[1]), input.size() - 3);
    std::string header;
    Append(1700000000, 4, &header);
    header += input[2];
    Append(1, 4, &header);
    Append(19 + length, 4, &header);
    Append(length, 4, &header);
    Append(0, 2, &header);
    // Of exactly its size: what is read beyond is seen.
    const auto bytes = std::make_unique<uint8_t[]>(19 + length);
    std::copy(header.begin(), header.end(), bytes.get());
    std::copy_n(input.begin() + 3, length, bytes.get() + 19);
    input.remove_prefix(3 + length);
    Status fed = assembler.Feed(bytes.get(), bytes.get() + 19 + length);
    while (fed.ok() && assembler.unpacking()) fed = assembler.Unpack();
    if (!fed.ok()) {
      const ErrorKind kind = fed.error().kind;
      CheckThat(kind == ErrorKind::kCorruption || kind == ErrorKind::kNotFound ||
                    kind == ErrorKind::kUnsupported || kind == ErrorKind::kUnavailable ||
                    kind == ErrorKind::kResourceExhausted,
                fed.ToString());
      break;
    }
    if (length % 5 == 0) CheckBatch(assembler.Take());
  }
  CheckBatch(assembler.Take());
}

}  // namespace tarn::fuzz
