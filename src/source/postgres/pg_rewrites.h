#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/postgres/pg_connection.h"

namespace tarn::postgres {

/// How a table's rows came to stand as they do, as far as the catalog tells: the files they are in,
/// and of each column by which transaction it was last described. `ALTER COLUMN … TYPE … USING`
/// writes all rows anew, into other files, and none of them is in the log.
struct RowsMark {
  std::string files;  ///< "" where nothing is known; of a partitioned table, of all its partitions
  struct Column {
    uint32_t described_by = 0;  ///< transaction, pg_attribute.xmin
    uint32_t type = 0;
    int32_t modifier = -1;
    int32_t name = 0;   ///< its hash
    int32_t rules = 0;  ///< of NOT NULL, and whether it has a default
  };
  std::map<int32_t, Column> columns;  ///< by attnum

  /// What SourceTable::rows_mark has; a text that is none is one of which nothing is known.
  static RowsMark Parse(const std::string& text);
  std::string ToString() const;
};

/// By oid; of the catalog that the connection sees.
Result<std::map<uint32_t, RowsMark>> LoadRowsMarks(Connection& connection, const std::string& oids);

/// A column whose values may have been changed by writing the table anew.
struct DoubtedColumn {
  int32_t number = 0;
  enum class Why : uint8_t {
    kOtherType,  ///< one whose values are others than those of before
    kDescribed   ///< it may have been anything: another default, a name, USING with the same type
  } why = Why::kDescribed;
  /// Of kDescribed, the transaction that described the column; else of all columns since.
  std::vector<uint32_t> by;
};

/// The columns of both descriptions that were described again while the table was written anew. Not
/// among them: those whose type became a wider one with the same values; those that have another
/// name, default or NOT NULL, where the same transaction gave another column its type; and those
/// that have another name, or a type for which no row is written, where another column came, went
/// or became wider.
std::vector<DoubtedColumn> DoubtedColumns(const RowsMark& before, const RowsMark& now);

/// Whether rows of before that were written anew still stand in the table. Rows that came later are
/// in the log. Of another type: a row that is not younger than all descriptions. Else: the
/// transaction wrote a row, and none is older, as it is when it wrote them all.
Result<bool> HasRewrittenRows(Connection& connection, uint32_t relation,
                              const DoubtedColumn& column);

}  // namespace tarn::postgres
