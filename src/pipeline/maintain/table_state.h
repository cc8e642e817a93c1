#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipeline/context.h"
#include "table/model/metadata.h"

namespace tarn {

/// A table as the catalog has it at one instant.
struct TableState {
  TableEntry entry;
  std::shared_ptr<const TableMetadata> metadata;
};
/// Errors: NotFound once it is dropped; those of reading.
Result<TableState> LoadTableState(const PipelineContext& context, const std::string& uuid);

/// The key of the table's folder, without '/' at its end. Error InvalidArgument for a table that
/// lies outside of the store.
Result<std::string> TableFolder(const PipelineContext& context, const TableState& state);

/// Whether commits of the table wait for their Delta log entries.
Result<bool> HasPendingPublications(const PipelineContext& context, const std::string& uuid);

/// Removes objects, several at once; counts them.
/// Threads: one at a time. Errors: those of `may_remove`; those of the store, of the first object
/// that could not be removed; the others of its batch may have gone.
class ObjectRemover {
 public:
  /// `may_remove` is asked before each batch, if given: no more is removed after its error.
  explicit ObjectRemover(const PipelineContext& context, std::function<Status()> may_remove = {})
      : context_(context), may_remove_(std::move(may_remove)) {}
  Status Add(std::string key);
  /// Removes what Add() has gathered.
  Status Flush();
  int64_t removed() const { return removed_; }

 private:
  const PipelineContext& context_;
  const std::function<Status()> may_remove_;
  std::vector<std::string> keys_;
  int64_t removed_ = 0;
};

}  // namespace tarn
