#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "table/delta/actions.h"

namespace tarn::delta {

/// What a log says at one version ("Action Reconciliation"). A value.
struct State {
  int64_t version = -1;  ///< of the last entry applied; -1 before the first
  std::optional<Protocol> protocol;
  std::optional<Metadata> metadata;
  std::map<std::string, AddFile> files;          ///< by path
  std::map<std::string, RemoveFile> tombstones;  ///< by path
  std::map<std::string, Transaction> transactions;
  std::map<std::string, DomainMetadata> domains;

  /// Entries are applied in the order of their versions.
  void Apply(int64_t entry_version, const std::vector<Action>& actions);
};

/// How long a checkpoint keeps a removed file in mind, as Delta does by default.
inline constexpr int64_t kTombstoneRetentionMs = int64_t{7} * 24 * 3600 * 1000;

}  // namespace tarn::delta
