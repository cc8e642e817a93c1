#include "columnar/variant.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "columnar/utf8.h"

namespace tarn {

namespace {

constexpr int64_t kMicrosOfDay = 86'400'000'000;
constexpr int kDecimalDigitsMax = 38;
constexpr uint8_t kKindMax = static_cast<uint8_t>(VariantKind::kUuid);

Error CorruptVariant(const std::string& what) { return Corruption("corrupt variant: " + what); }

/// An unsigned number of one to four bytes, little endian.
uint32_t NumberAt(std::string_view bytes, size_t at, int width) {
  uint32_t number = 0;
  for (int i = 0; i < width; ++i) {
    number |= uint32_t{static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)])} << (8 * i);
  }
  return number;
}

template <typename T>
T FixedAt(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Bytes of a primitive behind its header; -1 where a length comes first.
int WidthOf(VariantKind kind) {
  switch (kind) {
    case VariantKind::kNull:
    case VariantKind::kTrue:
    case VariantKind::kFalse:
      return 0;
    case VariantKind::kInt8:
      return 1;
    case VariantKind::kInt16:
      return 2;
    case VariantKind::kInt32:
    case VariantKind::kFloat:
    case VariantKind::kDate:
      return 4;
    case VariantKind::kDecimal4:
      return 5;
    case VariantKind::kDecimal8:
      return 9;
    case VariantKind::kDecimal16:
      return 17;
    case VariantKind::kUuid:
      return 16;
    case VariantKind::kBinary:
    case VariantKind::kString:
      return -1;
    default:
      return 8;
  }
}

Status ReadDecimal(std::string_view data, VariantNode& node) {
  node.scale = static_cast<unsigned char>(data[0]);
  data.remove_prefix(1);
  if (node.kind == VariantKind::kDecimal4) {
    node.unscaled = Int128FromInt64(FixedAt<int32_t>(data));
  } else if (node.kind == VariantKind::kDecimal8) {
    node.unscaled = Int128FromInt64(FixedAt<int64_t>(data));
  } else {
    node.unscaled.low = FixedAt<uint64_t>(data);
    node.unscaled.high = FixedAt<int64_t>(data.substr(8));
  }
  const std::string digits = ToString(node.unscaled);
  const size_t count = digits.size() - (digits.starts_with('-') ? 1 : 0);
  if (node.scale > kDecimalDigitsMax || count > kDecimalDigitsMax) {
    return CorruptVariant("a decimal of more than 38 digits");
  }
  return {};
}

Status ReadPrimitive(std::string_view data, VariantNode& node) {
  switch (node.kind) {
    case VariantKind::kInt8:
      node.integer = FixedAt<int8_t>(data);
      return {};
    case VariantKind::kInt16:
      node.integer = FixedAt<int16_t>(data);
      return {};
    case VariantKind::kInt32:
    case VariantKind::kDate:
      node.integer = FixedAt<int32_t>(data);
      return {};
    case VariantKind::kFloat:
      node.real = double{FixedAt<float>(data)};
      return {};
    case VariantKind::kDouble:
      node.real = FixedAt<double>(data);
      return {};
    case VariantKind::kDecimal4:
    case VariantKind::kDecimal8:
    case VariantKind::kDecimal16:
      return ReadDecimal(data, node);
    case VariantKind::kUuid:
      node.text = data;
      return {};
    case VariantKind::kTime:
      node.integer = FixedAt<int64_t>(data);
      if (node.integer >= 0 && node.integer <= kMicrosOfDay) return {};
      return CorruptVariant("a time of " + std::to_string(node.integer) + " microseconds");
    case VariantKind::kInt64:
    case VariantKind::kTimestampTz:
    case VariantKind::kTimestamp:
    case VariantKind::kTimestampTzNs:
    case VariantKind::kTimestampNs:
      node.integer = FixedAt<int64_t>(data);
      return {};
    default:
      return {};
  }
}

Status TakeText(std::string_view text, VariantNode& node) {
  node.text = text;
  if (node.kind == VariantKind::kBinary || IsValidUtf8(text)) return {};
  return CorruptVariant("a text that is not UTF-8");
}

Error Short() { return CorruptVariant("the value ends too early"); }

/// Looks at every part of a value.
class Checker {
 public:
  Checker(const VariantKeys& keys, size_t bytes) : keys_(keys), bytes_left_(bytes) {}

  Status Check(std::string_view bytes, int depth) {
    TARN_ASSIGN_OR_RETURN(const VariantNode node, VariantNode::Read(bytes));
    // Every value has bytes of its own, unless parts are referred to more than once: a few bytes
    // could stand for more than any memory holds.
    if (node.own_bytes() > bytes_left_) return CorruptVariant("parts that lie over each other");
    bytes_left_ -= node.own_bytes();
    if (node.kind != VariantKind::kObject && node.kind != VariantKind::kArray) return {};
    if (depth >= kVariantDepthMax) {
      return CorruptVariant("more than " + std::to_string(kVariantDepthMax) + " levels");
    }
    if (node.kind == VariantKind::kObject) TARN_RETURN_IF_ERROR(CheckKeys(node));
    for (uint32_t i = 0; i < node.count; ++i) {
      TARN_RETURN_IF_ERROR(Check(node.Part(i), depth + 1));
    }
    return {};
  }

 private:
  Status CheckKeys(const VariantNode& object) {
    bool ascending = true;
    for (uint32_t i = 0; i < object.count; ++i) {
      if (object.KeyId(i) >= keys_.size()) return CorruptVariant("a key that is not there");
      ascending =
          ascending && (i == 0 || keys_.at(object.KeyId(i - 1)) < keys_.at(object.KeyId(i)));
    }
    if (ascending) return {};
    // Some writers leave them in the order in which they came.
    std::vector<std::string_view> names;
    for (uint32_t i = 0; i < object.count; ++i) names.push_back(keys_.at(object.KeyId(i)));
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) == names.end()) return {};
    return CorruptVariant("an object has a key twice");
  }

  const VariantKeys& keys_;
  size_t bytes_left_;
};

}  // namespace

Result<VariantKeys> VariantKeys::Read(std::string_view metadata) {
  if (metadata.empty()) return CorruptVariant("no metadata");
  const auto header = static_cast<unsigned char>(metadata[0]);
  if ((header & 0x0f) != 1) {
    return Unsupported("the variant's encoding has version " + std::to_string(header & 0x0f));
  }
  const int width = (header >> 6) + 1;
  const auto wide = static_cast<size_t>(width);
  metadata.remove_prefix(1);
  if (metadata.size() < wide) return CorruptVariant("the metadata end too early");
  const size_t count = NumberAt(metadata, 0, width);
  metadata.remove_prefix(wide);
  if (metadata.size() / wide < count + 1) return CorruptVariant("the metadata end too early");
  const std::string_view offsets = metadata.substr(0, (count + 1) * wide);
  const std::string_view bytes = metadata.substr((count + 1) * wide);
  VariantKeys keys;
  keys.keys_.reserve(count);
  uint32_t begin = NumberAt(offsets, 0, width);
  for (size_t i = 1; i <= count; ++i) {
    const uint32_t end = NumberAt(offsets, i * wide, width);
    if (end < begin || end > bytes.size()) return CorruptVariant("a key beyond the metadata");
    keys.keys_.push_back(bytes.substr(begin, end - begin));
    if (!IsValidUtf8(keys.keys_.back())) return CorruptVariant("a key that is not UTF-8");
    begin = end;
  }
  return keys;
}

uint32_t VariantNode::KeyId(uint32_t part) const {
  return NumberAt(ids_, part * static_cast<size_t>(id_bytes_), id_bytes_);
}

std::string_view VariantNode::Part(uint32_t part) const {
  return parts_.substr(
      NumberAt(offsets_, part * static_cast<size_t>(offset_bytes_), offset_bytes_));
}

Status VariantNode::ReadParts(std::string_view data, int id_bytes, int offset_bytes,
                              int count_bytes) {
  id_bytes_ = id_bytes;
  offset_bytes_ = offset_bytes;
  if (data.size() < static_cast<size_t>(count_bytes)) return Short();
  count = NumberAt(data, 0, count_bytes);
  data.remove_prefix(static_cast<size_t>(count_bytes));
  const size_t all_ids = count * static_cast<size_t>(id_bytes);
  const size_t all_offsets = (count + size_t{1}) * static_cast<size_t>(offset_bytes);
  if (data.size() < all_ids + all_offsets) return Short();
  ids_ = data.substr(0, all_ids);
  offsets_ = data.substr(all_ids, all_offsets);
  parts_ = data.substr(all_ids + all_offsets);
  const uint32_t end = NumberAt(offsets_, count * static_cast<size_t>(offset_bytes), offset_bytes);
  if (end > parts_.size()) return Short();
  parts_ = parts_.substr(0, end);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t at = i * static_cast<size_t>(offset_bytes);
    if (NumberAt(offsets_, at, offset_bytes) >= end) return CorruptVariant("a part beyond its end");
  }
  bytes = bytes.substr(0, static_cast<size_t>(parts_.data() + end - bytes.data()));
  return {};
}

Result<VariantNode> VariantNode::Read(std::string_view bytes) {
  if (bytes.empty()) return Short();
  const auto header = static_cast<unsigned char>(bytes[0]);
  const auto value_header = static_cast<uint8_t>(header >> 2);
  std::string_view data = bytes.substr(1);
  VariantNode node;
  node.bytes = bytes;
  switch (header & 3) {
    case 0: {
      if (value_header > kKindMax) {
        return Unsupported("a variant has the type " + std::to_string(value_header) +
                           ", which is not known");
      }
      node.kind = static_cast<VariantKind>(value_header);
      const int width = WidthOf(node.kind);
      size_t size = static_cast<size_t>(width);
      if (width < 0) {
        if (data.size() < 4) return Short();
        size = NumberAt(data, 0, 4);
        data.remove_prefix(4);
      }
      if (data.size() < size) return Short();
      data = data.substr(0, size);
      node.bytes = bytes.substr(0, static_cast<size_t>(data.data() + size - bytes.data()));
      TARN_RETURN_IF_ERROR(width < 0 ? TakeText(data, node) : ReadPrimitive(data, node));
      return node;
    }
    case 1:
      node.kind = VariantKind::kString;
      if (data.size() < value_header) return Short();
      node.bytes = bytes.substr(0, size_t{1} + value_header);
      TARN_RETURN_IF_ERROR(TakeText(data.substr(0, value_header), node));
      return node;
    case 2:
      node.kind = VariantKind::kObject;
      TARN_RETURN_IF_ERROR(node.ReadParts(data, (value_header >> 2 & 3) + 1, (value_header & 3) + 1,
                                          (value_header & 16) != 0 ? 4 : 1));
      return node;
    default:
      node.kind = VariantKind::kArray;
      TARN_RETURN_IF_ERROR(
          node.ReadParts(data, 0, (value_header & 3) + 1, (value_header & 4) != 0 ? 4 : 1));
      return node;
  }
}

Status CheckVariant(const VariantKeys& keys, std::string_view value, int depth) {
  return Checker(keys, value.size()).Check(value, depth);
}

Status CheckVariant(std::string_view metadata, std::string_view value) {
  TARN_ASSIGN_OR_RETURN(const VariantKeys keys, VariantKeys::Read(metadata));
  return CheckVariant(keys, value);
}

}  // namespace tarn
