#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "table/delta/actions.h"

namespace tarn::delta {

/// What a log says at one version ("Action Reconciliation"). A value.
struct State {
  int64_t version = -1;  ///< of the last entry applied; -1 before the first
  std::optional<Protocol> protocol;
  std::optional<Metadata> metadata;
  /// By FileKey(): of the logical files of one data file at most one is alive.
  std::map<std::string, AddFile> files;
  /// By FileKey() and the vector's id ("" for none), see RemoveFile::VectorId().
  std::map<std::pair<std::string, std::string>, RemoveFile> tombstones;
  std::map<std::string, Transaction> transactions;
  std::map<std::string, DomainMetadata> domains;

  /// Entries are applied in the order of their versions; the order of the actions within one does
  /// not count.
  void Apply(int64_t entry_version, std::vector<Action> actions);

  /// Whether the entries applied say otherwise of a logical file of an earlier checkpoint, which
  /// was not applied: it is gone, or stands here as something else.
  bool Replaces(const std::string& file_key, const std::string& vector_id) const;
};

/// How long a checkpoint keeps a removed file in mind where the table does not say (Delta's own
/// default).
inline constexpr int64_t kTombstoneRetentionMs = int64_t{7} * 24 * 3600 * 1000;

}  // namespace tarn::delta
