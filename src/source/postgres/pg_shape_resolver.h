#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/postgres/pg_log_assembler.h"
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
  Result<Resolved> Resolve(const LogRelation& relation, const SourceTable& before) override;

  /// The columns of tables of today, as streams read them; numbers those of `tables` that have no
  /// number yet and are still there.
  Result<std::vector<StreamColumn>> ColumnsOf(std::vector<SourceTable>* tables);
  /// The tables of a publication.
  Result<std::vector<SourceTableName>> TablesOf(const std::string& publication);

 private:
  struct Looked {
    std::vector<PgAttribute> attributes;
    std::vector<int32_t> ids;
    std::vector<bool> filled;  ///< would have a value in rows older than the column
    PgTypes types;
    std::vector<std::string> identity;
  };
  Result<Looked> Look(const LogRelation& relation);
  Result<Resolved> ResolveWith(const Looked& looked, const LogRelation& relation,
                               const SourceTable& before);
  Status Connected();
  Result<int> MoneyDigits();

  const std::shared_ptr<const Context> context_;
  std::unique_ptr<Connection> connection_;
  std::optional<int> money_digits_;
};

/// Columns of `before` that are in `now` under another name: by their numbers where both have
/// them, else by their place in tables that differ in names only.
std::vector<TableAltered::Renamed> FindRenamed(const SourceTable& before, const SourceTable& now);

/// The key of the relation in the order that people gave it.
/// Errors: InvalidArgument (nothing names a row; with the repair).
Result<std::vector<std::string>> KeyOf(const LogRelation& relation,
                                       const std::vector<std::string>& identity,
                                       const std::vector<std::string>& before);

}  // namespace tarn::postgres
