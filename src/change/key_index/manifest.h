#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "change/key_index/run_file.h"

namespace tarn {

/// The files that places name. Numbers ascend and are never given twice.
struct IndexFileTable {
  uint32_t next = 0;
  std::map<uint32_t, std::string> paths;
  friend bool operator==(const IndexFileTable&, const IndexFileTable&) = default;
};

/// What a key index consists of: docs/formats/key_index.md. A file that is replaced as a whole, by
/// a rename, after all that it names is on the disk.
struct IndexManifest {
  uint64_t life = 0;          ///< random: files of another index, or of one before, do not fit
  uint64_t next_number = 0;   ///< of runs and logs; those from here on were never finished
  uint64_t sequence = 0;      ///< batches that the runs stand for
  uint32_t chain = 0;         ///< checksum of the last of these
  uint64_t first_log = 0;     ///< logs from here on follow, if they are there
  std::string state;          ///< that the runs stand for
  std::vector<RunInfo> runs;  ///< oldest first
  IndexFileTable files;
};

constexpr char kManifestName[] = "manifest";

std::string EncodeManifest(const IndexManifest& manifest);
/// Error: Corruption, naming `path`.
Result<IndexManifest> DecodeManifest(std::string_view bytes, std::string_view path);

}  // namespace tarn
