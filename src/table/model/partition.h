#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/result.h"
#include "columnar/predicate.h"
#include "table/model/metadata.h"

namespace tarn {

/// \name From text. "region", "day(sold_at)", "days(sold_at)", "bucket(16, id)",
/// "truncate(4, name)"; a column's name may stand in double quotes. The column and the number of
/// bucket and truncate may stand in either order. Transform names have no case.
/// @{
/// One field; its id is 0 and its name is the usual one ("sold_at_day", "id_bucket",
/// "name_trunc"). Errors: InvalidArgument, with the text, what is wrong and the repair.
Result<PartitionField> ParsePartitionField(std::string_view text, const Schema& schema);
/// All fields of a spec; names are made unique among themselves and against other columns'
/// names ("id_bucket_2"); the same field twice is InvalidArgument. Ids are 0.
Result<std::vector<PartitionField>> ParsePartition(const std::vector<std::string>& texts,
                                                   const Schema& schema);
/// The text that ParsePartitionField reads, for `plan` and `show`: "day(sold_at)".
std::string PartitionFieldText(const PartitionField& field, const Schema& schema);
/// @}

/// "bucket[16]", "day", …; a transform of a later specification becomes kUnknown.
Transform ParseTransform(std::string_view text);

/// Whether `transform` is defined on columns of that type.
bool CanTransform(const Transform& transform, const Type& source);

/// Whether a column may be widened from one type to another although a partition field has it as
/// its source: only where every value keeps its partition value (Iceberg "Schema Evolution").
bool KeepsPartitionValues(const Transform& transform, const Type& from, const Type& to);

/// The type of the partition values: int for year, month, hour and bucket, date for day, the
/// source's own for identity, truncate and void (int for void of a type that no file stores).
Type TransformResultType(const Transform& transform, const Type& source);

/// Applies a transform to a whole column (of the Arrow type that SchemaToArrow gives `source`).
/// Nulls stay nulls; values before 1970 are rounded down. The result has the Arrow type of
/// TransformResultType. Errors: Unsupported for kUnknown; InvalidArgument for a wrong type.
Result<std::shared_ptr<arrow::Array>> ApplyTransform(const Transform& transform, const Type& source,
                                                     const std::shared_ptr<arrow::Array>& column);
/// The same for one value.
Result<Scalar> ApplyTransform(const Transform& transform, const Type& source, const Scalar& value);

/// Iceberg "Appendix B: 32-bit Hash Requirements" (murmur3_x86_32, seed 0) of a non-null value.
int32_t BucketHash(const Type& source, const Scalar& value);

/// A partition value as people read it: "2026-11", "2026-11-21", "2026-11-21-04", "null".
std::string PartitionValueToString(const Transform& transform, const Type& source,
                                   const Scalar& value);
/// The inverse ("null" is null only where the type has no text of that spelling, that is not for
/// strings). Error InvalidArgument.
Result<Scalar> PartitionValueFromString(const Transform& transform, const Type& source,
                                        std::string_view text);

/// What the partition values of a file must satisfy if any of its rows may satisfy `predicate`
/// (Iceberg "Scan Planning": the inclusive projection). Columns of the result are partition field
/// names; what cannot be said becomes kTrue.
Predicate ProjectPredicate(const Predicate& predicate, const Schema& schema,
                           const PartitionSpec& spec);

}  // namespace tarn
