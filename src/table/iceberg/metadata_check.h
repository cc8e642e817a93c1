#pragma once

#include <string>

#include "base/result.h"
#include "table/model/metadata.h"

namespace tarn {

/// What no single member of a metadata.json tells: ids that occur twice, current, default and named
/// things that do not exist, ancestors that lead back to themselves, sequence numbers beyond the
/// last one. Time and memory in the size of the document.
/// Errors: Corruption, naming `what`.
Status CheckTableMetadata(const TableMetadata& table, const std::string& what);

}  // namespace tarn
