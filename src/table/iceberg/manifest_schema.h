#pragma once

#include <string>
#include <vector>

#include "table/model/metadata.h"

namespace tarn {

/// Avro schemas, with Iceberg's field ids, of the files that are written (versions 2 and 3).
std::string ManifestAvroSchema(const PartitionSpec& spec, const std::vector<Type>& partition_types,
                               int format_version);
std::string ManifestListAvroSchema(int format_version);

inline constexpr int kVersionOfRowIds = 3;  ///< and of deletion vectors

/// \name Field ids of Iceberg "Manifests" and "Manifest Lists".
/// @{
namespace manifest_field {
inline constexpr int32_t kStatus = 0, kSnapshotId = 1, kSequenceNumber = 3, kFileSequence = 4;
inline constexpr int32_t kContent = 134, kFilePath = 100, kFileFormat = 101, kPartition = 102;
inline constexpr int32_t kRecordCount = 103, kFileSize = 104, kColumnSizes = 108;
inline constexpr int32_t kValueCounts = 109, kNullCounts = 110, kNanCounts = 137;
inline constexpr int32_t kLowerBounds = 125, kUpperBounds = 128, kKeyMetadata = 131;
inline constexpr int32_t kSplitOffsets = 132, kEqualityIds = 135, kSortOrderId = 140;
inline constexpr int32_t kFirstRowId = 142, kReferencedDataFile = 143;
inline constexpr int32_t kContentOffset = 144, kContentSize = 145;
}  // namespace manifest_field
namespace manifest_list_field {
inline constexpr int32_t kPath = 500, kLength = 501, kSpecId = 502, kContent = 517;
inline constexpr int32_t kSequenceNumber = 515, kMinSequenceNumber = 516, kSnapshotId = 503;
inline constexpr int32_t kAddedFiles = 504, kExistingFiles = 505, kDeletedFiles = 506;
inline constexpr int32_t kAddedRows = 512, kExistingRows = 513, kDeletedRows = 514;
inline constexpr int32_t kPartitions = 507, kContainsNull = 509, kContainsNan = 518;
inline constexpr int32_t kLowerBound = 510, kUpperBound = 511, kKeyMetadata = 519;
inline constexpr int32_t kFirstRowId = 520;
}  // namespace manifest_list_field
/// @}

}  // namespace tarn
