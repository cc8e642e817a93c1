#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "table/model/metadata.h"

namespace tarn::delta {

/// "Per-file Statistics" of a data file as JSON: numRecords, minValues, maxValues, nullCount by
/// physical names (`physical_names` is parallel to the schema's fields, `nested_names` has those of
/// fields within structs by id), nested as structs are.
/// Bounds never leave a value out: timestamps are told in milliseconds, the upper one rounded up;
/// texts are cut to 32 characters, the upper one made larger; what has no spelling is left out (NaN
/// and infinity, years outside of 1 to 9999, bytes, flags). At most 100 columns are told. Bounds of
/// a file with a deletion vector speak of all its rows, deleted ones too: kWide says so.
enum class Bounds { kTight, kWide };
std::string StatsJson(const DataFile& file, const Schema& schema,
                      const std::vector<std::string>& physical_names, Bounds bounds,
                      const std::map<int32_t, std::string>& nested_names = {});

}  // namespace tarn::delta
