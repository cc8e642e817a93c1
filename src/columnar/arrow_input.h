#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// An object as Arrow wants to read it: by ranges, never as a whole. The end of the object, where
/// Parquet has its footer, comes in one request; a small object comes whole with it. The first
/// error of the store is kept, with its kind.
/// Ownership: borrows the store. Threads: one at a time.
class ArrowInput final : public arrow::io::RandomAccessFile {
 public:
  ArrowInput(ObjectStore& store, std::string key, int64_t size_bytes);
  ~ArrowInput() override;

  arrow::Status Close() override;
  bool closed() const override { return closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override;
  arrow::Result<int64_t> GetSize() override { return size_bytes_; }
  arrow::Result<int64_t> Read(int64_t size, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override;
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override;
  using arrow::io::RandomAccessFile::ReadAt;

  /// Fetches these ranges, one request each; reads within them are then served from memory, until
  /// the next call.
  arrow::Status Preload(const std::vector<arrow::io::ReadRange>& ranges);
  /// The store's error, if there was one.
  const Status& failure() const { return failure_; }

 private:
  struct Window {
    int64_t begin = 0;
    std::shared_ptr<arrow::Buffer> bytes;
  };
  /// The part of the object that lies behind `position`; fewer bytes at its end.
  arrow::Result<int64_t> Clamp(int64_t position, int64_t size) const;
  arrow::Result<std::shared_ptr<arrow::Buffer>> Fetch(int64_t position, int64_t size);
  /// The window that has all of the range, or nullptr. Fetches the object's end when the range
  /// reaches into it.
  arrow::Result<const Window*> Find(int64_t position, int64_t size);

  ObjectStore& store_;
  std::string key_;
  int64_t size_bytes_;
  int64_t position_ = 0;
  bool closed_ = false;
  Window tail_;
  std::vector<Window> windows_;
  Status failure_;
};

}  // namespace tarn
