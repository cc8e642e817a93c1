#include "change/key_index/run_file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "storage/crc32c.h"

namespace tarn {
namespace {

constexpr size_t kReadBlocks = 32;                 // 128 KiB: one read of neighbours
constexpr uint32_t kGapBlocks = 2;                 // not wanted, and cheaper read than skipped
constexpr int64_t kSyncEveryBytes = 16LL << 20;    // so that the last sync has little to wait for
constexpr uint64_t kBlocksMax = UINT32_MAX - 256;  // of a run: 730 thousand million entries
constexpr char kMagic[9] = "TARNRUN1";

/// The end of a run's file.
struct Tail {
  char magic[8];
  uint64_t life;
  uint64_t number;
  uint64_t entries;
  uint64_t filter_bytes;
  uint32_t reserved;
  uint32_t checksum;  // of fences, filter and what stands before it here
};
static_assert(sizeof(Tail) == 48);

template <typename T>
std::string_view BytesOf(const T* first, size_t count) {
  return {reinterpret_cast<const char*>(first), count * sizeof(T)};
}

uint32_t SeedOf(uint64_t life, uint64_t number) {
  const uint64_t both[2] = {life, number};
  return Crc32c(BytesOf(both, 2));
}

uint32_t ChecksumOf(const RunBlock& block, uint32_t seed) {
  return Crc32c({reinterpret_cast<const char*>(&block), offsetof(RunBlock, checksum)}, seed);
}

uint32_t ChecksumOf(const std::vector<KeyHash>& fences, std::string_view filter, const Tail& tail) {
  const uint32_t sum = Crc32c(filter, Crc32c(BytesOf(fences.data(), fences.size())));
  return Crc32c({reinterpret_cast<const char*>(&tail), offsetof(Tail, checksum)}, sum);
}

uint64_t BlocksFor(uint64_t entries) {
  return entries / RunBlock::kEntries + (entries % RunBlock::kEntries != 0);
}

}  // namespace

std::string RunFileName(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "run-%012llu", static_cast<unsigned long long>(number));
  return name;
}

Result<std::unique_ptr<RunWriter>> RunWriter::Create(IndexFolder& folder, uint64_t life,
                                                     uint64_t number, uint64_t entries_max,
                                                     Filter filter) {
  if (BlocksFor(entries_max) > kBlocksMax) {
    return ResourceExhausted("key index: " + folder.path() + " cannot hold so many keys");
  }
  TARN_ASSIGN_OR_RETURN(auto file, folder.Create(RunFileName(number)));
  return std::unique_ptr<RunWriter>(
      new RunWriter(std::move(file), life, number,
                    filter == Filter::kWanted ? KeyFilter(entries_max) : KeyFilter()));
}

RunWriter::RunWriter(std::unique_ptr<IndexFile> file, uint64_t life, uint64_t number,
                     KeyFilter filter)
    : file_(std::move(file)),
      life_(life),
      number_(number),
      seed_(SeedOf(life, number)),
      filter_(std::move(filter)) {
  blocks_.reserve(kReadBlocks);
}

Status RunWriter::Add(const KeyEntry& entry) {
  if (blocks_.empty() || blocks_.back().count == RunBlock::kEntries) {
    if (blocks_.size() == kReadBlocks) TARN_RETURN_IF_ERROR(FlushBlocks());
    RunBlock& block = blocks_.emplace_back();
    std::memset(static_cast<void*>(&block), 0, sizeof(block));
    block.index = fences_.size();
    fences_.push_back(entry.key);
  }
  RunBlock& block = blocks_.back();
  block.entries[block.count++] = entry;
  filter_.Add(entry.key);
  ++entries_;
  return Status::Ok();
}

Status RunWriter::FlushBlocks() {
  for (RunBlock& block : blocks_) block.checksum = ChecksumOf(block, seed_);
  const std::string_view bytes = BytesOf(blocks_.data(), blocks_.size());
  TARN_RETURN_IF_ERROR(file_->Append(bytes));
  unsynced_bytes_ += static_cast<int64_t>(bytes.size());
  blocks_.clear();
  if (unsynced_bytes_ < kSyncEveryBytes) return Status::Ok();
  unsynced_bytes_ = 0;
  return file_->Sync();
}

Result<RunInfo> RunWriter::Finish() {
  TARN_RETURN_IF_ERROR(FlushBlocks());
  Tail tail = {};
  std::memcpy(tail.magic, kMagic, sizeof(tail.magic));
  tail.life = life_;
  tail.number = number_;
  tail.entries = entries_;
  tail.filter_bytes = filter_.bytes().size();
  tail.checksum = ChecksumOf(fences_, filter_.bytes(), tail);
  TARN_RETURN_IF_ERROR(file_->Append(BytesOf(fences_.data(), fences_.size())));
  TARN_RETURN_IF_ERROR(file_->Append(filter_.bytes()));
  TARN_RETURN_IF_ERROR(file_->Append(BytesOf(&tail, 1)));
  TARN_RETURN_IF_ERROR(file_->Sync());
  return RunInfo{number_, entries_, tail.checksum};
}

Result<std::shared_ptr<const Run>> Run::Open(IndexFolder& folder, uint64_t life,
                                             const RunInfo& info) {
  auto file = folder.Open(RunFileName(info.number));
  if (!file.ok() && file.error().kind == ErrorKind::kNotFound) {
    return Corruption(file.error().message);
  }
  if (!file.ok()) return file.error();
  auto run =
      std::shared_ptr<Run>(new Run(std::move(file).value(), SeedOf(life, info.number), info));
  TARN_RETURN_IF_ERROR(run->Load(life));
  return std::shared_ptr<const Run>(std::move(run));
}

Error Run::Damaged(std::string_view what) const {
  return Corruption("key index: " + file_->path() + ": " + std::string(what));
}

Status Run::Load(uint64_t life) {
  TARN_ASSIGN_OR_RETURN(const int64_t size, file_->Size());
  if (size < static_cast<int64_t>(sizeof(Tail))) return Damaged("too short for a run");
  Tail tail;
  TARN_RETURN_IF_ERROR(file_->Read(size - static_cast<int64_t>(sizeof(Tail)),
                                   {reinterpret_cast<char*>(&tail), sizeof(tail)}));
  if (std::memcmp(tail.magic, kMagic, sizeof(tail.magic)) != 0 || tail.life != life ||
      tail.number != info_.number || tail.entries != info_.entries ||
      tail.checksum != info_.checksum) {
    return Damaged("not the run that the manifest names");
  }
  // Each is bounded by the file's size before it is multiplied.
  const uint64_t body = static_cast<uint64_t>(size) - sizeof(Tail);
  const uint64_t blocks = BlocksFor(tail.entries);
  const uint64_t per_block = sizeof(RunBlock) + sizeof(KeyHash);
  if (blocks > body / per_block || blocks > kBlocksMax ||
      tail.filter_bytes != body - blocks * per_block || tail.filter_bytes % 64 != 0) {
    return Damaged("its size is not that of its entries");
  }
  auto at = static_cast<int64_t>(blocks * sizeof(RunBlock));
  fences_.resize(blocks);
  TARN_RETURN_IF_ERROR(
      file_->Read(at, {reinterpret_cast<char*>(fences_.data()), fences_.size() * sizeof(KeyHash)}));
  at += static_cast<int64_t>(fences_.size() * sizeof(KeyHash));
  std::string filter(tail.filter_bytes, '\0');
  TARN_RETURN_IF_ERROR(file_->Read(at, filter));
  if (ChecksumOf(fences_, filter, tail) != tail.checksum) return Damaged("wrong checksum");
  filter_ = KeyFilter(filter);
  return Status::Ok();
}

Status Run::ReadRaw(uint64_t first, std::span<RunBlock> out) const {
  return file_->Read(static_cast<int64_t>(first * sizeof(RunBlock)),
                     {reinterpret_cast<char*>(out.data()), out.size_bytes()});
}

Status Run::Verify(const RunBlock& block, uint64_t index) const {
  const uint64_t before = index * RunBlock::kEntries;
  const uint64_t count = std::min<uint64_t>(RunBlock::kEntries, info_.entries - before);
  if (ChecksumOf(block, seed_) != block.checksum || block.index != index || block.count != count) {
    return Damaged("block " + std::to_string(index) + " has a wrong checksum");
  }
  return Status::Ok();
}

Status Run::ReadBlocks(uint64_t first, std::span<RunBlock> out) const {
  TARN_RETURN_IF_ERROR(ReadRaw(first, out));
  for (size_t i = 0; i < out.size(); ++i) TARN_RETURN_IF_ERROR(Verify(out[i], first + i));
  return Status::Ok();
}

uint32_t Run::BlockOf(const KeyHash& key, uint32_t from) const {
  // Wanted keys ascend: the block is near the last one, so strides are doubled from there.
  const auto count = static_cast<uint32_t>(fences_.size());
  uint32_t low = from;
  uint32_t stride = 1;
  while (stride < count - low && fences_[low + stride] <= key) {
    low += stride;
    stride *= 2;
  }
  uint32_t high = low + std::min(stride, count - low);  // the first that is known to stand after
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    (fences_[middle] <= key ? low : high) = middle;
  }
  return low;
}

Status Run::Lookup(std::vector<WantedKey>& wanted, std::span<RowPlace> places,
                   Buffers& buffers) const {
  if (fences_.empty()) return Status::Ok();
  constexpr size_t kAhead = 8;
  const size_t count = wanted.size();
  std::vector<uint32_t>& at = buffers.at;
  at.resize(count);
  uint32_t block = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) filter_.Prefetch(wanted[i + kAhead].key);
    const KeyHash& key = wanted[i].key;
    if (key < fences_[0] || !filter_.MayHold(key)) {
      at[i] = kNoBlock;
    } else {
      at[i] = block = BlockOf(key, block);
    }
  }

  size_t kept = 0;
  for (size_t i = 0; i < count;) {
    if (at[i] == kNoBlock) {
      wanted[kept++] = wanted[i++];
      continue;
    }
    // Neighbours are read at once.
    const uint32_t first = at[i];
    uint32_t last = first;
    size_t end = i + 1;
    for (; end < count; ++end) {
      if (at[end] == kNoBlock) continue;
      if (at[end] > last + 1 + kGapBlocks || at[end] - first >= kReadBlocks) break;
      last = at[end];
    }
    buffers.blocks.resize(kReadBlocks);
    TARN_RETURN_IF_ERROR(ReadRaw(first, std::span(buffers.blocks).first(last - first + 1)));
    uint32_t verified = kNoBlock;
    for (; i < end; ++i) {
      bool found = false;
      if (at[i] != kNoBlock) {
        const RunBlock& read = buffers.blocks[at[i] - first];
        if (at[i] != verified) TARN_RETURN_IF_ERROR(Verify(read, at[i]));
        verified = at[i];
        const KeyEntry* stop = read.entries + read.count;
        const KeyEntry* entry = std::lower_bound(
            read.entries, stop, wanted[i].key,
            [](const KeyEntry& candidate, const KeyHash& key) { return candidate.key < key; });
        found = entry != stop && entry->key == wanted[i].key;
        if (found && entry->place.found()) places[wanted[i].index] = entry->place;
      }
      if (!found) wanted[kept++] = wanted[i];
    }
  }
  wanted.resize(kept);
  return Status::Ok();
}

Result<const KeyEntry*> RunScanner::Next() {
  if (block_ < blocks_.size() && entry_ == blocks_[block_].count) {
    ++block_;
    entry_ = 0;
  }
  if (block_ == blocks_.size()) {
    const uint64_t left = run_->blocks() - next_block_;
    if (left == 0) return nullptr;
    blocks_.resize(std::min<uint64_t>(left, kReadBlocks));
    TARN_RETURN_IF_ERROR(run_->ReadBlocks(next_block_, blocks_));
    next_block_ += blocks_.size();
    block_ = 0;
  }
  return &blocks_[block_].entries[entry_++];
}

}  // namespace tarn
