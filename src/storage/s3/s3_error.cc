#include "storage/s3/s3_error.h"

#include "storage/s3/xml.h"

namespace tarn {
namespace {

constexpr std::string_view kKeysHint =
    "check `access_key`, `secret_key` and `session_token` under `storage:`, or the environment "
    "and profile they come from";

std::string Quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

}  // namespace

std::string S3ErrorCode(const HttpResponse& response) { return XmlText(response.body, "Code"); }

Error S3ErrorOf(const HttpResponse& response, const S3Place& place) {
  const int status = response.status;
  const std::string code = S3ErrorCode(response);
  const std::string bucket(place.bucket);
  const std::string endpoint(place.endpoint);
  const std::string cannot = "cannot " + std::string(place.action) + " " + place.uri + ": ";
  // The server's own message may quote the request, but never the secret: that is not sent.
  const std::string said = code.empty() ? "status " + std::to_string(status) : code;

  if (code == "NoSuchBucket") {
    return NotFound("bucket " + bucket + " does not exist at " + endpoint,
                    "create it, or correct `warehouse`");
  }
  if (code == "NoSuchUpload") {
    return Unavailable(cannot + "the upload was taken back meanwhile (NoSuchUpload)",
                       "a lifecycle rule of the bucket, or somebody else, removes unfinished "
                       "uploads; run it again");
  }
  std::string region(response.header("x-amz-bucket-region"));
  if (region.empty()) region = XmlText(response.body, "Region");
  if (status == 301 || status == 307 || code == "AuthorizationHeaderMalformed" ||
      code == "PermanentRedirect") {
    return InvalidArgument(
        cannot + "the bucket is not in region " + std::string(place.region) + " (" + said + ")",
        region.empty() ? "correct `region` or `endpoint` under `storage:`"
                       : "set `region: " + region + "` under `storage:`");
  }
  if (code == "InvalidAccessKeyId" || code == "XAdminUserNotFound") {
    return PermissionDenied(cannot + endpoint + " does not know the access key",
                            std::string(kKeysHint));
  }
  if (code == "SignatureDoesNotMatch") {
    return PermissionDenied(cannot + "the secret key does not belong to the access key",
                            std::string(kKeysHint));
  }
  if (code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired") {
    return PermissionDenied(cannot + "the temporary credentials have ended (" + code + ")",
                            std::string(kKeysHint));
  }
  if (code == "RequestTimeTooSkewed") {
    return PermissionDenied(cannot + "the clocks of this machine and of " + endpoint + " differ",
                            "set this machine's clock");
  }
  if (code == "ExistingObjectIsDirectory" || code == "ObjectParentIsFile") {
    return InvalidArgument(cannot + "an object cannot be a folder of another one there (" + code +
                           ")");
  }
  if (code == "EntityTooLarge" || code == "QuotaExceeded" || status == 507) {
    return ResourceExhausted(cannot + said, "free some space, or have the quota raised");
  }
  switch (status) {
    case 401:
    case 403:
      return PermissionDenied(cannot + "bucket " + bucket + " refuses (" + said + ")",
                              "allow these credentials s3:GetObject, s3:PutObject, "
                              "s3:DeleteObject and s3:ListBucket on the bucket; or " +
                                  std::string(kKeysHint));
    case 404:
      return NotFound(place.uri + " does not exist");
    case 409:
      return Conflict(cannot + "somebody else is changing it (" + said + ")", "run it again");
    case 412:
      return AlreadyExists(place.uri + " already exists");
    case 416:
      return Corruption(place.uri + " ends before the range that was asked for",
                        "the object was cut short or replaced by something that is not Tarn");
    case 501:
      return Unsupported(cannot + endpoint + " does not know this request (" + said + ")");
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return Unavailable(cannot + endpoint + " is busy or failing (" + said + ")", "run it again");
    default:
      if (status >= 500) return Unavailable(cannot + endpoint + " fails (" + said + ")");
      return InvalidArgument(cannot + endpoint + " refuses the request (" + said + ")",
                             "check that " + Quoted("endpoint") + " under `storage:` speaks S3");
  }
}

Error TransportErrorOf(const TransportError& failure, std::string_view endpoint) {
  const std::string place(endpoint);
  switch (failure.kind) {
    case TransportError::Kind::kNotSent:
      return Unavailable("cannot reach " + place + ": " + failure.message,
                         "check `endpoint` and `region` under `storage:`, and that the server "
                         "runs");
    case TransportError::Kind::kMisplaced:
      return InvalidArgument("cannot speak with " + place + ": " + failure.message,
                             "check `endpoint` under `storage:`; for a certificate of your own "
                             "set `ca_file`");
    case TransportError::Kind::kLost:
      break;
  }
  return Unavailable("no answer from " + place + ": " + failure.message, "run it again");
}

}  // namespace tarn
