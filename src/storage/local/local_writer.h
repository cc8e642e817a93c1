#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/local/file_cache.h"
#include "storage/local/temp_area.h"
#include "storage/object_store.h"

namespace tarn {

enum class Existing { kReplace, kKeep };

/// Syncs `file` and gives it the name `key` below the root, durably; folders are made as needed.
/// Errors: AlreadyExists (only with kKeep), InvalidArgument (a folder stands there), and those of
/// PosixError.
Status Publish(const std::string& root_path, std::string_view key, TempFile& file,
               Existing existing);

/// Ok as well when there is no such file.
Status DeleteFile(const std::string& root_path, std::string_view key);

/// Streams into a temporary file, which gets its name at Close().
/// Threads: one at a time.
class LocalWriter final : public ObjectWriter {
 public:
  LocalWriter(std::string root_path, std::string key, TempFile file,
              std::shared_ptr<FileCache> files);

  Status Append(std::string_view bytes) override;
  Status Close() override;
  int64_t bytes_written() const override { return flushed_ + std::ssize(buffer_); }

 private:
  Status Write(std::string_view bytes);

  const std::string root_path_;
  const std::string key_;
  TempFile file_;
  const std::shared_ptr<FileCache> files_;
  std::string buffer_;
  int64_t flushed_ = 0;
  int64_t on_its_way_ = 0;  // bytes that the kernel was asked to write back already
  bool closed_ = false;
  Status failed_;
};

}  // namespace tarn
