#include "storage/s3/credentials.h"

#include <mutex>
#include <optional>

#include "storage/s3/timestamp.h"
#include "storage/s3/xml.h"

namespace tarn {
namespace {

constexpr int64_t kRenewBeforeMicros = 5LL * 60 * 1000000;
constexpr int64_t kAskAgainMicros = 15LL * 1000000;
constexpr int64_t kMarginMicros = 1000000;

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
    std::unique_lock renewal(renewal_mutex_, std::defer_lock);
    if (const auto held = Held(); !held) {
      renewal.lock();
    } else if (!held->due || !renewal.try_lock()) {
      return held->credentials;
    }
    // Whoever had the way before may have brought some.
    const auto held = Held();
    if (held && !held->due) return held->credentials;
    Result<AwsCredentials> renewed = Renew();
    if (renewed.ok()) return renewed;
    std::lock_guard lock(mutex_);
    renew_at_micros_ = clock_.NowMicros() + kAskAgainMicros;
    // The old ones hold for a while yet; only then is it an error.
    if (clock_.NowMicros() < holds_until_micros_) return credentials_;
    return renewed;
  }

  bool Forget(const AwsCredentials& ended) override {
    std::lock_guard lock(mutex_);
    if (ended == credentials_) holds_until_micros_ = 0;
    return true;
  }

 private:
  struct Credentials {
    AwsCredentials credentials;
    bool due;  // to be renewed
  };
  /// Those that hold yet.
  std::optional<Credentials> Held() {
    std::lock_guard lock(mutex_);
    const int64_t now = clock_.NowMicros();
    if (now >= holds_until_micros_) return std::nullopt;
    return Credentials{credentials_, now >= renew_at_micros_};
  }

  Result<AwsCredentials> Renew() {
    TARN_ASSIGN_OR_RETURN(const std::string answer, call_());
    AwsCredentials credentials{XmlText(answer, "AccessKeyId"), XmlText(answer, "SecretAccessKey"),
                               XmlText(answer, "SessionToken")};
    const int64_t ends_at_micros = ParseIsoTime(XmlText(answer, "Expiration"));
    if (credentials.access_key.empty() || credentials.secret_key.empty() || ends_at_micros == 0) {
      return Corruption("the answer to AssumeRole holds no credentials");
    }
    std::lock_guard lock(mutex_);
    credentials_ = std::move(credentials);
    renew_at_micros_ = ends_at_micros - kRenewBeforeMicros;
    holds_until_micros_ = ends_at_micros - kMarginMicros;
    return credentials_;
  }

  const AssumeRoleCall call_;
  Clock& clock_;
  std::mutex renewal_mutex_;  // held while the service is asked; before mutex_
  std::mutex mutex_;          // of what follows
  AwsCredentials credentials_;
  int64_t renew_at_micros_ = 0;
  int64_t holds_until_micros_ = 0;
};

}  // namespace

std::unique_ptr<CredentialsProvider> FixedCredentials(AwsCredentials credentials) {
  return std::make_unique<Fixed>(std::move(credentials));
}

std::unique_ptr<CredentialsProvider> RoleCredentials(AssumeRoleCall call, Clock& clock) {
  return std::make_unique<Role>(std::move(call), clock);
}

}  // namespace tarn
