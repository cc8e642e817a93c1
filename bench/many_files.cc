/// Adds data files to a table of a project by metadata alone: the files do not exist.
/// many_files FOLDER TABLE FILES ROWS_EACH; the table is `s.TABLE` (id BIGINT, sold DATE, name
/// VARCHAR, price DECIMAL(15,2)), with or without partitions by `sold`.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "catalog/committer.h"
#include "catalog/sqlite/sqlite_catalog.h"
#include "storage/local/local_store.h"

namespace tarn {
namespace {

constexpr int64_t kFilesOfACommit = 10'000;
constexpr int64_t kFilesOfADay = 100;
constexpr int64_t kDay2020 = 18'262;  ///< 2020-01-01 as days since 1970

DataFile MakeFile(const TableTransaction& transaction, Random& random, int64_t number,
                  int64_t rows) {
  DataFile file;
  file.path = transaction.location() + "/data/" + random.Uuid() + ".parquet";
  file.spec_id = transaction.spec().id;
  file.record_count = rows;
  file.size_bytes = int64_t{1} << 20;
  const int64_t day = kDay2020 + number / kFilesOfADay;
  if (!transaction.spec().fields.empty()) file.partition = {Scalar(day)};
  const std::vector<std::pair<Scalar, Scalar>> bounds = {
      {number * rows, number * rows + rows - 1},
      {day, day},
      {std::string("name 1000"), std::string("name 9999")},
      {Int128{0, 100}, Int128{0, 999'999}}};
  for (size_t i = 0; i < bounds.size(); ++i) {
    const int32_t id = transaction.schema().fields[i].id.value();
    file.column_sizes[id] = file.size_bytes / static_cast<int64_t>(bounds.size());
    file.value_counts[id] = rows;
    file.null_counts[id] = 0;
    file.lower_bounds[id] = bounds[i].first;
    file.upper_bounds[id] = bounds[i].second;
  }
  return file;
}

Status AddFiles(const std::string& folder, const std::string& name, int64_t files, int64_t rows) {
  const Limits limits;
  TARN_ASSIGN_OR_RETURN(const auto store,
                        OpenLocalStore(folder + "/warehouse", limits, SystemRandom()));
  TARN_ASSIGN_OR_RETURN(const auto catalog, OpenSqliteCatalog(folder + "/state", SystemClock()));
  const TableContext context{store.get(), &SystemClock(), &SystemRandom(), &limits, nullptr};
  for (int64_t done = 0; done < files; done += kFilesOfACommit) {
    TARN_ASSIGN_OR_RETURN(const TableEntry entry, catalog->LoadTable({"s", name}, {}));
    TARN_ASSIGN_OR_RETURN(auto metadata, LoadTableMetadata(context, entry.metadata_location));
    TARN_ASSIGN_OR_RETURN(const auto transaction,
                          TableTransaction::Change(context, metadata, entry.metadata_location));
    std::vector<DataFile> added;
    for (int64_t i = done; i < std::min(done + kFilesOfACommit, files); ++i) {
      added.push_back(MakeFile(*transaction, SystemRandom(), i, rows));
    }
    TARN_RETURN_IF_ERROR(transaction->Append(std::move(added)));
    LakeCommit commit;
    commit.author = "bench";
    commit.tables.push_back({entry.name, "", entry.uuid, transaction.get()});
    TARN_RETURN_IF_ERROR(CommitToLake(context, *catalog, commit).status());
  }
  return {};
}

}  // namespace
}  // namespace tarn

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: many_files FOLDER TABLE FILES ROWS_EACH\n");
    return 2;
  }
  const tarn::Status status =
      tarn::AddFiles(argv[1], argv[2], std::atoll(argv[3]), std::atoll(argv[4]));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
