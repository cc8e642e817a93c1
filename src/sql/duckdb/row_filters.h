#pragma once

#include <memory>

#include "columnar/deletion_vector.h"
#include "sql/duckdb/duckdb_headers.h"

namespace tarn::duck {

/// Leaves the rows of a set out of a file's scan.
duckdb::unique_ptr<duckdb::DeleteFilter> LeaveOut(std::shared_ptr<const DeletionVector> rows);

/// Leaves only the rows of a set in a file's scan.
duckdb::unique_ptr<duckdb::DeleteFilter> LeaveOnly(std::shared_ptr<const DeletionVector> rows);

}  // namespace tarn::duck
