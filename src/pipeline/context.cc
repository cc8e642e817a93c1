#include "pipeline/context.h"

#include <utility>

namespace tarn {

LakeCommit PipelineContext::NewCommit(std::string author, std::string message) const {
  LakeCommit commit;
  commit.author = std::move(author);
  commit.message = std::move(message);
  if (lock) commit.ops.push_back(*lock);
  return commit;
}

}  // namespace tarn
