#pragma once

#include <memory>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// `_row_id` of Iceberg's "Row Lineage": what a row is known by through updates and compaction.
inline constexpr duckdb::column_t kRowIdColumn =
    duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_INDEX + 1000;

/// The index of a row's file in the scan of a statement that changes rows. Has no name: only such a
/// statement can ask for it, and it is about that scan's files alone.
inline constexpr duckdb::column_t kChangedFileColumn = kRowIdColumn + 1;

/// Whether rows of the table have row ids that an update must keep. In a table that was raised to
/// version 3 they get theirs with the first snapshot after that.
inline bool HasLineage(const LakeTable& table) {
  return table.metadata != nullptr && table.metadata->format_version >= 3 &&
         table.metadata->next_row_id > 0;
}

/// A table of the lake in one transaction.
class LakeTableEntry final : public duckdb::TableCatalogEntry {
 public:
  LakeTableEntry(duckdb::SchemaCatalogEntry& in_schema, duckdb::CreateTableInfo& info,
                 EngineState& engine, std::shared_ptr<const LakeTable> table);

  const LakeTable& lake_table() const { return *table_; }
  const std::shared_ptr<const LakeTable>& shared_table() const { return table_; }
  EngineState& engine() const { return engine_; }

  duckdb::unique_ptr<duckdb::BaseStatistics> GetStatistics(duckdb::ClientContext&,
                                                           duckdb::column_t) override {
    return nullptr;
  }
  duckdb::TableStorageInfo GetStorageInfo(duckdb::ClientContext& context) override;
  duckdb::TableFunction GetScanFunction(
      duckdb::ClientContext& context, duckdb::unique_ptr<duckdb::FunctionData>& bind_data) override;
  /// Where a row stands: the file's index in the scan, the position in the file and, in tables that
  /// have them, its row id.
  duckdb::vector<duckdb::column_t> GetRowIdColumns() const override;
  /// An updated row is a deleted one and a new one: all its columns are needed.
  void BindUpdateConstraints(duckdb::Binder& binder, duckdb::LogicalGet& get,
                             duckdb::LogicalProjection& projection, duckdb::LogicalUpdate& update,
                             duckdb::ClientContext& context) override;
  duckdb::virtual_column_map_t GetVirtualColumns() const override;

 private:
  EngineState& engine_;
  const std::shared_ptr<const LakeTable> table_;
};

std::unique_ptr<duckdb::CatalogEntry> MakeTableEntry(duckdb::SchemaCatalogEntry& schema,
                                                     EngineState& engine,
                                                     std::shared_ptr<const LakeTable> table);
std::unique_ptr<duckdb::CatalogEntry> MakeViewEntry(duckdb::SchemaCatalogEntry& schema,
                                                    const ViewEntry& view);

}  // namespace tarn::duck
