#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "catalog/catalog.h"
#include "table/dual/table.h"

namespace tarn {

struct PresentState {
  TableEntry entry;
  std::shared_ptr<const TableMetadata> metadata;
};

/// The state that a table has. Upkeep that leaves readers no grace may remove the metadata of one
/// that was followed by another since it was found: then that one is read. Errors: those of `find`
/// and of reading; NotFound when the metadata of a state that stays is not there.
Result<PresentState> LoadPresentState(const TableContext& context,
                                      const std::function<Result<TableEntry>()>& find);

}  // namespace tarn
