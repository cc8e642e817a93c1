#include "storage/s3/s3_writer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/thread.h"
#include "storage/crc32c.h"
#include "storage/s3/s3_error.h"
#include "storage/s3/xml.h"

namespace tarn {
namespace {

constexpr int64_t kPartBytesMin = 5LL << 20;  // of S3, for all parts but the last
constexpr int64_t kPartBytesMax = 5LL << 30;
constexpr size_t kPartsMax = 10000;
constexpr int64_t kAbortMicrosMax = 5'000'000;

using PartTask = std::packaged_task<void()>;

void* RunTask(void* task) {
  (*std::unique_ptr<PartTask>(static_cast<PartTask*>(task)))();
  return nullptr;
}

/// On a thread of its own, or, where there is none to be had, on the caller's. Not std::thread,
/// which tells that by an exception.
void RunBeside(std::unique_ptr<PartTask> task) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  PartTask* raw = task.release();
  if (pthread_create(&thread, &attributes, &RunTask, raw) != 0) RunTask(raw);
  pthread_attr_destroy(&attributes);
}

/// One of the parts that may be on their way, until it is released or destroyed.
class PartSlot {
 public:
  explicit PartSlot(std::shared_ptr<S3Client> client) : client_(std::move(client)) {
    client_->part_slots().acquire();
  }
  PartSlot(PartSlot&& other) noexcept = default;
  PartSlot& operator=(PartSlot&&) = delete;
  ~PartSlot() { Release(); }

  void Release() {
    if (const auto client = std::exchange(client_, nullptr)) client->part_slots().release();
  }

 private:
  std::shared_ptr<S3Client> client_;
};

}  // namespace

S3Writer::S3Writer(std::shared_ptr<S3Client> client, std::string key)
    : client_(std::move(client)),
      key_(std::move(key)),
      part_bytes_(static_cast<size_t>(std::min(
          std::max(client_->limits().storage_part_bytes, kPartBytesMin), kPartBytesMax))) {}

S3Writer::~S3Writer() {
  stop_ = true;
  for (auto& upload : uploads_) {
    if (upload.valid()) upload.wait();
  }
  if (!upload_id_.empty() && !visible_) Abort();
}

void S3Writer::Abort() {
  // Whoever drops a writer does not wait for long, least of all for a server that hangs.
  const int64_t deadline = std::min(client_->Deadline(), client_->DeadlineIn(kAbortMicrosMax));
  const auto aborted = client_->Call({.method = "DELETE",
                                      .key = key_,
                                      .query = {{"uploadId", upload_id_}},
                                      .deadline_micros = deadline},
                                     "take back");
  // After a lost answer to the completion it may be an object already, with nothing to take back.
  if (!aborted.ok() && aborted.error().kind != ErrorKind::kNotFound) {
    Log(LogLevel::kInfo, "parts of an unfinished upload stay behind: " + aborted.error().message);
  }
}

Status S3Writer::Append(std::string_view bytes) {
  TARN_CHECK(!closed_);
  while (failed_.ok() && buffer_.size() + bytes.size() > part_bytes_) {
    const size_t fits = part_bytes_ - buffer_.size();
    buffer_.reserve(part_bytes_);
    buffer_.append(bytes.substr(0, fits));
    bytes.remove_prefix(fits);
    written_ += static_cast<int64_t>(fits);
    failed_ = StartPart();
  }
  TARN_RETURN_IF_ERROR(failed_);
  if (buffer_.size() + bytes.size() > part_bytes_ / 2) buffer_.reserve(part_bytes_);
  buffer_.append(bytes);
  written_ += static_cast<int64_t>(bytes.size());
  return {};
}

Status S3Writer::StartUpload() {
  attempt_id_ = client_->random().Uuid();
  S3Client::Request request{.method = "POST", .key = key_, .query = {{"uploads", ""}}};
  request.headers = client_->create_headers();
  request.headers.emplace_back(kAttemptHeader, attempt_id_);
  checksums_ = client_->takes_checksums();
  if (checksums_) request.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
  request.check = [&](const HttpResponse& response) -> Status {
    upload_id_ = XmlText(response.body, "UploadId");
    if (!upload_id_.empty()) return {};
    return Corruption("cannot write " + client_->UriOf(key_) +
                      ": the answer to CreateMultipartUpload holds no UploadId");
  };
  auto started = client_->Call(request, "write");
  if (!started.ok() && checksums_ &&
      (started.error().kind == ErrorKind::kUnsupported ||
       started.error().kind == ErrorKind::kInvalidArgument)) {
    // A server that knows no checksums refuses to be told of them.
    request.headers.pop_back();
    checksums_ = false;
    started = client_->Call(request, "write");
  }
  return started.status();
}

Status S3Writer::StartPart() {
  if (upload_id_.empty()) TARN_RETURN_IF_ERROR(StartUpload());
  if (uploads_.size() >= kPartsMax) {
    return ResourceExhausted("cannot write " + client_->UriOf(key_) +
                                 ": more than 10000 parts of " + std::to_string(part_bytes_) +
                                 " bytes",
                             "raise `storage_part_bytes` under `limits:`");
  }
  PartSlot slot(client_);
  // A part that failed already ends the upload here rather than after all the others.
  TARN_RETURN_IF_ERROR(CollectParts(Wait::kNo));
  auto promise = std::make_shared<std::promise<Result<Part>>>();
  uploads_.push_back(promise->get_future());
  auto task =
      std::make_unique<PartTask>([this, promise, number = uploads_.size(),
                                  bytes = std::move(buffer_), slot = std::move(slot)]() mutable {
        Part part;
        const Status uploaded = RunWalled([&]() -> Status {
          TARN_ASSIGN_OR_RETURN(part, UploadPart(number, bytes));
          return {};
        });
        bytes = std::string();
        slot.Release();
        // Whoever waits for it may drop the writer at once.
        if (uploaded.ok()) {
          promise->set_value(std::move(part));
        } else {
          promise->set_value(uploaded.error());
        }
      });
  buffer_ = std::string();
  RunBeside(std::move(task));
  return {};
}

Result<S3Writer::Part> S3Writer::UploadPart(size_t number, std::string_view bytes) {
  S3Client::Request request{
      .method = "PUT",
      .key = key_,
      .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id_}},
      .body = bytes,
      .stop = &stop_};
  Part part;
  if (checksums_) {
    part.crc32c = Crc32cBase64(Crc32c(bytes));
    request.headers = {{std::string(kChecksumHeader), part.crc32c}};
  }
  request.check = [&](const HttpResponse& response) -> Status {
    if (!response.header("etag").empty()) return {};
    return Unavailable("cannot write " + client_->UriOf(key_) +
                       ": the answer to a part has no ETag");
  };
  TARN_ASSIGN_OR_RETURN(const HttpResponse response, client_->Call(request, "write"));
  part.etag = response.header("etag");
  return part;
}

Status S3Writer::CollectParts(Wait wait) {
  parts_.resize(uploads_.size());
  for (size_t i = 0; i < uploads_.size(); ++i) {
    if (!uploads_[i].valid()) continue;
    if (wait == Wait::kNo &&
        uploads_[i].wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      continue;
    }
    auto part = uploads_[i].get();
    if (!part.ok()) {
      stop_ = true;
      return part.status();
    }
    parts_[i] = std::move(*part);
  }
  return {};
}

Status S3Writer::Complete() {
  std::string body = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < parts_.size(); ++i) {
    body.append("<Part><PartNumber>").append(std::to_string(i + 1)).append("</PartNumber><ETag>");
    body.append(XmlEscape(parts_[i].etag)).append("</ETag>");
    if (!parts_[i].crc32c.empty()) {
      body.append("<ChecksumCRC32C>").append(parts_[i].crc32c).append("</ChecksumCRC32C>");
    }
    body.append("</Part>");
  }
  body.append("</CompleteMultipartUpload>");
  const int64_t deadline = client_->Deadline();
  S3Client::Request request{.method = "POST",
                            .key = key_,
                            .query = {{"uploadId", upload_id_}},
                            .headers = {{"content-type", "application/xml"}},
                            .body = body,
                            .deadline_micros = deadline};
  // S3 begins its answer before the work is done: an error, or nothing, may come under status 200.
  request.check = [&](const HttpResponse& response) -> Status {
    const std::string code = S3ErrorCode(response);
    if (code.empty() && !XmlText(response.body, "ETag").empty()) return {};
    return Unavailable("cannot write " + client_->UriOf(key_) + ": " +
                           (code.empty() ? "the answer to the completion is cut" : code),
                       "run it again");
  };
  S3Client::NoAnswer no_answer;
  const auto answer = client_->Send(request, &no_answer);
  if (!answer) {
    if (no_answer.may_have_won && CompletedEarlier(deadline)) return {};
    return std::move(no_answer.error);
  }
  if (answer->response.status == 200) return {};
  if ((answer->earlier_may_have_won || answer->response.status >= 500) &&
      CompletedEarlier(deadline)) {
    return {};
  }
  return client_->ErrorOf(answer->response, "write", key_);
}

bool S3Writer::CompletedEarlier(int64_t deadline) {
  const auto head =
      client_->Call({.method = "HEAD", .key = key_, .deadline_micros = deadline}, "read");
  return head.ok() && head->header(kAttemptHeader) == attempt_id_;
}

Status S3Writer::Close() {
  TARN_CHECK(!closed_);
  closed_ = true;
  TARN_RETURN_IF_ERROR(failed_);
  if (upload_id_.empty()) {
    TARN_RETURN_IF_ERROR(client_->Call({.method = "PUT",
                                        .key = key_,
                                        .headers = client_->create_headers(),
                                        .body = buffer_,
                                        .checksum = true},
                                       "write"));
  } else {
    if (!buffer_.empty()) TARN_RETURN_IF_ERROR(StartPart());
    TARN_RETURN_IF_ERROR(CollectParts(Wait::kForAll));
    TARN_RETURN_IF_ERROR(Complete());
  }
  visible_ = true;
  buffer_ = std::string();
  return {};
}

}  // namespace tarn
