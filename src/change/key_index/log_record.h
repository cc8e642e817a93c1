#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "change/key_index/entry.h"

namespace tarn {

/// \name The log of a key index: what it was told since the last run, batch by batch, in files that
/// are appended to: docs/formats/key_index.md.
/// @{

std::string LogFileName(uint64_t number);

/// The first bytes of a log's file.
std::string EncodeLogHeader(uint64_t life, uint64_t number);
/// Takes the header off `bytes`; false when it is not that of this log.
bool DecodeLogHeader(std::string_view& bytes, uint64_t life, uint64_t number);

/// What one batch changes. Views: of the caller's memory, or of the bytes it was decoded from.
struct LogBatch {
  uint64_t sequence = 0;             ///< one more than the batch before
  std::span<const KeyHash> removed;  ///< goes first
  std::span<const KeyHash> put;
  std::span<const RowPlace> places;                          ///< of put
  std::vector<uint32_t> forgotten;                           ///< files
  std::vector<std::pair<uint32_t, std::string_view>> files;  ///< which got a number
  std::string_view state;                                    ///< that the batch leads to
};

/// `chain` is the checksum of the batch before, and becomes that of this one: a batch counts after
/// the very batches that it was written after.
std::string EncodeLogBatch(const LogBatch& batch, uint32_t* chain);

/// A batch and the memory that its views need.
struct DecodedBatch {
  LogBatch batch;
  std::vector<KeyHash> keys;
  std::vector<RowPlace> places;
};
/// Takes one batch off `bytes`. nullopt when what begins there is not a whole one with its
/// checksum: at the log's end, or where a write was interrupted; `chain` then stays.
std::optional<DecodedBatch> DecodeLogBatch(std::string_view& bytes, uint32_t* chain);
/// @}

}  // namespace tarn
