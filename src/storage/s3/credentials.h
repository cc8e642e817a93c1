#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "storage/s3/sigv4.h"

namespace tarn {

/// Where the credentials of requests come from.
/// Threads: Get() may be called concurrently.
/// Errors: PermissionDenied where there are none; Unavailable where a service did not answer.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  /// Credentials that are valid now; temporary ones are renewed before they end.
  virtual Result<AwsCredentials> Get() = 0;
  /// The server says that these have ended. Whether Get() may have others now.
  virtual bool Forget(const AwsCredentials& /*ended*/) { return false; }
};

std::unique_ptr<CredentialsProvider> FixedCredentials(AwsCredentials credentials);

/// As every AWS tool finds them: environment, shared files and their profiles, SSO, web identity,
/// container, instance metadata. The AWS SDK is started by the first Get() of the process and
/// stopped at its end; nothing of it runs in a process that never asks.
std::unique_ptr<CredentialsProvider> DefaultCredentials();

/// Asks for the temporary credentials of a role: the request is the callee's, the answer is STS'
/// AssumeRole response.
using AssumeRoleCall = std::function<Result<std::string>()>;
/// Renews a role's credentials five minutes before they end, and asks again every 15 seconds where
/// that fails. While they hold, nobody waits for the answer but who asks.
std::unique_ptr<CredentialsProvider> RoleCredentials(AssumeRoleCall call, Clock& clock);

}  // namespace tarn
