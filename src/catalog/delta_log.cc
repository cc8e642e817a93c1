#include "catalog/delta_log.h"

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include <arrow/table.h>

#include "columnar/parquet_bytes.h"
#include "table/delta/checkpoint.h"
#include "table/delta/log_json.h"

namespace tarn {
namespace {

constexpr char kLastCheckpoint[] = "_last_checkpoint";
constexpr std::string_view kCheckpointSuffix = ".checkpoint.parquet";

bool IsNotFound(const Error& error) { return error.kind == ErrorKind::kNotFound; }

}  // namespace

Status PutOnce(ObjectStore& store, const std::string& key, const std::string& bytes) {
  Status status = store.PutIfAbsent(key, bytes);
  if (status.ok() || status.error().kind != ErrorKind::kAlreadyExists) return status;
  TARN_ASSIGN_OR_RETURN(const std::string existing, store.Get(key));
  if (existing == bytes) return {};
  return Corruption(store.UriOf(key) + " was written by somebody else",
                    "let only one catalog write into this warehouse; move the file away to have "
                    "it written again");
}

Result<std::optional<int64_t>> DeltaLog::LastCheckpointVersion() const {
  const Result<std::string> text = store_.Get(folder_ + kLastCheckpoint);
  if (!text.ok()) {
    if (IsNotFound(text.error())) return std::optional<int64_t>();
    return text.error();
  }
  const Result<delta::LastCheckpoint> last = delta::ParseLastCheckpoint(*text);
  // It is a short cut only: one that cannot be read sends readers to the listing.
  if (!last.ok()) return std::optional<int64_t>();
  return std::optional<int64_t>(last->version);
}

Result<delta::State> DeltaLog::ReadCheckpointAt(int64_t version) const {
  const std::string key = folder_ + delta::CheckpointName(version);
  TARN_ASSIGN_OR_RETURN(std::string bytes, store_.Get(key));
  TARN_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Table> table,
                        ParquetToTable(std::move(bytes), store_.UriOf(key)));
  return delta::ReadCheckpoint(*table, version).Wrap(store_.UriOf(key));
}

Result<std::optional<int64_t>> DeltaLog::FindCheckpoint(int64_t version) const {
  std::optional<int64_t> found;
  TARN_RETURN_IF_ERROR(store_.List(folder_, [&](const ObjectInfo& object) -> Status {
    const std::string_view name = std::string_view(object.key).substr(folder_.size());
    if (!name.ends_with(kCheckpointSuffix)) return {};
    const std::string_view digits = name.substr(0, name.size() - kCheckpointSuffix.size());
    int64_t number = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    if (whole && number <= version && number >= found.value_or(-1)) found = number;
    return {};
  }));
  return found;
}

Result<delta::State> DeltaLog::ReadState(std::optional<int64_t> version) const {
  const int64_t last = version.value_or(INT64_MAX);
  delta::State state;
  TARN_ASSIGN_OR_RETURN(std::optional<int64_t> checkpoint, LastCheckpointVersion());
  if (checkpoint && *checkpoint <= last) {
    TARN_ASSIGN_OR_RETURN(state, ReadCheckpointAt(*checkpoint));
  }
  bool listed = false;
  while (state.version < last) {
    const int64_t next = state.version + 1;
    const std::string key = folder_ + delta::LogEntryName(next);
    const Result<std::string> text = store_.Get(key);
    if (text.ok()) {
      TARN_ASSIGN_OR_RETURN(const std::vector<delta::Action> actions,
                            delta::ParseLogEntry(*text, store_.UriOf(key)));
      state.Apply(next, actions);
      continue;
    }
    if (!IsNotFound(text.error())) return text.error();
    // Old entries may have been cleaned up below a checkpoint that nothing points to.
    if (!listed && state.version < 0) {
      listed = true;
      TARN_ASSIGN_OR_RETURN(checkpoint, FindCheckpoint(last));
      if (checkpoint) {
        TARN_ASSIGN_OR_RETURN(state, ReadCheckpointAt(*checkpoint));
        continue;
      }
    }
    if (version || state.version < 0) return text.error();
    break;
  }
  if (!state.protocol || !state.metadata) {
    return Corruption(store_.UriOf(folder_) + " has no protocol or no metaData action");
  }
  return state;
}

Status DeltaLog::WriteEntry(int64_t version, const std::string& bytes) const {
  return PutOnce(store_, folder_ + delta::LogEntryName(version), bytes);
}

Status DeltaLog::WriteCheckpoint(int64_t version, int64_t now_ms) const {
  TARN_ASSIGN_OR_RETURN(const std::optional<int64_t> last, LastCheckpointVersion());
  if (last && *last >= version) return {};
  TARN_ASSIGN_OR_RETURN(const delta::State state, ReadState(version));
  TARN_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Table> table,
                        delta::CheckpointTable(state, now_ms));
  TARN_ASSIGN_OR_RETURN(const std::string bytes, TableToParquet(*table));
  TARN_RETURN_IF_ERROR(store_.Put(folder_ + delta::CheckpointName(version), bytes));
  return store_.Put(
      folder_ + kLastCheckpoint,
      delta::WriteLastCheckpoint({version, table->num_rows(), static_cast<int64_t>(bytes.size()),
                                  static_cast<int64_t>(state.files.size())}));
}

}  // namespace tarn
