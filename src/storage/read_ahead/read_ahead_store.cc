#include "storage/read_ahead/read_ahead_store.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <list>
#include <mutex>
#include <vector>

#include "base/thread.h"
#include "storage/forwarding_store.h"
#include "storage/immutable_name.h"
#include "storage/read_ahead/parallel_read.h"
#include "storage/read_ahead/read_pool.h"

namespace tarn {
namespace {

constexpr size_t kStreamsMax = 64;  // readers that are remembered
constexpr int kRangesInARow = 2;    // after which a reader is a sequential one
/// A reader that did not come back while the store was read so often is gone.
constexpr uint64_t kGoneAfterReads = 64;

/// Somebody who reads an object forwards, perhaps on several threads.
struct Stream {
  std::string key;
  int64_t next = 0;       // where the last range ended
  int64_t ahead_end = 0;  // what was read ahead ends here
  int64_t window = 0;     // bytes to be ahead
  int64_t size_bytes = INT64_MAX;
  int in_a_row = 0;
  uint64_t last_read = 0;
};

/// A range read ahead.
struct Piece {
  enum class State { kQueued, kRunning, kReady, kFailed };
  std::string key;
  std::shared_ptr<Stream> stream;
  int64_t offset = 0;
  int64_t length = 0;  // wanted; `bytes` has less only at the object's end
  State state = State::kQueued;
  std::string bytes;
  Status failed;
  int64_t taken = 0;  // bytes that were asked for

  int64_t end() const { return offset + length; }
};

struct Interval {
  int64_t begin;
  int64_t end;
};

class ReadAheadStore final : public ForwardingStore {
 public:
  ReadAheadStore(std::unique_ptr<ObjectStore> inner, const ReadAheadOptions& options)
      : ForwardingStore(std::move(inner)),
        options_(options),
        pool_(static_cast<size_t>(std::max<int64_t>(0, options.reads_in_flight_max))) {}

  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override {
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    std::string bytes(static_cast<size_t>(length), '\0');
    TARN_RETURN_IF_ERROR(ReadRange(key, offset, bytes));
    return bytes;
  }

  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    const auto length = static_cast<int64_t>(out.size());
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    if (length == 0 || !IsImmutableName(key)) return inner().ReadRange(key, offset, out);
    std::vector<std::shared_ptr<Piece>> pieces;
    {
      std::lock_guard lock(mutex_);
      pieces = PiecesOf(key, offset, offset + length);
      NoteRead(key, offset, offset + length);
    }
    const auto into = [&](int64_t begin, int64_t end) {
      return out.subspan(static_cast<size_t>(begin - offset), static_cast<size_t>(end - begin));
    };
    int64_t at = offset;
    std::vector<Interval> gaps;
    for (const auto& piece : pieces) {
      if (piece->offset > at) gaps.push_back({at, piece->offset});
      at = std::max(at, piece->end());
    }
    if (at < offset + length) gaps.push_back({at, offset + length});
    for (const Interval& gap : gaps) {
      TARN_RETURN_IF_ERROR(ParallelRead(inner(), pool_, options_.part_bytes, key, gap.begin,
                                        into(gap.begin, gap.end)));
    }
    for (const auto& piece : pieces) {
      const int64_t begin = std::max(offset, piece->offset);
      const int64_t end = std::min(offset + length, piece->end());
      Fetch(piece);  // unless a thread has begun with it
      TARN_ASSIGN_OR_RETURN(const int64_t taken, Take(*piece, begin, into(begin, end)));
      if (begin + taken < end) {
        TARN_RETURN_IF_ERROR(inner().ReadRange(key, begin + taken, into(begin + taken, end)));
      }
    }
    return {};
  }

  Status Delete(std::string_view key) override {
    {
      std::lock_guard lock(mutex_);
      DropIf([&](const Piece& piece) { return piece.key == key; });
    }
    return inner().Delete(key);
  }

 private:
  /// What is there of a range, on its way or queued, in the order of offsets.
  std::vector<std::shared_ptr<Piece>> PiecesOf(std::string_view key, int64_t begin, int64_t end) {
    std::vector<std::shared_ptr<Piece>> found;
    for (const auto& piece : pieces_) {
      if (piece->key == key && piece->offset < end && begin < piece->end()) found.push_back(piece);
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a->offset < b->offset; });
    return found;
  }

  /// Copies what the piece has from `begin` on, waiting for it where it is on its way. Returns the
  /// number of bytes; fewer than asked for when it was given up or the object ended. Error
  /// Unavailable: the caller has waited for a store that does not answer, and does not begin anew.
  Result<int64_t> Take(Piece& piece, int64_t begin, std::span<char> into) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return piece.state != Piece::State::kRunning; });
    if (!piece.failed.ok() && piece.failed.error().kind == ErrorKind::kUnavailable) {
      return piece.failed;
    }
    if (piece.state != Piece::State::kReady) return int64_t{0};
    const auto start = static_cast<size_t>(begin - piece.offset);
    if (start >= piece.bytes.size()) return int64_t{0};
    const size_t count = std::min(into.size(), piece.bytes.size() - start);
    piece.taken += static_cast<int64_t>(count);
    const bool used_up = piece.taken >= static_cast<int64_t>(piece.bytes.size());
    if (used_up) DropIf([&](const Piece& other) { return &other == &piece; });
    lock.unlock();  // the bytes of a piece that is ready never change
    std::memcpy(into.data(), piece.bytes.data() + start, count);
    return static_cast<int64_t>(count);
  }

  void NoteRead(std::string_view key, int64_t begin, int64_t end) {
    ++reads_;
    if (options_.ahead_bytes_max < options_.part_bytes || pool_.threads_max() == 0) return;
    const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const auto& stream) {
      return stream->key == key && stream->next <= begin &&
             begin - stream->next <= options_.gap_bytes_max;
    });
    std::shared_ptr<Stream> stream;
    if (found == streams_.end()) {
      stream = std::make_shared<Stream>();
      stream->key = key;
      stream->ahead_end = end;
      if (streams_.size() >= kStreamsMax) streams_.pop_back();
    } else {
      stream = *found;
      streams_.erase(found);
      ++stream->in_a_row;
      if (end - begin >= options_.part_bytes) ++stream->in_a_row;
    }
    streams_.push_front(stream);
    stream->next = end;
    stream->last_read = reads_;
    if (stream->in_a_row < kRangesInARow) return;
    DropIf([&](const Piece& piece) {
      return piece.stream == stream && piece.state != Piece::State::kRunning &&
             piece.end() + options_.gap_bytes_max < begin;
    });
    Extend(stream);
  }

  /// Reads ahead in whole parts, so that small ranges do not make small requests.
  void Extend(const std::shared_ptr<Stream>& stream) {
    stream->ahead_end = std::max(stream->ahead_end, stream->next);
    if (stream->window == 0) stream->window = options_.part_bytes;
    while (stream->ahead_end < stream->size_bytes &&
           stream->ahead_end + options_.part_bytes <= stream->next + stream->window) {
      if (!MakeRoom()) return;
      auto piece = std::make_shared<Piece>();
      piece->key = stream->key;
      piece->stream = stream;
      piece->offset = stream->ahead_end;
      piece->length = options_.part_bytes;
      stream->ahead_end += piece->length;
      // As long as somebody comes for what was read ahead, more of it pays.
      stream->window = std::min(2 * stream->window, options_.ahead_bytes_max);
      pieces_.push_back(piece);
      ahead_bytes_ += piece->length;
      pool_.Add([this, piece] { Fetch(piece); });
    }
  }

  /// Room for one more part; that of readers that are gone is taken.
  bool MakeRoom() {
    const auto fits = [&] {
      return ahead_bytes_ + options_.part_bytes <= options_.ahead_bytes_max;
    };
    if (fits()) return true;
    DropIf([&](const Piece& piece) {
      if (piece.state == Piece::State::kRunning) return false;
      const bool gone = reads_ - piece.stream->last_read > kGoneAfterReads;
      // Should it come back it begins anew.
      if (gone) piece.stream->ahead_end = piece.stream->window = piece.stream->in_a_row = 0;
      return gone;
    });
    return fits();
  }

  template <typename Which>
  void DropIf(const Which& which) {
    for (auto it = pieces_.begin(); it != pieces_.end();) {
      if (which(**it)) {
        if ((*it)->state == Piece::State::kQueued) (*it)->state = Piece::State::kFailed;
        ahead_bytes_ -= (*it)->length;
        it = pieces_.erase(it);
      } else {
        ++it;
      }
    }
  }

  void Fetch(const std::shared_ptr<Piece>& piece) {
    {
      std::lock_guard lock(mutex_);
      if (piece->state != Piece::State::kQueued) return;
      piece->state = Piece::State::kRunning;
    }
    std::string bytes;
    int64_t size_bytes = 0;
    const Status read = RunWalled([&]() -> Status {
      bytes.resize(static_cast<size_t>(piece->length));
      TARN_ASSIGN_OR_RETURN(const ReadExtent extent,
                            inner().ReadUpTo(piece->key, piece->offset, bytes));
      bytes.resize(static_cast<size_t>(extent.bytes_read));
      size_bytes = extent.size_bytes;
      return {};
    });
    std::lock_guard lock(mutex_);
    if (read.ok()) {
      piece->bytes = std::move(bytes);
      piece->state = Piece::State::kReady;
      piece->stream->size_bytes = size_bytes;
    } else {
      piece->failed = read;
      piece->state = Piece::State::kFailed;
    }
    const bool useless = piece->bytes.empty();
    if (useless) DropIf([&](const Piece& other) { return &other == piece.get(); });
    arrived_.notify_all();
  }

  const ReadAheadOptions options_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  uint64_t reads_ = 0;
  std::list<std::shared_ptr<Stream>> streams_;  // the last one read first
  std::list<std::shared_ptr<Piece>> pieces_;    // the oldest first
  int64_t ahead_bytes_ = 0;                     // of pieces_
  ReadPool pool_;                               // its threads use all of the above: ends first
};

}  // namespace

std::unique_ptr<ObjectStore> OpenReadAheadStore(std::unique_ptr<ObjectStore> inner,
                                                ReadAheadOptions options) {
  return std::make_unique<ReadAheadStore>(std::move(inner), options);
}

}  // namespace tarn
