#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "columnar/avro_reader.h"
#include "columnar/avro_schema.h"

namespace tarn {

/// A position in the bytes of one block (or header). Every read is checked against the end; after a
/// failed one `error` says why.
struct AvroCursor {
  const char* at = nullptr;
  const char* end = nullptr;
  const char* error = nullptr;

  size_t remaining() const { return static_cast<size_t>(end - at); }
  bool Fail(const char* why) {
    error = why;
    return false;
  }
  /// Zigzag varint of at most 64 bits.
  bool Long(int64_t& value) {
    // Most numbers of a manifest are small.
    if (at != end && static_cast<signed char>(*at) >= 0) {
      const auto bits = static_cast<uint64_t>(*at++);
      value = static_cast<int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
      return true;
    }
    return LongSlow(value);
  }
  /// A length and so many bytes.
  bool Text(std::string_view& text);
  bool Skip(int64_t bytes);

 private:
  bool LongSlow(int64_t& value);
};

/// Decodes wanted fields into a flat row: a schema compiled for one set of columns. Internal to
/// AvroReader.
class AvroDecoder {
 public:
  /// Errors: Corruption when a wanted field has an unexpected type.
  static Result<AvroDecoder> Compile(const AvroSchema& schema,
                                     const std::vector<AvroColumn>& columns);
  /// Reads one record into `row` (one value a column). False: see `cursor.error`.
  bool Decode(AvroCursor& cursor, AvroValue* row);

  bool has(size_t column) const { return present_[column]; }
  size_t width() const { return present_.size(); }
  const AvroValue* items(const AvroValue& list) const {
    return pools_[list.list_.pool].data() + list.list_.offset;
  }
  size_t item_width(const AvroValue& list) const { return widths_[list.list_.pool]; }

 private:
  friend class AvroCompiler;
  /// What to do with one type at one place of the schema.
  struct Node {
    const AvroType* type = nullptr;
    bool wanted = false;         ///< something here or inside is decoded
    int32_t slot = -1;           ///< where the value goes
    uint32_t pool = 0;           ///< of a list: where its items go
    std::vector<Node> children;  ///< fields, branches, or the item (of a map: the value)
    int32_t key_slot = -1;       ///< of a map
  };
  bool Run(const Node& node, AvroCursor& cursor, AvroValue* row);
  bool Plain(const Node& node, AvroCursor& cursor, AvroValue* row);
  bool List(const Node& node, AvroCursor& cursor, AvroValue* row);
  static bool SkipValue(const AvroType& type, AvroCursor& cursor, int depth);
  static bool SkipList(const AvroType& type, AvroCursor& cursor, int depth);

  Node root_;
  std::vector<bool> present_;
  std::vector<std::vector<AvroValue>> pools_;  ///< one a list of the plan, used again every record
  std::vector<size_t> widths_;                 ///< values an item, by pool
};

}  // namespace tarn
