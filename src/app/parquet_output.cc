#include "app/parquet_output.h"

#include <cerrno>

#include <arrow/api.h>

#include "app/output.h"
#include "columnar/conform.h"
#include "columnar/file_writer.h"
#include "table/model/schema.h"

namespace tarn {
namespace {

/// Only what the Parquet writer asks of a store: one stream of bytes, to a FILE.
class StreamWriter final : public ObjectWriter {
 public:
  explicit StreamWriter(std::FILE* out) : out_(out) {}
  Status Append(std::string_view bytes) override {
    if (std::fwrite(bytes.data(), 1, bytes.size(), out_) != bytes.size()) {
      return WriteError(errno);
    }
    bytes_ += static_cast<int64_t>(bytes.size());
    return Status::Ok();
  }
  Status Close() override { return Status::Ok(); }
  int64_t bytes_written() const override { return bytes_; }

 private:
  std::FILE* out_;
  int64_t bytes_ = 0;
};

class StreamStore final : public ObjectStore {
 public:
  explicit StreamStore(std::FILE* out) : out_(out) {}
  Result<std::string> Get(std::string_view) override { return WriteOnly(); }
  Result<std::string> GetRange(std::string_view, int64_t, int64_t) override { return WriteOnly(); }
  Result<ObjectInfo> Head(std::string_view) override { return WriteOnly(); }
  Status Put(std::string_view, std::string_view) override { return WriteOnly(); }
  Status PutIfAbsent(std::string_view, std::string_view) override { return WriteOnly(); }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view) override {
    return std::unique_ptr<ObjectWriter>(std::make_unique<StreamWriter>(out_));
  }
  Status List(std::string_view, const std::function<Status(const ObjectInfo&)>&) override {
    return WriteOnly();
  }
  Status Delete(std::string_view) override { return Status::Ok(); }
  Status CheckAccess() override { return Status::Ok(); }
  const std::string& root_uri() const override { return root_; }

 private:
  static Error WriteOnly() { return Unsupported("a stream can only be written"); }

  std::FILE* out_;
  std::string root_ = "stream:";
};

}  // namespace

Status PrintParquet(Rows& rows, const Limits& limits, std::FILE* out) {
  TARN_ASSIGN_OR_RETURN(const auto storable, StorableSchema(*rows.schema()));
  TARN_ASSIGN_OR_RETURN(const Schema schema, SchemaFromArrow(*storable));
  TARN_ASSIGN_OR_RETURN(const auto with_ids, SchemaToArrow(schema));
  StreamStore store(out);
  TARN_ASSIGN_OR_RETURN(auto writer,
                        OpenParquetWriter(store, "result.parquet", with_ids, {}, limits));
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) break;
    TARN_ASSIGN_OR_RETURN(const auto conformed, Conform(batch, with_ids));
    TARN_RETURN_IF_ERROR(writer->Write(*conformed));
  }
  return writer->Finish().status();
}

}  // namespace tarn
