#include "table/dual/row_sorter.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <arrow/table.h>

#include "table/dual/row_order.h"
#include "table/dual/testing.h"

namespace tarn {
namespace {

using Direction = SortField::Direction;
using Nulls = SortField::Nulls;
using Row = std::pair<std::optional<int64_t>, int64_t>;  ///< key, and what stands beside it

class RowSorterTest : public TableTest {
 protected:
  static Schema TwoColumns() {
    Schema schema;
    schema.fields = {{FieldId(1), "k", Type(Type::Kind::kLong), Nullability::kOptional, ""},
                     {FieldId(2), "v", Type(Type::Kind::kLong), Nullability::kOptional, ""}};
    return schema;
  }
  static SortOrder By(Direction direction, Nulls nulls) {
    return {1, {{FieldId(1), {}, direction, nulls, {}}}};
  }
  static std::shared_ptr<arrow::RecordBatch> BatchOf(const std::vector<Row>& rows) {
    arrow::Int64Builder keys, values;
    for (const auto& [key, value] : rows) {
      EXPECT_TRUE((key ? keys.Append(*key) : keys.AppendNull()).ok());
      EXPECT_TRUE(values.Append(value).ok());
    }
    return arrow::RecordBatch::Make((*SchemaToArrow(TwoColumns())),
                                    static_cast<int64_t>(rows.size()),
                                    {*keys.Finish(), *values.Finish()});
  }
  std::vector<Row> Sorted(const std::vector<Row>& rows, size_t batch_rows, const SortOrder& order,
                          const RowSorterLimits& limits) {
    auto sorter = OpenRowSorter(context_, store_.root_uri() + "/s/t", TwoColumns(), order, limits);
    EXPECT_TRUE(sorter.ok()) << sorter.status().ToString();
    for (size_t begin = 0; begin < rows.size(); begin += batch_rows) {
      const auto end = std::min(rows.size(), begin + batch_rows);
      EXPECT_TRUE((*sorter)
                      ->Add(BatchOf({rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                     rows.begin() + static_cast<std::ptrdiff_t>(end)}))
                      .ok());
    }
    std::vector<Row> result;
    while (true) {
      auto batch = (*sorter)->Next();
      EXPECT_TRUE(batch.ok()) << batch.status().ToString();
      if (!batch.ok() || *batch == nullptr) break;
      EXPECT_GT((*batch)->num_rows(), 0);
      const auto& keys = static_cast<const arrow::Int64Array&>(*(*batch)->column(0));
      const auto& values = static_cast<const arrow::Int64Array&>(*(*batch)->column(1));
      for (int64_t i = 0; i < (*batch)->num_rows(); ++i) {
        result.emplace_back(keys.IsNull(i) ? std::nullopt : std::optional<int64_t>(keys.Value(i)),
                            values.Value(i));
      }
    }
    runs_seen_ = static_cast<int64_t>(Keys("s/t/data/run-").size());
    return result;
  }
  static std::vector<Row> Expected(std::vector<Row> rows, Direction direction, Nulls nulls) {
    const bool first = nulls == Nulls::kFirst;
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
      if (a.first.has_value() != b.first.has_value()) return a.first.has_value() != first;
      if (!a.first) return false;
      return direction == Direction::kAscending ? *a.first < *b.first : *b.first < *a.first;
    });
    return rows;
  }

  int64_t runs_seen_ = 0;
};

TEST_F(RowSorterTest, RowsOfManyRunsComeInOrderAndStable) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < 60'000; ++i) {
    const auto key = static_cast<int64_t>(random_->Below(500));
    rows.emplace_back(key == 0 ? std::nullopt : std::optional<int64_t>(key), i);
  }
  for (const Direction direction : {Direction::kAscending, Direction::kDescending}) {
    for (const Nulls nulls : {Nulls::kFirst, Nulls::kLast}) {
      for (const int64_t run_bytes : {int64_t{100'000}, int64_t{1} << 30}) {
        const auto sorted = Sorted(rows, 1000, By(direction, nulls), {run_bytes});
        EXPECT_EQ(sorted, Expected(rows, direction, nulls)) << run_bytes;
        EXPECT_EQ(runs_seen_ > 1, run_bytes < (int64_t{1} << 30));
      }
    }
  }
  // What waited between is gone with the sorter.
  EXPECT_TRUE(Keys("s/t/data/run-").empty());
}

TEST_F(RowSorterTest, SortedAndReversedInputsAndOneKeyAreNoSpecialCase) {
  std::vector<Row> up, down, same;
  for (int64_t i = 0; i < 30'000; ++i) {
    up.emplace_back(i, i);
    down.emplace_back(30'000 - i, i);
    same.emplace_back(7, i);
  }
  const SortOrder order = By(Direction::kAscending, Nulls::kLast);
  for (const auto& rows : {up, down, same}) {
    EXPECT_EQ(Sorted(rows, 777, order, {50'000}),
              Expected(rows, Direction::kAscending, Nulls::kLast));
  }
  EXPECT_TRUE(Sorted({}, 1, order, {}).empty());
  EXPECT_EQ(Sorted({{5, 1}}, 1, order, {}).size(), 1u);
}

TEST_F(RowSorterTest, OrdersThatItCannotMakeAreKnownBefore) {
  Schema schema = TwoColumns();
  schema.fields.push_back({FieldId(3), "f", Type(Type::Kind::kDouble), Nullability::kOptional, ""});
  schema.fields.push_back(
      {FieldId(4), "l",
       Type::List({FieldId(5), "element", Type(Type::Kind::kInt), Nullability::kOptional, ""}),
       Nullability::kOptional, ""});
  const auto can = [&](SortField field) {
    return RowOrder::CanCompare(schema, {1, {std::move(field)}});
  };
  EXPECT_TRUE(can({FieldId(1), {}, Direction::kDescending, Nulls::kFirst, {}}));
  EXPECT_FALSE(can({FieldId(9), {}, Direction::kAscending, Nulls::kLast, {}}));
  EXPECT_FALSE(can({FieldId(4), {}, Direction::kAscending, Nulls::kLast, {}}));
  EXPECT_FALSE(can(
      {FieldId(1), {Transform::Kind::kBucket, 4, ""}, Direction::kAscending, Nulls::kLast, {}}));
  EXPECT_TRUE(can({FieldId(3), {}, Direction::kAscending, Nulls::kFirst, {}}));
  EXPECT_FALSE(RowOrder::CanCompare(schema, {}));
}

TEST_F(RowSorterTest, NanIsTheGreatestAndEveryTypeHasAnOrder) {
  using Kind = Type::Kind;
  const auto sorted = [](const Type& type, const std::shared_ptr<arrow::Array>& array,
                         Direction direction, Nulls nulls) {
    Schema schema;
    schema.fields = {{FieldId(1), "c", type, Nullability::kOptional, ""}};
    // In two pieces, as batches come.
    const auto chunks = std::make_shared<arrow::ChunkedArray>(
        arrow::ArrayVector{array->Slice(0, 2), array->Slice(2)});
    const auto table = arrow::Table::Make(*SchemaToArrow(schema), {chunks});
    return RowOrder::Of(*table, schema, {1, {{FieldId(1), {}, direction, nulls, {}}}})->Sorted();
  };
  using Places = std::vector<uint64_t>;
  arrow::DoubleBuilder reals;
  for (const double value : {2.0, std::numeric_limits<double>::quiet_NaN(), -1.0}) {
    ASSERT_TRUE(reals.Append(value).ok());
  }
  ASSERT_TRUE(reals.AppendNull().ok());
  const std::shared_ptr<arrow::Array> real = *reals.Finish();
  const Type type(Kind::kDouble);
  EXPECT_EQ(sorted(type, real, Direction::kAscending, Nulls::kLast), (Places{2, 0, 1, 3}));
  EXPECT_EQ(sorted(type, real, Direction::kAscending, Nulls::kFirst), (Places{3, 2, 0, 1}));
  EXPECT_EQ(sorted(type, real, Direction::kDescending, Nulls::kLast), (Places{1, 0, 2, 3}));
  arrow::StringBuilder texts;
  for (const char* value : {"b", "\xc3\xa9", "B", ""}) ASSERT_TRUE(texts.Append(value).ok());
  EXPECT_EQ(sorted(Type(Kind::kString), *texts.Finish(), Direction::kAscending, Nulls::kLast),
            (Places{3, 2, 0, 1}));
  arrow::Decimal128Builder decimals(arrow::decimal128(20, 2));
  for (const int64_t value : {5, -7, 0}) {
    ASSERT_TRUE(decimals.Append(arrow::Decimal128(value)).ok());
  }
  EXPECT_EQ(sorted(Type::Decimal(20, 2), *decimals.Finish(), Direction::kAscending, Nulls::kLast),
            (Places{1, 2, 0}));
  arrow::BooleanBuilder flags;
  for (const bool value : {true, false, true}) ASSERT_TRUE(flags.Append(value).ok());
  EXPECT_EQ(sorted(Type(Kind::kBoolean), *flags.Finish(), Direction::kDescending, Nulls::kLast),
            (Places{0, 2, 1}));
}

}  // namespace
}  // namespace tarn
