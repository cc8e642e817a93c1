#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/limits.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "source/source.h"
#include "table/dual/data_writer.h"
#include "table/dual/table.h"

namespace tarn {

/// The result of one statement, read batch by batch.
/// Threads: one at a time. A session has one open result; the next Execute ends it.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual const std::shared_ptr<arrow::Schema>& schema() const = 0;
  /// nullptr at the end.
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// PostgreSQL's command tag: "SELECT", "INSERT 0 5", "CREATE TABLE". Complete once Next returned
  /// nullptr.
  virtual std::string command_tag() const = 0;
  /// False for statements whose result is only the tag.
  virtual bool returns_rows() const = 0;
  /// SQL type names of the columns as DuckDB writes them ("DECIMAL(10,2)", "TIMESTAMP WITH TIME
  /// ZONE").
  virtual const std::vector<std::string>& type_names() const = 0;
};

/// One connection: settings, temporary tables, an open transaction.
/// Threads: one at a time; Interrupt may be called from any thread.
class Session {
 public:
  virtual ~Session() = default;
  /// Splits a text into statements with DuckDB's own tokenizer (comments and quoting respected).
  virtual Result<std::vector<std::string>> Split(const std::string& text) = 0;
  /// One statement. Errors carry DuckDB's message with line and column where it has them.
  virtual Result<std::unique_ptr<Rows>> Execute(const std::string& statement) = 0;
  /// Executes and throws the rows away.
  Status Run(const std::string& statement);
  virtual void Interrupt() = 0;
};

/// A table state that is shown in place of (or beside) the catalog's: what a transform staged and
/// wants to check before it is visible. Seen by one session only.
struct TableOverlay {
  TableName name;
  std::shared_ptr<const TableMetadata> metadata;
};
/// A view that a session sees in place of the catalog's.
struct ViewOverlay {
  ViewEntry view;
};

struct SessionOptions {
  std::optional<Sequence> at;  ///< pins the whole session to one point of the lake's history
  std::vector<TableOverlay> tables;
  std::vector<ViewOverlay> views;
  /// Who writes, for commits made by SQL: "sql".
  std::string author = "sql";
  std::string default_schema;  ///< where one-part names are looked up; "" → main
};

/// What a statement reads, from DuckDB's parser and binder.
struct QueryColumn {
  std::string name;
  std::shared_ptr<arrow::Field> field;
  /// Columns that the value is made of: (catalog.schema.table, column).
  std::vector<std::pair<std::string, std::string>> origins;
};
struct QueryAnalysis {
  std::vector<TableName> lake_inputs;  ///< tables and views of the lake, views not expanded
  std::vector<std::pair<std::string, SourceTableName>> live_inputs;  ///< (source, table)
  std::vector<QueryColumn> columns;
};

/// The embedded SQL engine with the lake attached as a catalog under its name and every database
/// source as one more.
/// Threads: NewSession and the analyses may be called concurrently.
class SqlEngine {
 public:
  virtual ~SqlEngine() = default;
  virtual Result<std::unique_ptr<Session>> NewSession(const SessionOptions& options) = 0;
  /// Names only, from the parse tree: works before any input exists. Exactly one SELECT is
  /// demanded; errors have line and column of `sql`.
  virtual Result<std::vector<TableName>> InputsOf(const std::string& sql) = 0;
  /// Binds the query against the lake (and the overlays): columns, types and lineage.
  virtual Result<QueryAnalysis> Analyze(const std::string& sql, const SessionOptions& options) = 0;
};

struct SqlEngineOptions {
  std::string catalog_name;                ///< what SQL calls the lake
  TableContext tables;                     ///< borrowed
  Catalog* catalog = nullptr;              ///< borrowed
  std::map<std::string, Source*> sources;  ///< live catalogs by name, borrowed
  FileWriterFactory file_writer;           ///< empty: OpenParquetWriter
  Limits limits;
  std::string temp_directory;  ///< for spilling; created when needed
  /// Opens a store that holds a location outside of the lake, rooted where the paths of one table
  /// begin ("file:///data", "s3://bucket"). Empty: only the lake can be read.
  std::function<Result<std::unique_ptr<ObjectStore>>(const std::string& location)> open_store;
};

}  // namespace tarn
