#include "change/key_index/manifest.h"

#include <cstring>

#include "storage/crc32c.h"

namespace tarn {
namespace {

constexpr std::string_view kMagic = "TARNKEY1";

template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(std::string& out, std::string_view text) {
  Put(out, static_cast<uint64_t>(text.size()));
  out.append(text);
}

/// Takes values off bytes; once there are too few, everything is 0 and ok() false.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T Take() {
    T value = {};
    if (bytes_.size() < sizeof(value)) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(value));
    bytes_.remove_prefix(sizeof(value));
    return value;
  }
  std::string TakeText() {
    const auto size = Take<uint64_t>();
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeManifest(const IndexManifest& manifest) {
  std::string out(kMagic);
  Put(out, manifest.life);
  Put(out, manifest.next_number);
  Put(out, manifest.sequence);
  Put(out, manifest.chain);
  Put(out, manifest.first_log);
  PutText(out, manifest.state);
  Put(out, static_cast<uint64_t>(manifest.runs.size()));
  for (const RunInfo& run : manifest.runs) {
    Put(out, run.number);
    Put(out, run.entries);
    Put(out, run.checksum);
  }
  Put(out, manifest.files.next);
  Put(out, static_cast<uint64_t>(manifest.files.paths.size()));
  for (const auto& [number, path] : manifest.files.paths) {
    Put(out, number);
    PutText(out, path);
  }
  Put(out, Crc32c(out));
  return out;
}

Result<IndexManifest> DecodeManifest(std::string_view bytes, std::string_view path) {
  const auto damaged = [path](std::string_view what) {
    return Corruption("key index: " + std::string(path) + ": " + std::string(what));
  };
  if (!bytes.starts_with(kMagic)) return damaged("not a manifest of this version");
  uint32_t checksum = 0;
  if (bytes.size() < kMagic.size() + sizeof(checksum)) return damaged("too short");
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(checksum));
  std::memcpy(&checksum, body.data() + body.size(), sizeof(checksum));
  if (Crc32c(body) != checksum) return damaged("wrong checksum");

  Input in(body.substr(kMagic.size()));
  IndexManifest manifest;
  manifest.life = in.Take<uint64_t>();
  manifest.next_number = in.Take<uint64_t>();
  manifest.sequence = in.Take<uint64_t>();
  manifest.chain = in.Take<uint32_t>();
  manifest.first_log = in.Take<uint64_t>();
  manifest.state = in.TakeText();
  // Counts are only believed as far as bytes follow.
  for (auto left = in.Take<uint64_t>(); left > 0 && in.ok(); --left) {
    RunInfo run;
    run.number = in.Take<uint64_t>();
    run.entries = in.Take<uint64_t>();
    run.checksum = in.Take<uint32_t>();
    manifest.runs.push_back(run);
  }
  manifest.files.next = in.Take<uint32_t>();
  for (auto left = in.Take<uint64_t>(); left > 0 && in.ok(); --left) {
    const auto number = in.Take<uint32_t>();
    std::string file = in.TakeText();
    if (number >= manifest.files.next) return damaged("a file has a number that was not given yet");
    manifest.files.paths.emplace(number, std::move(file));
  }
  if (!in.ok() || !in.at_end()) return damaged("its parts do not fit its size");
  return manifest;
}

}  // namespace tarn
