#include "pipeline/transform/materialize.h"

#include <optional>

#include <arrow/api.h>

#include "base/fault_point.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/asked_catalog.h"
#include "catalog/committer.h"
#include "pipeline/intention.h"
#include "pipeline/interrupter.h"
#include "pipeline/transform/history_query.h"
#include "pipeline/transform/incremental_query.h"
#include "pipeline/transform/model_error.h"
#include "pipeline/transform/quarantine.h"

namespace tarn {
namespace {

constexpr char kNewRows[] = "__tarn_new_rows";
constexpr char kStoodRows[] = "__tarn_stood_rows";
constexpr char kAddedRows[] = "__tarn_added_rows";
/// A model that was computed from a state that moved meanwhile is computed again: upkeep neither
/// stops nor waits for it.
constexpr int kTriesMax = 3;

Result<int64_t> CountRows(Session& session, const std::string& query) {
  TARN_ASSIGN_OR_RETURN(auto rows, session.Execute("SELECT count(*) FROM (" + query + ")"));
  TARN_ASSIGN_OR_RETURN(auto batch, rows->Next());
  if (batch == nullptr || batch->num_rows() == 0) return Internal("a count has no row");
  return std::static_pointer_cast<arrow::Int64Array>(batch->column(0))->Value(0);
}

/// One model on its way into the lake.
class ModelBuild {
 public:
  ModelBuild(const PipelineContext& context, const Model& model, OldRows old_rows,
             ModelOutcome* outcome)
      : context_(context), model_(model), old_rows_(old_rows), outcome_(outcome) {}

  Status Run(const std::vector<CommitOp>& record, const std::string& author);

 private:
  Result<InterruptibleSession> OpenSession(std::vector<TableOverlay> tables,
                                           std::vector<ViewOverlay> views);
  Status BuildView(const std::vector<CommitOp>& record, const std::string& author);
  Status BuildTable(const std::vector<CommitOp>& record, const std::string& author);
  Result<WrittenTable> WriteRows(Session& session);
  Result<WrittenTable> WriteMerge(Session& session);
  Result<WrittenTable> WriteHistory(Session& session);
  Result<std::string> NewRowsQuery(Session& session);
  /// Checks the staged result; fills the outcome. Ok when it may be committed as it stands; sets
  /// `quarantine` when it may be after a split.
  Status CheckStaged(const std::vector<TableOverlay>& overlay, bool* quarantine);
  Status JudgeChecks(bool* quarantine);
  Status Commit(WrittenTable* written, WrittenTable* rejected, const std::vector<CommitOp>& record,
                const std::string& author);
  Result<TableOverlay> StageForChecks(WrittenTable& written);
  void RemoveStaged(const std::vector<std::string>& keys);
  TableTarget Target() const;
  TableTarget Beside() const;  ///< of rejected rows
  /// Whether the result was computed from the table's own rows.
  bool ReadsItself() const {
    return old_rows_ == OldRows::kKeep && (model_.materialize == Materialize::kMerge ||
                                           model_.materialize == Materialize::kIncremental);
  }
  /// The state that the rows were read from must be the one that they are written to.
  Status CheckBase(const WrittenTable& written);
  /// What a run that rejects no row makes of those that earlier runs have rejected: they leave, in
  /// a merge once a row of their key is in the result. A table that is made as a whole takes them
  /// along whatever becomes of rows that fail now. Without transaction where none leaves.
  Result<WrittenTable> RejectedBefore(WrittenTable& written, std::optional<TableOverlay> result);
  /// The rows that fail go beside, the others are written again: a second pass, only when needed.
  Status Split(const WrittenTable& written, const TableOverlay& result, WrittenTable* passing,
               WrittenTable* failing);
  /// Makes the rows that stood, and those that an incremental run adds, tables of the session.
  Status ShowWhatStood(const WrittenTable& written, std::vector<TableOverlay>* overlays,
                       SplitTables* tables);

  const PipelineContext& context_;
  const Model& model_;
  const OldRows old_rows_;
  ModelOutcome* outcome_;
  Sequence at_;
  std::optional<TableEntry> stood_;  ///< the table whose rows stay, of a run that reads itself
  int lines_before_ = 0;             ///< lines of the running statement above the model's own query
  std::vector<std::string> staged_files_;
};

TableTarget ModelBuild::Target() const {
  TableTarget target;
  target.name = model_.name;
  target.owner = "model:" + model_.name.ToString();
  target.key = model_.key;
  target.partition = model_.partition;
  target.properties = ModelProperties(model_);
  return target;
}

Result<InterruptibleSession> ModelBuild::OpenSession(std::vector<TableOverlay> tables,
                                                     std::vector<ViewOverlay> views) {
  SessionOptions options;
  options.at = at_;
  options.tables = std::move(tables);
  options.views = std::move(views);
  options.author = "model:" + model_.name.ToString();
  return InterruptibleSession::Open(*context_.engine, options, context_.cancel);
}

Status ModelBuild::Run(const std::vector<CommitOp>& record, const std::string& author) {
  TARN_ASSIGN_OR_RETURN(at_, context_.catalog->CurrentSequence());
  if (ReadsItself()) {
    auto stood = context_.catalog->LoadTable(model_.name, at_);
    if (!stood.ok() && stood.error().kind != ErrorKind::kNotFound) return stood.status();
    if (stood.ok()) stood_ = std::move(stood).value();
  }
  Status status = model_.materialize == Materialize::kView ? BuildView(record, author)
                                                           : BuildTable(record, author);
  RemoveStaged(staged_files_);
  return status;
}

Status ModelBuild::BuildView(const std::vector<CommitOp>& record, const std::string& author) {
  SessionOptions options;
  options.at = at_;
  auto analysis = context_.engine->Analyze(model_.sql, options);
  if (!analysis.ok()) return InModelFile(model_, analysis.status());
  ViewEntry view;
  view.name = model_.name;
  view.sql = model_.sql;
  view.description = model_.description;
  view.owner = "model:" + model_.name.ToString();
  if (!model_.checks.empty()) {
    TARN_ASSIGN_OR_RETURN(auto session, OpenSession({}, {ViewOverlay{view}}));
    TARN_ASSIGN_OR_RETURN(outcome_->checks, RunChecks(model_, QuotedName(model_.name), *session));
    bool quarantine = false;
    TARN_RETURN_IF_ERROR(JudgeChecks(&quarantine));
    if (quarantine) {
      return InvalidArgument(model_.path + ": a view has no rows of its own to put into quarantine",
                             "use `materialize: table`, or `on_failure: fail`");
    }
  }
  LakeCommit commit = context_.NewCommit(author, "model " + model_.name.ToString());
  // What is recorded may drop a table of this name first.
  commit.ops.insert(commit.ops.end(), record.begin(), record.end());
  commit.ops.push_back(CreateNamespaceOp{model_.name.schema, {}, true});
  commit.ops.push_back(PutViewOp{view, true});
  TARN_ASSIGN_OR_RETURN(const CommitInfo info,
                        CommitToLake(context_.tables, *context_.catalog, commit));
  outcome_->sequence = info.sequence;
  return Status::Ok();
}

Result<std::string> ModelBuild::NewRowsQuery(Session& session) {
  if (!ReadsItself() || model_.cursor.empty()) return model_.sql;
  return IncrementalQuery(context_, model_, at_, session, &lines_before_);
}

Result<WrittenTable> ModelBuild::WriteMerge(Session& session) {
  TARN_ASSIGN_OR_RETURN(const std::string query, NewRowsQuery(session));
  ++lines_before_;
  TARN_RETURN_IF_ERROR(
      session.Run("CREATE OR REPLACE TEMP TABLE " + std::string(kNewRows) + " AS\n" + query));
  std::vector<std::string> quoted, equal;
  for (const std::string& column : model_.key) {
    quoted.push_back(QuoteIdentifier(column));
    equal.push_back("new_row." + quoted.back() + " = old_row." + quoted.back());
  }
  TARN_ASSIGN_OR_RETURN(auto doubles,
                        session.Execute("SELECT 1 FROM " + std::string(kNewRows) + " GROUP BY " +
                                        Join(quoted, ", ") + " HAVING count(*) > 1 LIMIT 1"));
  TARN_ASSIGN_OR_RETURN(auto batch, doubles->Next());
  if (batch != nullptr && batch->num_rows() > 0) {
    return InvalidArgument(
        "several rows of the query have the same key (" + Join(model_.key, ", ") + ")",
        "make the key unique, for example with QUALIFY row_number() OVER "
        "(PARTITION BY key ORDER BY …) = 1");
  }
  std::string merged = "SELECT * FROM " + std::string(kNewRows);
  if (stood_.has_value()) {
    merged += " UNION ALL BY NAME SELECT * FROM " + QuotedName(model_.name) +
              " old_row WHERE NOT EXISTS (SELECT 1 FROM " + std::string(kNewRows) +
              " new_row WHERE " + Join(equal, " AND ") + ")";
  }
  return WriteQuery(context_, session, merged, Target(), WriteMode::kOverwrite);
}

Result<WrittenTable> ModelBuild::WriteRows(Session& session) {
  if (model_.materialize == Materialize::kMerge) return WriteMerge(session);
  if (model_.materialize == Materialize::kIncremental) {
    TARN_ASSIGN_OR_RETURN(const std::string query, NewRowsQuery(session));
    return WriteQuery(context_, session, query, Target(),
                      old_rows_ == OldRows::kKeep ? WriteMode::kAppend : WriteMode::kOverwrite);
  }
  if (model_.materialize == Materialize::kHistory) return WriteHistory(session);
  return WriteQuery(context_, session, model_.sql, Target(), WriteMode::kOverwrite);
}

Result<WrittenTable> ModelBuild::WriteHistory(Session& session) {
  SessionOptions options;
  options.at = at_;
  TARN_ASSIGN_OR_RETURN(const QueryAnalysis analysis,
                        context_.engine->Analyze(model_.sql, options));
  arrow::FieldVector columns;
  for (const QueryColumn& column : analysis.columns) columns.push_back(column.field);
  TARN_RETURN_IF_ERROR(HistoryModelFields(model_, columns).status());
  const std::string query = HistoryModelQuery(model_, columns, &lines_before_);
  TableTarget target = Target();
  target.key.push_back(kValidFrom);
  return WriteQuery(context_, session, query, target, WriteMode::kOverwrite);
}

Result<TableOverlay> ModelBuild::StageForChecks(WrittenTable& written) {
  TARN_ASSIGN_OR_RETURN(StagedTable staged,
                        written.transaction->Stage(context_.tables.random->Uuid()));
  staged_files_.insert(staged_files_.end(), staged.files.begin(), staged.files.end());
  return TableOverlay{model_.name, staged.metadata};
}

void ModelBuild::RemoveStaged(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (Status deleted = context_.tables.store->Delete(key); !deleted.ok()) {
      Log(LogLevel::kWarning, "an unused metadata file remains: " + deleted.error().message);
    }
  }
}

Status ModelBuild::JudgeChecks(bool* quarantine) {
  *quarantine = false;
  std::string failures;
  bool table_level = false;
  for (const CheckResult& check : outcome_->checks) {
    if (check.passed()) continue;
    failures += (failures.empty() ? "" : "; ") + check.check + ": " + check.message;
    table_level = table_level || !check.row_level;
  }
  if (failures.empty() || model_.on_failure == OnFailure::kWarn) return Status::Ok();
  if (model_.on_failure == OnFailure::kQuarantine && !table_level) {
    *quarantine = true;
    return Status::Ok();
  }
  return InvalidArgument(model_.path + ": checks failed: " + failures,
                         "the old table stays; correct the rows, or set `on_failure: warn` or "
                         "`quarantine`");
}

Status ModelBuild::CheckStaged(const std::vector<TableOverlay>& overlay, bool* quarantine) {
  TARN_ASSIGN_OR_RETURN(auto session, OpenSession(overlay, {}));
  TARN_ASSIGN_OR_RETURN(outcome_->checks, RunChecks(model_, QuotedName(model_.name), *session));
  return JudgeChecks(quarantine);
}

Status ModelBuild::CheckBase(const WrittenTable& written) {
  if (!ReadsItself()) return Status::Ok();
  const std::string location = stood_.has_value() ? stood_->metadata_location : "";
  if (location == written.transaction->base_location()) return Status::Ok();
  return Conflict("the table " + model_.name.ToString() + " was changed while the model ran",
                  "run it again");
}

TableTarget ModelBuild::Beside() const {
  TableTarget beside;
  beside.name = RejectedTable(model_);
  beside.owner = "model:" + model_.name.ToString();
  return beside;
}

Result<WrittenTable> ModelBuild::RejectedBefore(WrittenTable& written,
                                                std::optional<TableOverlay> result) {
  const bool whole = !stood_.has_value();
  const bool adds = model_.materialize == Materialize::kIncremental;
  // A run that looks at new rows only says nothing of what was rejected before.
  if (!whole && (adds || model_.on_failure != OnFailure::kQuarantine)) return WrittenTable();
  TARN_ASSIGN_OR_RETURN(const auto entry, LoadRejected(context_, model_, std::nullopt));
  if (!entry.has_value()) return WrittenTable();
  // The columns of a table without rows matter to who will look for marks and keys in it.
  if (!whole || !(adds || model_.materialize == Materialize::kMerge)) {
    TARN_ASSIGN_OR_RETURN(const bool rows, HasRejectedRows(context_, model_, *entry));
    if (!rows) return WrittenTable();
  }
  if (!result.has_value()) {
    TARN_ASSIGN_OR_RETURN(result, StageForChecks(written));
  }
  TARN_ASSIGN_OR_RETURN(auto session, OpenSession({*result}, {}));
  const std::string name = QuotedName(model_.name);
  if (whole) {
    const std::string none = "SELECT *, '' AS rejected_because FROM " + name + " LIMIT 0";
    return WriteQuery(context_, *session, none, Beside(), WriteMode::kOverwrite);
  }
  TARN_ASSIGN_OR_RETURN(const int64_t repaired,
                        CountRows(*session, RejectedQuery(model_, name, Rejected::kRepaired)));
  if (repaired == 0) return WrittenTable();
  return WriteQuery(context_, *session, RejectedQuery(model_, name, Rejected::kStill), Beside(),
                    WriteMode::kOverwrite);
}

Status ModelBuild::BuildTable(const std::vector<CommitOp>& record, const std::string& author) {
  TARN_ASSIGN_OR_RETURN(auto session, OpenSession({}, {}));
  auto result = WriteRows(*session);
  if (!result.ok()) return InModelFile(model_, result.status(), lines_before_);
  WrittenTable written = std::move(result).value();
  Status same = CheckBase(written);
  if (same.ok()) same = ReachFaultPoint(FaultPoint::kModelWritten);
  if (!same.ok()) {
    Discard(context_, written);
    return same;
  }
  std::optional<TableOverlay> overlay;
  bool quarantine = false;
  if (!model_.checks.empty()) {
    auto staged = StageForChecks(written);
    Status checked = staged.ok() ? CheckStaged({*staged}, &quarantine) : staged.status();
    if (checked.ok()) checked = ReachFaultPoint(FaultPoint::kModelChecked);
    if (!checked.ok()) {
      Discard(context_, written);
      return checked;
    }
    overlay = std::move(staged).value();
  }
  if (!quarantine) {
    auto before = RejectedBefore(written, overlay);
    if (!before.ok()) {
      Discard(context_, written);
      return before.status();
    }
    WrittenTable* rejected = before->transaction == nullptr ? nullptr : &*before;
    return Commit(&written, rejected, record, author);
  }

  WrittenTable passing, failing;
  Status split = Split(written, *overlay, &passing, &failing);
  Discard(context_, written);
  if (!split.ok()) {
    Discard(context_, passing);
    return split;
  }
  return Commit(&passing, &failing, record, author);
}

Status ModelBuild::ShowWhatStood(const WrittenTable& written, std::vector<TableOverlay>* overlays,
                                 SplitTables* tables) {
  const TableName stood{model_.name.schema, kStoodRows}, added{model_.name.schema, kAddedRows};
  auto alone = std::make_shared<TableMetadata>(*overlays->front().metadata);
  TARN_ASSIGN_OR_RETURN(auto base, LoadTableMetadata(context_.tables, stood_->metadata_location));
  overlays->push_back({stood, std::move(base)});
  tables->stood = QuotedName(stood);
  if (model_.materialize == Materialize::kMerge) return {};
  // A table of the same columns that nobody has written to but this run.
  alone->current_snapshot.reset();
  alone->snapshots.clear();
  alone->snapshot_log.clear();
  alone->refs.clear();
  alone->statistics.clear();
  TARN_ASSIGN_OR_RETURN(auto only, TableTransaction::Change(context_.tables, std::move(alone),
                                                            stood_->metadata_location));
  TARN_RETURN_IF_ERROR(only->Append(written.files));
  TARN_ASSIGN_OR_RETURN(StagedTable staged, only->Stage(context_.tables.random->Uuid()));
  staged_files_.insert(staged_files_.end(), staged.files.begin(), staged.files.end());
  overlays->push_back({added, staged.metadata});
  tables->added = QuotedName(added);
  return {};
}

Status ModelBuild::Split(const WrittenTable& written, const TableOverlay& result,
                         WrittenTable* passing, WrittenTable* failing) {
  std::vector<TableOverlay> overlays = {result};
  SplitTables tables;
  tables.result = QuotedName(model_.name);
  if (stood_.has_value() && AsksWhatStood(model_)) {
    TARN_RETURN_IF_ERROR(ShowWhatStood(written, &overlays, &tables));
  }
  TARN_ASSIGN_OR_RETURN(auto session, OpenSession(std::move(overlays), {}));
  const auto query = [&](RowsWanted wanted) {
    return SplitQuery(model_, tables, written.columns, wanted);
  };
  // The result of an incremental run has the old rows as well, so the table is written whole.
  TARN_ASSIGN_OR_RETURN(*passing, WriteQuery(context_, *session, query(RowsWanted::kPassing),
                                             Target(), WriteMode::kOverwrite));
  TARN_RETURN_IF_ERROR(CheckBase(*passing));
  std::string rejected = query(RowsWanted::kFailing);
  int64_t still_rejected = 0;
  WriteMode mode = WriteMode::kOverwrite;
  if (stood_.has_value() && model_.materialize == Materialize::kIncremental) {
    mode = WriteMode::kAppend;
  } else if (stood_.has_value()) {
    TARN_ASSIGN_OR_RETURN(const auto before, LoadRejected(context_, model_, at_));
    bool rows = false;
    if (before.has_value()) {
      TARN_ASSIGN_OR_RETURN(rows, HasRejectedRows(context_, model_, *before));
    }
    if (rows) {
      const std::string still = RejectedQuery(model_, tables.result, Rejected::kStill);
      TARN_ASSIGN_OR_RETURN(still_rejected, CountRows(*session, still));
      rejected += " UNION ALL BY NAME " + still;
    }
  }
  TARN_ASSIGN_OR_RETURN(*failing, WriteQuery(context_, *session, rejected, Beside(), mode));
  outcome_->rejected_rows = failing->rows - still_rejected;
  return {};
}

Status ModelBuild::Commit(WrittenTable* written, WrittenTable* rejected,
                          const std::vector<CommitOp>& record, const std::string& author) {
  LakeCommit commit = context_.NewCommit(author, "model " + model_.name.ToString());
  commit.ops.insert(commit.ops.end(), record.begin(), record.end());
  const std::string owner = "model:" + model_.name.ToString();
  commit.ops.push_back(SetPositionOp{ModelPositionSource(model_.name.ToString()),
                                     kModelPositionTable, ModelPosition(at_)});
  written->transaction->SetSummary("tarn.model", model_.name.ToString());
  commit.tables.push_back(
      {model_.name, owner, written->uuid, written->transaction.get(), written->free_at});
  for (const WrittenTable* table : {written, rejected}) {
    if (table == nullptr) continue;
    TARN_ASSIGN_OR_RETURN(const auto made, ForgetIntention(context_, *table));
    commit.ops.insert(commit.ops.end(), made.begin(), made.end());
  }
  if (rejected != nullptr) {
    commit.tables.push_back({RejectedTable(model_), owner, rejected->uuid,
                             rejected->transaction.get(), rejected->free_at});
  }
  if (ReadsItself() && !written->uuid.empty()) {
    // Computed from the state that it replaces or adds to: a writer in between would be lost.
    commit.expectations.push_back({written->uuid, written->transaction->base_location()});
  }
  Status stopped = context_.cancel == nullptr ? Status::Ok() : context_.cancel->Check();
  AskedCatalog catalog(*context_.catalog);
  auto info =
      stopped.ok() ? CommitToLake(context_.tables, catalog, commit) : Result<CommitInfo>(stopped);
  if (!info.ok()) {
    if (catalog.RulesOut(info.error())) {
      Discard(context_, *written);
      if (rejected != nullptr) Discard(context_, *rejected);
    }
    return info.status();
  }
  PassFaultPoint(FaultPoint::kModelCommitted);
  outcome_->rows = written->rows;
  outcome_->bytes = written->bytes;
  outcome_->sequence = info->sequence;
  return Status::Ok();
}

}  // namespace

std::string ModelPositionSource(const std::string& model) { return "model:" + model; }

std::string ModelPosition(Sequence read) { return DumpJson(Json{{"sequence", read.value()}}); }

Result<Sequence> ModelPositionFrom(const std::string& position) {
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(position, "a model's position"));
  TARN_ASSIGN_OR_RETURN(const int64_t sequence, JsonInt(json, "sequence", "a model's position"));
  return Sequence(sequence);
}

std::map<std::string, std::string> ModelProperties(const Model& model) {
  std::map<std::string, std::string> properties;
  if (!model.description.empty()) properties[kCommentProperty] = model.description;
  for (const auto& [tag, value] : model.tags) properties[kTagPrefix + tag] = value;
  if (!model.iceberg.empty()) properties[kIcebergVersionProperty] = model.iceberg;
  return properties;
}

Status MaterializeModel(const PipelineContext& context, const Model& model,
                        const std::vector<CommitOp>& record, OldRows old_rows,
                        const std::string& author, ModelOutcome* outcome) {
  for (int tries = 1;; ++tries) {
    ModelOutcome tried = *outcome;
    Status status = ModelBuild(context, model, old_rows, &tried).Run(record, author);
    const bool stopped = context.cancel != nullptr && context.cancel->requested();
    if (!status.ok() && status.error().kind == ErrorKind::kConflict && tries < kTriesMax &&
        !stopped) {
      continue;
    }
    *outcome = std::move(tried);
    return status;
  }
}

}  // namespace tarn
