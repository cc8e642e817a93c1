// Where the rows of a captured table stand: an index that is a cache, and never more than that.
#include "base/log.h"
#include "pipeline/ingest/captured_table.h"
#include "table/dual/table.h"

namespace tarn {

Status CapturedTable::WithPlaces(const std::function<Status()>& look) {
  const auto try_once = [&]() -> Status {
    TARN_RETURN_IF_ERROR(FollowBase());
    return look();
  };
  Status status = try_once();
  // What is wrong with a cache is not wrong with the table.
  const auto damaged = [&] { return !status.ok() && places_ != nullptr && places_->damaged(); };
  if (!damaged()) return status;
  Log(LogLevel::kWarning, "the key index of " + options_.target.name.ToString() +
                              " is built again: " + status.error().message);
  places_.reset();
  status = try_once();
  if (!damaged()) return status;
  places_.reset();
  return Unavailable("the key index of " + options_.target.name.ToString() +
                         " is damaged again as soon as it is built: " + status.error().message,
                     "check the disk that holds " + options_.index_folder);
}

Status CapturedTable::FollowBase() {
  if (places_ == nullptr) {
    TARN_ASSIGN_OR_RETURN(places_, KeyPlaces::Open(context_, options_.index_folder, base_key_));
  }
  return places_->Follow(base_, base_location_);
}

Status CapturedTable::ReadBase(const std::function<Status()>& read) {
  for (int64_t attempt = 1;; ++attempt) {
    Status status = read();
    if (status.ok() || status.error().kind != ErrorKind::kNotFound) return status;
    const std::string before = base_location_;
    TARN_RETURN_IF_ERROR(MoveBase());
    if (base_location_ == before) return status;
    if (attempt >= context_.tables.limits->commit_retries_max) {
      return Unavailable("the states of " + options_.target.name.ToString() +
                             " are removed faster than they are read: " + status.error().message,
                         "raise `limits: reader_grace_ms`");
    }
  }
}

Status CapturedTable::OpenIndex() {
  TARN_RETURN_IF_ERROR(Begin());
  return WithPlaces([] { return Status(); });
}

Status CapturedTable::CloseIndex(const std::string& metadata_location) {
  if (places_ == nullptr) return {};
  TARN_ASSIGN_OR_RETURN(const auto table, LoadTableMetadata(context_.tables, metadata_location));
  Status followed = places_->Follow(table, metadata_location);
  places_.reset();
  return followed;
}

}  // namespace tarn
