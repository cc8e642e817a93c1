#include "pipeline/query_writer.h"

#include <arrow/api.h>

#include "base/log.h"
#include "columnar/conform.h"
#include "pipeline/intention.h"

namespace tarn {
namespace {

Status CopyRows(const PipelineContext& context, Rows& rows,
                const std::shared_ptr<arrow::Schema>& storable, const TableTarget& target,
                DataWriter& writer) {
  const std::string name = target.name.ToString();
  while (true) {
    if (context.cancel != nullptr) TARN_RETURN_IF_ERROR(context.cancel->Check());
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(auto conformed, Conform(batch, storable));
    TARN_RETURN_IF_ERROR(writer.Write(*conformed));
    if (context.progress != nullptr) context.progress->Advance(name, batch->num_rows(), 0);
  }
}

}  // namespace

Result<WrittenTable> WriteQuery(const PipelineContext& context, Session& session,
                                const std::string& query, const TableTarget& target,
                                WriteMode mode) {
  TARN_ASSIGN_OR_RETURN(auto rows, session.Execute(query));
  TARN_ASSIGN_OR_RETURN(auto storable, StorableSchema(*rows->schema()));
  TARN_ASSIGN_OR_RETURN(WrittenTable out, OpenTarget(context, *storable, target, mode));
  TARN_RETURN_IF_ERROR(RememberIntentions(context, {&out}, target.owner));
  TARN_ASSIGN_OR_RETURN(auto writer, OpenTargetWriter(context, out));
  Status copied = CopyRows(context, *rows, storable, target, *writer);
  if (!copied.ok()) {
    if (Status aborted = writer->Abort(); !aborted.ok()) {
      Log(LogLevel::kWarning, "files of a failed write remain: " + aborted.error().message);
    }
    return copied;
  }
  TARN_ASSIGN_OR_RETURN(auto files, writer->Finish());
  TARN_RETURN_IF_ERROR(StageFiles(context, std::move(files), mode, &out));
  return out;
}

}  // namespace tarn
