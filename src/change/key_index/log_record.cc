#include "change/key_index/log_record.h"

#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "storage/crc32c.h"

namespace tarn {
namespace {

constexpr char kLogMagic[9] = "TARNLOG1";

/// Before the body of a batch.
struct RecordHeader {
  uint32_t checksum;  // of all that follows it
  uint32_t removed;
  uint32_t put;
  uint32_t forgotten;
  uint32_t files;
  uint32_t state_bytes;
  uint64_t sequence;
  uint64_t body_bytes;
};
static_assert(sizeof(RecordHeader) == 40);

struct LogHeader {
  char magic[8];
  uint64_t life;
  uint64_t number;
};
static_assert(sizeof(LogHeader) == 24);

template <typename T>
void Append(std::string& out, std::span<const T> items) {
  out.append(reinterpret_cast<const char*>(items.data()), items.size_bytes());
}

/// Takes `out.size()` items off `bytes`; false when there are not as many.
template <typename T>
bool Take(std::string_view& bytes, std::span<T> out) {
  if (bytes.size() < out.size_bytes()) return false;
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size_bytes());
  bytes.remove_prefix(out.size_bytes());
  return true;
}

bool TakeText(std::string_view& bytes, size_t size, std::string_view* out) {
  if (bytes.size() < size) return false;
  *out = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

bool TakeBody(std::string_view body, const RecordHeader& header, DecodedBatch& out) {
  // What a count claims is compared with the bytes that are there before memory is taken for it.
  const uint64_t claimed = (uint64_t{header.removed} + header.put) * sizeof(KeyHash) +
                           uint64_t{header.put} * sizeof(RowPlace) +
                           uint64_t{header.forgotten} * sizeof(uint32_t) +
                           uint64_t{header.files} * 2 * sizeof(uint32_t) + header.state_bytes;
  if (claimed > body.size()) return false;
  LogBatch& batch = out.batch;
  out.keys.resize(size_t{header.removed} + header.put);
  out.places.resize(header.put);
  batch.forgotten.resize(header.forgotten);
  if (!Take(body, std::span(out.keys)) || !Take(body, std::span(out.places)) ||
      !Take(body, std::span(batch.forgotten))) {
    return false;
  }
  for (const RowPlace& place : out.places) {
    if (!place.found()) return false;
  }
  for (uint32_t i = 0; i < header.files; ++i) {
    uint32_t numbers[2];  // the file's, and the length of its path
    std::string_view path;
    if (!Take(body, std::span<uint32_t>(numbers)) || !TakeText(body, numbers[1], &path))
      return false;
    batch.files.emplace_back(numbers[0], path);
  }
  if (!TakeText(body, header.state_bytes, &batch.state) || !body.empty()) return false;
  batch.sequence = header.sequence;
  batch.removed = std::span(out.keys).first(header.removed);
  batch.put = std::span(out.keys).subspan(header.removed);
  batch.places = out.places;
  return true;
}

}  // namespace

std::string LogFileName(uint64_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "log-%012llu", static_cast<unsigned long long>(number));
  return name;
}

std::string EncodeLogHeader(uint64_t life, uint64_t number) {
  LogHeader header = {};
  std::memcpy(header.magic, kLogMagic, sizeof(header.magic));
  header.life = life;
  header.number = number;
  return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

bool DecodeLogHeader(std::string_view& bytes, uint64_t life, uint64_t number) {
  const std::string wanted = EncodeLogHeader(life, number);
  if (!bytes.starts_with(wanted)) return false;
  bytes.remove_prefix(wanted.size());
  return true;
}

std::string EncodeLogBatch(const LogBatch& batch, uint32_t* chain) {
  TARN_CHECK(batch.put.size() == batch.places.size());
  TARN_CHECK(batch.put.size() <= UINT32_MAX && batch.removed.size() <= UINT32_MAX);
  RecordHeader header = {};
  header.removed = static_cast<uint32_t>(batch.removed.size());
  header.put = static_cast<uint32_t>(batch.put.size());
  header.forgotten = static_cast<uint32_t>(batch.forgotten.size());
  header.files = static_cast<uint32_t>(batch.files.size());
  header.state_bytes = static_cast<uint32_t>(batch.state.size());
  header.sequence = batch.sequence;
  std::string out;
  out.reserve(sizeof(header) + batch.removed.size_bytes() + batch.put.size_bytes() +
              batch.places.size_bytes() + batch.state.size() + 256 * batch.files.size());
  out.append(sizeof(header), '\0');
  Append(out, batch.removed);
  Append(out, batch.put);
  Append(out, batch.places);
  Append(out, std::span<const uint32_t>(batch.forgotten));
  for (const auto& [number, path] : batch.files) {
    const uint32_t numbers[2] = {number, static_cast<uint32_t>(path.size())};
    Append(out, std::span<const uint32_t>(numbers));
    out.append(path);
  }
  out.append(batch.state);
  header.body_bytes = out.size() - sizeof(header);
  std::memcpy(out.data(), &header, sizeof(header));
  *chain = Crc32c(std::string_view(out).substr(sizeof(header.checksum)), *chain);
  std::memcpy(out.data(), chain, sizeof(header.checksum));
  return out;
}

std::optional<DecodedBatch> DecodeLogBatch(std::string_view& bytes, uint32_t* chain) {
  RecordHeader header;
  if (bytes.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const std::string_view rest = bytes.substr(sizeof(header));
  if (header.body_bytes > rest.size()) return std::nullopt;
  const size_t checked = sizeof(header) - sizeof(header.checksum) + header.body_bytes;
  if (Crc32c(bytes.substr(sizeof(header.checksum), checked), *chain) != header.checksum) {
    return std::nullopt;
  }
  std::optional<DecodedBatch> out(std::in_place);
  if (!TakeBody(rest.substr(0, header.body_bytes), header, *out)) return std::nullopt;
  bytes.remove_prefix(sizeof(header) + header.body_bytes);
  *chain = header.checksum;
  return out;
}

}  // namespace tarn
