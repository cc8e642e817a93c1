#pragma once

#include "catalog/certain_answer.h"
#include "catalog/forwarding_catalog.h"

namespace tarn {

/// Knows whether a commit may have happened: what failed before it was asked for did not, whatever
/// failed, nor what the catalog itself had no room for.
/// Threads: one at a time.
class AskedCatalog final : public ForwardingCatalog {
 public:
  using ForwardingCatalog::ForwardingCatalog;
  Result<CommitInfo> Commit(const CommitRequest& request) override {
    const bool before = may_have_happened_;
    may_have_happened_ = true;  // also where it ends by an exception
    Result<CommitInfo> info = ForwardingCatalog::Commit(request);
    if (!info.ok() && IsCertainAnswer(info.error())) may_have_happened_ = before;
    return info;
  }
  bool may_have_happened() const { return may_have_happened_; }
  /// Whether it is certain that a commit which CommitToLake() ended with this error never happens:
  /// its data files are nobody's.
  bool RulesOut(const Error& error) const {
    return !may_have_happened_ || IsCertainRejection(error);
  }

 private:
  bool may_have_happened_ = false;
};

}  // namespace tarn
