#pragma once

#include <string>

#include "source/source.h"

namespace tarn {

/// What differs between two states of one table, for people: `column email dropped, column id:
/// integer → text, key id → id, region`. Names, native types and keys are compared; empty when they
/// are the same.
std::string DescribeTableChange(const SourceTable& before, const SourceTable& after);

}  // namespace tarn
