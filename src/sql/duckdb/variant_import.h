#pragma once

#include "sql/duckdb/file_fields.h"

namespace tarn::duck {

/// Variants of a source as DuckDB takes them from Arrow (a struct of two blobs, VariantStorage()) →
/// VARIANT. Throws what Throw() does where they are.
void ImportVariants(duckdb::Vector& stored, duckdb::Vector& result, duckdb::idx_t rows);

/// The struct of a file that holds variants and does not say so (no annotation VARIANT: Spark 4.0,
/// and 4.1 if it is told to), under a name of its own, which RegisterVariantImport() casts to
/// VARIANT. It may be shredded.
duckdb::LogicalType StoredVariant(duckdb::LogicalType group);

/// DuckDB's mapping of columns casts whole columns, but nothing that stands within another one. So
/// it is given `columns` in which variants within others have the type of the file's groups, and
/// what comes out is cast: CastVariantsOfFile().
ScanColumns WithVariantsOfFile(const ScanColumns& columns, const ScanColumns& in_file);
void CastVariantsOfFile(duckdb::ClientContext& context, const ScanColumns& columns,
                        const ScanColumns& mapped,
                        const duckdb::vector<duckdb::ColumnIndex>& column_ids,
                        duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& expressions);

void RegisterVariantImport(duckdb::DatabaseInstance& database);

}  // namespace tarn::duck
