#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/change_capture.h"
#include "source/source.h"

namespace tarn::testing {

/// Tables kept in memory by a snapshot and the stream of changes after it: what ingestion does,
/// as simply as it can be said.
class Mirror {
 public:
  /// Begins the capture and loads the tables. `names` as "public.t".
  Mirror(std::unique_ptr<Source> source, const std::vector<std::string>& names,
         std::string capture = "tarn_test");
  ~Mirror();

  ChangeCapture& capture() { return *source_->capture(); }
  Source& source() { return *source_; }
  const CaptureSpec& spec() const { return spec_; }
  /// Reads up to the source's position of now, acknowledges it, and returns what happened:
  /// "t: insert 1|a", "t: update 1|b", "t: update 2|b was 1", "t: delete 1", "t: truncate",
  /// "t: altered id int32 key, a string", "t: renamed a b", "t: filled c",
  /// "t: stopped …".
  std::vector<std::string> CatchUp();
  /// The same without acknowledging; and what the stream ended with, if it did.
  std::optional<Error> TryCatchUp(std::vector<std::string>* log);
  /// Every table is as the source has it.
  void ExpectSame();
  /// Ends the stream; the next CatchUp() begins another one at the last position, as a new process
  /// would.
  void Reopen() { stream_.reset(); }
  /// What the descriptions remember beside columns and key is lost, as in those of an older
  /// version.
  void ForgetMarks() {
    for (auto& [name, table] : tables_) table.description.rows_mark.clear();
  }
  /// Takes a batch as CatchUp does.
  void Apply(const ChangeBatch& batch, std::vector<std::string>* log);
  ChangeStream& stream();

  ChangeLimits limits{1000000, 1 << 30, 20000, std::nullopt};
  bool reopens = false;  ///< after each batch: what is not in the descriptions is forgotten
  std::string position;
  std::vector<ChangeTransaction> transactions;  ///< of all batches, in order
  int64_t batches = 0;

 private:
  using Row = std::vector<std::string>;
  struct Table {
    SourceTable description;
    std::map<Row, Row> rows;  ///< by key
    bool stopped = false;
  };
  Row KeyOf(const Table& table, const Row& row) const;
  void ApplyRows(Table& table, const RowChanges& changes, std::vector<std::string>* log);
  void ApplyAltered(Table& table, const TableAltered& altered, std::vector<std::string>* log);

  std::unique_ptr<Source> source_;
  CaptureSpec spec_;
  std::map<SourceTableName, Table> tables_;
  std::unique_ptr<ChangeStream> stream_;
};

}  // namespace tarn::testing
