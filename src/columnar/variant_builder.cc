#include "columnar/variant_builder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace tarn {

namespace {

constexpr size_t kShortTextBytesMax = 63;
constexpr size_t kKeysKeptMax = 4096;
constexpr uint32_t kSmallCountMax = 255;
constexpr int kBasicObject = 2;
constexpr int kBasicArray = 3;
constexpr int kDecimalDigitsMax = 38;

/// Bytes of an unsigned number, at least one.
int BytesOfNumber(uint64_t number) {
  return number == 0 ? 1 : (static_cast<int>(std::bit_width(number)) + 7) / 8;
}

void PutNumber(uint64_t number, int width, char*& at) {
  for (int i = 0; i < width; ++i) *at++ = static_cast<char>(number >> (8 * i) & 0xff);
}

template <typename T>
void AppendFixed(T value, std::string& to) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  to.append(bytes, sizeof(T));
}

template <typename T>
bool Holds(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

}  // namespace

void VariantBuilder::Begin() {
  if (known_.size() > kKeysKeptMax) known_.clear();
  given_ = nullptr;
  keys_.clear();
  value_.clear();
  ++values_;
}

void VariantBuilder::Begin(const VariantKeys& keys) {
  Begin();
  given_ = &keys;
  given_ids_.clear();
}

void VariantBuilder::Integer(int64_t value) {
  if (Holds<int8_t>(value)) {
    Header(VariantKind::kInt8);
    AppendFixed(static_cast<int8_t>(value), value_);
  } else if (Holds<int16_t>(value)) {
    Header(VariantKind::kInt16);
    AppendFixed(static_cast<int16_t>(value), value_);
  } else if (Holds<int32_t>(value)) {
    Header(VariantKind::kInt32);
    AppendFixed(static_cast<int32_t>(value), value_);
  } else {
    Header(VariantKind::kInt64);
    AppendFixed(value, value_);
  }
}

Status VariantBuilder::Decimal(const Int128& unscaled, int scale) {
  const std::string text = ToString(unscaled);
  const int digits = static_cast<int>(text.size()) - (text.starts_with('-') ? 1 : 0);
  // Readers take the scale for a part of the digits.
  const int width = std::max(digits, scale);
  if (scale < 0 || width > kDecimalDigitsMax) {
    return InvalidArgument("a decimal of more than 38 digits", "cast it to double or varchar");
  }
  const VariantKind kind = width <= 9    ? VariantKind::kDecimal4
                           : width <= 18 ? VariantKind::kDecimal8
                                         : VariantKind::kDecimal16;
  Header(kind);
  value_.push_back(static_cast<char>(scale));
  if (kind == VariantKind::kDecimal4) {
    AppendFixed(static_cast<int32_t>(unscaled.low), value_);
  } else {
    AppendFixed(unscaled.low, value_);
    if (kind == VariantKind::kDecimal16) AppendFixed(unscaled.high, value_);
  }
  return {};
}

void VariantBuilder::Float(float value) {
  Header(VariantKind::kFloat);
  AppendFixed(value, value_);
}

void VariantBuilder::Double(double value) {
  Header(VariantKind::kDouble);
  AppendFixed(value, value_);
}

void VariantBuilder::Date(int32_t days) {
  Header(VariantKind::kDate);
  AppendFixed(days, value_);
}

void VariantBuilder::Time(VariantKind kind, int64_t value) {
  Header(kind);
  AppendFixed(value, value_);
}

void VariantBuilder::String(std::string_view utf8) {
  if (utf8.size() <= kShortTextBytesMax) {
    value_.push_back(static_cast<char>(utf8.size() << 2 | 1));
  } else {
    Header(VariantKind::kString);
    AppendFixed(static_cast<uint32_t>(utf8.size()), value_);
  }
  value_.append(utf8);
}

void VariantBuilder::Binary(std::string_view bytes) {
  Header(VariantKind::kBinary);
  AppendFixed(static_cast<uint32_t>(bytes.size()), value_);
  value_.append(bytes);
}

void VariantBuilder::Uuid(std::string_view bytes) {
  Header(VariantKind::kUuid);
  value_.append(bytes);
}

Status VariantBuilder::AddKey(Container& object, std::string_view key) {
  TARN_ASSIGN_OR_RETURN(const uint32_t id, KeyId(key));
  AddKey(object, id);
  return {};
}

Result<uint32_t> VariantBuilder::KeyId(std::string_view key) {
  if (given_ != nullptr) {
    if (given_ids_.empty()) {
      for (uint32_t id = 0; id < given_->size(); ++id) given_ids_.emplace(given_->at(id), id);
    }
    const auto found = given_ids_.find(key);
    if (found == given_ids_.end()) {
      return Corruption("corrupt variant: the metadata lack the key " + std::string(key));
    }
    return found->second;
  }
  auto found = known_.find(std::string(key));
  if (found == known_.end()) found = known_.emplace(key, Known()).first;
  Known& known = found->second;
  if (known.value != values_) {
    known = {values_, static_cast<uint32_t>(keys_.size())};
    keys_.push_back(found->first);
  }
  return known.id;
}

void VariantBuilder::CloseArray(const Container& array) { Close(array, kBasicArray, 0); }

Status VariantBuilder::CloseObject(Container& object, SameKeys same_keys) {
  auto& parts = object.parts;
  const auto by_key = [this](const auto& a, const auto& b) {
    const std::string_view key_a = KeyText(a.key);
    const std::string_view key_b = KeyText(b.key);
    return key_a == key_b ? a.at < b.at : key_a < key_b;
  };
  std::sort(parts.begin(), parts.end(), by_key);
  const auto twice = std::adjacent_find(
      parts.begin(), parts.end(),
      [this](const auto& a, const auto& b) { return KeyText(a.key) == KeyText(b.key); });
  if (twice != parts.end()) {
    if (same_keys == SameKeys::kRefused) {
      return InvalidArgument("an object has the key " + std::string(KeyText(twice->key)) +
                             " twice");
    }
    KeepLast(object);
    std::sort(parts.begin(), parts.end(), by_key);
  }
  uint32_t id_max = 0;
  for (const auto& part : parts) id_max = std::max(id_max, part.key);
  Close(object, kBasicObject, BytesOfNumber(id_max));
  return {};
}

/// Takes out what stood under keys that come again. The parts are sorted by their keys, and of one
/// key by their places; afterwards by their places alone.
void VariantBuilder::KeepLast(Container& object) {
  auto& parts = object.parts;
  std::vector<bool> kept(parts.size(), true);
  for (size_t i = 1; i < parts.size(); ++i) {
    if (KeyText(parts[i - 1].key) == KeyText(parts[i].key)) kept[i - 1] = false;
  }
  std::vector<size_t> by_place(parts.size());
  for (size_t i = 0; i < by_place.size(); ++i) by_place[i] = i;
  std::sort(by_place.begin(), by_place.end(),
            [&](size_t a, size_t b) { return parts[a].at < parts[b].at; });
  std::vector<Container::Part> rest;
  size_t to = object.begin;
  for (size_t i = 0; i < by_place.size(); ++i) {
    if (!kept[by_place[i]]) continue;
    Container::Part part = parts[by_place[i]];
    const size_t end = i + 1 < by_place.size() ? parts[by_place[i + 1]].at : value_.size();
    std::memmove(value_.data() + to, value_.data() + part.at, end - part.at);
    to += end - std::exchange(part.at, to);
    rest.push_back(part);
  }
  value_.resize(to);
  parts = std::move(rest);
}

/// The header goes before the parts, whose sizes it tells.
void VariantBuilder::Close(const Container& container, int basic_type, int id_bytes) {
  const auto count = static_cast<uint32_t>(container.parts.size());
  const size_t parts_bytes = value_.size() - container.begin;
  const int offset_bytes = BytesOfNumber(parts_bytes);
  const bool large = count > kSmallCountMax;
  const size_t header_bytes = 1 + (large ? 4 : 1) + count * static_cast<size_t>(id_bytes) +
                              (count + size_t{1}) * static_cast<size_t>(offset_bytes);
  value_.insert(container.begin, header_bytes, '\0');
  char* at = value_.data() + container.begin;
  int header = offset_bytes - 1;
  if (basic_type == kBasicObject) {
    header |= (id_bytes - 1) << 2 | (large ? 16 : 0);
  } else {
    header |= large ? 4 : 0;
  }
  *at++ = static_cast<char>(header << 2 | basic_type);
  PutNumber(count, large ? 4 : 1, at);
  for (const auto& part : container.parts) PutNumber(part.key, id_bytes, at);
  for (const auto& part : container.parts) PutNumber(part.at - container.begin, offset_bytes, at);
  PutNumber(parts_bytes, offset_bytes, at);
}

void VariantBuilder::WriteMetadata() {
  size_t bytes = 0;
  bool sorted = true;
  for (size_t i = 0; i < keys_.size(); ++i) {
    bytes += keys_[i].size();
    sorted = sorted && (i == 0 || keys_[i - 1] < keys_[i]);
  }
  const int width = BytesOfNumber(std::max(bytes, keys_.size()));
  metadata_.assign(1 + (keys_.size() + 2) * static_cast<size_t>(width), '\0');
  char* at = metadata_.data();
  *at++ = static_cast<char>(1 | (sorted ? 16 : 0) | (width - 1) << 6);
  PutNumber(keys_.size(), width, at);
  size_t end = 0;
  PutNumber(end, width, at);
  for (const std::string_view key : keys_) {
    end += key.size();
    PutNumber(end, width, at);
  }
  for (const std::string_view key : keys_) metadata_.append(key);
}

Result<VariantBuilder::Bytes> VariantBuilder::Finish() {
  if (given_ == nullptr) {
    WriteMetadata();
  } else {
    metadata_.clear();
  }
  const auto bytes = static_cast<int64_t>(value_.size() + metadata_.size());
  if (bytes > kVariantBytesMax) {
    return InvalidArgument("a variant of " + std::to_string(bytes) + " bytes, and " +
                           std::to_string(kVariantBytesMax) + " is the most");
  }
  return Bytes{metadata_, value_};
}

}  // namespace tarn
