#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "source/mysql/my_shape.h"
#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {

/// Asks the server what the log leaves out. Threads: one at a time.
class CatalogResolver final : public ShapeResolver {
 public:
  /// `connection` may be null: one is opened when it is needed, and again when it is lost.
  CatalogResolver(std::shared_ptr<const Context> context, std::unique_ptr<Connection> connection);

  Result<std::shared_ptr<const MyTable>> Today(const SourceTableName& table) override;
  Result<MyColumn> ColumnOf(const SourceTableName& table,
                            const LogTableMap::Column& column) override;
  Result<std::string> CharsetOf(uint32_t collation) override;
  Result<std::shared_ptr<const Charset>> FindCharset(const std::string& name) override;
  Result<ForeignKeys> KeysOf(const std::vector<SourceTableName>& tables) override;

  /// The table as it is remembered, with what a description leaves out taken from that of today.
  /// Errors: those of MapColumn.
  Result<std::shared_ptr<const MyTable>> Remembered(const SourceTable& table);

 private:
  /// Once more on a new connection where an old one was lost.
  template <typename T, typename Ask>
  Result<T> With(Ask&& ask);

  const std::shared_ptr<const Context> context_;
  std::unique_ptr<Connection> connection_;
  Charsets charsets_;
  std::map<uint32_t, std::string> collations_;
};

/// A column of information_schema as far as its column_type tells: `decimal(10,2) unsigned`.
MyAttribute AttributeOf(const std::string& name, const std::string& column_type);

/// The column_type of a column that only a table map tells; "" where it cannot be told.
std::string ColumnTypeOf(const LogTableMap::Column& column, bool binary);

}  // namespace tarn::mysql
