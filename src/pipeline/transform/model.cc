#include "pipeline/transform/model.h"

#include "base/text.h"

namespace tarn {

std::string_view MaterializeName(Materialize materialize) {
  switch (materialize) {
    case Materialize::kView:
      return "view";
    case Materialize::kTable:
      return "table";
    case Materialize::kIncremental:
      return "incremental";
    case Materialize::kMerge:
      return "merge";
    case Materialize::kHistory:
      return "history";
  }
  return "?";
}

std::string_view TriggerName(Trigger trigger) {
  return trigger == Trigger::kOnChange ? "on_change" : "";
}

std::string_view OnFailureName(OnFailure on_failure) {
  switch (on_failure) {
    case OnFailure::kFail:
      return "fail";
    case OnFailure::kWarn:
      return "warn";
    case OnFailure::kQuarantine:
      return "quarantine";
  }
  return "?";
}

std::string Check::ToString() const {
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + column;
  switch (kind) {
    case Kind::kNotNull:
      return "not_null(" + list + ")";
    case Kind::kUnique:
      return "unique(" + list + ")";
    case Kind::kAcceptedValues:
      return "accepted_values(" + list + ")";
    case Kind::kRelationships:
      return "relationships(" + list + " → " + to.ToString() + "." + field + ")";
    case Kind::kExpect:
      return "expect(" + condition + ")";
    case Kind::kRowCount:
      return "row_count";
    case Kind::kFreshness:
      return "freshness(" + list + ")";
  }
  return "?";
}

TableName RejectedTable(const Model& model) {
  return {model.name.schema, model.name.name + "__rejected"};
}

std::string QuotedName(const TableName& name) {
  return QuoteIdentifier(name.schema) + "." + QuoteIdentifier(name.name);
}

}  // namespace tarn
