#include "sql/duckdb/row_filters.h"

#include <algorithm>
#include <utility>

namespace tarn::duck {
namespace {

void MakeRoom(duckdb::SelectionVector& selection, duckdb::idx_t count) {
  selection.Initialize(std::max<duckdb::idx_t>(count, STANDARD_VECTOR_SIZE));
}

class LeaveOutFilter final : public duckdb::DeleteFilter {
 public:
  explicit LeaveOutFilter(std::shared_ptr<const DeletionVector> rows) : rows_(std::move(rows)) {}

  duckdb::idx_t Filter(duckdb::row_t start, duckdb::idx_t count,
                       duckdb::SelectionVector& result) override {
    MakeRoom(result, count);
    return static_cast<duckdb::idx_t>(
        rows_->SelectLive(start, static_cast<int64_t>(count), result.data()));
  }

 private:
  const std::shared_ptr<const DeletionVector> rows_;
};

class LeaveOnlyFilter final : public duckdb::DeleteFilter {
 public:
  explicit LeaveOnlyFilter(std::shared_ptr<const DeletionVector> rows) : rows_(std::move(rows)) {}

  duckdb::idx_t Filter(duckdb::row_t start, duckdb::idx_t count,
                       duckdb::SelectionVector& result) override {
    MakeRoom(result, count);
    if (rows_->CountIn(start, start + static_cast<int64_t>(count)) == 0) return 0;
    duckdb::idx_t kept = 0;
    for (duckdb::idx_t i = 0; i < count; ++i) {
      if (rows_->Contains(start + static_cast<int64_t>(i))) result.set_index(kept++, i);
    }
    return kept;
  }

 private:
  const std::shared_ptr<const DeletionVector> rows_;
};

}  // namespace

duckdb::unique_ptr<duckdb::DeleteFilter> LeaveOut(std::shared_ptr<const DeletionVector> rows) {
  return duckdb::make_uniq<LeaveOutFilter>(std::move(rows));
}

duckdb::unique_ptr<duckdb::DeleteFilter> LeaveOnly(std::shared_ptr<const DeletionVector> rows) {
  return duckdb::make_uniq<LeaveOnlyFilter>(std::move(rows));
}

}  // namespace tarn::duck
