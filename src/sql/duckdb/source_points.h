#pragma once

#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/duckdb/engine_state.h"
#include "sql/duckdb/lake_state.h"

namespace tarn::duck {

/// `AT (VERSION => 'crm 0/16B3748')`: where a point is the name of a source, or a type that one
/// followed source alone has, and a position of its log, this is the snapshot of the table, or the
/// commit of the lake, that holds what the source had committed there and nothing of later. Which
/// position comes first is for the source's kind to say. Every other point is returned as it is;
/// branches and tags of that name come first. Errors: InvalidArgument for a position that its kind
/// does not know, for a type of several sources, for a source that is not followed; NotFound for a
/// position that is not in the lake yet, or not any more.
Result<LakePoint> ResolveSourcePoint(EngineState& engine, LakeState& lake, const TableName& name,
                                     const LakePoint& point);

}  // namespace tarn::duck
