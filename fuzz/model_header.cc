#include "project/model_file.h"
#include "target.h"

namespace tarn::fuzz {

/// A file of models/.
TARN_FUZZ_TARGET(model_header) {
  const auto model = ParseModelFile("silver/input.sql", std::string(input));
  if (!model.ok()) return CheckError(model.error(), "silver/input.sql");
  CheckThat(!model->sql.empty() && model->sql_line >= 1 && model->sql_column >= 1, "a query");
  CheckThat(input.find(model->sql) != std::string_view::npos, "the query stands in the file");
  for (const Check& check : model->checks) {
    CheckThat(!check.ToString().empty(), "a check has a text");
  }
}

}  // namespace tarn::fuzz
