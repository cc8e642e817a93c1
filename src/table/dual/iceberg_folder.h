#pragma once

#include <string>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// The current metadata file of an Iceberg table that some other writer keeps without a catalog, or
/// with one that is not asked: `location` is the table's folder or a metadata file itself. In a
/// folder it is what `metadata/version-hint.text` names or, of files called `v<N>.metadata.json`,
/// the last that follows on it without a gap (the hint is written after the file and may be
/// behind); without a hint the file of the highest version. Errors: NotFound (no table there);
/// those of the store.
Result<std::string> FindIcebergMetadata(ObjectStore& store, const std::string& location);

}  // namespace tarn
