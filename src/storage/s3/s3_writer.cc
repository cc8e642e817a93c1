#include "storage/s3/s3_writer.h"

#include <pthread.h>

#include <algorithm>

#include "base/log.h"
#include "storage/s3/s3_error.h"
#include "storage/s3/xml.h"

namespace tarn {
namespace {

constexpr int64_t kPartBytesMin = 5LL << 20;  // of S3, for all parts but the last
constexpr int64_t kPartBytesMax = 5LL << 30;
constexpr size_t kPartsMax = 10000;

using PartTask = std::packaged_task<Result<std::string>()>;

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

/// Gives a slot back when the part is done, however it ends.
class SlotGuard {
 public:
  explicit SlotGuard(S3Client& client) : client_(client) {}
  SlotGuard(const SlotGuard&) = delete;
  SlotGuard& operator=(const SlotGuard&) = delete;
  ~SlotGuard() { client_.part_slots().release(); }

 private:
  S3Client& client_;
};

}  // namespace

S3Writer::S3Writer(std::shared_ptr<S3Client> client, std::string key)
    : client_(std::move(client)),
      key_(std::move(key)),
      part_bytes_(static_cast<size_t>(std::min(
          std::max(client_->limits().storage_part_bytes, kPartBytesMin), kPartBytesMax))) {}

S3Writer::~S3Writer() {
  for (auto& part : parts_) {
    if (part.valid()) part.wait();
  }
  if (upload_id_.empty() || visible_) return;
  const auto aborted =
      client_->Call({"DELETE", key_, {{"uploadId", upload_id_}}, {}, {}, {}}, "take back");
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

Status S3Writer::StartPart() {
  if (upload_id_.empty()) {
    attempt_id_ = client_->random().Uuid();
    TARN_ASSIGN_OR_RETURN(
        const HttpResponse response,
        client_->Call(
            {"POST", key_, {{"uploads", ""}}, {{std::string(kAttemptHeader), attempt_id_}}, {}, {}},
            "write"));
    upload_id_ = XmlText(response.body, "UploadId");
    if (upload_id_.empty()) {
      return Corruption("cannot write " + client_->UriOf(key_) +
                        ": the answer to CreateMultipartUpload holds no UploadId");
    }
  }
  if (parts_.size() >= kPartsMax) {
    return ResourceExhausted("cannot write " + client_->UriOf(key_) +
                                 ": more than 10000 parts of " + std::to_string(part_bytes_) +
                                 " bytes",
                             "raise `storage_part_bytes` under `limits:`");
  }
  client_->part_slots().acquire();
  auto task = std::make_unique<PartTask>(
      [this, number = parts_.size() + 1, bytes = std::move(buffer_)]() mutable {
        const SlotGuard guard(*client_);
        auto etag = UploadPart(number, bytes);
        bytes = std::string();
        return etag;
      });
  buffer_ = std::string();
  parts_.push_back(task->get_future());
  RunBeside(std::move(task));
  // A part that failed already ends the upload here rather than after all the others.
  for (auto& part : parts_) {
    if (part.valid() && part.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      const size_t index = static_cast<size_t>(&part - parts_.data());
      etags_.resize(parts_.size());
      TARN_ASSIGN_OR_RETURN(etags_[index], part.get());
    }
  }
  return {};
}

Result<std::string> S3Writer::UploadPart(size_t number, std::string_view bytes) {
  TARN_ASSIGN_OR_RETURN(
      const HttpResponse response,
      client_->Call({"PUT",
                     key_,
                     {{"partNumber", std::to_string(number)}, {"uploadId", upload_id_}},
                     {},
                     bytes,
                     {}},
                    "write"));
  return std::string(response.header("etag"));
}

Status S3Writer::WaitForParts() {
  etags_.resize(parts_.size());
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (!parts_[i].valid()) continue;
    TARN_ASSIGN_OR_RETURN(etags_[i], parts_[i].get());
  }
  return {};
}

Status S3Writer::Complete() {
  std::string body = "<CompleteMultipartUpload>";
  for (size_t i = 0; i < etags_.size(); ++i) {
    body.append("<Part><PartNumber>").append(std::to_string(i + 1)).append("</PartNumber><ETag>");
    body.append(XmlEscape(etags_[i])).append("</ETag></Part>");
  }
  body.append("</CompleteMultipartUpload>");
  S3Client::NoAnswer no_answer;
  const auto answer = client_->Send(
      {"POST", key_, {{"uploadId", upload_id_}}, {{"content-type", "application/xml"}}, body, {}},
      &no_answer);
  if (!answer) {
    if (no_answer.may_have_won && CompletedEarlier()) return {};
    return std::move(no_answer.error);
  }
  // S3 begins its answer before the work is done: an error may come under status 200.
  const std::string code = S3ErrorCode(answer->response);
  if (answer->response.status == 200 && code.empty()) return {};
  if ((answer->earlier_may_have_won || answer->response.status >= 500) && CompletedEarlier()) {
    return {};
  }
  if (answer->response.status == 200) {
    return Unavailable("cannot write " + client_->UriOf(key_) + ": " + code, "run it again");
  }
  return client_->ErrorOf(answer->response, "write", key_);
}

bool S3Writer::CompletedEarlier() {
  const auto head = client_->Call({"HEAD", key_, {}, {}, {}, {}}, "read");
  return head.ok() && head->header(kAttemptHeader) == attempt_id_;
}

Status S3Writer::Close() {
  TARN_CHECK(!closed_);
  closed_ = true;
  TARN_RETURN_IF_ERROR(failed_);
  if (upload_id_.empty()) {
    TARN_RETURN_IF_ERROR(client_->Call({"PUT", key_, {}, {}, buffer_, {}}, "write"));
  } else {
    if (!buffer_.empty()) TARN_RETURN_IF_ERROR(StartPart());
    TARN_RETURN_IF_ERROR(WaitForParts());
    TARN_RETURN_IF_ERROR(Complete());
  }
  visible_ = true;
  buffer_ = std::string();
  return {};
}

}  // namespace tarn
