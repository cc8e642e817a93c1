#pragma once

#include <memory>

#include "source/change_capture.h"
#include "source/postgres/pg_snapshot.h"

namespace tarn::postgres {

/// A publication, a slot of plugin pgoutput and what they hold: change capture of PostgreSQL 14 to
/// 18. Older servers are refused by name.
std::unique_ptr<ChangeCapture> MakeCapture(std::shared_ptr<const Context> context);

}  // namespace tarn::postgres
