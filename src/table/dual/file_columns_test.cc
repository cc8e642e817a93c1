#include "table/dual/file_columns.h"

#include "columnar/parquet_rows_writer.h"
#include "table/dual/adopt.h"
#include "table/dual/testing.h"

namespace tarn {
namespace {

using Names = std::map<int32_t, std::string>;

class FileColumnsTest : public TableTest {
 protected:
  static Field Column(int32_t id, std::string name, Type type = Type(Type::Kind::kLong)) {
    return {FieldId(id), std::move(name), std::move(type), Nullability::kOptional, ""};
  }
  static Schema Of(std::vector<Field> fields) {
    Schema schema;
    schema.fields = std::move(fields);
    return schema;
  }
  static std::shared_ptr<arrow::Field> Stored(const std::string& name, int32_t id,
                                              std::shared_ptr<arrow::DataType> type) {
    auto field = arrow::field(name, std::move(type));
    if (id == 0) return field;
    return field->WithMetadata(
        arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)}));
  }

  /// A data file with these columns and two rows of nulls.
  void File(const arrow::FieldVector& fields) {
    DataFile file;
    const std::string key = "files/" + std::to_string(files_.size()) + ".parquet";
    auto writer = OpenParquetRowsWriter(store_, key, arrow::schema(fields)).value();
    arrow::ArrayVector arrays;
    for (const auto& field : fields) arrays.push_back(*arrow::MakeArrayOfNull(field->type(), 2));
    ASSERT_TRUE(writer->Write(*arrow::RecordBatch::Make(arrow::schema(fields), 2, arrays)).ok());
    const auto size_bytes = writer->Finish();
    ASSERT_TRUE(size_bytes.ok()) << size_bytes.status().ToString();
    file.path = store_.UriOf(key);
    file.size_bytes = *size_bytes;
    files_.push_back(std::move(file));
  }
  void Longs(const std::vector<std::pair<std::string, int32_t>>& columns) {
    arrow::FieldVector fields;
    for (const auto& [name, id] : columns) fields.push_back(Stored(name, id, arrow::int64()));
    File(fields);
  }

  Result<FoundColumns> Find(const Schema& schema,
                            std::map<int32_t, std::set<std::string>> names = {}) {
    ColumnLookup lookup;
    lookup.schema = schema;
    lookup.names = std::move(names);
    return FindColumnsInFiles(store_, limits_, lookup, files_);
  }

  std::vector<DataFile> files_;
};

TEST_F(FileColumnsTest, NamesThatDifferInCaseAreTakenWhereNoOtherColumnHasThem) {
  Longs({{"A", 0}, {"b", 0}, {"B", 0}});
  ColumnLookup lookup;
  lookup.schema = Of({Column(1, "a"), Column(2, "b"), Column(3, "c")});
  lookup.names = {{1, {"a"}}, {2, {"b"}}, {3, {"B"}}};
  lookup.match = ColumnLookup::Match::kAnyCase;
  EXPECT_EQ(FindColumnsInFiles(store_, limits_, lookup, files_)->physical_names,
            (Names{{1, "A"}, {2, "b"}, {3, "B"}}));
  Longs({{"a", 0}, {"A", 0}, {"b", 0}});
  EXPECT_EQ(FindColumnsInFiles(store_, limits_, lookup, files_).error().kind,
            ErrorKind::kUnsupported);
  files_.erase(files_.begin());
  const auto found = FindColumnsInFiles(store_, limits_, lookup, files_).value();
  EXPECT_EQ(found.physical_names.at(1), "a");
  EXPECT_EQ(found.absent.at(3).size(), 1U) << "\"b\" is another column's";
}

TEST_F(FileColumnsTest, CaseCountsUnlessSaid) {
  Longs({{"A", 0}});
  const auto found = Find(Of({Column(1, "a")}), {{1, {"a"}}}).value();
  EXPECT_EQ(found.absent.at(1).size(), 1U);
}

TEST_F(FileColumnsTest, NamesThatAgreeNeedNoMapping) {
  Longs({{"a", 1}, {"b", 2}});
  Longs({{"a", 1}});
  const auto found = Find(Of({Column(1, "a"), Column(2, "b")})).value();
  EXPECT_FALSE(found.mapped);
  EXPECT_FALSE(found.some_files_lack_ids);
  EXPECT_EQ(found.absent, (std::map<int32_t, std::vector<size_t>>{{2, {1}}}));
  EXPECT_EQ(files_[0].record_count, 2);
}

TEST_F(FileColumnsTest, AColumnThatAllFilesCallOtherwiseIsMapped) {
  Longs({{"old", 1}});
  const auto found = Find(Of({Column(1, "new")})).value();
  EXPECT_TRUE(found.mapped);
  EXPECT_EQ(found.physical_names, (Names{{1, "old"}}));
}

TEST_F(FileColumnsTest, TwoNamesOfOneColumnAreRefused) {
  Longs({{"old", 1}});
  Longs({{"new", 1}});
  const auto found = Find(Of({Column(1, "new")}));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(found.error().message.find("called new in some files and old"), std::string::npos);
  EXPECT_NE(found.error().hint.find("AS SELECT"), std::string::npos);
}

TEST_F(FileColumnsTest, ADroppedColumnIsNotTakenForALaterOneOfItsName) {
  Longs({{"a", 1}, {"b", 2}});
  // No file has the later one: it gets a name of its own.
  const auto found = Find(Of({Column(1, "a"), Column(3, "b")})).value();
  EXPECT_EQ(found.physical_names, (Names{{1, "a"}, {3, "col-3"}}));
  EXPECT_TRUE(found.mapped);
  Longs({{"a", 1}, {"b", 3}});
  EXPECT_EQ(Find(Of({Column(1, "a"), Column(3, "b")})).error().kind, ErrorKind::kUnsupported);
}

TEST_F(FileColumnsTest, WhatIsNoColumnKeepsItsNameFromOnesThatAreAdded) {
  Longs({{"a", 1}, {"gone", 2}});
  const auto found = Find(Of({Column(1, "a")})).value();
  EXPECT_TRUE(found.mapped);
}

TEST_F(FileColumnsTest, WhatIsNoFieldOfAStructKeepsItsNameToo) {
  File({Stored("s", 1,
               arrow::struct_({Stored("a", 2, arrow::int64()), Stored("b", 3, arrow::int64())}))});
  const auto mapped = [&](std::vector<Field> fields) {
    return Find(Of({Column(1, "s", Type::Struct(std::move(fields)))}))->mapped;
  };
  EXPECT_TRUE(mapped({Column(2, "a")}));
  EXPECT_FALSE(mapped({Column(2, "a"), Column(3, "b")}));
}

TEST_F(FileColumnsTest, RowLineageIsNoColumn) {
  Longs({{"a", 1}, {"_row_id", 2147483540}});
  EXPECT_FALSE(Find(Of({Column(1, "a")}))->mapped);
}

TEST_F(FileColumnsTest, FilesWithoutIdsGoByTheMappedNames) {
  Longs({{"a", 0}, {"other", 0}});
  const auto found = Find(Of({Column(1, "b"), Column(2, "c")}), {{1, {"a", "b"}}}).value();
  EXPECT_TRUE(found.some_files_lack_ids);
  EXPECT_EQ(found.physical_names, (Names{{1, "a"}, {2, "c"}}));
  EXPECT_EQ(WriteNameMapping(Of({Column(1, "b"), Column(2, "c")}), found),
            R"([{"field-id":1,"names":["a"]},{"field-id":2,"names":["c"]}])");
}

TEST_F(FileColumnsTest, OtherIdsThanTheTablesAreRefused) {
  Longs({{"a", 7}});
  ColumnLookup lookup;
  lookup.schema = Of({Column(1, "a")});
  lookup.names = {{1, {"a"}}};
  lookup.ids = ColumnLookup::Ids::kMeanNothing;
  const auto found = FindColumnsInFiles(store_, limits_, lookup, files_);
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.error().message.find("field id 7"), std::string::npos);
}

TEST_F(FileColumnsTest, NestedNamesCountToo) {
  const auto nested = [](const std::string& name) {
    return arrow::struct_({Stored(name, 2, arrow::int64())});
  };
  File({Stored("s", 1, nested("old"))});
  const Schema schema = Of({Column(1, "s", Type::Struct({Column(2, "new")}))});
  EXPECT_NE(Find(schema).error().message.find("s.new"), std::string::npos);
  EXPECT_TRUE(Find(Of({Column(1, "s", Type::Struct({Column(2, "old")}))})).ok());
  // Another type than the table says.
  EXPECT_EQ(Find(Of({Column(1, "s")})).error().kind, ErrorKind::kUnsupported);
}

TEST_F(FileColumnsTest, NameMappingsAreReadAtAllLevels) {
  const auto names = ReadNameMapping(
      R"([{"field-id":1,"names":["a","b"]},{"names":["x"],"fields":[{"field-id":3,"names":["c"]}]}])");
  EXPECT_EQ(*names, (std::map<int32_t, std::set<std::string>>{{1, {"a", "b"}}, {3, {"c"}}}));
  EXPECT_EQ(ReadNameMapping("{}").error().kind, ErrorKind::kCorruption);
  EXPECT_EQ(ReadNameMapping("[").error().kind, ErrorKind::kCorruption);
}

}  // namespace
}  // namespace tarn
