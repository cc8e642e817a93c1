#include <arrow/filesystem/s3fs.h>
#include <arrow/status.h>

#include <cstdlib>
#include <mutex>
#include <optional>

#include "storage/s3/credentials.h"

namespace tarn {
namespace {

constexpr int kReadsMax = 10;

/// Starts the AWS SDK inside Arrow, once; the end of the process stops it, as the SDK demands.
Status StartSdk() {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (arrow::fs::IsS3Finalized()) return Unavailable("the process is ending");
  if (arrow::fs::IsS3Initialized()) return {};
  arrow::fs::S3GlobalOptions options = arrow::fs::S3GlobalOptions::Defaults();
  options.log_level = arrow::fs::S3LogLevel::Off;  // its log would carry headers
  if (const arrow::Status status = arrow::fs::InitializeS3(options); !status.ok()) {
    return Internal("the AWS SDK does not start: " + status.message());
  }
  std::atexit([] { (void)arrow::fs::EnsureS3Finalized(); });
  return {};
}

class Chain final : public CredentialsProvider {
 public:
  Result<AwsCredentials> Get() override {
    std::lock_guard lock(mutex_);
    if (!options_) {
      TARN_RETURN_IF_ERROR(StartSdk());
      options_ = arrow::fs::S3Options::Defaults();
    }
    // Three questions to a provider that may renew between two of them: what was the same twice
    // belongs together.
    AwsCredentials last = Read();
    for (int i = 0; i < kReadsMax; ++i) {
      AwsCredentials again = Read();
      if (again == last) break;
      last = std::move(again);
    }
    if (last.access_key.empty() || last.secret_key.empty()) {
      return PermissionDenied(
          "no credentials for S3",
          "set `access_key` and `secret_key` under `storage:`, or AWS_ACCESS_KEY_ID and "
          "AWS_SECRET_ACCESS_KEY, or a profile or role that the AWS tools find");
    }
    return last;
  }

 private:
  AwsCredentials Read() const {
    return {options_->GetAccessKey(), options_->GetSecretKey(), options_->GetSessionToken()};
  }

  std::mutex mutex_;
  std::optional<arrow::fs::S3Options> options_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> DefaultCredentials() { return std::make_unique<Chain>(); }

}  // namespace tarn
