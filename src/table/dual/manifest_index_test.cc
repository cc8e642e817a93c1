#include "table/dual/manifest_index.h"

#include <algorithm>
#include <limits>
#include <sstream>

#include "table/dual/manifest_io.h"
#include "table/dual/scan_bounds.h"
#include "table/dual/testing.h"
#include "table/model/partition.h"

namespace tarn {
namespace {

using Op = Predicate::Op;
using Kind = Type::Kind;

void Tell(std::ostream& out, const Scalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    out << "'" << *text << "'";
  } else {
    out << value.index() << ":" << ToString(value);
  }
}

template <typename Map>
void TellMap(std::ostream& out, const char* name, const Map& map) {
  out << " " << name << "{";
  for (const auto& [id, value] : map) {
    out << id << "=";
    Tell(out, Scalar(value));
    out << ",";
  }
  out << "}";
}

/// All that is known of a file.
void Tell(std::ostream& out, const DataFile& file) {
  out << static_cast<int>(file.content) << " " << file.path << " " << file.format << " spec "
      << file.spec_id.value() << " rows " << file.record_count << " bytes " << file.size_bytes;
  for (const Scalar& value : file.partition) Tell(out << " / ", value);
  TellMap(out, "sizes", file.column_sizes);
  TellMap(out, "values", file.value_counts);
  TellMap(out, "nulls", file.null_counts);
  TellMap(out, "nans", file.nan_counts);
  TellMap(out, "lower", file.lower_bounds);
  TellMap(out, "upper", file.upper_bounds);
  for (const int64_t offset : file.split_offsets) out << " split " << offset;
  for (const int32_t id : file.equality_ids) out << " equality " << id;
  out << " order " << file.sort_order_id.value_or(-1) << " of " << file.referenced_data_file
      << " at " << file.content_offset.value_or(-1) << " " << file.content_size_bytes.value_or(-1)
      << " row id " << file.first_row_id.value_or(-1) << " key " << file.key_metadata;
}

std::string Tell(const Result<ScanPlan>& plan) {
  if (!plan.ok()) return plan.status().ToString();
  std::ostringstream out;
  out << "manifests " << plan->manifests_skipped << " of " << plan->manifests_total << ", files "
      << plan->files_skipped << " of " << plan->files_total << "\n";
  for (const ScanFile& file : plan->files) {
    Tell(out, file.file);
    out << " sequence " << file.data_sequence_number << "\n";
    for (const DataFile& deletes : file.deletes) {
      Tell(out << "  ", deletes);
      out << "\n";
    }
  }
  return out.str();
}

/// Tables that exist by metadata alone, made by chance.
class IndexedPlanning : public TableTest {
 protected:
  static constexpr int32_t kId = 1, kName = 2, kAt = 3, kPrice = 4, kRatio = 5, kFlag = 6,
                           kSmall = 7, kDay = 8, kGone = 9, kBorn = 10;

  uint64_t Below(uint64_t bound) { return chance_->Below(bound); }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  static Field Column(int32_t id, const std::string& name, Type type) {
    return {FieldId(id), name, std::move(type), Nullability::kOptional, ""};
  }

  /// A table whose columns were promoted, dropped and added after its first snapshot.
  void MakeTable(uint64_t seed) {
    chance_ = SeededRandom(seed);
    metadata_ = TableMetadata();
    metadata_.format_version = OneIn(2) ? 2 : 3;
    metadata_.table_uuid = chance_->Uuid();
    metadata_.location = store_.root_uri() + "/s/t" + std::to_string(seed);
    Schema old;
    old.fields = {
        Column(kId, "id", Type(Kind::kLong)),         Column(kName, "name", Type(Kind::kString)),
        Column(kAt, "at", Type(Kind::kTimestamp)),    Column(kPrice, "price", Type::Decimal(9, 2)),
        Column(kRatio, "ratio", Type(Kind::kDouble)), Column(kFlag, "flag", Type(Kind::kBoolean)),
        Column(kSmall, "small", Type(Kind::kInt)),    Column(kDay, "day", Type(Kind::kDate)),
        Column(kGone, "gone", Type(Kind::kInt))};
    Schema later = old;
    later.id = SchemaId(1);
    later.fields.back() = Column(kBorn, "born", Type(Kind::kLong));
    later.fields[6].type = Type(Kind::kLong);
    if (metadata_.format_version == 3) later.fields[7].type = Type(Kind::kTimestamp);
    metadata_.schemas = {old, later};
    metadata_.current_schema = later.id;
    metadata_.last_column_id = kBorn;
    metadata_.sort_orders = {SortOrder()};
    for (int32_t i = 0; i < 3; ++i) metadata_.specs.push_back(MakeSpec(i));
    metadata_.default_spec = SpecId(2);
    metadata_.last_partition_id = 1100;

    std::vector<ManifestFile> manifests;
    const uint64_t first = 1 + Below(2);
    for (uint64_t i = 0; i < first; ++i) manifests.push_back(MakeManifest(old, 1));
    AddSnapshot(manifests, 1, old.id, 2);  // without row ids, as before an upgrade
    const uint64_t second = 1 + Below(2);
    for (uint64_t i = 0; i < second; ++i) manifests.push_back(MakeManifest(later, 2));
    if (metadata_.format_version == 2) manifests.push_back(MakeDeletes(later));
    AddSnapshot(manifests, 2, later.id, metadata_.format_version);
  }

  PartitionSpec MakeSpec(int32_t id) {
    static const std::vector<std::pair<int32_t, Transform>> kFields = {
        {kId, {Transform::Kind::kBucket, 5, {}}},
        {kName, {Transform::Kind::kTruncate, 2, {}}},
        {kAt, {Transform::Kind::kDay, 0, {}}},
        {kPrice, {Transform::Kind::kIdentity, 0, {}}},
        {kRatio, {Transform::Kind::kIdentity, 0, {}}},
        {kFlag, {Transform::Kind::kIdentity, 0, {}}},
        {kSmall, {Transform::Kind::kTruncate, 7, {}}},
        {kGone, {Transform::Kind::kIdentity, 0, {}}},
        {kDay, {Transform::Kind::kMonth, 0, {}}},
        {kName, {Transform::Kind::kVoid, 0, {}}}};
    PartitionSpec spec;
    spec.id = SpecId(id);
    for (uint64_t i = Below(3); i > 0; --i) {
      const size_t pick = Below(kFields.size());
      const int32_t field = 1000 + id * 10 + static_cast<int32_t>(i);
      spec.fields.push_back(
          {FieldId(kFields[pick].first), field, "p" + std::to_string(i), kFields[pick].second});
    }
    return spec;
  }

  /// A value of a column, near `place` in the order of all.
  Scalar Value(Kind kind, int64_t place) {
    const int64_t number = place + static_cast<int64_t>(Below(10));
    switch (kind) {
      case Kind::kBoolean:
        return Scalar(number % 2 == 0);
      case Kind::kDouble:
        if (OneIn(40)) return Scalar(std::numeric_limits<double>::quiet_NaN());
        return Scalar(static_cast<double>(number) / 4);
      case Kind::kDecimal:
        return Scalar(Int128FromInt64(number));
      case Kind::kString: {
        std::string text = std::to_string(10'000 + number) + (OneIn(3) ? " and much more" : "");
        return Scalar(OneIn(3) ? text + std::string(Below(9), '\x7f') : text);
      }
      case Kind::kTimestamp:
        return Scalar(number * 3'600'000'000);
      default:
        return Scalar(number);
    }
  }

  ManifestEntry MakeEntry(const Schema& schema, const PartitionSpec& spec, int64_t place) {
    ManifestEntry entry;
    entry.status = static_cast<EntryStatus>(Below(8) == 0 ? 2 : Below(2));
    entry.snapshot = SnapshotId(7);
    entry.data_sequence_number = entry.file_sequence_number = static_cast<int64_t>(Below(5));
    DataFile& file = entry.file;
    file.path = metadata_.location + "/data/" + std::string(100, 'x') + chance_->Uuid();
    file.spec_id = spec.id;
    file.record_count = static_cast<int64_t>(Below(30));
    file.size_bytes = 1000;
    if (entry.status == EntryStatus::kExisting && OneIn(2)) {
      file.first_row_id = static_cast<int64_t>(Below(1000));
    }
    for (const Field& field : schema.fields) AddMetrics(field, place, file);
    for (const PartitionField& field : spec.fields) {
      const Field* source = schema.Find(field.source_id);
      Scalar value;
      if (source != nullptr && !OneIn(6)) {
        value = ApplyTransform(field.transform, source->type, Value(source->type.kind(), place))
                    .value();
      }
      file.partition.push_back(std::move(value));
    }
    return entry;
  }

  void AddMetrics(const Field& field, int64_t place, DataFile& file) {
    const int32_t id = field.id.value();
    const Kind kind = field.type.kind();
    if (OneIn(15)) return;
    file.column_sizes[id] = 17;
    const int64_t values = OneIn(12) ? 0 : file.record_count;
    if (!OneIn(5)) file.value_counts[id] = values;
    const bool all_null = OneIn(12);
    if (!OneIn(8)) file.null_counts[id] = all_null ? values : OneIn(4) ? 1 : 0;
    if (kind == Kind::kDouble && !OneIn(4)) file.nan_counts[id] = OneIn(4) ? 2 : 0;
    if (all_null) return;
    Scalar lower = Value(kind, place), upper = Value(kind, place);
    if (Compare(lower, upper) > 0 && !OneIn(20)) std::swap(lower, upper);
    if (!OneIn(12)) file.lower_bounds[id] = OneIn(8) ? upper : lower;
    if (!OneIn(12)) file.upper_bounds[id] = upper;
  }

  ManifestFile Put(ManifestWriter& writer) {
    WrittenManifest written = writer.Finish().value();
    const std::string name = OneIn(6) ? std::to_string(Below(1 << 30)) : chance_->Uuid() + "-m0";
    written.file.path = metadata_.location + "/metadata/" + name + ".avro";
    EXPECT_TRUE(store_.Put(store_.KeyOf(written.file.path).value(), written.bytes).ok());
    return written.file;
  }

  ManifestFile MakeManifest(const Schema& schema, int64_t sequence) {
    const PartitionSpec& spec = metadata_.specs[Below(metadata_.specs.size())];
    const ManifestTypes types(metadata_, schema);
    const ManifestWriter::Options options = {ManifestFile::Content::kData, SnapshotId(sequence),
                                             sequence, metadata_.format_version};
    auto writer = ManifestWriter::Open(spec, schema, types, options, *chance_).value();
    const bool in_order = !OneIn(3);
    for (int64_t i = 0, n = static_cast<int64_t>(Below(500)); i < n; ++i) {
      writer->Add(MakeEntry(schema, spec, in_order ? i / 3 : static_cast<int64_t>(Below(200))));
    }
    return Put(*writer);
  }

  ManifestFile MakeDeletes(const Schema& schema) {
    const PartitionSpec& spec = metadata_.specs[Below(metadata_.specs.size())];
    const ManifestWriter::Options options = {ManifestFile::Content::kDeletes, SnapshotId(2), 2, 2};
    const ManifestTypes types(metadata_, schema);
    auto writer = ManifestWriter::Open(spec, schema, types, options, *chance_).value();
    for (int i = 0; i < 3; ++i) {
      ManifestEntry entry = MakeEntry(schema, spec, static_cast<int64_t>(Below(200)));
      entry.status = EntryStatus::kAdded;
      entry.file.content = FileContent::kPositionDeletes;
      writer->Add(entry);
    }
    return Put(*writer);
  }

  void AddSnapshot(std::vector<ManifestFile> manifests, int64_t id, SchemaId schema, int version) {
    Snapshot snapshot;
    snapshot.id = SnapshotId(id);
    snapshot.sequence_number = metadata_.last_sequence_number = id;
    snapshot.schema_id = schema;
    if (version == 3) {
      EXPECT_TRUE(AssignRowIds(metadata_, snapshot, manifests).ok());
    }
    snapshot.manifest_list = metadata_.location + "/metadata/snap-" + chance_->Uuid() + ".avro";
    auto list = WriteManifestList(manifests, snapshot, *chance_, version);
    ASSERT_TRUE(list.ok()) << list.status().ToString();
    ASSERT_TRUE(store_.Put(store_.KeyOf(snapshot.manifest_list).value(), *list).ok());
    metadata_.snapshots.push_back(snapshot);
    metadata_.current_snapshot = snapshot.id;
  }

  Predicate Leaf() {
    static const std::vector<Op> kOps = {Op::kEq,   Op::kNotEq, Op::kLt,     Op::kLtEq,     Op::kGt,
                                         Op::kGtEq, Op::kIn,    Op::kIsNull, Op::kIsNotNull};
    const auto& fields = metadata_.schemas[Below(2)].fields;
    const Field& field = fields[Below(fields.size())];
    Predicate leaf{kOps[Below(kOps.size())], OneIn(30) ? "nowhere" : field.name, {}, {}};
    if (leaf.op == Op::kIsNull || leaf.op == Op::kIsNotNull) return leaf;
    for (uint64_t i = leaf.op == Op::kIn ? Below(4) : 1; i > 0; --i) {
      const Kind kind = OneIn(20) ? Kind::kString : field.type.kind();
      leaf.values.push_back(OneIn(25) ? Scalar() : Value(kind, static_cast<int64_t>(Below(250))));
    }
    if (field.type.kind() == Kind::kString && leaf.op != Op::kIn && OneIn(3)) {
      leaf.op = Op::kStartsWith;
      if (auto* text = std::get_if<std::string>(&leaf.values[0])) text->resize(1 + Below(5));
    }
    return leaf;
  }

  Predicate MakePredicate(int depth) {
    if (depth == 0 || OneIn(3)) return Leaf();
    const uint64_t pick = Below(5);
    if (pick == 0) return {Op::kNot, {}, {}, {MakePredicate(depth - 1)}};
    return {pick < 3 ? Op::kAnd : Op::kOr,
            {},
            {},
            {MakePredicate(depth - 1), MakePredicate(depth - 1)}};
  }

  Result<ScanPlan> PlanWith(TableCache* cache, std::optional<SnapshotId> snapshot,
                            const Predicate& predicate, bool all_metrics) {
    TableContext context = context_;
    context.cache = cache;
    return all_metrics ? PlanScanWithMetrics(context, metadata_, snapshot, predicate)
                       : PlanScan(context, metadata_, snapshot, predicate);
  }

  std::string UuidOf(int i) {
    return store_.root_uri() + "/00000000-0000-4000-8000-00000000000" + std::to_string(i) + ".avro";
  }

  /// An index of `files` files, one column.
  std::shared_ptr<const ManifestIndex> IndexOf(size_t files, int64_t bytes_max = 1 << 30,
                                               const ManifestIndex* earlier = nullptr,
                                               std::vector<int32_t> columns = {kId}) {
    Schema schema;
    schema.fields = {Column(kId, "id", Type(Kind::kLong))};
    metadata_ = TableMetadata();
    metadata_.schemas = {schema};
    const ManifestTypes types(metadata_);
    ManifestIndexBuilder builder(PartitionSpec(), types, columns, bytes_max);
    ManifestEntry entry;
    for (size_t i = 0; i < files; ++i) {
      entry.file.lower_bounds[kId] = static_cast<int64_t>(i);
      entry.file.upper_bounds[kId] = static_cast<int64_t>(i + 5);
      builder.Add(entry);
    }
    return std::move(builder).Finish(earlier, types);
  }

  std::unique_ptr<Random> chance_;
  TableMetadata metadata_;
};

TEST_F(IndexedPlanning, FindsWhatPlanningWithoutACacheFinds) {
  constexpr uint64_t kSeeds = 12;
  int64_t skipped = 0, matched = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    MakeTable(seed);
    // Room for all; for a part; for no index at all.
    TableCache cache(std::vector<int64_t>{64 << 20, 64 << 20, 400 << 10, 20 << 10}[seed % 4]);
    for (int i = 0; i < 12; ++i) {
      const Predicate predicate = OneIn(20) ? Predicate::True() : MakePredicate(2);
      std::optional<SnapshotId> snapshot;
      if (!OneIn(2)) snapshot = SnapshotId(1 + static_cast<int64_t>(Below(2)));
      for (const bool all_metrics : {OneIn(2), OneIn(2), OneIn(2)}) {
        const auto plan = PlanWith(nullptr, snapshot, predicate, all_metrics);
        const std::string expected = Tell(plan);
        ASSERT_EQ(Tell(PlanWith(&cache, snapshot, predicate, all_metrics)), expected)
            << "seed " << seed << ", " << ToString(predicate);
        ASSERT_TRUE(plan.ok()) << expected;
        skipped += plan->files_skipped;
        matched += static_cast<int64_t>(plan->files.size());
      }
    }
  }
  EXPECT_GT(skipped, 10'000);
  EXPECT_GT(matched, 10'000);
}

TEST_F(IndexedPlanning, OpensOnlyManifestsWithMatchingFiles) {
  Create();
  for (int64_t id = 0; id < 6; id += 2) Append(id, id + 2);
  const auto with_id = [](int64_t id) { return Predicate::Compare(Op::kEq, "id", Scalar(id)); };
  ManifestIo io(store_, nullptr, *table_);
  const auto manifests = io.List(*table_->current()).value();
  ASSERT_EQ(manifests.size(), 3U);
  EXPECT_EQ(Plan(with_id(3)).files.size(), 1U);
  TableCache indexes;
  for (const ManifestFile& manifest : manifests) {
    ASSERT_NE(cache_.FindIndex(manifest.path), nullptr);
    indexes.PutIndex(manifest.path, cache_.FindIndex(manifest.path));
  }
  context_.cache = &indexes;
  int reads = 0;
  store_.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    const bool begins = call.moment == StorageCall::Moment::kBefore;
    if (begins && call.operation == StorageOperation::kGet) ++reads;
    return std::nullopt;
  });
  EXPECT_EQ(Plan(with_id(77)).files_total, 3);
  EXPECT_EQ(reads, 1) << "the manifest list";
  EXPECT_EQ(Plan(with_id(3)).files.size(), 1U);
  EXPECT_EQ(reads, 2) << "the manifest of the file";
  const ScanPlan by_name = Plan(Predicate::Compare(Op::kEq, "name", Scalar(std::string("n3"))));
  EXPECT_EQ(by_name.files.size(), 1U);
  EXPECT_EQ(reads, 4) << "a column that no index has yet";
  store_.SetFaultInjector(nullptr);
  const ManifestTypes types(*table_);
  EXPECT_TRUE(indexes.FindIndex(manifests[0].path)->Covers(types, {1, 2}));
}

TEST_F(IndexedPlanning, ReadsRowIdsThatDoNotFitAsWithoutAnIndex) {
  const auto index = IndexOf(3);
  ManifestFile manifest;
  EXPECT_TRUE(index->FitsRowIds(manifest));
  manifest.first_row_id = std::numeric_limits<int64_t>::max() - 1;
  EXPECT_TRUE(index->FitsRowIds(manifest)) << "of files without rows";
  manifest.first_row_id = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(index->FitsRowIds(manifest));
}

TEST_F(IndexedPlanning, AnIndexCostsWhatItHolds) {
  const int64_t small = IndexOf(0)->memory_bytes();
  const int64_t large = IndexOf(100'000)->memory_bytes();
  EXPECT_GE(large - small, 16 * 100'000) << "two bounds a file";
  EXPECT_LT(large - small, 18 * 100'000) << "and little else";
  TableCache cache;
  cache.PutIndex(UuidOf(1), IndexOf(1000));
  cache.PutIndex(UuidOf(1), IndexOf(100'000));
  EXPECT_GE(cache.bytes(), large);
  EXPECT_LT(cache.bytes(), large + 1000) << "the later one took the place of the earlier";
  cache.PutIndex("s3://b/m0.avro", IndexOf(1));
  EXPECT_EQ(cache.FindIndex("s3://b/m0.avro"), nullptr) << "such a name may come again";
}

TEST_F(IndexedPlanning, AnIndexThatIsTooLargeIsNotTriedAgain) {
  const auto index = IndexOf(100'000, 50'000);
  EXPECT_LT(index->memory_bytes(), 10'000);
  EXPECT_TRUE(index->TooLargeFor({kId}));
  EXPECT_TRUE(index->TooLargeFor({kName, kId}));
  EXPECT_FALSE(index->TooLargeFor({kName}));
  const auto small = IndexOf(2000);
  EXPECT_FALSE(small->TooLargeFor({kId}));
  const auto kept = IndexOf(2000, 35'000, small.get(), {kId, kName});
  const ManifestTypes types(metadata_);
  EXPECT_TRUE(kept->TooLargeFor({kId, kName}));
  EXPECT_FALSE(kept->TooLargeFor({kId}));
  EXPECT_TRUE(kept->Covers(types, {kId})) << "what there was is of use still";
  EXPECT_TRUE(IndexOf(2000, 100'000, kept.get(), {kName})->TooLargeFor({kId, kName}));
}

TEST_F(IndexedPlanning, AnIndexOutlivesTheBytesOfItsManifest) {
  TableCache cache(12'000);
  const auto bytes = std::make_shared<const std::string>(3000, 'x');
  for (int i = 0; i < 3; ++i) cache.PutObject(UuidOf(i), bytes);
  cache.PutIndex(UuidOf(2), IndexOf(100));
  ASSERT_NE(cache.FindIndex(UuidOf(2)), nullptr);
  EXPECT_EQ(cache.FindObject(UuidOf(2)), nullptr);
  EXPECT_NE(cache.FindObject(UuidOf(0)), nullptr);
}

TEST(IndexColumn, TellsOfEachFileWhatWasAdded) {
  const std::vector<std::optional<Scalar>> bounds = {
      std::nullopt, Scalar(int64_t{5}), Scalar(std::string("a text that is long")),
      Scalar(true), Scalar(2.5),        Scalar(Int128FromInt64(7))};
  const std::vector<std::optional<int64_t>> counts = {0, 0, std::nullopt, 3, 0};
  auto random = SeededRandom(3);
  for (size_t kinds = 1; kinds <= bounds.size(); ++kinds) {
    IndexColumn column;
    std::vector<ColumnBounds> added;
    for (int i = 0; i < 300; ++i) {
      ColumnBounds one;
      one.lower = bounds[random->Below(kinds)];
      one.upper = i < 100 ? one.lower : bounds[random->Below(kinds)];
      one.value_count = counts[random->Below(kinds) % counts.size()];
      one.null_count = i < 200 ? 0 : counts[random->Below(counts.size())];
      column.Add(one, IndexColumn::Use::kAsked);
      added.push_back(one);
    }
    column.Finish();
    EXPECT_EQ(column.zones(), 3U);
    ColumnBounds read;
    for (size_t i = 0; i < added.size(); ++i) {
      column.Read(i, read);
      EXPECT_EQ(read.lower, added[i].lower);
      EXPECT_EQ(read.upper, added[i].upper);
      EXPECT_EQ(read.value_count, added[i].value_count);
      EXPECT_EQ(read.null_count, added[i].null_count);
      EXPECT_EQ(read.nan_count, added[i].nan_count);
    }
  }
}

}  // namespace
}  // namespace tarn
