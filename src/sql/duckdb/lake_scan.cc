#include "sql/duckdb/lake_scan.h"

#include <utility>

#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "duckdb/function/partition_stats.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/types.h"

namespace tarn::duck {
namespace {

using Columns = duckdb::vector<duckdb::MultiFileColumnDefinition>;

/// What the scan's reader is made from; borrowed by every copy of the table function.
struct LakeScanInfo final : duckdb::TableFunctionInfo {
  EngineState* engine = nullptr;
  PlanFunction plan;
  duckdb::optional_ptr<duckdb::TableCatalogEntry> entry;
  Columns columns;
};

/// Files that other writers made without field ids are mapped by name (Iceberg "Column
/// Projection" falls back to a name mapping).
Columns ByName(const Columns& columns) {
  Columns result = columns;
  for (duckdb::MultiFileColumnDefinition& column : result) {
    column.identifier = duckdb::Value(column.name);
    column.children = ByName(column.children);
  }
  return result;
}

class LakeReader final : public duckdb::MultiFileReader {
 public:
  explicit LakeReader(duckdb::shared_ptr<duckdb::TableFunctionInfo> info)
      : info_(std::move(info)) {}

  static duckdb::unique_ptr<duckdb::MultiFileReader> Create(const duckdb::TableFunction& function) {
    return duckdb::make_uniq<LakeReader>(function.function_info);
  }
  duckdb::unique_ptr<duckdb::MultiFileReader> Copy() const override {
    return duckdb::make_uniq<LakeReader>(info_);
  }

  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(duckdb::ClientContext&,
                                                           const duckdb::vector<std::string>&,
                                                           const duckdb::FileGlobInput&) override {
    return duckdb::make_shared_ptr<LakeFileList>(*info().engine, info().plan, info().entry,
                                                 Predicate::True());
  }

  bool Bind(duckdb::MultiFileOptions&, duckdb::MultiFileList&,
            duckdb::vector<duckdb::LogicalType>& types, duckdb::vector<std::string>& names,
            duckdb::MultiFileReaderBindData& bind) override {
    for (const auto& column : info().columns) {
      types.push_back(column.type);
      names.push_back(column.name);
    }
    bind.schema = info().columns;
    bind.mapping = duckdb::MultiFileColumnMappingMode::BY_FIELD_ID;
    return true;
  }

  duckdb::unique_ptr<duckdb::MultiFileReaderGlobalState> InitializeGlobalState(
      duckdb::ClientContext&, const duckdb::MultiFileOptions&,
      const duckdb::MultiFileReaderBindData&, const duckdb::MultiFileList& file_list,
      const Columns&, const duckdb::vector<duckdb::ColumnIndex>&) override {
    return duckdb::make_uniq<duckdb::MultiFileReaderGlobalState>(
        duckdb::vector<duckdb::LogicalType>(), &file_list);
  }

  duckdb::ReaderInitializeType CreateMapping(
      duckdb::ClientContext& context, duckdb::MultiFileReaderData& reader_data,
      const Columns& global_columns, const duckdb::vector<duckdb::ColumnIndex>& global_column_ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> filters, duckdb::MultiFileList& file_list,
      const duckdb::MultiFileReaderBindData& bind,
      const duckdb::virtual_column_map_t& virtual_columns) override {
    const auto& files = file_list.Cast<LakeFileList>();
    const auto& deletes = files.DeletesOf(reader_data.reader->file_list_idx.GetIndex());
    if (!deletes.empty()) {
      Throw(Unsupported("data file " + reader_data.reader->GetFileName() + " has deleted rows in " +
                            deletes[0].path,
                        "rewrite the table with the engine that deleted them"));
    }
    const auto& local = reader_data.reader->GetColumns();
    if (!local.empty() && local[0].identifier.IsNull()) {
      return MultiFileReader::CreateMapping(
          context, reader_data, ByName(global_columns), global_column_ids, filters, file_list, bind,
          virtual_columns, duckdb::MultiFileColumnMappingMode::BY_NAME);
    }
    return MultiFileReader::CreateMapping(context, reader_data, global_columns, global_column_ids,
                                          filters, file_list, bind, virtual_columns,
                                          duckdb::MultiFileColumnMappingMode::BY_FIELD_ID);
  }

 private:
  const LakeScanInfo& info() const { return static_cast<const LakeScanInfo&>(*info_); }

  duckdb::shared_ptr<duckdb::TableFunctionInfo> info_;
};

const LakeFileList& FilesOf(const duckdb::FunctionData& bind_data) {
  return bind_data.Cast<duckdb::MultiFileBindData>().file_list->Cast<LakeFileList>();
}

duckdb::BindInfo ScanBindInfo(const duckdb::optional_ptr<duckdb::FunctionData> bind_data) {
  // Binding some statements moves the data out of a plan that is looked at later.
  if (!bind_data) return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
  auto entry = FilesOf(*bind_data).entry();
  if (!entry) return duckdb::BindInfo(duckdb::ScanType::EXTERNAL);
  return duckdb::BindInfo(const_cast<duckdb::TableCatalogEntry&>(*entry));
}

duckdb::InsertionOrderPreservingMap<std::string> ScanToString(
    duckdb::TableFunctionToStringInput& input) {
  duckdb::InsertionOrderPreservingMap<std::string> result;
  const LakeFileList& files = FilesOf(*input.bind_data);
  const ScanPlan& plan = files.plan();
  if (files.entry()) {
    result["Table"] = files.entry()->ParentSchema().name + "." + files.entry()->name;
    const auto& table = files.entry()->Cast<LakeTableEntry>().lake_table();
    // Files of manifests that were skipped whole are known from the snapshot's summary only.
    int64_t total = plan.files_total;
    const Snapshot* snapshot = nullptr;
    if (table.metadata != nullptr) {
      snapshot = table.snapshot ? table.metadata->FindSnapshot(*table.snapshot)
                                : table.metadata->current();
    }
    if (snapshot != nullptr && plan.manifests_skipped > 0) {
      const auto files_total = snapshot->summary.find("total-data-files");
      if (files_total != snapshot->summary.end()) {
        total = std::max<int64_t>(total, std::stoll(files_total->second));
      }
    }
    result["Files"] = std::to_string(plan.files.size()) + " of " + std::to_string(total);
  }
  if (!files.predicate().always_true()) result["File filter"] = ToString(files.predicate());
  return result;
}

/// DuckDB merges subplans that serialize alike: the text says which table, state and files.
void SerializeScan(duckdb::Serializer& serializer,
                   const duckdb::optional_ptr<duckdb::FunctionData> bind_data,
                   const duckdb::TableFunction& function) {
  const LakeFileList& files = FilesOf(*bind_data);
  const void* identity = files.entry() ? static_cast<const void*>(files.entry().get())
                                       : static_cast<const void*>(function.function_info.get());
  serializer.WriteProperty(100, "identity", reinterpret_cast<uint64_t>(identity));
  serializer.WriteProperty(101, "predicate", ToString(files.predicate()));
}

duckdb::unique_ptr<duckdb::FunctionData> DeserializeScan(duckdb::Deserializer&,
                                                         duckdb::TableFunction&) {
  Throw(Internal("a scan of the lake cannot be read back from bytes"));
}

/// count(*) without filters, answered from the manifests.
duckdb::vector<duckdb::PartitionStatistics> ScanPartitionStats(
    duckdb::ClientContext&, duckdb::GetPartitionStatsInput& input) {
  duckdb::vector<duckdb::PartitionStatistics> result;
  for (const ScanFile& file : FilesOf(*input.bind_data).plan().files) {
    if (!file.deletes.empty()) return {};
    duckdb::PartitionStatistics statistics;
    statistics.row_start = 0;
    statistics.count = static_cast<uint64_t>(file.file.record_count);
    statistics.count_type = duckdb::CountType::COUNT_EXACT;
    result.push_back(std::move(statistics));
  }
  return result;
}

}  // namespace

duckdb::TableFunction BindLakeScan(duckdb::ClientContext& context, EngineState& engine,
                                   const Schema& schema, PlanFunction plan,
                                   duckdb::optional_ptr<duckdb::TableCatalogEntry> entry,
                                   duckdb::unique_ptr<duckdb::FunctionData>& bind_data) {
  auto& database = duckdb::DatabaseInstance::GetDatabase(context);
  const auto transaction = duckdb::CatalogTransaction::GetSystemTransaction(database);
  auto& system = duckdb::Catalog::GetSystemCatalog(database).GetSchema(transaction, DEFAULT_SCHEMA);
  auto parquet =
      system.GetEntry(transaction, duckdb::CatalogType::TABLE_FUNCTION_ENTRY, "parquet_scan");
  auto& overloads = parquet->Cast<duckdb::TableFunctionCatalogEntry>().functions;
  duckdb::TableFunction function =
      overloads.GetFunctionByArguments(context, {duckdb::LogicalType::VARCHAR});

  auto info = duckdb::make_shared_ptr<LakeScanInfo>();
  info->engine = &engine;
  info->plan = std::move(plan);
  info->entry = entry;
  for (const Field& field : schema.fields) info->columns.push_back(ToScanColumn(field));
  function.name = "lake_scan";
  function.function_info = std::move(info);
  function.get_multi_file_reader = LakeReader::Create;
  function.get_bind_info = ScanBindInfo;
  function.get_partition_stats = ScanPartitionStats;
  function.to_string = ScanToString;
  function.statistics = nullptr;
  function.serialize = SerializeScan;
  function.deserialize = DeserializeScan;
  function.get_row_id_columns = nullptr;
  function.late_materialization = false;

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
                      PlanOf(entry.engine(), entry.shared_table()), &entry, bind_data);
}

}  // namespace tarn::duck
