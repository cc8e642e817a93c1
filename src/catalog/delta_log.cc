#include "catalog/delta_log.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "table/delta/log_json.h"

namespace tarn {
namespace {

constexpr char kLastCheckpoint[] = "_last_checkpoint";

bool IsNotFound(const Error& error) { return error.kind == ErrorKind::kNotFound; }

}  // namespace

Status PutOnce(ObjectStore& store, const std::string& key, const std::string& bytes,
               const IsSame& is_same) {
  Status status = store.PutIfAbsent(key, bytes);
  if (status.ok() || status.error().kind != ErrorKind::kAlreadyExists) return status;
  TARN_ASSIGN_OR_RETURN(const std::string existing, store.Get(key));
  if (existing == bytes || is_same(existing, store.UriOf(key))) return {};
  return Corruption(store.UriOf(key) + " was written by somebody else",
                    "let only one catalog write into this warehouse; move the file away to have "
                    "it written again");
}

Status PutOnce(ObjectStore& store, const std::string& key, const std::string& bytes) {
  return PutOnce(store, key, bytes, [](const std::string&, const std::string&) { return false; });
}

Result<std::optional<delta::LastCheckpoint>> DeltaLog::ReadLastCheckpoint() const {
  using Last = std::optional<delta::LastCheckpoint>;
  const Result<std::string> text = store_.Get(folder_ + kLastCheckpoint);
  if (!text.ok()) {
    if (IsNotFound(text.error())) return Last();
    return text.error();
  }
  Result<delta::LastCheckpoint> last = delta::ParseLastCheckpoint(*text);
  // It is a short cut only: one that cannot be followed sends readers to the listing.
  if (!last.ok() || last->parts != 1) return Last();
  return Last(std::move(last).value());
}

delta::CheckpointFiles DeltaLog::ClassicCheckpoint(int64_t version) {
  return {version, delta::CheckpointFiles::Form::kParquet, {delta::CheckpointName(version)}};
}

Result<delta::State> DeltaLog::ReadCheckpoint(const delta::CheckpointFiles& files,
                                              CheckpointContent content) const {
  delta::State state;
  TARN_RETURN_IF_ERROR(ReadDeltaCheckpoint(store_, folder_, files, content,
                                           [&](std::vector<delta::Action>&& actions) -> Status {
                                             state.Apply(files.version, std::move(actions));
                                             return {};
                                           }));
  state.version = files.version;
  return state;
}

Result<std::optional<delta::CheckpointFiles>> DeltaLog::FindCheckpoint(int64_t version) const {
  delta::LogListing listing;
  TARN_RETURN_IF_ERROR(store_.List(folder_, [&](const ObjectInfo& object) -> Status {
    listing.Add(std::string_view(object.key).substr(folder_.size()), object.modified_micros);
    return {};
  }));
  return listing.NewestCheckpoint(version);
}

Result<std::vector<delta::Action>> DeltaLog::ReadEntry(int64_t version) const {
  const std::string key = folder_ + delta::LogEntryName(version);
  TARN_ASSIGN_OR_RETURN(const std::string text, store_.Get(key));
  return delta::ParseLogEntry(text, store_.UriOf(key));
}

Result<DeltaTail> DeltaLog::Replay(std::optional<int64_t> version,
                                   CheckpointContent content) const {
  const int64_t last = version.value_or(INT64_MAX);
  DeltaTail tail;
  const auto begin_with = [&](const delta::CheckpointFiles& files) -> Status {
    TARN_ASSIGN_OR_RETURN(tail.state, ReadCheckpoint(files, content));
    tail.base = files;
    return {};
  };
  TARN_ASSIGN_OR_RETURN(const auto hint, ReadLastCheckpoint());
  if (hint && hint->version <= last) {
    const Status read = begin_with(ClassicCheckpoint(hint->version));
    if (!read.ok() && !IsNotFound(read.error())) return read;
  }
  bool listed = false;
  // Whether there is a newer checkpoint than the one that the short cut led to.
  const auto look_around = [&]() -> Result<bool> {
    if (std::exchange(listed, true)) return false;
    TARN_ASSIGN_OR_RETURN(const auto found, FindCheckpoint(last));
    if (!found || found->version <= tail.state.version) return false;
    TARN_RETURN_IF_ERROR(begin_with(*found));
    return true;
  };
  if (!tail.base) TARN_RETURN_IF_ERROR(look_around().status());
  while (tail.state.version < last) {
    const int64_t next = tail.state.version + 1;
    Result<std::vector<delta::Action>> actions = ReadEntry(next);
    if (actions.ok()) {
      tail.state.Apply(next, std::move(actions).value());
      continue;
    }
    if (!IsNotFound(actions.error())) return actions.error();
    // Entries may have been cleaned up below a checkpoint that nothing points to.
    TARN_ASSIGN_OR_RETURN(const bool found, look_around());
    if (found) continue;
    if (version || tail.state.version < 0) return actions.error();
    break;
  }
  if (!tail.state.protocol || !tail.state.metadata) {
    return Corruption(store_.UriOf(folder_) + " has no protocol or no metaData action");
  }
  return tail;
}

Result<delta::State> DeltaLog::ReadState(std::optional<int64_t> version) const {
  TARN_ASSIGN_OR_RETURN(DeltaTail all, Replay(version, CheckpointContent::kAll));
  return std::move(all.state);
}

Result<DeltaLog::Shape> DeltaLog::ReadShape(int64_t version) const {
  std::optional<delta::Protocol> protocol;
  std::optional<delta::Metadata> metadata;
  const auto take = [&](std::vector<delta::Action>&& actions) -> Status {
    for (delta::Action& action : actions) {
      if (auto* one = std::get_if<delta::Protocol>(&action); one && !protocol) protocol = *one;
      if (auto* one = std::get_if<delta::Metadata>(&action); one && !metadata) metadata = *one;
    }
    return {};
  };
  const auto read_checkpoint = [&](const delta::CheckpointFiles& files) {
    return ReadDeltaCheckpoint(store_, folder_, files, CheckpointContent::kShape, take);
  };
  TARN_ASSIGN_OR_RETURN(const auto hint, ReadLastCheckpoint());
  for (int64_t at = version; at >= 0 && !(protocol && metadata); --at) {
    if (hint && hint->version == at) {
      const Status read = read_checkpoint(ClassicCheckpoint(at));
      if (read.ok()) break;
      if (!IsNotFound(read.error())) return read;
    }
    Result<std::vector<delta::Action>> actions = ReadEntry(at);
    if (actions.ok()) {
      TARN_RETURN_IF_ERROR(take(std::move(actions).value()));
      continue;
    }
    if (!IsNotFound(actions.error())) return actions.error();
    // Entries were cleaned up below a checkpoint that nothing points to.
    TARN_ASSIGN_OR_RETURN(const auto checkpoint, FindCheckpoint(version));
    if (!checkpoint || checkpoint->version < at) return actions.error();
    TARN_RETURN_IF_ERROR(read_checkpoint(*checkpoint));
    break;
  }
  if (!protocol || !metadata) {
    return Corruption(store_.UriOf(folder_) + " has no protocol or no metaData action");
  }
  return Shape{std::move(*protocol), std::move(*metadata)};
}

Result<std::optional<DeltaLog::Shape>> DeltaLog::ReadCheckpointShape(int64_t version) const {
  std::optional<Shape> shape;
  TARN_ASSIGN_OR_RETURN(const auto hint, ReadLastCheckpoint());
  if (!hint || hint->version > version) return shape;
  Result<delta::State> read =
      ReadCheckpoint(ClassicCheckpoint(hint->version), CheckpointContent::kShape);
  if (!read.ok()) {
    if (IsNotFound(read.error())) return shape;
    return read.error();
  }
  if (read->protocol && read->metadata) {
    shape = Shape{std::move(*read->protocol), std::move(*read->metadata)};
  }
  return shape;
}

Status DeltaLog::WriteEntry(int64_t version, const std::string& bytes,
                            const IsSame& is_same) const {
  return PutOnce(store_, folder_ + delta::LogEntryName(version), bytes, is_same);
}

Result<bool> DeltaLog::IsCheckpointDue(int64_t version, int64_t every_entries) const {
  if (version <= 0 || every_entries <= 0 || version % every_entries != 0) return false;
  TARN_ASSIGN_OR_RETURN(const auto last, ReadLastCheckpoint());
  if (!last) return true;
  const int64_t entries = version - last->version;
  if (entries <= 0) return false;
  if (entries + every_entries > kCheckpointEntriesMax) return true;
  // Those that came since the last look speak for all of them.
  const int64_t looked_at = std::min(entries, every_entries);
  int64_t bytes = looked_at * kEntryRequestBytes;
  for (int64_t at = version; at > version - looked_at; --at) {
    if (bytes * entries >= last->size_bytes * looked_at) return true;
    const Result<ObjectInfo> entry = store_.Head(folder_ + delta::LogEntryName(at));
    if (!entry.ok()) return IsNotFound(entry.error()) ? Result<bool>(true) : entry.error();
    bytes += entry->size_bytes;
  }
  return bytes * entries >= last->size_bytes * looked_at;
}

Status DeltaLog::WriteCheckpoint(int64_t version, const CheckpointTime& time,
                                 Random& random) const {
  TARN_ASSIGN_OR_RETURN(const auto last, ReadLastCheckpoint());
  if (last && last->version >= version) return {};
  TARN_ASSIGN_OR_RETURN(const DeltaTail tail, Replay(version, CheckpointContent::kNoFiles));
  TARN_ASSIGN_OR_RETURN(const delta::LastCheckpoint written,
                        WriteDeltaCheckpoint(store_, folder_, tail, time, random));
  return store_.Put(folder_ + kLastCheckpoint, delta::WriteLastCheckpoint(written));
}

}  // namespace tarn
