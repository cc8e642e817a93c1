#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "table/dual/transaction.h"
#include "table/model/metadata.h"

namespace tarn {

/// Branches and tags that a transaction sets, by name; nullopt: removed.
using RefChanges = std::map<std::string, std::optional<SnapshotRef>>;

/// NotFound for a snapshot that the table does not have. `base` may be nullptr.
Status CheckSnapshot(const TableMetadata* base, const std::string& location, SnapshotId snapshot);

/// \name See TableTransaction::CreateRef() and RemoveRef(). `base` may be nullptr.
/// @{
Status AddRef(const TableMetadata* base, const std::string& location, const std::string& name,
              const SnapshotRef& ref, RefChanges& changes);
Status DropRef(const TableMetadata* base, const std::string& location, const std::string& name,
               TableTransaction::RefKind kind, RefChanges& changes);
/// @}

}  // namespace tarn
