// Copy on write: the half of LakeState that writes files anew.

#include <algorithm>
#include <iterator>
#include <utility>

#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"
#include "table/dual/rewrite.h"
#include "table/dual/schema_editor.h"

namespace tarn::duck {
namespace {

/// What the rows of a table that is not committed yet are read by: its files are this
/// transaction's, and have its columns.
TableMetadata StateOfNewTable(const TableTransaction& table) {
  TableMetadata state;
  state.location = table.location();
  state.schemas = {table.schema()};
  state.current_schema = table.schema().id;
  state.specs = {table.spec()};
  state.default_spec = table.spec().id;
  return state;
}

/// Files that are written anew together: those whose rows have ids that must be kept, or not.
struct Group {
  std::vector<ScanFile> files;
  RewriteOptions options;
};

}  // namespace

Status LakeState::RewriteChangedFiles(const CancelFlag* cancel) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, local] : tables_) {
    if (local.transaction == nullptr || !local.touched) continue;
    TARN_RETURN_IF_ERROR(RewriteLocked(local, cancel).Wrap("copy on write of " + name.ToString()));
  }
  return Status::Ok();
}

/// Marks every file that lacks a column with a default as one to write anew.
Status LakeState::RewriteForDefaultsLocked(Local& local) {
  if (local.defaulted_columns.empty()) return Status::Ok();
  const auto rewrite = [&local](ScanFile file) {
    Local::Deletes& deletes = local.deletes[file.file.path];
    if (deletes.positions == nullptr) {
      deletes.positions = std::make_shared<const DeletionVector>();
      deletes.file = std::move(file);
    }
    deletes.rewrite = true;
  };
  for (const auto& file : local.files) {
    if (!local.files_without_defaults.contains(file->path)) continue;
    ScanFile one;
    one.file = *file;
    rewrite(std::move(one));
  }
  if (local.base == nullptr || local.base_rows == LakeTable::Base::kReplaced) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(ScanPlan plan, PlanScan(engine_.options.tables, *local.base, std::nullopt,
                                                Predicate::True()));
  for (ScanFile& file : plan.files) rewrite(std::move(file));
  return Status::Ok();
}

Status LakeState::RewriteLocked(Local& local, const CancelFlag* cancel) {
  TARN_RETURN_IF_ERROR(RewriteForDefaultsLocked(local));
  const TableTransaction& transaction = *local.transaction;
  const TableMetadata state = local.base ? *local.base : StateOfNewTable(transaction);
  DataWriterOptions writing;
  writing.location = transaction.location();
  writing.schema = transaction.schema();
  writing.spec = transaction.spec();
  writing.physical_names = transaction.physical_names();

  Group with_ids, without_ids;
  without_ids.options.row_ids = RewriteOptions::RowIds::kNone;
  for (Group* group : {&with_ids, &without_ids}) {
    group->options.factory = engine_.options.file_writer;
    group->options.cancel = cancel;
    group->options.writing = writing;
  }
  OwnFiles replaced;  // of this transaction
  for (auto deletes = local.deletes.begin(); deletes != local.deletes.end();) {
    if (!deletes->second.rewrite) {
      ++deletes;
      continue;
    }
    const ScanFile& file = deletes->second.file;
    const std::string& path = deletes->first;
    const auto own = std::find_if(local.files.begin(), local.files.end(),
                                  [&path](const auto& one) { return one->path == path; });
    bool ids = true;
    if (own == local.files.end()) {
      local.rewritten.push_back(file.file);
      // Rows that have no ids yet get some with the new file, as all others do.
      ids = file.file.first_row_id.has_value();
    } else {
      ids = local.files_with_row_ids.contains(path);
      replaced.push_back(std::move(*own));
      local.files.erase(own);
    }
    Group& group = ids ? with_ids : without_ids;
    group.options.leave_out[path] = deletes->second.positions;
    group.files.push_back(file);
    deletes = local.deletes.erase(deletes);
  }
  Withdraw(&replaced);
  for (const Group* group : {&with_ids, &without_ids}) {
    if (group->files.empty()) continue;
    TARN_ASSIGN_OR_RETURN(
        std::vector<DataFile> written,
        CopyLiveRows(engine_.options.tables, state, group->files, group->options));
    for (DataFile& file : written) {
      local.files.push_back(std::make_shared<const DataFile>(std::move(file)));
    }
  }
  if (local.defaulted_columns.empty()) return Status::Ok();
  // Every file has the columns; nothing is left to be told of files without them.
  return local.transaction->EditColumns([&local](SchemaEditor& editor) -> Status {
    for (const FieldId id : local.defaulted_columns) {
      TARN_RETURN_IF_ERROR(editor.SetInitialDefault(id, std::nullopt));
    }
    return {};
  });
}

}  // namespace tarn::duck
