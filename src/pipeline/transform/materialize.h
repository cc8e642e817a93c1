#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/transform/runner.h"

namespace tarn {

/// What an incremental or merge model does with the rows that its table has already.
enum class OldRows {
  kKeep,
  kReplace,  ///< all of them, by the whole query's rows: they were made by another query
};

/// Builds, checks and commits one model. The outcome's rows, checks and sequence are filled in as
/// far as it came, also when an error is returned. When its table is changed meanwhile, by upkeep
/// say, it is built again; Conflict when that happens every time.
Status MaterializeModel(const PipelineContext& context, const Model& model,
                        const std::vector<CommitOp>& record, OldRows old_rows,
                        const std::string& author, ModelOutcome* outcome);

/// What the project says about a model's table, as the table's properties: comment, tags, version.
std::map<std::string, std::string> ModelProperties(const Model& model);

/// \name Up to which sequence of the lake a model has read, in the commit of its rows: as the
/// position
/// {"sequence": 42} of the source "model:<schema.name>".
/// @{
inline constexpr char kModelPositionTable[] = "*";
std::string ModelPositionSource(const std::string& model);
std::string ModelPosition(Sequence read);
/// Errors: Corruption.
Result<Sequence> ModelPositionFrom(const std::string& position);
/// @}

}  // namespace tarn
