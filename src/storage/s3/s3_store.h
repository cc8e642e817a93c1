#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// Where a bucket is and how to enter it; what `warehouse:` and `storage:` of tarn.yaml say.
struct S3Options {
  std::string bucket;
  std::string prefix;    ///< without '/' at either end; empty for the whole bucket
  std::string endpoint;  ///< "http://127.0.0.1:9000"; empty for AWS
  std::string region;    ///< empty: AWS_REGION, AWS_DEFAULT_REGION, else us-east-1
  /// Both or neither; without them the credentials are found as the AWS tools find theirs.
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  std::string role_arn;     ///< a role to assume with those credentials
  std::string tls_ca_file;  ///< PEM file of the authorities to trust; empty: the system's
  /// Bucket in the path, or in the host name; by default in the path wherever there is an endpoint.
  std::optional<bool> path_style;
  /// How the server encrypts what is written; by default as the bucket's own settings say.
  enum class Encryption { kBucketDefault, kS3, kKms };
  Encryption encryption = Encryption::kBucketDefault;
  std::string kms_key;  ///< id, ARN or alias, for kKms; empty: the account's own key
  /// Once requested, requests end within about a second (Cancelled) and none is begun. What was
  /// sent may have been carried out. May be null; outlives the store and its writers.
  const CancelFlag* stop = nullptr;
};

/// Bucket and prefix of "s3://bucket/prefix" (s3a:// and s3n:// too). Error InvalidArgument.
Result<S3Options> ParseS3Uri(std::string_view uri);

/// Objects in a bucket. Opening sends nothing: CheckAccess() does.
/// The endpoint must be strongly consistent, list in the order of keys and honour `If-None-Match:
/// *` on PUT; CheckAccess() refuses one that ignores it, or whose listing does not tell when
/// objects were written. Large objects go up in parts of `storage_part_bytes`, at most
/// `storage_parts_in_flight_max` of the store at once; a writer holds one part more. A writer that
/// is dropped takes its parts back; one that is killed leaves them to the bucket's lifecycle rule
/// (AbortIncompleteMultipartUpload). Threads, ownership, errors: those of ObjectStore. Writers may
/// outlive the store.
Result<std::unique_ptr<ObjectStore>> OpenS3Store(const S3Options& options, const Limits& limits,
                                                 Clock& clock = SystemClock(),
                                                 Random& random = SystemRandom());

}  // namespace tarn
