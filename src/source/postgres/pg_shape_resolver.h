#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/postgres/pg_column_numbers.h"
#include "source/postgres/pg_log_assembler.h"
#include "source/postgres/pg_missing_value.h"
#include "source/postgres/pg_rewrites.h"
#include "source/postgres/pg_snapshot.h"

namespace tarn::postgres {

/// Asks the server's catalog what a Relation message leaves out: types, depths of arrays, numbers
/// of columns, the order of keys. The catalog is that of today, the message may be older: what is
/// not found any more is told by the description before.
/// Threads: one at a time.
class CatalogResolver final : public ShapeResolver {
 public:
  /// `connection` may be null: one is opened when it is needed, and again when it is lost.
  CatalogResolver(std::shared_ptr<const Context> context, std::unique_ptr<Connection> connection);
  Result<Resolved> Resolve(const LogRelation& relation, const SourceTable& before,
                           uint32_t xid) override;

  /// The columns of tables of today, as streams read them; numbers those of `tables` that have no
  /// number yet and are still there.
  Result<std::vector<StreamColumn>> ColumnsOf(std::vector<SourceTable>* tables);
  /// The tables of a publication that tells all changes, each with the number of its membership,
  /// which it has once: 0 where it is a member together with others. None of a publication that
  /// leaves out inserts, updates, deletes or truncates.
  Result<std::map<SourceTableName, int64_t>> TablesOf(const std::string& publication);

 private:
  struct Looked {
    std::vector<PgAttribute> attributes;
    std::vector<int32_t> ids;  ///< of today's columns of these names; 0: there is none
    std::vector<bool> filled;  ///< those may have a value in rows older than the column
    /// Columns behind those of the description before; nullopt: not known.
    std::optional<std::vector<LaterColumn>> later;
    ValueRules rules;
    PgTypes types;
    std::vector<std::string> identity;
    RowsMark rows_mark;
  };
  Result<Looked> Look(const LogRelation& relation, const SourceTable& before, uint32_t xid);
  /// Rows of before may have other values in the source than the log told.
  Status CheckValuesKept(const RowsMark& now, const LogRelation& relation,
                         const SourceTable& before);
  Result<Resolved> ResolveWith(const Looked& looked, const LogRelation& relation,
                               const SourceTable& before);
  /// What the relation's columns are; `renamed` to it from the description before.
  static ColumnNumbers Number(const Looked& looked, const LogRelation& relation,
                              const SourceTable& before,
                              const std::vector<TableAltered::Renamed>& renamed);
  static const LaterColumn* Later(const Looked& looked, int32_t number);
  /// What rows of before have in an added column that is `later`, if anything.
  std::optional<TableAltered::Filled> FillOf(const Looked& looked, const LogRelation& relation,
                                             const SourceTable& before, size_t column,
                                             const LaterColumn* later,
                                             const StreamColumn& how) const;
  Status AwaitVisible(uint32_t xid);
  Status Connected();
  Result<int> MoneyDigits();

  const std::shared_ptr<const Context> context_;
  std::unique_ptr<Connection> connection_;
  std::optional<int> money_digits_;
};

/// The key of the relation in the order that people gave it.
/// Errors: InvalidArgument (nothing names a row; with the repair).
Result<std::vector<std::string>> KeyOf(const LogRelation& relation,
                                       const std::vector<std::string>& identity,
                                       const std::vector<std::string>& before);

}  // namespace tarn::postgres
