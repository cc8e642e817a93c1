#include "sql/duckdb/lake_scan.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "duckdb/common/multi_file/multi_file_function.hpp"
#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/function/partition_stats.hpp"
#include "sql/duckdb/delta_changes.h"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/file_fields.h"
#include "sql/duckdb/file_system.h"
#include "sql/duckdb/foreign_table.h"
#include "sql/duckdb/lake_statistics.h"
#include "sql/duckdb/mixed_row_ids.h"
#include "sql/duckdb/promoted_filters.h"
#include "sql/duckdb/row_filters.h"
#include "sql/duckdb/types.h"
#include "sql/duckdb/variant_check.h"
#include "sql/duckdb/variant_import.h"
#include "table/iceberg/manifest.h"

namespace tarn::duck {
namespace {

/// What the scan's reader is made from; borrowed by every copy of the table function.
struct LakeScanInfo final : duckdb::TableFunctionInfo {
  EngineState* engine = nullptr;
  std::shared_ptr<const LakeFilePlanner> planner;
  duckdb::optional_ptr<duckdb::TableCatalogEntry> entry;
  ScanColumns columns;
  FileFields file_fields;
  duckdb::table_function_bind_t bind_parquet = nullptr;  ///< of DuckDB's own scan
  /// Of iceberg_table() and delta_table(), whose location and options come with the statement.
  Result<ForeignTable> (*open_foreign)(EngineState&, const std::string&,
                                       const ForeignPoint&) = nullptr;
};

/// A foreign table that a reader has opened.
struct OpenedForeign {
  std::string location;
  ForeignPoint point;
  ScanColumns columns;
  FileFields file_fields;
  std::shared_ptr<LakeFilePlanner> planner = std::make_shared<LakeFilePlanner>();
};

bool DeletedByTransaction(const LakeFileList& files, const ScanFile& file) {
  if (!files.entry()) return false;
  const auto& deleted = files.entry()->Cast<LakeTableEntry>().lake_table().deleted;
  return deleted.find(file.file.path) != deleted.end();
}

duckdb::MultiFileColumnDefinition RowIdColumn() {
  duckdb::MultiFileColumnDefinition column("_row_id", duckdb::LogicalType::BIGINT);
  column.identifier = duckdb::Value::INTEGER(kRowIdFieldId);
  column.default_expression =
      duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(duckdb::LogicalType::BIGINT));
  return column;
}

class LakeReader final : public duckdb::MultiFileReader {
 public:
  explicit LakeReader(duckdb::shared_ptr<duckdb::TableFunctionInfo> info) : info_(std::move(info)) {
    if (this->info().open_foreign != nullptr) foreign_ = std::make_shared<OpenedForeign>();
  }

  static duckdb::unique_ptr<duckdb::MultiFileReader> Create(const duckdb::TableFunction& function) {
    return duckdb::make_uniq<LakeReader>(function.function_info);
  }
  duckdb::unique_ptr<duckdb::MultiFileReader> Copy() const override {
    auto copy = duckdb::make_uniq<LakeReader>(info_);
    copy->foreign_ = foreign_;
    return copy;
  }

  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(duckdb::ClientContext&,
                                                           const duckdb::vector<std::string>& paths,
                                                           const duckdb::FileGlobInput&) override {
    if (foreign_ != nullptr) {
      if (paths.size() != 1) Throw(InvalidArgument("one table is read at a time", "use UNION ALL"));
      foreign_->location = paths[0];
      return duckdb::make_shared_ptr<LakeFileList>(*info().engine, foreign_->planner, nullptr,
                                                   Predicate::True());
    }
    return duckdb::make_shared_ptr<LakeFileList>(*info().engine, info().planner, info().entry,
                                                 Predicate::True());
  }

  duckdb::unique_ptr<duckdb::Expression> GetVirtualColumnExpression(
      duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
      const ScanColumns& local_columns, duckdb::idx_t& column_id, const duckdb::LogicalType& type,
      duckdb::MultiFileLocalIndex local_index,
      duckdb::optional_ptr<duckdb::MultiFileColumnDefinition>& stored) override {
    if (column_id == kChangedFileColumn) {
      return duckdb::make_uniq<duckdb::BoundConstantExpression>(
          duckdb::Value::UBIGINT(reader_data.reader->file_list_idx.GetIndex()));
    }
    if (column_id != kRowIdColumn) {
      return MultiFileReader::GetVirtualColumnExpression(context, reader_data, local_columns,
                                                         column_id, type, local_index, stored);
    }
    const auto& file = reader_data.reader->file;
    std::optional<duckdb::Value> first;
    if (file.extended_info) {
      const auto option = file.extended_info->options.find(LakeFileSystem::kFirstRowId);
      if (option != file.extended_info->options.end()) first = option->second;
    }
    // Rows that were updated or moved carry their ids with them.
    for (const auto& column : local_columns) {
      if (column.identifier.IsNull() || column.identifier != row_id_column_.identifier) continue;
      if (first && MayBeNull(context, *reader_data.reader, column.name)) {
        column_id = MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER;
        return ValueOrThrow(
            MixedRowIds(*info().engine, file, first->GetValue<int64_t>(), local_index.GetIndex()));
      }
      stored = &row_id_column_;
      return nullptr;
    }
    // The others count on from the file's first one.
    column_id = MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER;
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> terms;
    terms.push_back(
        duckdb::make_uniq<duckdb::BoundConstantExpression>(first ? *first : duckdb::Value(type)));
    terms.push_back(
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(type, local_index.GetIndex()));
    duckdb::ErrorData error;
    auto sum = duckdb::FunctionBinder(context).BindScalarFunction(
        DEFAULT_SCHEMA, "+", std::move(terms), error, true, nullptr);
    if (error.HasError()) error.Throw();
    return sum;
  }

  bool ParseOption(const std::string& key, const duckdb::Value& value, duckdb::MultiFileOptions&,
                   duckdb::ClientContext&) override {
    if (foreign_ == nullptr || value.IsNull()) return false;
    if (key == "version") {
      foreign_->point.version = value.ToString();
    } else if (key == "timestamp") {
      const auto time = value.DefaultCastAs(duckdb::LogicalType::TIMESTAMP_TZ);
      foreign_->point.timestamp_ms =
          duckdb::Timestamp::GetEpochMs(time.GetValue<duckdb::timestamp_tz_t>());
    } else {
      return false;
    }
    return true;
  }

  bool Bind(duckdb::MultiFileOptions&, duckdb::MultiFileList&,
            duckdb::vector<duckdb::LogicalType>& types, duckdb::vector<std::string>& names,
            duckdb::MultiFileReaderBindData& bind) override {
    if (foreign_ != nullptr) {
      // Only here is every option known.
      ForeignTable table =
          ValueOrThrow(info().open_foreign(*info().engine, foreign_->location, foreign_->point));
      foreign_->columns = std::move(table.columns);
      foreign_->file_fields = std::move(table.file_fields);
      *foreign_->planner = std::move(table.planner);
    }
    for (const auto& column : columns()) {
      types.push_back(column.type);
      names.push_back(column.name);
    }
    bind.schema = columns();
    bind.mapping = duckdb::MultiFileColumnMappingMode::BY_FIELD_ID;
    return true;
  }

  void FinalizeBind(duckdb::MultiFileReaderData& reader_data,
                    const duckdb::MultiFileOptions& options,
                    const duckdb::MultiFileReaderBindData& bind, const ScanColumns& global_columns,
                    const duckdb::vector<duckdb::ColumnIndex>& column_ids,
                    duckdb::ClientContext& context,
                    duckdb::optional_ptr<duckdb::MultiFileReaderGlobalState> state) override {
    IdentifyFileColumns(file_fields(), columns(), reader_data.reader->GetFileName(),
                        reader_data.reader->columns);
    MultiFileReader::FinalizeBind(reader_data, options, bind, global_columns, column_ids, context,
                                  state);
    if (!state || !state->file_list) return;
    const auto& files = state->file_list->Cast<LakeFileList>();
    const auto* constants = files.ConstantsOf(reader_data.reader->file_list_idx.GetIndex());
    if (constants == nullptr) return;
    for (duckdb::idx_t i = 0; i < column_ids.size(); ++i) {
      if (column_ids[i].IsVirtualColumn()) continue;
      const auto& column = global_columns[column_ids[i].GetPrimaryIndex()];
      const auto id = column.identifier.GetValue<int32_t>();
      const auto constant = constants->find(id);
      if (constant == constants->end()) continue;
      // Columns of a change feed stand beside the table's: files of Spark's have a _change_type of
      // nulls, and what the log says counts.
      if (id <= kFieldIdMax && FileHas(*reader_data.reader, column)) continue;
      reader_data.constant_map.Add(duckdb::MultiFileGlobalIndex(i),
                                   ToValue(column.type, constant->second));
    }
  }

  duckdb::unique_ptr<duckdb::MultiFileReaderGlobalState> InitializeGlobalState(
      duckdb::ClientContext&, const duckdb::MultiFileOptions&,
      const duckdb::MultiFileReaderBindData&, const duckdb::MultiFileList& file_list,
      const ScanColumns&, const duckdb::vector<duckdb::ColumnIndex>& columns) override {
    const auto& files = file_list.Cast<LakeFileList>();
    const bool changes_rows =
        std::any_of(columns.begin(), columns.end(), [](const duckdb::ColumnIndex& column) {
          return column.GetPrimaryIndex() == kChangedFileColumn;
        });
    if (changes_rows && files.entry()) {
      const auto& table = files.entry()->Cast<LakeTableEntry>().lake_table();
      table.locator->Attach(files.shared_plan(), files.predicate());
    }
    return duckdb::make_uniq<duckdb::MultiFileReaderGlobalState>(
        duckdb::vector<duckdb::LogicalType>(), &file_list);
  }

  duckdb::ReaderInitializeType CreateMapping(
      duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
      const ScanColumns& global_columns,
      const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::MultiFileList& file_list,
      const duckdb::MultiFileReaderBindData& bind,
      const duckdb::virtual_column_map_t& virtual_columns) override {
    const auto& files = file_list.Cast<LakeFileList>();
    const auto index = reader_data.reader->file_list_idx.GetIndex();
    if (auto wanted = files.OnlyRowsOf(index)) {
      reader_data.reader->deletion_filter = LeaveOnly(std::move(wanted));
    } else if (auto deleted = files.DeletedRowsOf(index)) {
      reader_data.reader->deletion_filter = LeaveOut(std::move(deleted));
    }
    CheckNanoseconds(*reader_data.reader, global_columns, global_column_ids);
    ThrowIfError(CheckVariants(*info().engine, file_fields(), *reader_data.reader, global_columns,
                               global_column_ids,
                               files.entry() ? VariantFiles::kTables : VariantFiles::kForeign));
    duckdb::unique_ptr<duckdb::TableFilterSet> of_file;
    if (filters) {
      of_file = FiltersOfFile(*filters, global_columns, global_column_ids,
                              reader_data.reader->GetColumns());
    }
    if (of_file != nullptr) filters = of_file.get();
    const ScanColumns columns =
        WithVariantsOfFile(global_columns, reader_data.reader->GetColumns());
    const auto answer = MultiFileReader::CreateMapping(
        context, reader_data, columns, global_column_ids, filters, file_list, bind, virtual_columns,
        duckdb::MultiFileColumnMappingMode::BY_FIELD_ID);
    CastVariantsOfFile(context, global_columns, columns, global_column_ids,
                       reader_data.expressions);
    return answer;
  }

 private:
  const LakeScanInfo& info() const { return static_cast<const LakeScanInfo&>(*info_); }
  const ScanColumns& columns() const { return foreign_ ? foreign_->columns : info().columns; }
  const FileFields& file_fields() const {
    return foreign_ ? foreign_->file_fields : info().file_fields;
  }

  /// Whether a file has a column itself.
  static bool FileHas(const duckdb::BaseFileReader& reader,
                      const duckdb::MultiFileColumnDefinition& column) {
    return std::any_of(reader.columns.begin(), reader.columns.end(),
                       [&](const auto& local) { return local.identifier == column.identifier; });
  }

  duckdb::shared_ptr<duckdb::TableFunctionInfo> info_;
  std::shared_ptr<OpenedForeign> foreign_;  ///< nullptr for tables of the lake
  duckdb::MultiFileColumnDefinition row_id_column_ = RowIdColumn();
};

const LakeFileList& FilesOf(const duckdb::FunctionData& bind_data) {
  return bind_data.Cast<duckdb::MultiFileBindData>().file_list->Cast<LakeFileList>();
}

duckdb::BindInfo ScanBindInfo(const duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  // Binding some statements moves the data out of a plan that is looked at later.
  if (!bind_data) return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
  auto entry = FilesOf(*bind_data).entry();
  if (!entry) entry = FilesOf(*bind_data).planner().shown_as;
  if (!entry) return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
  return duckdb::BindInfo(const_cast<duckdb::TableCatalogEntry&>(*entry));
}

/// How many files the scan reads of how many there are.
std::string TellFiles(const LakeFileList& files, const ScanPlan& plan) {
  int64_t total = plan.files_total;
  const TableMetadata* metadata = nullptr;
  std::optional<SnapshotId> pinned;
  if (files.entry()) {
    const auto& table = files.entry()->Cast<LakeTableEntry>().lake_table();
    metadata = table.metadata.get();
    pinned = table.snapshot;
  }
  // Files of manifests that were skipped whole are known from the snapshot's summary only.
  const Snapshot* snapshot = nullptr;
  if (metadata != nullptr) {
    snapshot = pinned ? metadata->FindSnapshot(*pinned) : metadata->current();
  }
  if (snapshot != nullptr && plan.manifests_skipped > 0) {
    const auto files_total = snapshot->summary.find("total-data-files");
    if (files_total != snapshot->summary.end()) {
      int64_t number = 0;
      const std::string& text = files_total->second;
      std::from_chars(text.data(), text.data() + text.size(), number);
      total = std::max(total, number);
    }
  }
  return std::to_string(plan.files.size()) + " of " + std::to_string(total);
}

/// EXPLAIN also asks for the text of scans before filters are pushed into them: for that alone the
/// whole table is not planned.
duckdb::InsertionOrderPreservingMap<std::string> ScanToString(
    duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> result;
  const LakeFileList& files = FilesOf(*input.bind_data);
  if (files.entry()) {
    result["Table"] = files.entry()->ParentSchema().name + "." + files.entry()->name;
  }
  if (const auto plan = files.KnownPlan()) result["Files"] = TellFiles(files, *plan);
  if (!files.predicate().always_true()) result["File filter"] = ToString(files.predicate());
  return result;
}

/// DuckDB merges subplans that serialize alike: the bytes say which table, state and files.
void SerializeScan(duckdb::Serializer& serializer,
                   const duckdb::optional_ptr<duckdb::FunctionData> bind_data,
                   const duckdb::TableFunction&) {
  const LakeFileList& files = FilesOf(*bind_data);
  // Every foreign table of a statement has a planner of its own.
  const void* identity = files.entry() ? static_cast<const void*>(files.entry().get())
                                       : static_cast<const void*>(&files.planner());
  serializer.WriteProperty(100, "identity", reinterpret_cast<uint64_t>(identity));
  serializer.WriteProperty(101, "predicate", Identity(files.predicate()));
}

duckdb::unique_ptr<duckdb::FunctionData> DeserializeScan(duckdb::Deserializer&,
                                                         duckdb::TableFunction&) {
  Throw(Internal("a scan of the lake cannot be read back from bytes"));
}

/// count(*) without filters, answered from the manifests.
duckdb::vector<duckdb::PartitionStatistics> ScanPartitionStats(
    duckdb::ClientContext&, duckdb::GetPartitionStatsInput& input) {
  duckdb::vector<duckdb::PartitionStatistics> result;
  const LakeFileList& files = FilesOf(*input.bind_data);
  if (files.planner().only_rows) return {};
  for (const ScanFile& file : files.plan().files) {
    int64_t live = file.file.record_count;
    if (live < 0) return {};
    // Several delete files may name the same row.
    if (file.deletes.size() > 1) return {};
    for (const DataFile& deletes : file.deletes) {
      if (!deletes.is_deletion_vector()) return {};
      live -= deletes.record_count;
    }
    if (DeletedByTransaction(files, file)) return {};
    duckdb::PartitionStatistics statistics;
    statistics.row_start = 0;
    statistics.count = static_cast<uint64_t>(live);
    statistics.count_type = duckdb::CountType::COUNT_EXACT;
    result.push_back(std::move(statistics));
  }
  return result;
}

duckdb::unique_ptr<duckdb::BaseStatistics> ScanStatistics(duckdb::ClientContext&,
                                                          const duckdb::FunctionData* bind_data,
                                                          duckdb::column_t column) {
  if (bind_data == nullptr || duckdb::IsVirtualColumn(column)) return nullptr;
  const auto& schema = bind_data->Cast<duckdb::MultiFileBindData>().reader_bind.schema;
  if (column >= schema.size()) return nullptr;
  return ColumnStatistics(FilesOf(*bind_data), schema[column]);
}

/// Those of any Parquet scan, and the row id. DuckDB takes the answer over into the bind data.
duckdb::virtual_column_map_t ScanVirtualColumns(
    duckdb::ClientContext& context, duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  auto& bind = bind_data->Cast<duckdb::MultiFileBindData>();
  duckdb::virtual_column_map_t result;
  duckdb::MultiFileReader::GetVirtualColumns(context, bind.reader_bind, result);
  bind.interface->GetVirtualColumns(context, bind, result);
  result.insert({kRowIdColumn, duckdb::TableColumn("_row_id", duckdb::LogicalType::BIGINT)});
  result.insert({kChangedFileColumn, duckdb::TableColumn("", duckdb::LogicalType::UBIGINT)});
  bind.virtual_columns = result;
  return result;
}

/// Bounds in Parquet leave NaN out, which is above every number here: row groups are skipped with
/// that in mind.
duckdb::unique_ptr<duckdb::FunctionData> BindScan(duckdb::ClientContext& context,
                                                  duckdb::TableFunctionBindInput& input,
                                                  duckdb::vector<duckdb::LogicalType>& types,
                                                  duckdb::vector<std::string>& names) {
  input.named_parameters["can_have_nan"] = duckdb::Value::BOOLEAN(true);
  const auto& info = input.table_function.function_info->Cast<LakeScanInfo>();
  return info.bind_parquet(context, input, types, names);
}

/// DuckDB's Parquet scan with our reader in it.
duckdb::TableFunction ScanFunction(duckdb::DatabaseInstance& database,
                                   duckdb::shared_ptr<LakeScanInfo> info) {
  const auto transaction = duckdb::CatalogTransaction::GetSystemTransaction(database);
  auto& system = duckdb::Catalog::GetSystemCatalog(database).GetSchema(transaction, DEFAULT_SCHEMA);
  auto parquet =
      system.GetEntry(transaction, duckdb::CatalogType::TABLE_FUNCTION_ENTRY, "parquet_scan");
  duckdb::TableFunction function;
  // The overload that takes one path; the other takes a list of them.
  for (const auto& overload :
       parquet->Cast<duckdb::TableFunctionCatalogEntry>().functions.functions) {
    if (overload.arguments[0] == duckdb::LogicalType::VARCHAR) function = overload;
  }
  function.name = "lake_scan";
  info->bind_parquet = function.bind;
  function.bind = BindScan;
  function.function_info = std::move(info);
  function.get_multi_file_reader = LakeReader::Create;
  function.get_bind_info = ScanBindInfo;
  function.get_partition_stats = ScanPartitionStats;
  function.to_string = ScanToString;
  function.statistics = ScanStatistics;
  function.serialize = SerializeScan;
  function.deserialize = DeserializeScan;
  function.get_row_id_columns = nullptr;
  function.get_virtual_columns = ScanVirtualColumns;
  function.late_materialization = false;
  return function;
}

}  // namespace

void RegisterForeignTables(duckdb::DatabaseInstance& database, EngineState& engine) {
  duckdb::ExtensionLoader loader(database, "tarn");
  const auto add = [&](const std::string& name, auto open) {
    auto info = duckdb::make_shared_ptr<LakeScanInfo>();
    info->engine = &engine;
    info->open_foreign = open;
    duckdb::TableFunction function = ScanFunction(database, std::move(info));
    function.name = name;
    function.named_parameters = {{"version", duckdb::LogicalType::VARCHAR},
                                 {"timestamp", duckdb::LogicalType::TIMESTAMP_TZ}};
    loader.RegisterFunction(std::move(function));
  };
  add("iceberg_table", OpenForeignIceberg);
  add("delta_table", OpenForeignDelta);
  add(kDeltaChangesScan, OpenDeltaChanges);
}

duckdb::TableFunction BindLakeScan(duckdb::ClientContext& context, EngineState& engine,
                                   const Schema& schema,
                                   std::shared_ptr<const LakeFilePlanner> planner,
                                   duckdb::optional_ptr<duckdb::TableCatalogEntry> entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  auto info = duckdb::make_shared_ptr<LakeScanInfo>();
  info->engine = &engine;
  info->planner = std::move(planner);
  info->entry = entry;
  info->columns = ToScanColumns(schema.fields);
  info->file_fields.names = NamesInFiles(schema, info->planner->physical_names);
  duckdb::TableFunction function =
      ScanFunction(duckdb::DatabaseInstance::GetDatabase(context), std::move(info));

  duckdb::vector<duckdb::Value> inputs{duckdb::Value("tarn://")};
  duckdb::named_parameter_map_t parameters;
  duckdb::vector<duckdb::LogicalType> no_types;
  duckdb::vector<std::string> no_names;
  duckdb::vector<duckdb::LogicalType> types;
  duckdb::vector<std::string> names;
  const duckdb::TableFunctionRef reference;
  duckdb::TableFunctionBindInput input(inputs, parameters, no_types, no_names, nullptr, nullptr,
                                       function, reference);
  bind_data = function.bind(context, input, types, names);
  return function;
}

duckdb::TableFunction BindLakeScan(duckdb::ClientContext& context, LakeTableEntry& entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  return BindLakeScan(context, entry.engine(), entry.lake_table().schema,
                      PlannerOf(entry.engine(), entry.shared_table()), &entry, bind_data);
}

}  // namespace tarn::duck
