#include "mutate.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tarn::fuzz {
namespace {

constexpr size_t kBytesMax = 64 << 10;

/// What decoders have their limits at.
constexpr std::array<std::string_view, 22> kTexts = {"-1",
                                                     "0",
                                                     "2147483648",
                                                     "-2147483649",
                                                     "9223372036854775807",
                                                     "-9223372036854775808",
                                                     "18446744073709551616",
                                                     "1e999",
                                                     "NaN",
                                                     "null",
                                                     "true",
                                                     "\"\"",
                                                     "[]",
                                                     "{}",
                                                     "${",
                                                     "}}}}",
                                                     "((((",
                                                     "\n",
                                                     "\xff\xfe",
                                                     "9999-12-31",
                                                     "-292278-01-01",
                                                     "0.00000000000000000000000000000000000001"};
constexpr std::array<uint64_t, 10> kNumbers = {
    0, 1, 127, 128, 255, 0x7FFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};

class Mutator {
 public:
  Mutator(std::string_view input, std::string_view other, Random& random)
      : bytes_(input), other_(other), random_(random) {}

  std::string Run() {
    for (uint64_t i = 1 + random_.Below(4); i > 0; --i) Step();
    bytes_.resize(std::min(bytes_.size(), kBytesMax));
    return std::move(bytes_);
  }

 private:
  size_t Place() { return random_.Below(bytes_.size()); }
  size_t Length() { return 1 + random_.Below(random_.Below(8) == 0 ? 256 : 8); }
  std::string Piece(std::string_view from) {
    return from.empty() ? std::string()
                        : std::string(from.substr(random_.Below(from.size()), Length()));
  }

  void Step() {
    if (bytes_.empty()) bytes_.assign(Length(), '\0');
    switch (random_.Below(11)) {
      case 0:
        bytes_[Place()] ^= static_cast<char>(1U << random_.Below(8));
        break;
      case 1:
        bytes_[Place()] = static_cast<char>(random_.Below(256));
        break;
      case 2:
        bytes_.erase(Place(), Length());
        break;
      case 3:
        bytes_.insert(Place(), Piece(bytes_));
        break;
      case 4:
        bytes_.insert(Place(), Piece(other_));
        break;
      case 5:
        bytes_.insert(Place(), kTexts[random_.Below(kTexts.size())]);
        break;
      case 6: {
        const std::string piece = Piece(random_.Below(2) == 0 ? other_ : std::string_view(bytes_));
        bytes_.replace(Place(), piece.size(), piece);
        break;
      }
      case 7:
        PutNumber();
        break;
      case 8:
        bytes_.resize(Place());
        break;
      case 9:
        ReplaceDigits();
        break;
      case 10:
        Crossover();
        break;
    }
  }

  // One of 1 to 8 bytes, either end first.
  void PutNumber() {
    uint64_t number = kNumbers[random_.Below(kNumbers.size())];
    if (random_.Below(2) == 0) number += random_.Below(5) - 2;
    const size_t width = size_t{1} << random_.Below(4);
    if (random_.Below(2) == 0) number = __builtin_bswap64(number) >> (64 - 8 * width);
    std::string text;
    for (size_t i = 0; i < width; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
    bytes_.replace(Place(), width, text);
  }

  // A number in text, where there is one behind some place.
  void ReplaceDigits() {
    const size_t begin = bytes_.find_first_of("0123456789", Place());
    if (begin == std::string::npos) return;
    const size_t end = std::min(bytes_.find_first_not_of("0123456789", begin), bytes_.size());
    bytes_.replace(begin, end - begin, kTexts[random_.Below(kTexts.size())]);
  }

  void Crossover() {
    if (other_.empty()) return;
    const size_t keep = Place();
    bytes_.resize(keep);
    bytes_ += other_.substr(random_.Below(other_.size()));
  }

  std::string bytes_;
  std::string_view other_;
  Random& random_;
};

}  // namespace

std::string Mutate(std::string_view input, std::string_view other, Random& random) {
  return Mutator(input, other, random).Run();
}

}  // namespace tarn::fuzz
