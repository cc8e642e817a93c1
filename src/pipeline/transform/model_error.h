#pragma once

#include "base/result.h"
#include "pipeline/transform/model.h"

namespace tarn {

/// An error of a model's query, told in terms of the model's file: the message begins with
/// `models/…/x.sql:12:8: ` where the engine said where, with `models/…/x.sql: ` where it did not,
/// and the line that the detail shows has the file's number.
/// `lines_before`: lines that the statement which ran has above the model's own query.
Status InModelFile(const Model& model, Status status, int lines_before = 0);

}  // namespace tarn
