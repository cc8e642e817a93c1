#include "change/key_index/entry_merge.h"

namespace tarn {
namespace {

constexpr size_t kMergeRunsMin = 4;
constexpr uint64_t kMergeSizeRatio = 2;  // a run joins when it is not larger than this many times
                                         // the younger ones together

class RunCursor final : public EntryCursor {
 public:
  explicit RunCursor(std::shared_ptr<const Run> run) : scanner_(std::move(run)) {}
  Result<const KeyEntry*> Next() override { return scanner_.Next(); }

 private:
  RunScanner scanner_;
};

class VectorCursor final : public EntryCursor {
 public:
  explicit VectorCursor(std::vector<KeyEntry> entries) : entries_(std::move(entries)) {}
  Result<const KeyEntry*> Next() override {
    return next_ == entries_.size() ? nullptr : &entries_[next_++];
  }

 private:
  const std::vector<KeyEntry> entries_;
  size_t next_ = 0;
};

std::vector<std::unique_ptr<EntryCursor>> CursorsOf(
    std::span<const std::shared_ptr<const Run>> runs) {
  std::vector<std::unique_ptr<EntryCursor>> cursors;
  for (const auto& run : runs) cursors.push_back(CursorOf(run));
  return cursors;
}

}  // namespace

std::unique_ptr<EntryCursor> CursorOf(std::shared_ptr<const Run> run) {
  return std::make_unique<RunCursor>(std::move(run));
}
std::unique_ptr<EntryCursor> CursorOf(std::vector<KeyEntry> entries) {
  return std::make_unique<VectorCursor>(std::move(entries));
}

Status EntryMerge::Begin() {
  for (size_t age = 0; age < cursors_.size(); ++age) {
    TARN_ASSIGN_OR_RETURN(const KeyEntry* entry, cursors_[age]->Next());
    if (entry != nullptr) heads_.push_back({*entry, age});
  }
  for (size_t i = heads_.size() / 2; i-- > 0;) SiftDown(i);
  return Status::Ok();
}

void EntryMerge::SiftDown(size_t at) {
  const Head head = heads_[at];
  for (size_t child = 2 * at + 1; child < heads_.size(); child = 2 * at + 1) {
    if (child + 1 < heads_.size() && heads_[child + 1].Before(heads_[child])) ++child;
    if (!heads_[child].Before(head)) break;
    heads_[at] = heads_[child];
    at = child;
  }
  heads_[at] = head;
}

Status EntryMerge::Advance() {
  TARN_ASSIGN_OR_RETURN(const KeyEntry* next, cursors_[heads_[0].age]->Next());
  if (next != nullptr) {
    heads_[0].entry = *next;
  } else {
    heads_[0] = heads_.back();
    heads_.pop_back();
  }
  if (!heads_.empty()) SiftDown(0);
  return Status::Ok();
}

Result<std::optional<KeyEntry>> EntryMerge::Next() {
  if (!begun_) TARN_RETURN_IF_ERROR(Begin());
  begun_ = true;
  if (heads_.empty()) return std::optional<KeyEntry>();
  const KeyEntry entry = heads_[0].entry;
  TARN_RETURN_IF_ERROR(Advance());
  while (!heads_.empty() && heads_[0].entry.key == entry.key) {
    if (!twice_) twice_.emplace(heads_[0].entry, entry);
    TARN_RETURN_IF_ERROR(Advance());
  }
  return std::optional<KeyEntry>(entry);
}

RunMerge::RunMerge(std::span<const std::shared_ptr<const Run>> runs, std::unique_ptr<RunWriter> out,
                   Removed removed)
    : merge_(CursorsOf(runs)), out_(std::move(out)), removed_(removed) {}

Result<bool> RunMerge::Step(size_t entries) {
  for (; entries > 0; --entries) {
    TARN_ASSIGN_OR_RETURN(const std::optional<KeyEntry> entry, merge_.Next());
    if (!entry) return true;
    if (removed_ == Removed::kDropped && !entry->place.found()) continue;
    TARN_RETURN_IF_ERROR(out_->Add(*entry));
  }
  return false;
}

size_t FirstToMerge(std::span<const uint64_t> sizes) {
  if (sizes.empty()) return 0;
  size_t first = sizes.size() - 1;
  uint64_t sum = sizes[first];
  while (first > 0 && sizes[first - 1] <= kMergeSizeRatio * sum) sum += sizes[--first];
  return sizes.size() - first >= kMergeRunsMin ? first : sizes.size();
}

}  // namespace tarn
