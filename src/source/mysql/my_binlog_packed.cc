#include "source/mysql/my_binlog_packed.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <arrow/result.h>
#include <arrow/util/compression.h>

#include "source/mysql/my_binlog_event.h"

namespace tarn::mysql {
namespace {

/// What a server lets an event be: slave_max_allowed_packet.
constexpr int64_t kBytesMax = 1 << 30;
/// Of events, unpacked at a time.
constexpr size_t kWindowBytes = 1 << 20;
/// The algorithm packs no better: more is claimed by damage.
constexpr int64_t kRatioMax = 1 << 15;

Error Damaged() {
  return Corruption("a compressed event of the log is damaged",
                    "run again; if it stays, check the server's log with mysqlbinlog");
}

Error TooLarge(int64_t bytes) {
  return ResourceExhausted("an event of the log has " + std::to_string(bytes) +
                               " bytes unpacked, more than a server writes",
                           "check the server's log with mysqlbinlog");
}

Status Unpack(arrow::Result<std::unique_ptr<arrow::util::Codec>> codec, std::string_view packed,
              int64_t size, std::string* bytes) {
  if (!codec.ok()) return Internal("unpacking the log: " + codec.status().message());
  if (size > kBytesMax) return TooLarge(size);
  if (size / kRatioMax > static_cast<int64_t>(packed.size())) return Damaged();
  bytes->resize(static_cast<size_t>(size));
  const auto unpacked = (*codec)->Decompress(static_cast<int64_t>(packed.size()),
                                             reinterpret_cast<const uint8_t*>(packed.data()), size,
                                             reinterpret_cast<uint8_t*>(bytes->data()));
  if (!unpacked.ok() || *unpacked != size) return Damaged();
  return Status::Ok();
}

}  // namespace

Status UnpackZlib(std::string_view packed, std::string* bytes) {
  // A mark with the algorithm and the size of the length; the length, high byte first.
  if (packed.empty()) return Damaged();
  const uint8_t head = static_cast<uint8_t>(packed[0]);
  const size_t length = head & 7;
  if ((head & 0x80) == 0 || (head & 0x70) != 0 || length < 1 || length > 4 ||
      packed.size() < 1 + length) {
    return Damaged();
  }
  int64_t size = 0;
  for (size_t i = 1; i <= length; ++i) size = size << 8 | static_cast<uint8_t>(packed[i]);
  arrow::util::GZipCodecOptions options;
  options.gzip_format = arrow::util::GZipFormat::ZLIB;
  return Unpack(arrow::util::Codec::Create(arrow::Compression::GZIP, options),
                packed.substr(1 + length), size, bytes);
}

PackedEvents::PackedEvents(std::string packed, int64_t bytes)
    : packed_(std::move(packed)), left_(bytes) {}

PackedEvents::~PackedEvents() = default;

Result<std::unique_ptr<PackedEvents>> PackedEvents::Open(std::string packed, Packing packing,
                                                         int64_t bytes) {
  if (bytes < 0 || bytes / kRatioMax > static_cast<int64_t>(packed.size())) return Damaged();
  std::unique_ptr<PackedEvents> events(new PackedEvents(std::move(packed), bytes));
  if (packing == Packing::kNone) {
    events->left_ = static_cast<int64_t>(events->packed_.size());
    return events;
  }
  auto codec = arrow::util::Codec::Create(arrow::Compression::ZSTD);
  if (!codec.ok()) return Internal("unpacking the log: " + codec.status().message());
  auto decompressor = (*codec)->MakeDecompressor();
  if (!decompressor.ok()) return Internal("unpacking the log: " + decompressor.status().message());
  events->decompressor_ = *std::move(decompressor);
  return events;
}

Status PackedEvents::Unpack() {
  events_.erase(0, at_);
  at_ = 0;
  const size_t before = events_.size();
  if (decompressor_ == nullptr) {
    const size_t bytes = std::min(kWindowBytes, packed_.size() - packed_at_);
    events_.append(packed_, packed_at_, bytes);
    packed_at_ += bytes;
  } else {
    events_.resize(before + kWindowBytes);
    const auto unpacked = decompressor_->Decompress(
        static_cast<int64_t>(packed_.size() - packed_at_),
        reinterpret_cast<const uint8_t*>(packed_.data() + packed_at_),
        static_cast<int64_t>(kWindowBytes), reinterpret_cast<uint8_t*>(events_.data() + before));
    if (!unpacked.ok()) return Damaged();
    packed_at_ += static_cast<size_t>(unpacked->bytes_read);
    events_.resize(before + static_cast<size_t>(unpacked->bytes_written));
    const bool stands = unpacked->bytes_read == 0 && unpacked->bytes_written == 0;
    if (decompressor_->IsFinished() && packed_at_ < packed_.size()) {
      if (!decompressor_->Reset().ok()) return Damaged();
    } else if (stands) {
      return Damaged();
    }
  }
  if (events_.size() == before && packed_at_ == packed_.size() && left_ > 0) return Damaged();
  left_ -= static_cast<int64_t>(events_.size() - before);
  return left_ < 0 ? Status(Damaged()) : Status::Ok();
}

Result<std::optional<std::string_view>> PackedEvents::Next() {
  while (true) {
    const uint8_t* const p = reinterpret_cast<const uint8_t*>(events_.data()) + at_;
    const size_t ready = events_.size() - at_;
    EventCursor length{p, p + ready};
    length.Bytes(9);
    const uint64_t bytes = length.Number(4);
    if (length.ok) {
      if (bytes < static_cast<uint64_t>(EventHeader::kBytes)) return Damaged();
      if (bytes > static_cast<uint64_t>(kBytesMax)) return TooLarge(static_cast<int64_t>(bytes));
      if (bytes <= ready) {
        const std::string_view event(events_.data() + at_, bytes);
        at_ += bytes;
        return std::optional<std::string_view>(event);
      }
    }
    if (left_ == 0) {
      if (ready > 0) return Damaged();
      return std::optional<std::string_view>();
    }
    TARN_RETURN_IF_ERROR(Unpack());
  }
}

}  // namespace tarn::mysql
