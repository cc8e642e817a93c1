#include <algorithm>
#include <string>
#include <utility>

#include <arrow/util/compression.h>

#include "table/dual/table.h"
#include "table/dual/table_cache.h"
#include "table/iceberg/metadata_json.h"

namespace tarn {

namespace {

constexpr char kExpired[] =
    "old states expire with `tarn maintain`; `tarn history` shows those that are left";
constexpr size_t kMetadataBytesMax = size_t{1} << 30;

bool IsGzip(const std::string& bytes) {
  return bytes.size() > 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

Result<std::string> Gunzip(const std::string& bytes, const std::string& what) {
  const auto bad = [&](const arrow::Status& status) {
    return Corruption(what + " is not valid gzip: " + status.message());
  };
  auto codec = arrow::util::Codec::Create(arrow::Compression::GZIP);
  if (!codec.ok()) return Internal("no gzip codec: " + codec.status().message());
  auto decompressor = (*codec)->MakeDecompressor();
  if (!decompressor.ok()) return Internal("no gzip codec: " + decompressor.status().message());
  std::string text;
  size_t consumed = 0;
  std::string chunk(std::max<size_t>(bytes.size() * 4, 1 << 16), '\0');
  while (!(*decompressor)->IsFinished()) {
    auto step = (*decompressor)
                    ->Decompress(static_cast<int64_t>(bytes.size() - consumed),
                                 reinterpret_cast<const uint8_t*>(bytes.data()) + consumed,
                                 static_cast<int64_t>(chunk.size()),
                                 reinterpret_cast<uint8_t*>(chunk.data()));
    if (!step.ok()) return bad(step.status());
    consumed += static_cast<size_t>(step->bytes_read);
    text.append(chunk, 0, static_cast<size_t>(step->bytes_written));
    if (step->bytes_read == 0 && step->bytes_written == 0) {
      return Corruption(what + " ends within its gzip stream");
    }
    if (text.size() > kMetadataBytesMax) {
      return ResourceExhausted(what + " is larger than " + std::to_string(kMetadataBytesMax) +
                               " bytes");
    }
  }
  return text;
}

struct Loaded {
  std::shared_ptr<const TableMetadata> metadata;
  int64_t bytes = 0;
};

Result<Loaded> Load(ObjectStore& store, const std::string& location) {
  if (location.empty()) return NotFound("this state of the table is gone", kExpired);
  TARN_ASSIGN_OR_RETURN(std::string key, store.KeyOf(location));
  Result<std::string> read = store.Get(key);
  if (!read.ok() && read.error().kind == ErrorKind::kNotFound) {
    return std::move(read).Wrap("this state of the table is gone").Hint(kExpired).status();
  }
  TARN_ASSIGN_OR_RETURN(std::string bytes, std::move(read));
  if (IsGzip(bytes)) {
    TARN_ASSIGN_OR_RETURN(bytes, Gunzip(bytes, location));
  }
  TARN_ASSIGN_OR_RETURN(TableMetadata table, ParseTableMetadata(bytes, location));
  return Loaded{std::make_shared<const TableMetadata>(std::move(table)),
                static_cast<int64_t>(bytes.size())};
}

}  // namespace

Result<std::shared_ptr<const TableMetadata>> LoadTableMetadata(
    ObjectStore& store, const std::string& metadata_location) {
  TARN_ASSIGN_OR_RETURN(Loaded loaded, Load(store, metadata_location));
  return std::move(loaded.metadata);
}

Result<std::shared_ptr<const TableMetadata>> LoadTableMetadata(
    const TableContext& context, const std::string& metadata_location) {
  if (context.cache != nullptr) {
    if (auto cached = context.cache->FindMetadata(metadata_location)) return cached;
  }
  TARN_ASSIGN_OR_RETURN(Loaded loaded, Load(*context.store, metadata_location));
  if (context.cache != nullptr) {
    context.cache->PutMetadata(metadata_location, loaded.metadata, loaded.bytes);
  }
  return std::move(loaded.metadata);
}

}  // namespace tarn
