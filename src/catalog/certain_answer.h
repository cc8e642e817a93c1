#pragma once

#include "catalog/committer.h"

namespace tarn {

/// Whether what Catalog::Commit() itself answered says that the commit did not happen and never
/// will: a certain rejection, or no room for it. Of an error that CommitToLake() passed on only the
/// former is certain: memory may also have run out after the commit.
inline bool IsCertainAnswer(const Error& error) {
  return IsCertainRejection(error) || error.kind == ErrorKind::kResourceExhausted;
}

}  // namespace tarn
