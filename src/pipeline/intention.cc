#include "pipeline/intention.h"

#include "catalog/committer.h"

namespace tarn {

Status RememberIntentions(const PipelineContext& context,
                          const std::vector<const WrittenTable*>& tables,
                          const std::string& author) {
  LakeCommit commit = context.NewCommit(author, "where new tables will stand");
  const size_t ops_before = commit.ops.size();
  for (const WrittenTable* table : tables) {
    if (!table->transaction->creates()) continue;
    TARN_ASSIGN_OR_RETURN(std::string folder,
                          context.tables.store->KeyOf(table->transaction->location()));
    commit.ops.push_back(IntentionOp(std::move(folder), table->owner));
  }
  if (commit.ops.size() == ops_before) return Status::Ok();
  return CommitToLake(context.tables, *context.catalog, commit).status();
}

Result<std::vector<CommitOp>> ForgetIntention(const PipelineContext& context,
                                              const WrittenTable& table) {
  if (!table.transaction->creates()) return std::vector<CommitOp>();
  TARN_ASSIGN_OR_RETURN(std::string folder,
                        context.tables.store->KeyOf(table.transaction->location()));
  return std::vector<CommitOp>{DropObjectOp{kIntentionObject, std::move(folder)}};
}

}  // namespace tarn
