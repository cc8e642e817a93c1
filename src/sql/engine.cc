#include "sql/engine.h"

#include <arrow/record_batch.h>

namespace tarn {

Status Session::Run(const std::string& statement) {
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<Rows> rows, Execute(statement));
  while (true) {
    TARN_ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> batch, rows->Next());
    if (batch == nullptr) return Status::Ok();
  }
}

}  // namespace tarn
