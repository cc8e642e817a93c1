#include "storage/cache/cached_store.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <iterator>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "storage/cache/block_cache.h"
#include "storage/forwarding_store.h"
#include "storage/immutable_name.h"

namespace tarn {
namespace {

constexpr int64_t kBlockBytesMin = 64 << 10;
constexpr int64_t kBlockBytesMax = 16 << 20;

/// A block as it came from the inner store.
struct Block {
  std::string bytes;
  int64_t object_size = 0;
};
using Fetched = Result<std::shared_ptr<const Block>>;
/// What is on its way, by object and index.
using BlockId = std::pair<std::string, int64_t>;

class CachedStore final : public ForwardingStore {
 public:
  CachedStore(std::unique_ptr<ObjectStore> inner, CacheOptions options, Clock& clock)
      : ForwardingStore(std::move(inner)),
        block_bytes_(std::clamp(options.block_bytes, kBlockBytesMin, kBlockBytesMax)),
        run_blocks_max_(std::max<int64_t>(1, options.fetch_bytes_max / block_bytes_)),
        cache_({std::move(options.folder), options.bytes_max}, clock) {}

  Result<std::string> Get(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    if (!IsImmutableName(key)) return inner().Get(key);
    const std::string object = ObjectId(key);
    if (auto bytes = GetCached(object)) return std::move(*bytes);
    // One request for the whole, whose checksum the inner store can verify.
    TARN_ASSIGN_OR_RETURN(std::string bytes, inner().Get(key));
    const auto size = static_cast<int64_t>(bytes.size());
    for (int64_t at = 0; at == 0 || at < size; at += block_bytes_) {
      const auto start = static_cast<size_t>(at);
      cache_.Insert(object, at / block_bytes_, size,
                    std::string_view(bytes).substr(start, static_cast<size_t>(block_bytes_)));
    }
    return bytes;
  }

  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override {
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    if (!IsImmutableName(key)) return inner().GetRange(key, offset, length);
    std::string bytes(static_cast<size_t>(length), '\0');
    TARN_RETURN_IF_ERROR(ReadRange(key, offset, bytes));
    return bytes;
  }

  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    const auto length = static_cast<int64_t>(out.size());
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    if (!IsImmutableName(key)) return inner().ReadRange(key, offset, out);
    TARN_ASSIGN_OR_RETURN(const ReadExtent extent, ReadUpTo(key, offset, out));
    if (extent.bytes_read == length && offset <= extent.size_bytes) return {};
    return RangeBeyondEnd(UriOf(key), offset, length, extent.size_bytes);
  }

  Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out) override {
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, static_cast<int64_t>(out.size())));
    if (!IsImmutableName(key)) return inner().ReadUpTo(key, offset, out);
    return ReadBlocks(key, offset, out);
  }

  Status Put(std::string_view key, std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(inner().Put(key, bytes));
    Forget(key);
    return {};
  }

  Status Delete(std::string_view key) override {
    TARN_RETURN_IF_ERROR(inner().Delete(key));
    Forget(key);
    return {};
  }

 private:
  using Flights = std::map<BlockId, std::shared_future<Fetched>>;

  /// A block that one read fetches for all who want it. However that read ends, also by something
  /// thrown, nobody waits for ever, and the next one may fetch it.
  class Flight {
   public:
    /// The store's mutex is held.
    Flight(CachedStore& store, BlockId id)
        : store_(&store),
          outcome_(Unavailable("another read of the same bytes was given up", "run it again")),
          it_(store.flights_.emplace(std::move(id), promise_.get_future().share()).first) {}
    Flight(Flight&& other) noexcept
        : store_(std::exchange(other.store_, nullptr)),
          outcome_(std::move(other.outcome_)),
          promise_(std::move(other.promise_)),
          it_(other.it_) {}
    Flight& operator=(Flight&&) = delete;
    // Takes no memory: it may be what is lacking.
    ~Flight() {
      if (store_ == nullptr) return;
      promise_.set_value(std::move(outcome_));
      std::lock_guard lock(store_->mutex_);
      store_->flights_.erase(it_);
    }

    const std::shared_future<Fetched>& fetched() const { return it_->second; }
    void Land(Fetched fetched) { outcome_ = std::move(fetched); }

   private:
    CachedStore* store_;
    Fetched outcome_;
    std::promise<Fetched> promise_;
    Flights::iterator it_;
  };

  /// The blocks that one read needs, and where each of them comes from.
  struct Wanted {
    int64_t index;
    std::optional<Flight> ours;  // nobody else fetches it
    std::shared_future<Fetched> fetched;
  };

  std::string ObjectId(std::string_view key) const {
    const std::string name = UriOf(key) + '\n' + std::to_string(block_bytes_);
    return HexEncode(AsBytes(Sha256(name)).substr(0, 16));
  }

  void Forget(std::string_view key) {
    if (IsImmutableName(key)) cache_.Forget(ObjectId(key));
  }

  std::optional<std::string> GetCached(const std::string& object) {
    std::string bytes(static_cast<size_t>(block_bytes_), '\0');
    auto extent = cache_.Read(object, 0, 0, bytes);
    if (!extent) return std::nullopt;
    const int64_t size = extent->size_bytes;
    bytes.resize(static_cast<size_t>(size));
    bytes.shrink_to_fit();  // whoever keeps a small object does not keep a block's room with it
    for (int64_t at = block_bytes_; at < size; at += block_bytes_) {
      const int64_t length = std::min(block_bytes_, size - at);
      extent = cache_.Read(
          object, at / block_bytes_, 0,
          std::span(bytes).subspan(static_cast<size_t>(at), static_cast<size_t>(length)));
      if (!extent || extent->bytes_read != length) return std::nullopt;
    }
    return bytes;
  }

  Result<ReadExtent> ReadBlocks(std::string_view key, int64_t offset, std::span<char> out) {
    const std::string object = ObjectId(key);
    const int64_t end = offset + static_cast<int64_t>(out.size());
    const int64_t first = offset / block_bytes_;
    const int64_t last = out.empty() ? first : (end - 1) / block_bytes_;
    ReadExtent extent{0, -1};
    std::vector<int64_t> missing;
    const auto take = [&](int64_t index) {
      const auto hit = ReadCached(object, index, offset, out);
      if (!hit) return false;
      extent.size_bytes = hit->size_bytes;
      extent.bytes_read += hit->bytes_read;
      return true;
    };
    for (int64_t index = first; index <= last; ++index) {
      if (extent.size_bytes >= 0 && index > first && index * block_bytes_ >= extent.size_bytes) {
        break;
      }
      if (!take(index)) missing.push_back(index);
    }
    std::vector<int64_t> arrived;
    std::vector<Wanted> wanted = Claim(object, missing, &arrived);
    std::erase_if(arrived, take);
    // What was there and could not be read is fetched again.
    std::ranges::move(Claim(object, arrived, nullptr), std::back_inserter(wanted));
    FetchOurs(key, object, wanted);
    for (Wanted& block : wanted) {
      const Fetched& fetched = block.fetched.get();
      TARN_RETURN_IF_ERROR(fetched);
      extent.size_bytes = (*fetched)->object_size;
      extent.bytes_read += CopyOut((*fetched)->bytes, block.index, offset, out);
    }
    return extent;
  }

  /// Where the block's bytes go in `out`, which begins at `offset` of the object.
  struct Overlap {
    int64_t in_block;
    std::span<char> into;
  };
  Overlap OverlapOf(int64_t index, int64_t offset, std::span<char> out) const {
    const int64_t start = index * block_bytes_;
    const int64_t from = std::max(start, offset);
    const int64_t to = std::min(start + block_bytes_, offset + static_cast<int64_t>(out.size()));
    return {from - start, out.subspan(static_cast<size_t>(from - offset),
                                      static_cast<size_t>(std::max<int64_t>(0, to - from)))};
  }

  std::optional<ReadExtent> ReadCached(const std::string& object, int64_t index, int64_t offset,
                                       std::span<char> out) {
    const Overlap overlap = OverlapOf(index, offset, out);
    return cache_.Read(object, index, overlap.in_block, overlap.into);
  }

  int64_t CopyOut(std::string_view block, int64_t index, int64_t offset, std::span<char> out) {
    const Overlap overlap = OverlapOf(index, offset, out);
    const size_t start = std::min(static_cast<size_t>(overlap.in_block), block.size());
    const size_t length = std::min(overlap.into.size(), block.size() - start);
    if (length > 0) std::memcpy(overlap.into.data(), block.data() + start, length);
    return static_cast<int64_t>(length);
  }

  /// The blocks of `indices`, each ours to fetch or on its way already. All are claimed at once, so
  /// that equal readers do not take turns and tear a run of neighbours into requests of a block
  /// each. Those that are in the cache since the caller looked go to `arrived` instead, if given.
  std::vector<Wanted> Claim(const std::string& object, std::span<const int64_t> indices,
                            std::vector<int64_t>* arrived) {
    std::vector<Wanted> claimed;
    claimed.reserve(indices.size());  // a flight that ends takes the mutex: none ends below
    std::lock_guard lock(mutex_);
    for (const int64_t index : indices) {
      BlockId id(object, index);
      if (const auto it = flights_.find(id); it != flights_.end()) {
        claimed.push_back({index, std::nullopt, it->second});
      } else if (arrived != nullptr && cache_.MayHave(object, index)) {
        arrived->push_back(index);
      } else {
        claimed.push_back({index, std::nullopt, {}});
        Wanted& wanted = claimed.back();
        wanted.ours.emplace(*this, std::move(id));
        wanted.fetched = wanted.ours->fetched();
      }
    }
    return claimed;
  }

  /// Fetches what was claimed, neighbours together. Every flight lands, also after an error, and
  /// nobody waits for others before: so readers that need each other's blocks cannot lock up.
  void FetchOurs(std::string_view key, const std::string& object, std::vector<Wanted>& wanted) {
    for (size_t begin = 0; begin < wanted.size();) {
      if (!wanted[begin].ours) {
        ++begin;
        continue;
      }
      size_t end = begin + 1;
      while (end < wanted.size() && wanted[end].ours &&
             wanted[end].index == wanted[end - 1].index + 1 &&
             static_cast<int64_t>(end - begin) < run_blocks_max_) {
        ++end;
      }
      FetchRun(key, object, std::span(wanted).subspan(begin, end - begin));
      begin = end;
    }
  }

  void FetchRun(std::string_view key, const std::string& object, std::span<Wanted> run) {
    std::string bytes(run.size() * static_cast<size_t>(block_bytes_), '\0');
    const auto extent = inner().ReadUpTo(key, run.front().index * block_bytes_, bytes);
    for (size_t i = 0; i < run.size(); ++i) {
      Fetched fetched = extent.ok() ? Fetched(std::shared_ptr<const Block>()) : extent.error();
      if (extent.ok()) {
        const auto there = static_cast<size_t>(extent->bytes_read);
        const size_t start = std::min(i * static_cast<size_t>(block_bytes_), there);
        auto block = std::make_shared<Block>();
        block->bytes =
            bytes.substr(start, std::min(static_cast<size_t>(block_bytes_), there - start));
        block->object_size = extent->size_bytes;
        // Before it is no longer on its way: whoever comes next finds it at the one place or the
        // other.
        if (!block->bytes.empty()) {
          cache_.Insert(object, run[i].index, block->object_size, block->bytes);
        }
        fetched = std::shared_ptr<const Block>(std::move(block));
      }
      run[i].ours->Land(std::move(fetched));
      run[i].ours.reset();
    }
  }

  const int64_t block_bytes_;
  const int64_t run_blocks_max_;
  BlockCache cache_;
  std::mutex mutex_;  // of flights_
  Flights flights_;
};

}  // namespace

std::unique_ptr<ObjectStore> OpenCachedStore(std::unique_ptr<ObjectStore> inner,
                                             CacheOptions options, Clock& clock) {
  return std::make_unique<CachedStore>(std::move(inner), std::move(options), clock);
}

}  // namespace tarn
