#pragma once

#include "base/result.h"
#include "table/delta/actions.h"

namespace tarn::delta {

/// Error Unsupported unless Tarn reads tables of this protocol: it names every version and reader
/// feature that is not known.
Status CheckReadable(const Protocol& protocol);

/// Error Unsupported unless Tarn keeps what writers of this protocol have to keep: it names every
/// version and writer feature that is not honoured. What a version implies without naming it
/// counts as well (constraints from 3, change data and generated columns from 4, identity columns
/// from 6): whoever writes looks at the table's rules too (see table_schema.h).
Status CheckWritable(const Protocol& protocol);

/// Whether the protocol has a feature, by its list or by a version that implies it.
bool HasFeature(const Protocol& protocol, std::string_view feature);

}  // namespace tarn::delta
