#include "sim/file_rows.h"

#include <arrow/api.h>

#include "table/dual/data_writer.h"
#include "table/dual/deletes.h"
#include "table/dual/live_rows.h"

namespace tarn::sim {

Schema TwoColumns() {
  Schema schema;
  schema.fields = {{FieldId(1), "id", Type(Type::Kind::kLong), Nullability::kOptional, ""},
                   {FieldId(2), "value", Type(Type::Kind::kString), Nullability::kOptional, ""}};
  return schema;
}

Result<std::vector<DataFile>> WriteRows(const TableContext& context,
                                        const TableTransaction& transaction, const Rows& rows) {
  arrow::Int64Builder ids;
  arrow::StringBuilder values;
  for (const auto& [id, value] : rows) {
    if (!ids.Append(id).ok() || !values.Append(value).ok()) return ResourceExhausted("no memory");
  }
  const auto schema =
      arrow::schema({arrow::field("id", arrow::int64()), arrow::field("value", arrow::utf8())});
  TARN_ASSIGN_OR_RETURN(auto writer, DataWriter::Open(context, {transaction.location(),
                                                                transaction.schema(),
                                                                transaction.spec(),
                                                                transaction.physical_names(),
                                                                {},
                                                                {}}));
  TARN_RETURN_IF_ERROR(writer->Write(*arrow::RecordBatch::Make(
      schema, static_cast<int64_t>(rows.size()), {*ids.Finish(), *values.Finish()})));
  return writer->Finish();
}

Result<FileRows> ReadFile(const TableContext& context, const TableMetadata& table,
                          const ScanFile& file) {
  FileRows rows;
  const ScanFile whole{file.file, {}, file.data_sequence_number};
  TARN_ASSIGN_OR_RETURN(auto reader, LiveRows::Open(context, table, table.schema(), whole));
  while (true) {
    TARN_ASSIGN_OR_RETURN(const auto batch, reader->Next());
    if (batch == nullptr) return rows;
    const auto& ids = static_cast<const arrow::Int64Array&>(*batch->column(0));
    const auto& values = static_cast<const arrow::StringArray&>(*batch->column(1));
    for (int64_t i = 0; i < ids.length(); ++i) rows.emplace_back(ids.Value(i), values.GetString(i));
  }
}

std::shared_ptr<const FileRows> FileCache::Find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<const FileRows>> FileCache::Read(const TableMetadata& table,
                                                        const ScanFile& file) {
  if (auto known = Find(file.file.path)) return known;
  TARN_ASSIGN_OR_RETURN(FileRows rows, ReadFile(context_, table, file));
  auto shared = std::make_shared<const FileRows>(std::move(rows));
  files_[file.file.path] = shared;
  return std::shared_ptr<const FileRows>(shared);
}

Result<Rows> ReadSnapshot(const TableContext& context, const TableMetadata& table,
                          FileCache* cache) {
  Rows found;
  TARN_ASSIGN_OR_RETURN(const ScanPlan plan,
                        PlanScan(context, table, std::nullopt, Predicate::True()));
  for (const ScanFile& file : plan.files) {
    std::shared_ptr<const FileRows> rows;
    if (cache != nullptr) {
      TARN_ASSIGN_OR_RETURN(rows, cache->Read(table, file));
    } else {
      TARN_ASSIGN_OR_RETURN(FileRows read, ReadFile(context, table, file));
      rows = std::make_shared<const FileRows>(std::move(read));
    }
    TARN_ASSIGN_OR_RETURN(const auto deleted, LoadDeletes(context, table, file));
    for (size_t i = 0; i < rows->size(); ++i) {
      if (deleted != nullptr && deleted->Contains(static_cast<int64_t>(i))) continue;
      const auto& [id, value] = (*rows)[i];
      if (!found.emplace(id, value).second) {
        return Internal("row " + std::to_string(id) + " is there twice");
      }
    }
  }
  return found;
}

std::string Difference(const Rows& found, const Rows& wanted) {
  std::string text;
  const auto tell = [&](const char* what, int64_t id, const std::string& value) {
    if (text.size() < 300) {
      text +=
          (text.empty() ? "" : ", ") + std::string(what) + " " + std::to_string(id) + "=" + value;
    }
  };
  for (const auto& [id, value] : wanted) {
    const auto one = found.find(id);
    if (one == found.end()) {
      tell("lost", id, value);
    } else if (one->second != value) {
      tell("instead of", id, value);
    }
  }
  for (const auto& [id, value] : found) {
    if (!wanted.contains(id)) tell("nobody wrote", id, value);
  }
  return text;
}

}  // namespace tarn::sim
