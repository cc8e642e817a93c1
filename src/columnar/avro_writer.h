#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "columnar/avro_schema.h"
#include "columnar/scalar.h"

namespace tarn {

struct AvroWriterOptions {
  enum class Codec { kNull, kDeflate };
  Codec codec = Codec::kDeflate;
  int deflate_level = 4;  ///< measured: as small as 6 on manifests at two thirds of its time
  int64_t block_bytes = 64 << 10;  ///< uncompressed bytes after which a block ends
};

/// Writes an Avro object container file record by record. The calls follow the schema, field by
/// field in its order; every call is checked against it. A union takes the value itself (Null() or
/// the branch that fits), its index is written by the writer.
///
/// ```
/// TARN_ASSIGN_OR_RETURN(AvroWriter out, AvroWriter::Open(schema_json,
///     {{"format-version", "2"}, {"content", "data"}}, random));
/// for (const DataFile& file : files) {
///   out.BeginRecord();            // manifest_entry
///   out.Int(1);                   //   status
///   out.Null();                   //   snapshot_id: ["null", "long"]
///   out.BeginRecord();            //   data_file
///   out.Bytes(file.path);
///   out.BeginRecord();            //     partition
///   for (const Scalar& value : file.partition) out.Value(value);
///   out.EndRecord();
///   out.BeginList(2);             //     value_counts: array of records
///   …                             //       BeginRecord() Int(k) Int(v) EndRecord(), twice
///   out.EndList();
///   out.EndRecord();
///   out.EndRecord();
/// }
/// TARN_ASSIGN_OR_RETURN(std::string bytes, std::move(out).Finish());
/// ```
/// Errors are kept: after the first one every call does nothing, and Finish() returns it.
/// InvalidArgument: a value that does not fit its type; Internal: calls that do not follow the
/// schema, naming the field. Threads: one at a time. Memory: the whole (compressed) file.
class AvroWriter {
 public:
  /// `metadata` goes into the header beside avro.schema and avro.codec; `random` gives the sync
  /// marker. Errors: InvalidArgument for a bad schema.
  static Result<AvroWriter> Open(std::string_view schema_json,
                                 const std::map<std::string, std::string>& metadata, Random& random,
                                 const AvroWriterOptions& options = {});
  AvroWriter(AvroWriter&&) noexcept;
  AvroWriter& operator=(AvroWriter&&) noexcept;
  ~AvroWriter();

  void Null();
  void Boolean(bool value);
  void Int(int64_t value);             ///< int, long
  void Double(double value);           ///< float, double
  void Bytes(std::string_view value);  ///< bytes, string, fixed, enum (its symbol)
  /// Any of the above by the value's kind; Int128 becomes the big-endian bytes of a decimal.
  void Value(const Scalar& value);
  void BeginRecord();
  void EndRecord();
  /// Array, or map: then each item is its key (Bytes) and its value. Exactly `items` items follow.
  void BeginList(size_t items);
  void EndList();

  int64_t records() const;
  /// Bytes so far, the open block uncompressed.
  int64_t estimated_bytes() const;
  const Status& status() const;
  /// The whole file.
  Result<std::string> Finish() &&;

 private:
  struct State;
  explicit AvroWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tarn
