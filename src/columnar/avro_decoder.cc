#include "columnar/avro_decoder.h"

#include <bit>
#include <cstring>
#include <limits>

namespace tarn {

namespace {

using Kind = AvroType::Kind;

constexpr int kSkipDepthMax = 512;
/// An array of nulls takes no bytes however long it is: so many are believed.
constexpr int64_t kEmptyItemsMax = 65536;

static_assert(std::endian::native == std::endian::little, "floats are read as they lie");

/// The header of one block of an array or map: how many items follow. `bytes` is -1 unless told.
bool BlockHeader(AvroCursor& cursor, int64_t& items, int64_t& bytes) {
  bytes = -1;
  if (!cursor.Long(items)) return false;
  if (items >= 0) return true;
  if (items == std::numeric_limits<int64_t>::min()) return cursor.Fail("a bad item count");
  items = -items;
  if (!cursor.Long(bytes)) return false;
  if (bytes < 0 || static_cast<uint64_t>(bytes) > cursor.remaining()) {
    return cursor.Fail("a list longer than its block");
  }
  return true;
}

}  // namespace

bool AvroCursor::LongSlow(int64_t& value) {
  uint64_t bits = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at == end) return Fail("a number runs over the end");
    const auto byte = static_cast<unsigned char>(*at++);
    if (shift == 63 && byte > 1) return Fail("a number of more than 64 bits");
    bits |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      value = static_cast<int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
      return true;
    }
  }
  return Fail("a number of more than 64 bits");
}

bool AvroCursor::Text(std::string_view& text) {
  int64_t size = 0;
  if (!Long(size)) return false;
  if (size < 0 || static_cast<uint64_t>(size) > remaining()) {
    return Fail("text or bytes run over the end");
  }
  text = std::string_view(at, static_cast<size_t>(size));
  at += size;
  return true;
}

bool AvroCursor::Skip(int64_t bytes) {
  if (bytes < 0 || static_cast<uint64_t>(bytes) > remaining()) return Fail("a value over the end");
  at += bytes;
  return true;
}

bool AvroDecoder::Decode(AvroCursor& cursor, AvroValue* row) {
  for (size_t i = 0; i < width(); ++i) row[i] = AvroValue();
  for (auto& pool : pools_) pool.clear();
  return Run(root_, cursor, row);
}

bool AvroDecoder::Run(const Node& node, AvroCursor& cursor, AvroValue* row) {
  if (!node.wanted) return SkipValue(*node.type, cursor, 0);
  switch (node.type->kind) {
    case Kind::kRecord:
      for (const Node& field : node.children) {
        if (!Run(field, cursor, row)) return false;
      }
      return true;
    case Kind::kUnion: {
      int64_t branch = 0;
      if (!cursor.Long(branch)) return false;
      if (branch < 0 || static_cast<uint64_t>(branch) >= node.children.size()) {
        return cursor.Fail("a union without such a branch");
      }
      return Run(node.children[static_cast<size_t>(branch)], cursor, row);
    }
    case Kind::kArray:
    case Kind::kMap:
      return List(node, cursor, row);
    default:
      return Plain(node, cursor, row);
  }
}

bool AvroDecoder::Plain(const Node& node, AvroCursor& cursor, AvroValue* row) {
  AvroValue& value = row[node.slot];
  auto set_text = [&](std::string_view text) {
    value.kind_ = AvroValue::Kind::kBytes;
    value.text_ = text.data();
    value.size_ = static_cast<uint32_t>(text.size());
    return true;
  };
  switch (node.type->kind) {
    case Kind::kNull:
      return true;
    case Kind::kBoolean: {
      if (cursor.remaining() < 1) return cursor.Fail("a boolean over the end");
      const char flag = *cursor.at++;
      if (flag != 0 && flag != 1) return cursor.Fail("a boolean that is neither 0 nor 1");
      value.kind_ = AvroValue::Kind::kBoolean;
      value.number_ = flag;
      return true;
    }
    case Kind::kInt:
    case Kind::kLong: {
      int64_t number = 0;
      if (!cursor.Long(number)) return false;
      if (node.type->kind == Kind::kInt && number != static_cast<int32_t>(number)) {
        return cursor.Fail("an int of more than 32 bits");
      }
      value.kind_ = AvroValue::Kind::kInt;
      value.number_ = number;
      return true;
    }
    case Kind::kFloat: {
      float number = 0;
      if (cursor.remaining() < sizeof(number)) return cursor.Fail("a float over the end");
      std::memcpy(&number, cursor.at, sizeof(number));
      cursor.at += sizeof(number);
      value.kind_ = AvroValue::Kind::kDouble;
      value.real_ = number;
      return true;
    }
    case Kind::kDouble:
      if (cursor.remaining() < sizeof(double)) return cursor.Fail("a double over the end");
      value.kind_ = AvroValue::Kind::kDouble;
      std::memcpy(&value.real_, cursor.at, sizeof(double));
      cursor.at += sizeof(double);
      return true;
    case Kind::kFixed: {
      const char* start = cursor.at;
      if (!cursor.Skip(node.type->fixed_bytes)) return false;
      return set_text({start, static_cast<size_t>(node.type->fixed_bytes)});
    }
    case Kind::kEnum: {
      int64_t index = 0;
      if (!cursor.Long(index)) return false;
      if (index < 0 || static_cast<uint64_t>(index) >= node.type->symbols.size()) {
        return cursor.Fail("an enum without such a symbol");
      }
      return set_text(node.type->symbols[static_cast<size_t>(index)]);
    }
    default: {
      std::string_view text;
      return cursor.Text(text) && set_text(text);
    }
  }
}

bool AvroDecoder::List(const Node& node, AvroCursor& cursor, AvroValue* row) {
  const bool map = node.type->kind == Kind::kMap;
  const Node& item = node.children[0];
  const size_t width = widths_[node.pool];
  const int64_t item_bytes_min = item.type->encoded_bytes_min + (map ? 1 : 0);
  // Lists among the items use pools of their own: the items of this one lie side by side.
  const size_t offset = pools_[node.pool].size();
  size_t size = 0;
  while (true) {
    int64_t items = 0;
    int64_t bytes = 0;
    if (!BlockHeader(cursor, items, bytes)) return false;
    if (items == 0) break;
    const int64_t most = item_bytes_min > 0
                             ? static_cast<int64_t>(cursor.remaining()) / item_bytes_min
                             : kEmptyItemsMax - static_cast<int64_t>(size);
    if (items > most) return cursor.Fail("a list longer than its block");
    const size_t begin = pools_[node.pool].size();
    const size_t end = begin + static_cast<size_t>(items) * width;
    if (end > AvroReader::kItemsPerListMax) return cursor.Fail("too many list items in a record");
    pools_[node.pool].resize(end);
    size += static_cast<size_t>(items);
    for (size_t i = begin; i < end; i += width) {
      AvroValue* values = pools_[node.pool].data() + i;
      if (map) {
        std::string_view key;
        if (!cursor.Text(key)) return false;
        if (node.key_slot >= 0) {
          values[node.key_slot].kind_ = AvroValue::Kind::kBytes;
          values[node.key_slot].text_ = key.data();
          values[node.key_slot].size_ = static_cast<uint32_t>(key.size());
        }
      }
      if (!Run(item, cursor, values)) return false;
    }
  }
  AvroValue& value = row[node.slot];
  value.kind_ = AvroValue::Kind::kList;
  value.list_.offset = static_cast<uint32_t>(offset);
  value.list_.pool = node.pool;
  value.size_ = static_cast<uint32_t>(size);
  return true;
}

bool AvroDecoder::SkipList(const AvroType& type, AvroCursor& cursor, int depth) {
  const AvroType& item = *type.children[0];
  const bool map = type.kind == Kind::kMap;
  while (true) {
    int64_t items = 0;
    int64_t bytes = 0;
    if (!BlockHeader(cursor, items, bytes)) return false;
    if (items == 0) return true;
    if (bytes >= 0) {
      cursor.at += bytes;
      continue;
    }
    if (!map && item.encoded_bytes_min == 0) continue;
    for (int64_t i = 0; i < items; ++i) {
      std::string_view key;
      if (map && !cursor.Text(key)) return false;
      if (!SkipValue(item, cursor, depth + 1)) return false;
    }
  }
}

bool AvroDecoder::SkipValue(const AvroType& type, AvroCursor& cursor, int depth) {
  if (depth > kSkipDepthMax) return cursor.Fail("nested too deeply");
  int64_t number = 0;
  std::string_view text;
  switch (type.kind) {
    case Kind::kNull:
      return true;
    case Kind::kBoolean:
      return cursor.Skip(1);
    case Kind::kInt:
    case Kind::kLong:
    case Kind::kEnum:
      return cursor.Long(number);
    case Kind::kFloat:
      return cursor.Skip(4);
    case Kind::kDouble:
      return cursor.Skip(8);
    case Kind::kBytes:
    case Kind::kString:
      return cursor.Text(text);
    case Kind::kFixed:
      return cursor.Skip(type.fixed_bytes);
    case Kind::kRecord:
      // A record that takes no bytes may still have many fields.
      if (type.encoded_bytes_min == 0) return true;
      for (const AvroField& field : type.fields) {
        if (!SkipValue(*field.type, cursor, depth + 1)) return false;
      }
      return true;
    case Kind::kUnion:
      if (!cursor.Long(number)) return false;
      if (number < 0 || static_cast<uint64_t>(number) >= type.children.size()) {
        return cursor.Fail("a union without such a branch");
      }
      return SkipValue(*type.children[static_cast<size_t>(number)], cursor, depth + 1);
    default:
      return SkipList(type, cursor, depth);
  }
}

}  // namespace tarn
