#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::delta {

/// "Deletion Vector Descriptor Schema": where the deletion vector of a logical file stands.
struct DeletionVectorDescriptor {
  enum class Storage {
    kRelative,  ///< 'u': a file below the table, named by a UUID
    kAbsolute,  ///< 'p': a file by its URI
    kInline     ///< 'i': the vector itself
  };
  Storage storage = Storage::kInline;
  std::string path_or_inline;     ///< as in the log: Z85 for kRelative (after a prefix) and kInline
  std::optional<int64_t> offset;  ///< of the vector in its file
  int64_t size_bytes = 0;         ///< of magic and bitmap
  int64_t cardinality = 0;
  bool operator==(const DeletionVectorDescriptor&) const = default;

  /// "Derived Fields": with the path it tells logical files apart.
  std::string UniqueId() const;
  /// The letter in the log.
  char Letter() const;
  static std::optional<Storage> StorageOf(std::string_view letter);
};

/// A vector in the log itself, as other writers have them: Trino (476) refuses to read such tables,
/// so that Tarn writes none. `magic_and_bitmap` as DeletionVector::Serialize() has between length
/// and checksum.
DeletionVectorDescriptor InlineVector(std::string_view magic_and_bitmap, int64_t cardinality);

/// The folder below the table that Tarn's own vector files stand in.
inline constexpr char kVectorFolder[] = "deletes";

/// A UUID made from `name`, always the same for the same name (RFC 9562 version 8, from SHA-256).
std::string UuidOfName(std::string_view name);
/// "deletes/deletion_vector_<uuid>.bin", relative to the table.
std::string VectorFilePath(std::string_view uuid);
/// A vector in that file.
DeletionVectorDescriptor VectorInFile(std::string_view uuid, int64_t offset, int64_t size_bytes,
                                      int64_t cardinality);

/// The absolute URI of the file that holds the vector. Errors: Corruption (no such UUID), naming
/// the descriptor; not for kInline.
Result<std::string> VectorFileUri(std::string_view table_uri,
                                  const DeletionVectorDescriptor& vector);
/// Magic and bitmap of an inline vector. Error Corruption.
Result<std::string> InlineVectorBytes(const DeletionVectorDescriptor& vector);

}  // namespace tarn::delta
