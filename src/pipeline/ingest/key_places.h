#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "change/key_hash.h"
#include "change/key_index/key_index.h"
#include "pipeline/context.h"
#include "table/dual/table.h"
#include "table/model/metadata.h"

namespace tarn {

/// Where the rows of a keyed table stand. A KeyIndex that is kept level with the table whoever
/// changes it: rows that capture wrote are put in by it; what others did (compaction moves rows
/// into other files and changes none) is taken in by reading the keys of the files that the index
/// does not know. An entry whose file has left the table, or whose row is deleted there, is of a
/// row that is gone: it stands for nothing, and is replaced when its key comes again. Threads: one
/// at a time. Memory: that of the index, and a description of every live data file.
class KeyPlaces {
 public:
  /// `folder`: of the local disk, this table's alone. A damaged index is built again. Errors: those
  /// of the disk; Conflict when another process has it open.
  static Result<std::unique_ptr<KeyPlaces>> Open(const PipelineContext& context,
                                                 const std::string& folder,
                                                 std::vector<std::string> key);

  /// Makes the places those of the table's state at `location`. Errors: Cancelled; those of reading
  /// the table; InvalidArgument for two rows of one key, naming their files. Like all that follows:
  /// Corruption when the index is damaged().
  Status Follow(const std::shared_ptr<const TableMetadata>& table, const std::string& location);

  /// places[i] becomes where the live row of keys[i] stands, or not found().
  Status Find(std::span<const KeyHash> keys, std::span<RowPlace> places);
  /// The data file of a place that Find() gave.
  const DataFile& FileOf(const RowPlace& place) const { return *file_of_number_.at(place.file); }

  /// \name A commit of capture's own, which led from the state of the last Follow() to another one.
  /// After an error the places are those of no state, until the next Follow().
  /// @{
  /// Numbers, for places, of files that the commit added.
  Result<std::vector<uint32_t>> AddFiles(const std::vector<DataFile>& files);
  /// Some of the rows that it removed and put; the next piece may be of the same commit.
  Status Advance(std::span<const KeyHash> removed, std::span<const KeyHash> put,
                 std::span<const RowPlace> places);
  /// The last of them: the places are those of the state at `location`. A commit of one piece is
  /// taken in as a whole or not at all; one of several that is cut off makes the index be built
  /// again.
  Status Finish(std::span<const KeyHash> removed, std::span<const KeyHash> put,
                std::span<const RowPlace> places, const std::string& location);
  /// @}

  const std::string& location() const { return location_; }
  /// Whether the index turned out damaged, after a Corruption: opened again, it is built again.
  bool damaged() const { return index_->damaged(); }

 private:
  KeyPlaces(const PipelineContext& context, std::unique_ptr<KeyIndex> index,
            std::vector<std::string> key)
      : context_(context), index_(std::move(index)), key_(std::move(key)) {}

  Status ListFiles(const TableMetadata& table);
  Status TakeIn(const TableMetadata& table, const std::vector<ScanFile>& files,
                const std::string& location);
  Status VisitKeys(
      const TableMetadata& table, const ScanFile& file,
      const std::function<Status(std::span<const KeyHash>, std::span<const RowPlace>)>& visit);
  /// Which of the rows at `places` their files have deleted: those become not found().
  Status LeaveOutDeleted(std::span<RowPlace> places);
  const DataFile* LiveFile(uint32_t number);
  /// What the index is told to be of: of the state at `location`, and whether it may_have_stale_.
  std::string StateOf(const std::string& location) const;

  const PipelineContext& context_;
  std::unique_ptr<KeyIndex> index_;
  const std::vector<std::string> key_;
  std::shared_ptr<const TableMetadata> table_;
  std::string location_;
  std::unordered_map<std::string, DataFile> live_;                ///< by path
  std::unordered_map<uint32_t, const DataFile*> file_of_number_;  ///< nullptr: not live
  /// Whether entries may stand for rows that are deleted: the index was behind when it was opened,
  /// now or by an earlier process. Ends when it is built anew.
  bool may_have_stale_ = false;
  std::unordered_map<std::string, ScanFile> with_deletes_;  ///< by path, while may_have_stale_
};

}  // namespace tarn
