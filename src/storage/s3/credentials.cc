#include "storage/s3/credentials.h"

#include <mutex>

#include "storage/s3/timestamp.h"
#include "storage/s3/xml.h"

namespace tarn {
namespace {

constexpr int64_t kRenewBeforeMicros = 5LL * 60 * 1000000;

class Fixed final : public CredentialsProvider {
 public:
  explicit Fixed(AwsCredentials credentials) : credentials_(std::move(credentials)) {}
  Result<AwsCredentials> Get() override { return credentials_; }

 private:
  const AwsCredentials credentials_;
};

class Role final : public CredentialsProvider {
 public:
  Role(AssumeRoleCall call, Clock& clock) : call_(std::move(call)), clock_(clock) {}

  Result<AwsCredentials> Get() override {
    std::lock_guard lock(mutex_);
    if (clock_.NowMicros() < renew_at_micros_) return credentials_;
    auto answer = call_();
    if (!answer.ok()) {
      // The old ones hold for a while yet; only then is it an error.
      if (clock_.NowMicros() < renew_at_micros_ + kRenewBeforeMicros - 1000000 &&
          !credentials_.access_key.empty()) {
        return credentials_;
      }
      return answer.status();
    }
    AwsCredentials credentials{XmlText(*answer, "AccessKeyId"), XmlText(*answer, "SecretAccessKey"),
                               XmlText(*answer, "SessionToken")};
    const int64_t ends_at_micros = ParseIsoTime(XmlText(*answer, "Expiration"));
    if (credentials.access_key.empty() || credentials.secret_key.empty() || ends_at_micros == 0) {
      return Corruption("the answer to AssumeRole holds no credentials");
    }
    credentials_ = std::move(credentials);
    renew_at_micros_ = ends_at_micros - kRenewBeforeMicros;
    return credentials_;
  }

 private:
  const AssumeRoleCall call_;
  Clock& clock_;
  std::mutex mutex_;
  AwsCredentials credentials_;
  int64_t renew_at_micros_ = 0;
};

}  // namespace

std::unique_ptr<CredentialsProvider> FixedCredentials(AwsCredentials credentials) {
  return std::make_unique<Fixed>(std::move(credentials));
}

std::unique_ptr<CredentialsProvider> RoleCredentials(AssumeRoleCall call, Clock& clock) {
  return std::make_unique<Role>(std::move(call), clock);
}

}  // namespace tarn
