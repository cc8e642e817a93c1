#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "change/key_index/log_record.h"
#include "change/key_index/manifest.h"
#include "change/key_index/run_file.h"
#include "change/key_index/testing.h"
#include "storage/crc32c.h"
#include "target.h"

namespace tarn::fuzz {
namespace {

constexpr uint64_t kLife = 0x6c696665;
constexpr uint64_t kNumber = 3;

template <typename T>
T Load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}
template <typename T>
void Store(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

void Manifest(std::string bytes) {
  const auto check = [](std::string_view text) {
    const auto manifest = DecodeManifest(text, "input");
    if (!manifest.ok()) return CheckError(manifest.error(), "input");
    CheckThat(EncodeManifest(*manifest) == text, "written as it was read");
  };
  check(bytes);
  if (bytes.size() < 4) return;
  Store(bytes, bytes.size() - 4, Crc32c(std::string_view(bytes).substr(0, bytes.size() - 4)));
  const auto manifest = DecodeManifest(bytes, "input");
  if (!manifest.ok()) return CheckError(manifest.error(), "input");
  // A file that stands there twice is written once.
  const auto again = DecodeManifest(EncodeManifest(*manifest), "again");
  CheckThat(again.ok() && again->files == manifest->files && again->runs == manifest->runs &&
                again->state == manifest->state,
            "the same when it is written and read again");
}

/// Batches with checksums that fit: lengths and counts are what is to be doubted.
void Log(std::string bytes) {
  uint32_t chain = 7;
  for (size_t at = 0; at + 40 <= bytes.size();) {
    const auto body = Load<uint64_t>(bytes, at + 32);
    if (body > bytes.size() - at - 40) break;
    chain = Crc32c(std::string_view(bytes).substr(at + 4, 36 + body), chain);
    Store(bytes, at, chain);
    at += 40 + body;
  }
  std::string_view rest = bytes;
  chain = 7;
  while (const auto decoded = DecodeLogBatch(rest, &chain)) {
    const LogBatch& batch = decoded->batch;
    CheckThat(batch.put.size() == batch.places.size(), "a place for each key");
    for (const RowPlace& place : batch.places) CheckThat(place.found(), "a place is one");
    for (const auto& [number, path] : batch.files) {
      CheckThat(path.data() >= bytes.data() && path.size() <= bytes.size(), "within the log");
    }
  }
}

/// A run whose checksums fit.
void ReadRun(std::string bytes) {
  constexpr size_t kTail = 48;
  if (bytes.size() < kTail) return;
  const size_t tail = bytes.size() - kTail;
  const uint64_t id[2] = {kLife, kNumber};
  const uint32_t seed = Crc32c({reinterpret_cast<const char*>(id), sizeof(id)});
  Store(bytes, tail + 8, kLife);
  Store(bytes, tail + 16, kNumber);
  const auto entries = Load<uint64_t>(bytes, tail + 24);
  const uint64_t blocks =
      std::min<uint64_t>(entries / RunBlock::kEntries + 1, bytes.size() / sizeof(RunBlock));
  for (uint64_t block = 0; block < blocks; ++block) {
    const size_t at = block * sizeof(RunBlock);
    if (at + sizeof(RunBlock) > tail) break;
    Store(bytes, at + 4092, Crc32c(std::string_view(bytes).substr(at, 4092), seed));
  }
  const uint64_t exact = entries / RunBlock::kEntries + (entries % RunBlock::kEntries != 0);
  const size_t begin = exact > tail / sizeof(RunBlock) ? tail : exact * sizeof(RunBlock);
  const std::string_view footer =
      std::string_view(bytes).substr(begin, bytes.size() - begin - sizeof(uint32_t));
  Store(bytes, bytes.size() - 4, Crc32c(footer));

  const auto random = SeededRandom(1);
  FakeDisk disk(*random);
  disk.Set(RunFileName(kNumber), bytes);
  const auto folder = disk.Open();
  const auto run =
      Run::Open(*folder, kLife, {kNumber, entries, Load<uint32_t>(bytes, bytes.size() - 4)});
  if (!run.ok()) return CheckError(run.error(), RunFileName(kNumber));
  CheckThat((*run)->blocks() * sizeof(RunBlock) <= bytes.size(), "blocks within the file");

  std::vector<WantedKey> wanted;
  for (uint64_t i = 0; i < 64; ++i) wanted.push_back({{i << 58, i}, wanted.size()});
  RunScanner scanner(*run);
  uint64_t seen = 0;
  for (;;) {
    const auto entry = scanner.Next();
    if (!entry.ok()) {
      CheckError(entry.error(), RunFileName(kNumber));
      break;
    }
    if (*entry == nullptr) {
      CheckThat(seen == entries, "as many entries as it says");
      break;
    }
    if (++seen <= 64) wanted.push_back({(*entry)->key, wanted.size()});
  }
  std::sort(wanted.begin(), wanted.end(),
            [](const WantedKey& a, const WantedKey& b) { return a.key < b.key; });
  std::vector<RowPlace> places(wanted.size());
  Run::Buffers buffers;
  const Status status = (*run)->Lookup(wanted, places, buffers);
  if (!status.ok()) CheckError(status.error(), RunFileName(kNumber));
}

}  // namespace

/// The files of a key index: the first byte says which of them follows.
TARN_FUZZ_TARGET(key_index) {
  if (input.empty()) return;
  std::string bytes(input.substr(1));
  switch (input[0]) {
    case 'm':
      return Manifest(std::move(bytes));
    case 'l':
      return Log(std::move(bytes));
    default:
      return ReadRun(std::move(bytes));
  }
}

}  // namespace tarn::fuzz
