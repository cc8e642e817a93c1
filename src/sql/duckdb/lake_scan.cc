#include "sql/duckdb/lake_scan.h"

#include <algorithm>
#include <utility>

#include "duckdb/common/serializer/deserializer.hpp"
#include "duckdb/common/serializer/serializer.hpp"
#include "duckdb/function/partition_stats.hpp"
#include "sql/duckdb/errors.h"
#include "sql/duckdb/lake_catalog.h"
#include "sql/duckdb/types.h"

namespace tarn::duck {
namespace {

using Columns = duckdb::vector<duckdb::MultiFileColumnDefinition>;

/// What the scan's reader is made from; borrowed by every copy of the table function.
struct LakeScanInfo final : duckdb::TableFunctionInfo {
  EngineState* engine = nullptr;
  std::shared_ptr<const LakeFilePlanner> planner;
  duckdb::optional_ptr<duckdb::TableCatalogEntry> entry;
  Columns columns;
};

/// Tells the transaction that the table is read.
void NoteRead(duckdb::ClientContext& context, const LakeFileList& files) {
  if (!files.entry()) return;
  auto& entry = const_cast<duckdb::TableCatalogEntry&>(*files.entry());
  LakeTransaction::Get(context, entry.ParentCatalog())
      .state()
      .NoteRead(entry.Cast<LakeTableEntry>().lake_table());
}

bool DeletedByTransaction(const LakeFileList& files, const ScanFile& file) {
  if (!files.entry()) return false;
  const auto& deleted = files.entry()->Cast<LakeTableEntry>().lake_table().deleted;
  return deleted.find(file.file.path) != deleted.end();
}

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

/// Leaves deleted rows out of a file's scan.
class DeletedRowsFilter final : public duckdb::DeleteFilter {
 public:
  explicit DeletedRowsFilter(std::shared_ptr<const DeletionVector> deleted)
      : deleted_(std::move(deleted)) {}

  duckdb::idx_t Filter(duckdb::row_t start, duckdb::idx_t count,
                       duckdb::SelectionVector& result) override {
    result.Initialize(std::max<duckdb::idx_t>(count, STANDARD_VECTOR_SIZE));
    return static_cast<duckdb::idx_t>(
        deleted_->SelectLive(start, static_cast<int64_t>(count), result.data()));
  }

 private:
  const std::shared_ptr<const DeletionVector> deleted_;
};

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
    return duckdb::make_shared_ptr<LakeFileList>(*info().engine, info().planner, info().entry,
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
      duckdb::ClientContext& context, const duckdb::MultiFileOptions&,
      const duckdb::MultiFileReaderBindData&, const duckdb::MultiFileList& file_list,
      const Columns&, const duckdb::vector<duckdb::ColumnIndex>& columns) override {
    const auto& files = file_list.Cast<LakeFileList>();
    const bool changes_rows =
        std::any_of(columns.begin(), columns.end(), [](const duckdb::ColumnIndex& column) {
          return column.GetPrimaryIndex() == MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX;
        });
    if (!changes_rows) {
      NoteRead(context, files);
    } else if (files.entry()) {
      const auto& table = files.entry()->Cast<LakeTableEntry>().lake_table();
      table.locator->Attach(files.shared_plan(), files.predicate());
    }
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
    if (auto deleted = files.DeletedRowsOf(reader_data.reader->file_list_idx.GetIndex())) {
      reader_data.reader->deletion_filter =
          duckdb::make_uniq<DeletedRowsFilter>(std::move(deleted));
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
    duckdb::ClientContext& context, duckdb::GetPartitionStatsInput& input) {
  duckdb::vector<duckdb::PartitionStatistics> result;
  const LakeFileList& files = FilesOf(*input.bind_data);
  NoteRead(context, files);
  for (const ScanFile& file : files.plan().files) {
    int64_t live = file.file.record_count;
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

}  // namespace

duckdb::TableFunction BindLakeScan(duckdb::ClientContext& context, EngineState& engine,
                                   const Schema& schema,
                                   std::shared_ptr<const LakeFilePlanner> planner,
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
  info->planner = std::move(planner);
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
                      PlannerOf(entry.engine(), entry.shared_table()), &entry, bind_data);
}

}  // namespace tarn::duck
