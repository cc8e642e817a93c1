#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "columnar/avro_schema.h"
#include "columnar/scalar.h"

namespace tarn {

/// What a wanted field must be in the file; Select() fails otherwise, so that reading need not ask.
enum class AvroExpect : uint8_t {
  kAny,
  kBoolean,
  kInt,     ///< int, long
  kDouble,  ///< float, double
  kBytes,   ///< bytes, string, fixed, enum (its symbol)
  kList     ///< array, map
};

/// A field that the caller wants, by Iceberg field id; names do not matter.
struct AvroColumn {
  int32_t id = 0;
  AvroExpect expect = AvroExpect::kAny;
  /// Of a list: which fields of an item record (or key-id, value-id of a map) are wanted, in this
  /// order. Empty: the item itself, for a map key and value.
  std::vector<AvroColumn> items = {};
  /// Field id of the record around it, where ids alone might meet by chance (partition fields lie
  /// within 102); -1: anywhere.
  int32_t within = -1;
};

class AvroList;

/// One decoded value. Text points into the reader's block: valid until the reader's next call.
class AvroValue {
 public:
  enum class Kind : uint8_t { kNull, kBoolean, kInt, kDouble, kBytes, kList };
  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  /// \name Only for the kind named; null is false.
  /// @{
  bool as_bool() const { return Checked(Kind::kBoolean), number_ != 0; }
  int64_t as_int() const { return Checked(Kind::kInt), number_; }
  double as_double() const { return Checked(Kind::kDouble), real_; }
  std::string_view as_bytes() const {
    return Checked(Kind::kBytes), std::string_view(text_, size_);
  }
  /// @}
  int64_t int_or(int64_t otherwise) const { return is_null() ? otherwise : as_int(); }
  std::string_view bytes_or(std::string_view otherwise) const {
    return is_null() ? otherwise : as_bytes();
  }
  /// A copy; a list becomes null. Decimals stay bytes: see Int128FromBigEndian.
  Scalar ToScalar() const;

 private:
  friend class AvroReader;
  friend class AvroDecoder;
  void Checked(Kind kind) const { TARN_CHECK_MSG(kind_ == kind, "avro value of another kind"); }
  union {
    int64_t number_ = 0;
    double real_;
    const char* text_;
    struct {
      uint32_t offset;
      uint32_t pool;
    } list_;
  };
  uint32_t size_ = 0;  ///< bytes, or items
  Kind kind_ = Kind::kNull;
};

/// The items of an array or map. Valid until the reader's next call.
class AvroList {
 public:
  AvroList() = default;
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Column `column` of item `i`, counted as AvroColumn::items (a map without: 0 key, 1 value).
  const AvroValue& operator()(size_t i, size_t column = 0) const {
    TARN_CHECK(i < size_ && column < width_);
    return items_[i * width_ + column];
  }

 private:
  friend class AvroReader;
  const AvroValue* items_ = nullptr;
  size_t size_ = 0;
  size_t width_ = 0;
};

/// Reads an Avro object container file (Avro 1.11 "Object Container Files") whose schema carries
/// Iceberg's field ids: codecs null, deflate, snappy and zstandard. Only wanted fields are decoded,
/// into one flat row that is used again for every record.
///
/// ```
/// TARN_ASSIGN_OR_RETURN(AvroReader reader, AvroReader::Open(std::move(bytes), location));
/// TARN_RETURN_IF_ERROR(reader.Select({
///     {.id = 0, .expect = AvroExpect::kInt},                             // 0: status
///     {.id = 100, .expect = AvroExpect::kBytes},                         // 1: file_path
///     {.id = 109, .expect = AvroExpect::kList, .items = {{119}, {120}}}, // 2: value_counts
///     {.id = 1000, .within = 102}}));                                    // 3: a partition field
/// while (true) {
///   TARN_ASSIGN_OR_RETURN(bool more, reader.Next());
///   if (!more) break;
///   int64_t status = reader[0].as_int();
///   std::string_view path = reader[1].as_bytes();
///   AvroList counts = reader.list(2);                                    // empty when null
///   for (size_t i = 0; i < counts.size(); ++i) use(counts(i, 0).as_int(), counts(i, 1).as_int());
///   Scalar day = reader[3].ToScalar();
/// }
/// ```
/// Records inside records are flattened: a wanted id is found at any depth outside of lists. A
/// field that the file lacks is null in every row (`has()` tells). Unions give the value of their
/// branch.
///
/// Threads: one at a time. Ownership: the reader owns the bytes, or shares them; values point into
/// it.
/// Memory: the file, one decompressed block (at most kBlockBytesMax) and one row.
/// Errors: Corruption, naming the file and the block's offset, for every byte that the format does
/// not allow; Unsupported for another codec. Lengths are checked before anything is allocated.
class AvroReader {
 public:
  static constexpr int64_t kBlockBytesMax = int64_t{256} << 20;
  static constexpr size_t kItemsPerListMax = size_t{1} << 24;

  /// `name` names the file in errors.
  static Result<AvroReader> Open(std::string bytes, std::string name);
  static Result<AvroReader> Open(std::shared_ptr<const std::string> bytes, std::string name);
  AvroReader(AvroReader&&) noexcept;
  AvroReader& operator=(AvroReader&&) noexcept;
  ~AvroReader();

  /// The file's metadata: "avro.schema", "avro.codec", "schema", "partition-spec", "content", …
  const std::map<std::string, std::string>& metadata() const;
  const AvroSchema& schema() const;

  /// Chooses the columns of the row; once, before Next(). Without it no field is decoded.
  /// Errors: Corruption when a field has another type than expected.
  Status Select(const std::vector<AvroColumn>& columns);
  /// Whether the file's schema has wanted column `column`.
  bool has(size_t column) const;
  /// Moves to the next record; false at the end.
  Result<bool> Next();
  /// Where the block of the current record begins in the file; 0 before the first one.
  size_t block_offset() const;
  /// Lets Next() go on with the block that begins at an offset, backwards too: those that
  /// block_offset() told. Errors: Corruption where no block begins.
  Status SeekBlock(size_t offset);
  const AvroValue& operator[](size_t column) const { return row_[column]; }
  /// The items of a list column of the row, or of a list among a list's items. Null: no items.
  AvroList list(size_t column) const { return list(row_[column]); }
  AvroList list(const AvroValue& value) const;

 private:
  struct State;
  explicit AvroReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  const AvroValue* row_ = nullptr;
};

}  // namespace tarn
