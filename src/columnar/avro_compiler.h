#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "columnar/avro_decoder.h"

namespace tarn {

/// Turns a schema and wanted columns into an AvroDecoder's plan. Internal to AvroDecoder.
class AvroCompiler {
 public:
  Result<AvroDecoder> Run(const AvroSchema& schema, const std::vector<AvroColumn>& columns);

 private:
  using Node = AvroDecoder::Node;
  /// The columns of the row (or of a list's items) that are being looked for.
  struct Row {
    const std::vector<AvroColumn>& columns;
    std::vector<bool> found;
  };
  /// Looks for wanted columns at and below a record.
  Result<Node> Search(const AvroType& type, int32_t within, Row& row);
  /// The value itself is wanted at `slot`.
  Result<Node> Take(const AvroType& type, const AvroColumn& column, int32_t slot);
  Result<Node> TakeList(const AvroType& type, const AvroColumn& column, int32_t slot);
  Status Count();

  AvroDecoder decoder_;
  std::vector<const AvroType*> path_;  ///< records around, to stop at recursion
  int64_t nodes_ = 0;
};

}  // namespace tarn
