#include "catalog/delta_log.h"

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

Result<std::optional<int64_t>> DeltaLog::LastCheckpointVersion() const {
  const Result<std::string> text = store_.Get(folder_ + kLastCheckpoint);
  if (!text.ok()) {
    if (IsNotFound(text.error())) return std::optional<int64_t>();
    return text.error();
  }
  const Result<delta::LastCheckpoint> last = delta::ParseLastCheckpoint(*text);
  // It is a short cut only: one that cannot be followed sends readers to the listing.
  if (!last.ok() || last->parts != 1) return std::optional<int64_t>();
  return std::optional<int64_t>(last->version);
}

delta::CheckpointFiles DeltaLog::ClassicCheckpoint(int64_t version) {
  return {version, delta::CheckpointFiles::Form::kParquet, {delta::CheckpointName(version)}};
}

Result<delta::State> DeltaLog::ReadCheckpoint(const delta::CheckpointFiles& files) const {
  delta::State state;
  TARN_RETURN_IF_ERROR(ReadDeltaCheckpoint(store_, folder_, files, CheckpointContent::kAll,
                                           [&](std::vector<delta::Action>&& actions) -> Status {
                                             state.Apply(files.version, std::move(actions));
                                             return {};
                                           }));
  if (!state.protocol || !state.metadata) {
    return Corruption(store_.UriOf(folder_ + files.names.front()) +
                      " has no protocol or no metaData action");
  }
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

Result<delta::State> DeltaLog::ReadState(std::optional<int64_t> version) const {
  const int64_t last = version.value_or(INT64_MAX);
  delta::State state;
  TARN_ASSIGN_OR_RETURN(const std::optional<int64_t> hint, LastCheckpointVersion());
  if (hint && *hint <= last) {
    Result<delta::State> found = ReadCheckpoint(ClassicCheckpoint(*hint));
    if (!found.ok() && !IsNotFound(found.error())) return found.error();
    if (found.ok()) state = std::move(found).value();
  }
  bool listed = false;
  while (state.version < last) {
    const int64_t next = state.version + 1;
    Result<std::vector<delta::Action>> actions = ReadEntry(next);
    if (actions.ok()) {
      state.Apply(next, std::move(actions).value());
      continue;
    }
    if (!IsNotFound(actions.error())) return actions.error();
    // Old entries may have been cleaned up below a checkpoint that nothing points to.
    if (!listed && state.version < 0) {
      listed = true;
      TARN_ASSIGN_OR_RETURN(const auto checkpoint, FindCheckpoint(last));
      if (checkpoint) {
        TARN_ASSIGN_OR_RETURN(state, ReadCheckpoint(*checkpoint));
        continue;
      }
    }
    if (version || state.version < 0) return actions.error();
    break;
  }
  if (!state.protocol || !state.metadata) {
    return Corruption(store_.UriOf(folder_) + " has no protocol or no metaData action");
  }
  return state;
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
  TARN_ASSIGN_OR_RETURN(const std::optional<int64_t> hint, LastCheckpointVersion());
  for (int64_t at = version; at >= 0 && !(protocol && metadata); --at) {
    if (hint == at) {
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

Status DeltaLog::WriteEntry(int64_t version, const std::string& bytes,
                            const IsSame& is_same) const {
  return PutOnce(store_, folder_ + delta::LogEntryName(version), bytes, is_same);
}

Status DeltaLog::WriteCheckpoint(int64_t version, const CheckpointTime& time) const {
  TARN_ASSIGN_OR_RETURN(const std::optional<int64_t> last, LastCheckpointVersion());
  if (last && *last >= version) return {};
  TARN_ASSIGN_OR_RETURN(const delta::State state, ReadState(version));
  TARN_ASSIGN_OR_RETURN(const delta::LastCheckpoint written,
                        WriteDeltaCheckpoint(store_, folder_, state, time));
  return store_.Put(folder_ + kLastCheckpoint, delta::WriteLastCheckpoint(written));
}

}  // namespace tarn
