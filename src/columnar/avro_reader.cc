#include "columnar/avro_reader.h"

#include <algorithm>
#include <utility>

#include "columnar/avro_codec.h"
#include "columnar/avro_decoder.h"

namespace tarn {

namespace {

constexpr std::string_view kMagic("Obj\x01", 4);
constexpr size_t kSyncBytes = 16;
/// Records that take no bytes: so many are believed in one block.
constexpr int64_t kEmptyRecordsMax = 65536;

/// The header's metadata: an Avro map of bytes.
bool ReadMetadata(AvroCursor& cursor, std::map<std::string, std::string>& metadata) {
  while (true) {
    int64_t items = 0;
    int64_t bytes = 0;
    if (!cursor.Long(items)) return false;
    if (items == 0) return true;
    if (items < 0 && !cursor.Long(bytes)) return false;
    // The count's negative is not formed: it may not exist. Every item takes two bytes at least.
    const uint64_t count =
        items < 0 ? ~static_cast<uint64_t>(items) + 1 : static_cast<uint64_t>(items);
    if (count > cursor.remaining()) return cursor.Fail("more metadata than bytes");
    for (uint64_t i = 0; i < count; ++i) {
      std::string_view key;
      std::string_view value;
      if (!cursor.Text(key) || !cursor.Text(value)) return false;
      metadata[std::string(key)] = value;
    }
  }
}

}  // namespace

Scalar AvroValue::ToScalar() const {
  switch (kind_) {
    case Kind::kBoolean:
      return number_ != 0;
    case Kind::kInt:
      return number_;
    case Kind::kDouble:
      return real_;
    case Kind::kBytes:
      return std::string(text_, size_);
    default:
      return {};
  }
}

struct AvroReader::State {
  State(std::shared_ptr<const std::string> file_bytes, std::string file_name, AvroCodec with)
      : holder(std::move(file_bytes)),
        bytes(*holder),
        name(std::move(file_name)),
        codec(std::move(with)) {}

  const std::shared_ptr<const std::string> holder;
  const std::string& bytes;
  std::string name;
  AvroCodec codec;
  std::map<std::string, std::string> metadata;
  std::string_view sync;
  std::shared_ptr<const AvroSchema> schema;
  AvroDecoder decoder;
  std::vector<AvroValue> row;
  bool selected = false;

  size_t next_block = 0;     ///< offset in `bytes`
  size_t block_offset = 0;   ///< of the open block, for messages
  int64_t records_left = 0;  ///< in the open block
  std::string buffer;        ///< a decompressed block
  AvroCursor cursor;         ///< in the open block

  Error Bad(std::string_view message, size_t offset) const {
    return Corruption(name + ": avro block at byte " + std::to_string(offset) + ": " +
                      std::string(message));
  }

  Status OpenBlock() {
    block_offset = next_block;
    AvroCursor at{bytes.data() + next_block, bytes.data() + bytes.size(), nullptr};
    int64_t size = 0;
    if (!at.Long(records_left) || !at.Long(size)) return Bad(at.error, block_offset);
    if (records_left < 0) return Bad("a negative record count", block_offset);
    if (size < 0 || at.remaining() < kSyncBytes ||
        static_cast<uint64_t>(size) > at.remaining() - kSyncBytes) {
      return Bad("the block runs over the end of the file", block_offset);
    }
    const std::string_view stored(at.at, static_cast<size_t>(size));
    at.at += size;
    if (std::string_view(at.at, kSyncBytes) != sync) {
      return Bad("the sync marker does not match", block_offset);
    }
    next_block = static_cast<size_t>(at.at - bytes.data()) + kSyncBytes;
    auto block = codec.Decompress(stored, kBlockBytesMax, buffer);
    if (!block.ok())
      return Status(block.error())
          .Wrap(name + ": avro block at byte " + std::to_string(block_offset));
    cursor = {block->data(), block->data() + block->size(), nullptr};
    const int64_t least = schema->root().encoded_bytes_min;
    const int64_t most =
        least > 0 ? static_cast<int64_t>(cursor.remaining()) / least : kEmptyRecordsMax;
    if (records_left > most) return Bad("more records than bytes", block_offset);
    return {};
  }
};

AvroReader::AvroReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
AvroReader::AvroReader(AvroReader&&) noexcept = default;
AvroReader& AvroReader::operator=(AvroReader&&) noexcept = default;
AvroReader::~AvroReader() = default;

Result<AvroReader> AvroReader::Open(std::string bytes, std::string name) {
  return Open(std::make_shared<const std::string>(std::move(bytes)), std::move(name));
}

Result<AvroReader> AvroReader::Open(std::shared_ptr<const std::string> holder, std::string name) {
  const std::string& bytes = *holder;
  if (!std::string_view(bytes).starts_with(kMagic)) {
    return Corruption(name + ": not an avro container file");
  }
  std::map<std::string, std::string> metadata;
  AvroCursor cursor{bytes.data() + kMagic.size(), bytes.data() + bytes.size(), nullptr};
  if (!ReadMetadata(cursor, metadata)) {
    return Corruption(name + ": avro header: " + cursor.error);
  }
  if (cursor.remaining() < kSyncBytes) {
    return Corruption(name + ": avro header: the file ends in it");
  }
  const auto sync_offset = static_cast<size_t>(cursor.at - bytes.data());
  auto text = metadata.find("avro.schema");
  if (text == metadata.end()) return Corruption(name + ": avro header has no schema");
  TARN_ASSIGN_OR_RETURN(auto schema, AvroSchema::Shared(text->second, name));
  auto codec_name = metadata.find("avro.codec");
  auto codec = AvroCodec::Make(codec_name == metadata.end() ? "null" : codec_name->second);
  if (!codec.ok()) return std::move(codec).Wrap(name).error();

  auto state =
      std::make_unique<State>(std::move(holder), std::move(name), std::move(codec).value());
  state->metadata = std::move(metadata);
  state->schema = std::move(schema);
  state->sync = std::string_view(state->bytes).substr(sync_offset, kSyncBytes);
  state->next_block = sync_offset + kSyncBytes;
  return AvroReader(std::move(state));
}

const std::map<std::string, std::string>& AvroReader::metadata() const { return state_->metadata; }
const AvroSchema& AvroReader::schema() const { return *state_->schema; }

Status AvroReader::Select(const std::vector<AvroColumn>& columns) {
  auto decoder = AvroDecoder::Compile(*state_->schema, columns);
  if (!decoder.ok()) return Status(decoder.error()).Wrap(state_->name + ": avro schema");
  state_->decoder = std::move(decoder).value();
  state_->row.assign(columns.size(), AvroValue());
  state_->selected = true;
  row_ = state_->row.data();
  return {};
}

bool AvroReader::has(size_t column) const { return state_->decoder.has(column); }

Result<bool> AvroReader::Next() {
  State& state = *state_;
  if (!state.selected) TARN_RETURN_IF_ERROR(Select({}));
  while (state.records_left == 0) {
    if (state.cursor.at != state.cursor.end) {
      return state.Bad("bytes behind the last record", state.block_offset);
    }
    if (state.next_block == state.bytes.size()) return false;
    TARN_RETURN_IF_ERROR(state.OpenBlock());
  }
  --state.records_left;
  if (!state.decoder.Decode(state.cursor, state.row.data())) {
    return state.Bad(state.cursor.error, state.block_offset);
  }
  return true;
}

size_t AvroReader::block_offset() const { return state_->block_offset; }

Status AvroReader::SeekBlock(size_t offset) {
  State& state = *state_;
  // A block follows the marker of the one before it, the first one that of the header.
  const std::string_view bytes = state.bytes;
  if (offset < kSyncBytes || offset >= bytes.size() ||
      bytes.substr(offset - kSyncBytes, kSyncBytes) != state.sync) {
    return state.Bad("no block begins there", offset);
  }
  state.next_block = offset;
  state.records_left = 0;
  state.cursor = {};
  return {};
}

AvroList AvroReader::list(const AvroValue& value) const {
  AvroList list;
  if (value.is_null()) return list;
  value.Checked(AvroValue::Kind::kList);
  list.items_ = state_->decoder.items(value);
  list.width_ = state_->decoder.item_width(value);
  list.size_ = value.size_;
  return list;
}

}  // namespace tarn
