#pragma once

#include "base/result.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// Decides on a commit that the write-ahead log holds and that nobody has been told of.
///
/// A process writes its commit to the log, syncs the log, and only then tells the others in shared
/// memory. When it is killed in between they do not see the commit, and as long as one of them is
/// there nobody will; when the last one is killed too, whoever comes next recovers the log and
/// finds it. So a commit could appear long after its process is gone and somebody has looked, found
/// nothing, and done it again. What a newcomer finds beyond the end that is known is overwritten:
/// it has never happened, and nobody is ever going to see it. A writer that is alive is waited for.
/// Errors: those of writing.
Status SettleLog(Connection& connection);

}  // namespace tarn::sqlite
