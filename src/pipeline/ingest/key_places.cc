#include "pipeline/ingest/key_places.h"

#include <algorithm>
#include <map>
#include <utility>

#include <arrow/api.h>

#include "base/log.h"
#include "change/key_index/key_index_builder.h"
#include "table/dual/deletes.h"
#include "table/dual/live_rows.h"

namespace tarn {
namespace {

/// Entries of one batch while the keys of files are taken in.
constexpr size_t kEntriesPerBatch = 1 << 16;
/// A state that no table is ever in: the index is between two.
constexpr char kBetweenStates[] = "between two states";
/// Before the location of a state that was taken in without knowing which rows it had lost.
constexpr std::string_view kWithStale = "with stale entries: ";

/// What a place needs to know of a data file: bounds and sizes of columns are left out.
DataFile Slim(const DataFile& file) {
  DataFile slim;
  slim.content = file.content;
  slim.path = file.path;
  slim.format = file.format;
  slim.spec_id = file.spec_id;
  slim.partition = file.partition;
  slim.record_count = file.record_count;
  slim.size_bytes = file.size_bytes;
  slim.first_row_id = file.first_row_id;
  return slim;
}

Result<Schema> KeyColumns(const TableMetadata& table, const std::vector<std::string>& key) {
  Schema schema;
  for (const std::string& name : key) {
    const auto& fields = table.schema().fields;
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
    if (field == fields.end()) {
      return Conflict(
          "table " + table.location + " has no column \"" + name + "\", which is part of its key",
          "`tarn resync` loads it anew");
    }
    schema.fields.push_back(*field);
  }
  return schema;
}

}  // namespace

Result<std::unique_ptr<KeyPlaces>> KeyPlaces::Open(const PipelineContext& context,
                                                   const std::string& folder,
                                                   std::vector<std::string> key) {
  TARN_ASSIGN_OR_RETURN(auto index, KeyIndex::Open(folder));
  if (!index->discarded().empty()) {
    Log(LogLevel::kWarning,
        "the key index in " + folder + " is built again: " + index->discarded());
  }
  return std::unique_ptr<KeyPlaces>(new KeyPlaces(context, std::move(index), std::move(key)));
}

Status KeyPlaces::ListFiles(const TableMetadata& table) {
  live_.clear();
  with_deletes_.clear();
  file_of_number_.clear();
  TARN_RETURN_IF_ERROR(VisitScan(context_.tables, table, std::nullopt, Predicate::True(),
                                 [&](ScanFile&& file) -> Status {
                                   live_.emplace(file.file.path, Slim(file.file));
                                   with_deletes_.emplace(file.file.path, std::move(file));
                                   return {};
                                 })
                           .status());
  return {};
}

Status KeyPlaces::Follow(const std::shared_ptr<const TableMetadata>& table,
                         const std::string& location) {
  if (location == location_) return {};
  const bool opening = location_.empty();
  location_.clear();  // until the places are those of the new state
  table_ = table;
  TARN_RETURN_IF_ERROR(ListFiles(*table));
  std::string state = index_->state();
  const bool has_stale = state.starts_with(kWithStale);
  if (has_stale) state.erase(0, kWithStale.size());
  const bool is_of_none = state.empty() || state == kBetweenStates;
  if (opening) may_have_stale_ = has_stale || (!is_of_none && state != location);
  if (state != location) {
    std::vector<ScanFile> unknown;
    for (const auto& [path, file] : with_deletes_) {
      if (!index_->HasFile(path)) unknown.push_back(file);
    }
    // Most of the table: a build from nothing sorts once and leaves no stale entry.
    const bool anew = is_of_none || unknown.size() == with_deletes_.size();
    if (anew) {
      auto builder = index_->Rebuild();
      for (const auto& [path, file] : with_deletes_) {
        TARN_RETURN_IF_ERROR(VisitKeys(
            *table, file, [&](auto keys, auto places) { return builder->Add(keys, places); }));
      }
      TARN_RETURN_IF_ERROR(builder->Finish(location));
      may_have_stale_ = false;
    } else {
      TARN_RETURN_IF_ERROR(TakeIn(*table, unknown, location));
    }
  }
  if (!may_have_stale_) with_deletes_.clear();
  location_ = location;
  return {};
}

Status KeyPlaces::TakeIn(const TableMetadata& table, const std::vector<ScanFile>& files,
                         const std::string& location) {
  for (const ScanFile& file : files) {
    TARN_RETURN_IF_ERROR(VisitKeys(table, file, [&](auto keys, auto places) {
      return index_->Apply({{}, keys, places, {}, kBetweenStates});
    }));
  }
  std::vector<uint32_t> gone;
  for (const auto& [number, path] : index_->files()) {
    if (!live_.contains(path)) gone.push_back(number);
  }
  return index_->Apply({{}, {}, {}, gone, StateOf(location)});
}

std::string KeyPlaces::StateOf(const std::string& location) const {
  return may_have_stale_ ? std::string(kWithStale) + location : location;
}

Status KeyPlaces::VisitKeys(
    const TableMetadata& table, const ScanFile& file,
    const std::function<Status(std::span<const KeyHash>, std::span<const RowPlace>)>& visit) {
  if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
  TARN_ASSIGN_OR_RETURN(const Schema columns, KeyColumns(table, key_));
  TARN_ASSIGN_OR_RETURN(const uint32_t number, index_->FileNumber(file.file.path));
  TARN_ASSIGN_OR_RETURN(auto rows, LiveRows::Open(context_.tables, table, columns, file));
  std::vector<int64_t> positions;
  std::vector<KeyHash> keys;
  std::vector<RowPlace> places;
  while (true) {
    if (context_.cancel != nullptr) TARN_RETURN_IF_ERROR(context_.cancel->Check());
    TARN_ASSIGN_OR_RETURN(auto batch, rows->Next(positions));
    if (batch == nullptr) return {};
    keys.resize(positions.size());
    places.resize(positions.size());
    const arrow::ArrayVector arrays = batch->columns();
    TARN_RETURN_IF_ERROR(HashKeys(arrays, keys));
    for (size_t i = 0; i < positions.size(); ++i) {
      places[i] = {number, static_cast<uint32_t>(positions[i])};
    }
    for (size_t begin = 0; begin < keys.size(); begin += kEntriesPerBatch) {
      const size_t count = std::min(kEntriesPerBatch, keys.size() - begin);
      TARN_RETURN_IF_ERROR(visit(std::span<const KeyHash>(keys).subspan(begin, count),
                                 std::span<const RowPlace>(places).subspan(begin, count)));
    }
  }
}

const DataFile* KeyPlaces::LiveFile(uint32_t number) {
  const auto known = file_of_number_.find(number);
  if (known != file_of_number_.end()) return known->second;
  const std::string* path = index_->FilePath(number);
  const auto live = path == nullptr ? live_.end() : live_.find(*path);
  const DataFile* file = live == live_.end() ? nullptr : &live->second;
  file_of_number_.emplace(number, file);
  return file;
}

Status KeyPlaces::Find(std::span<const KeyHash> keys, std::span<RowPlace> places) {
  TARN_RETURN_IF_ERROR(index_->Lookup(keys, places));
  for (RowPlace& place : places) {
    if (place.found() && LiveFile(place.file) == nullptr) place = RowPlace{};
  }
  return may_have_stale_ ? LeaveOutDeleted(places) : Status::Ok();
}

Status KeyPlaces::LeaveOutDeleted(std::span<RowPlace> places) {
  std::map<uint32_t, std::shared_ptr<const DeletionVector>> deleted;
  for (RowPlace& place : places) {
    if (!place.found()) continue;
    auto known = deleted.find(place.file);
    if (known == deleted.end()) {
      std::shared_ptr<const DeletionVector> vector;
      const auto scan = with_deletes_.find(LiveFile(place.file)->path);
      if (scan != with_deletes_.end()) {
        TARN_ASSIGN_OR_RETURN(vector, LoadDeletes(context_.tables, *table_, scan->second));
      }
      known = deleted.emplace(place.file, std::move(vector)).first;
    }
    if (known->second != nullptr && known->second->Contains(place.row)) place = RowPlace{};
  }
  return {};
}

Result<std::vector<uint32_t>> KeyPlaces::AddFiles(const std::vector<DataFile>& files) {
  std::vector<uint32_t> numbers;
  for (const DataFile& file : files) {
    TARN_ASSIGN_OR_RETURN(const uint32_t number, index_->FileNumber(file.path));
    numbers.push_back(number);
    live_.insert_or_assign(file.path, Slim(file));
    file_of_number_.erase(number);
  }
  return numbers;
}

Status KeyPlaces::Advance(std::span<const KeyHash> removed, std::span<const KeyHash> put,
                          std::span<const RowPlace> places) {
  location_.clear();
  return index_->Apply({removed, put, places, {}, kBetweenStates});
}

Status KeyPlaces::Finish(std::span<const KeyHash> removed, std::span<const KeyHash> put,
                         std::span<const RowPlace> places, const std::string& location) {
  location_.clear();
  TARN_RETURN_IF_ERROR(index_->Apply({removed, put, places, {}, StateOf(location)}));
  location_ = location;
  return {};
}

}  // namespace tarn
