#include "source/mysql/my_many_bytes.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "columnar/utf8.h"

namespace tarn::mysql {
namespace {

constexpr int64_t kTwoFrom = 0x100;                 ///< place of what has two bytes
constexpr int64_t kThreeFrom = kTwoFrom + 0x10000;  ///< of what has three, the first of them 0x8f
constexpr int64_t kFourFrom = kThreeFrom;           ///< of what has four; no set has both
constexpr int64_t kFourPerFirst = 10 * 126 * 10;
constexpr uint8_t kFourLastOfTable = 0x84;  ///< beyond it are the planes behind the first
constexpr uint8_t kFourPlanesFrom = 0x90;
constexpr uint32_t kReplacement = '?';

/// Characters that one answer of the server tells.
constexpr int64_t kCharactersPerQuery = 8192;

struct Range {
  uint8_t first;
  uint8_t last;
  bool Has(uint8_t byte) const { return byte >= first && byte <= last; }
};
using Ranges = std::vector<Range>;
bool Has(const Ranges& ranges, uint8_t byte) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return range.Has(byte); });
}

}  // namespace

/// Which bytes may stand where, as the servers check it.
struct ManyBytes::Shape {
  Ranges single;       ///< beyond ASCII
  Ranges heads;        ///< of two bytes
  Ranges tails;        ///< behind them
  Ranges tails_of_8e;  ///< behind 0x8e, a head of its own
  bool three = false;  ///< 0x8f, and two of A1 to FE
  bool four = false;   ///< a head, 30 to 39, a head, 30 to 39
};

const ManyBytes::Shape* ManyBytes::ShapeOf(const std::string& name) {
  static const Shape kShiftJis{
      {{0xa1, 0xdf}}, {{0x81, 0x9f}, {0xe0, 0xfc}}, {{0x40, 0x7e}, {0x80, 0xfc}}, {}};
  static const Shape kEucJp{{}, {{0xa1, 0xfe}}, {{0xa1, 0xfe}}, {{0xa1, 0xdf}}, /*three=*/true};
  static const std::map<std::string, Shape> kShapes = {
      {"big5", {{}, {{0xa1, 0xf9}}, {{0x40, 0x7e}, {0xa1, 0xfe}}, {}}},
      {"cp932", kShiftJis},
      {"sjis", kShiftJis},
      {"ujis", kEucJp},
      {"eucjpms", kEucJp},
      {"euckr", {{}, {{0x81, 0xfe}}, {{0x41, 0x5a}, {0x61, 0x7a}, {0x81, 0xfe}}, {}}},
      {"gb2312", {{}, {{0xa1, 0xf7}}, {{0xa1, 0xfe}}, {}}},
      {"gbk", {{}, {{0x81, 0xfe}}, {{0x40, 0x7e}, {0x80, 0xfe}}, {}}},
      {"gb18030",
       {{}, {{0x81, 0xfe}}, {{0x40, 0x7e}, {0x80, 0xfe}}, {}, /*three=*/false, /*four=*/true}}};
  const auto found = kShapes.find(name);
  return found == kShapes.end() ? nullptr : &found->second;
}

bool ManyBytes::Knows(const std::string& name) { return ShapeOf(name) != nullptr; }

ManyBytes::ManyBytes(const Shape& shape) : shape_(shape) {
  int64_t places = kTwoFrom + 0x10000;
  if (shape.three) places += 0x10000;
  if (shape.four) places += (kFourLastOfTable - 0x81 + 1) * kFourPerFirst;
  codes_.resize(static_cast<size_t>(places));
}

int64_t ManyBytes::Place(const uint8_t** position, const uint8_t* end) const {
  const uint8_t* const p = *position;
  const int64_t left = end - p;
  const uint8_t first = p[0];
  if (first < 0x80 || Has(shape_.single, first)) {
    *position = p + 1;
    return first;
  }
  if (left < 2) return -1;
  const bool two = (Has(shape_.heads, first) && Has(shape_.tails, p[1])) ||
                   (first == 0x8e && Has(shape_.tails_of_8e, p[1]));
  if (two) {
    *position = p + 2;
    return kTwoFrom + first * 0x100 + p[1];
  }
  static constexpr Range kEuc{0xa1, 0xfe};
  if (shape_.three && first == 0x8f && left >= 3 && kEuc.Has(p[1]) && kEuc.Has(p[2])) {
    *position = p + 3;
    return kThreeFrom + p[1] * 0x100 + p[2];
  }
  static constexpr Range kDigit{0x30, 0x39};
  if (shape_.four && left >= 4 && Has(shape_.heads, first) && kDigit.Has(p[1]) &&
      Has(shape_.heads, p[2]) && kDigit.Has(p[3])) {
    *position = p + 4;
    return kFourFrom + (first - 0x81) * kFourPerFirst + (p[1] - 0x30) * 1260 + (p[2] - 0x81) * 10 +
           (p[3] - 0x30);
  }
  return -1;
}

std::string ManyBytes::BytesOf(int64_t place) const {
  std::string bytes;
  const auto add = [&](int64_t byte) { bytes += static_cast<char>(static_cast<uint8_t>(byte)); };
  if (place < kTwoFrom) {
    add(place);
  } else if (place < kTwoFrom + 0x10000) {
    add((place - kTwoFrom) >> 8);
    add((place - kTwoFrom) & 0xff);
  } else if (shape_.three) {
    add(0x8f);
    add((place - kThreeFrom) >> 8);
    add((place - kThreeFrom) & 0xff);
  } else {
    const int64_t rest = (place - kFourFrom) % kFourPerFirst;
    add(0x81 + (place - kFourFrom) / kFourPerFirst);
    add(0x30 + rest / 1260);
    add(0x81 + rest / 10 % 126);
    add(0x30 + rest % 10);
  }
  return bytes;
}

// One character a line, as the server reads them.
Status ManyBytes::Ask(Connection& connection, const std::string& name, int64_t begin, int64_t end) {
  std::vector<int64_t> places;
  std::string hex;
  for (int64_t place = begin; place < end; ++place) {
    const std::string bytes = BytesOf(place);
    const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
    const uint8_t* const after = p + bytes.size();
    if (place == '\n' || Place(&p, after) != place || p != after) continue;
    for (const char c : bytes + "\n") {
      hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
      hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
    }
    places.push_back(place);
  }
  if (places.empty()) return Status::Ok();
  const std::string doing = "reading the character set " + name;
  TARN_ASSIGN_OR_RETURN(
      const Rows rows,
      connection.Query("SELECT CONVERT(_" + name + " x'" + hex + "' USING utf8mb4)", doing));
  const std::string text = rows.count() == 1 ? rows.text(0, 0) : "";
  std::string_view rest = text;
  for (const int64_t place : places) {
    const size_t line = rest.find('\n');
    size_t bytes = 0;
    const uint32_t code = line == std::string_view::npos ? 0 : Utf8Code(rest, &bytes);
    if (bytes != line) return Internal(doing + ": the server's answer is not one character a line");
    codes_[static_cast<size_t>(place)] = code;
    rest.remove_prefix(line + 1);
  }
  return Status::Ok();
}

Result<std::shared_ptr<const ManyBytes>> ManyBytes::Load(Connection& connection,
                                                         const std::string& name) {
  const Shape* const shape = ShapeOf(name);
  if (shape == nullptr) return Internal("the character set " + name + " is not known");
  const std::shared_ptr<ManyBytes> table(new ManyBytes(*shape));
  const auto places = static_cast<int64_t>(table->codes_.size());
  for (int64_t begin = 0; begin < places; begin += kCharactersPerQuery) {
    TARN_RETURN_IF_ERROR(
        table->Ask(connection, name, begin, std::min(begin + kCharactersPerQuery, places)));
  }
  table->codes_['\n'] = '\n';
  return std::shared_ptr<const ManyBytes>(table);
}

Trouble ManyBytes::ToUtf8(const uint8_t* p, int64_t bytes, std::string* text) const {
  const uint8_t* const end = p + bytes;
  while (p < end) {
    const int64_t place = Place(&p, end);
    if (place < 0) return Trouble::kMalformed;
    if (place < static_cast<int64_t>(codes_.size())) {
      AppendUtf8(codes_[static_cast<size_t>(place)], text);
      continue;
    }
    // The planes behind the first are in gb18030 in their order.
    const int64_t beyond = place - kFourFrom - int64_t{kFourPlanesFrom - 0x81} * kFourPerFirst;
    const bool is_code = beyond >= 0 && beyond <= 0x10ffff - 0x10000;
    AppendUtf8(is_code ? static_cast<uint32_t>(0x10000 + beyond) : kReplacement, text);
  }
  return Trouble::kNone;
}

}  // namespace tarn::mysql
