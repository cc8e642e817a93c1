// Statements of the log: the half of LogAssembler that acts on them.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "source/mysql/my_log_assembler.h"

namespace tarn::mysql {
namespace {

constexpr uint64_t kAnsiQuotes = 1ULL << 2;
constexpr uint64_t kNoBackslashEscapes = 1ULL << 20;
constexpr uint64_t kStrict = 1ULL << 21 | 1ULL << 22;

constexpr char kResync[] = "load it again with `tarn resync`";

// Whether text in the collation's character set is UTF-8, by both servers' numbers.
bool IsUtf8(uint32_t collation) {
  static constexpr uint32_t kRanges[][2] = {{33, 33},   {45, 46},     {76, 76},     {83, 83},
                                            {192, 215}, {223, 247},   {255, 323},   {576, 577},
                                            {608, 609}, {1057, 1057}, {1069, 1070}, {2048, 2559}};
  return std::any_of(std::begin(kRanges), std::end(kRanges), [&](const auto& range) {
    return collation >= range[0] && collation <= range[1];
  });
}

StatementSettings SettingsOf(const LogQuery& query) {
  StatementSettings settings;
  settings.schema = query.schema;
  if ((query.sql_mode & kAnsiQuotes) != 0) {
    settings.double_quotes = StatementSettings::DoubleQuotes::kName;
  }
  if ((query.sql_mode & kNoBackslashEscapes) != 0) {
    settings.backslash = StatementSettings::Backslash::kItself;
  }
  if (!IsUtf8(query.client_collation)) settings.encoding = StatementSettings::Encoding::kOther;
  return settings;
}

}  // namespace

Status LogAssembler::OnQuery(const EventHeader& header, const LogQuery& query) {
  using Kind = LogStatement::Kind;
  const LogStatement statement = ReadStatement(query.text, SettingsOf(query));
  switch (statement.kind) {
    case Kind::kBegin:
    case Kind::kXaStart:
      if (in_transaction_ && !is_mariadb_transaction_) return Malformed(header.type);
      if (!in_transaction_) Open(header);
      in_transaction_ = true;
      if (statement.kind == Kind::kXaStart) in_xa_ = true;
      return Status::Ok();
    case Kind::kRollback:
    case Kind::kRollbackTo:
      TARN_RETURN_IF_ERROR(RolledBack());
      if (statement.kind == Kind::kRollbackTo) return Status::Ok();
      break;
    case Kind::kCommit:
    case Kind::kXaEnd:
      break;
    default:
      if (!in_transaction_) Open(header);
      if (!half_of_alter_) TARN_RETURN_IF_ERROR(OnStatement(statement, query));
      // Within a transaction it is a savepoint, or a part of CREATE TABLE … SELECT.
      if (in_transaction_) return Status::Ok();
      break;
  }
  return Commit(header);
}

bool LogAssembler::IsOf(const SourceTableName& written, const FollowedTable& table) const {
  if (!options_.folds_names) return written == table.name();
  return LowerAscii(written.schema) == LowerAscii(table.name().schema) &&
         LowerAscii(written.name) == LowerAscii(table.name().name);
}

Status LogAssembler::OnStatement(const LogStatement& statement, const LogQuery& query) {
  using Kind = LogStatement::Kind;
  if (statement.kind == Kind::kOther) return Status::Ok();
  watch_.At(position_);
  TARN_RETURN_IF_ERROR(Cascaded(watch_.OnStatement(statement, query.schema, position_)));
  const auto has = [&](const std::string& word) {
    return std::any_of(statement.words.begin(), statement.words.end(),
                       [&](const auto& one) { return LowerAscii(one) == LowerAscii(word); });
  };
  for (const auto& table : tables_) {
    const SourceTableName& name = table->name();
    const bool named =
        std::any_of(statement.tables.begin(), statement.tables.end(), [&](const auto& written) {
          return IsOf(
              {written.schema, statement.kind == Kind::kDropSchema ? name.name : written.name},
              *table);
        });
    const bool written =
        statement.kind == Kind::kRows && has(name.name) &&
        (LowerAscii(std::string(query.schema)) == LowerAscii(name.schema) || has(name.schema));
    if (table->stopped() || (!named && !written)) continue;
    TARN_ASSIGN_OR_RETURN(const bool loaded, IsLoaded(table.get()));
    if (loaded) continue;
    switch (statement.kind) {
      case Kind::kAlter:
        TARN_RETURN_IF_ERROR(table->OnAlter(statement, (query.sql_mode & kStrict) != 0));
        break;
      case Kind::kTruncate:
        TARN_RETURN_IF_ERROR(table->OnTruncate(TransactionIndex(), ordinal_++));
        break;
      case Kind::kDrop:
      case Kind::kDropSchema:
        TARN_RETURN_IF_ERROR(table->Stop(NotFound(
            "table " + name.ToString() + " was dropped in the source",
            "take it out of tables:, or, where it was made again, " + std::string(kResync))));
        break;
      case Kind::kRename:
        TARN_RETURN_IF_ERROR(table->Stop(InvalidArgument(
            "table " + name.ToString() +
                " was renamed in the source, or another table got its name",
            std::string("take the new name into tables:, or, where a table stands under this name "
                        "again, ") +
                kResync)));
        break;
      case Kind::kRows:
        TARN_RETURN_IF_ERROR(table->Stop(InvalidArgument(
            "table " + name.ToString() +
                " was changed by a statement that the log has as such, not as rows",
            "SET GLOBAL binlog_format = 'ROW', and let sessions connect anew; then load the table "
            "again with `tarn resync`")));
        break;
      default:
        break;
    }
  }
  if (!watch_.wants_keys()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(ForeignKeys known, resolver_->KeysOf(watch_.followed()));
  watch_.Learn(std::move(known));
  return StopUnwatched();
}

Status LogAssembler::StopUnwatched() { return Cascaded(watch_.Unwatched()); }

// Rows of these tables may have changed without a word in the log.
Status LogAssembler::Cascaded(const std::vector<CascadeWatch::Changed>& changed) {
  for (const CascadeWatch::Changed& one : changed) {
    for (const auto& table : tables_) {
      if (table->stopped() || Folded(table->name()) != Folded(one.table)) continue;
      TARN_ASSIGN_OR_RETURN(const bool loaded, IsLoaded(table.get()));
      if (loaded) continue;
      TARN_RETURN_IF_ERROR(table->Stop(InvalidArgument(
          "table " + table->name().ToString() +
              " may have been changed by its foreign keys, of which the log does not tell: " +
              one.why,
          kResync)));
    }
  }
  return Status::Ok();
}

}  // namespace tarn::mysql
