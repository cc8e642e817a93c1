#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/object_store.h"
#include "storage/s3/s3_client.h"

namespace tarn {

/// Streams an object to S3: one PUT for what fits one part, else a multipart upload whose parts go
/// up beside the caller's work. Holds one part; the parts on their way are bounded for the whole
/// store (S3Client::part_slots). The first part that fails ends the upload and stops the others.
/// Threads: one at a time.
class S3Writer final : public ObjectWriter {
 public:
  S3Writer(std::shared_ptr<S3Client> client, std::string key);
  ~S3Writer() override;

  Status Append(std::string_view bytes) override;
  Status Close() override;
  int64_t bytes_written() const override { return written_; }

 private:
  /// A part as the completion names it.
  struct Part {
    std::string etag;
    std::string crc32c;  // base64; empty where the server takes no checksums
  };
  enum class Wait { kNo, kForAll };

  Status StartUpload();
  Status StartPart();
  Result<Part> UploadPart(size_t number, std::string_view bytes);
  /// Takes over the parts that are done; the error of one that failed.
  Status CollectParts(Wait wait);
  Status Complete();
  bool CompletedEarlier(int64_t deadline);
  void Abort();

  const std::shared_ptr<S3Client> client_;
  const std::string key_;
  const size_t part_bytes_;
  std::string buffer_;
  int64_t written_ = 0;
  bool closed_ = false;
  bool visible_ = false;
  Status failed_;           // what ended the upload: every later call says it again
  std::string upload_id_;   // empty before the first part
  std::string attempt_id_;  // in the object's metadata: tells our upload from another's
  bool checksums_ = false;  // the upload was begun with them
  std::atomic<bool> stop_{false};
  std::vector<std::future<Result<Part>>> uploads_;  // by number
  std::vector<Part> parts_;
};

}  // namespace tarn
