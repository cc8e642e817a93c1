#include "storage/s3/s3_store.h"

#include <charconv>

#include "storage/s3/s3_client.h"
#include "storage/s3/s3_error.h"
#include "storage/s3/s3_listing.h"
#include "storage/s3/s3_writer.h"
#include "storage/s3/timestamp.h"

namespace tarn {
namespace {

using Request = S3Client::Request;

int64_t ParseNumber(std::string_view text) {
  int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The size at the end of "bytes 0-9/1234" or "bytes */1234"; -1 where it is not told.
int64_t TotalOf(const HttpResponse& response) {
  const std::string_view range = response.header("content-range");
  const size_t slash = range.rfind('/');
  return slash == std::string_view::npos ? -1 : ParseNumber(range.substr(slash + 1));
}

class S3Store final : public ObjectStore {
 public:
  explicit S3Store(std::shared_ptr<S3Client> client) : client_(std::move(client)) {}

  Result<std::string> Get(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    TARN_ASSIGN_OR_RETURN(HttpResponse response,
                          client_->Call({"GET", std::string(key), {}, {}, {}, {}}, "read"));
    return std::move(response.body);
  }

  Result<std::string> GetRange(std::string_view key, int64_t offset, int64_t length) override {
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    std::string bytes(static_cast<size_t>(length), '\0');
    TARN_RETURN_IF_ERROR(ReadRange(key, offset, bytes));
    return bytes;
  }

  Status ReadRange(std::string_view key, int64_t offset, std::span<char> out) override {
    const auto length = static_cast<int64_t>(out.size());
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, length));
    if (length == 0) {  // HTTP knows no empty range
      TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key));
      if (offset <= info.size_bytes) return {};
      return RangeBeyondEnd(UriOf(key), offset, length, info.size_bytes);
    }
    const std::string range =
        "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1);
    S3Client::NoAnswer no_answer;
    const auto answer =
        client_->Send({"GET", std::string(key), {}, {{"range", range}}, {}, out}, &no_answer);
    if (!answer) return std::move(no_answer.error);
    const HttpResponse& response = answer->response;
    if (response.status == 206 && response.into_bytes == length) return {};
    if (response.status == 206 || response.status == 416) {
      int64_t total = TotalOf(response);
      if (total < 0) {
        TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key));
        total = info.size_bytes;
      }
      return RangeBeyondEnd(UriOf(key), offset, length, total);
    }
    if (response.status == 200) {
      return Unsupported("cannot read " + UriOf(key) + ": the endpoint ignores ranges");
    }
    return client_->ErrorOf(response, "read", key);
  }

  Result<ObjectInfo> Head(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    auto response = client_->Call({"HEAD", std::string(key), {}, {}, {}, {}}, "read");
    if (!response.ok() && (response.error().kind == ErrorKind::kNotFound ||
                           response.error().kind == ErrorKind::kPermissionDenied)) {
      // HEAD has no body to tell a missing object from a missing bucket or a key that is not known.
      TARN_RETURN_IF_ERROR(
          client_->Call({"GET", std::string(key), {}, {{"range", "bytes=0-0"}}, {}, {}}, "read"));
      response = client_->Call({"HEAD", std::string(key), {}, {}, {}, {}}, "read");
    }
    TARN_RETURN_IF_ERROR(response);
    const int64_t size = ParseNumber(response->header("content-length"));
    if (size < 0) return Corruption("the answer to HEAD of " + UriOf(key) + " has no length");
    return ObjectInfo{std::string(key), size, ParseHttpTime(response->header("last-modified"))};
  }

  Status Put(std::string_view key, std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    TARN_RETURN_IF_ERROR(client_->Call({"PUT", std::string(key), {}, {}, bytes, {}}, "write"));
    return {};
  }

  Status PutIfAbsent(std::string_view key, std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    return Create(key, bytes);
  }

  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    return std::make_unique<S3Writer>(client_, std::string(key));
  }

  Status List(std::string_view prefix,
              const std::function<Status(const ObjectInfo&)>& visit) override {
    TARN_RETURN_IF_ERROR(ValidatePrefix(prefix));
    return ListObjects(*client_, prefix, visit);
  }

  Status Delete(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    return Remove(key);
  }

  Status CheckAccess() override {
    TARN_RETURN_IF_ERROR(
        client_->Call({"GET",
                       "",
                       {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", client_->prefix()}},
                       {},
                       {},
                       {}},
                      "list"));
    const std::string probe = std::string(kReservedFolder) + "/probe-" + client_->random().Uuid();
    TARN_RETURN_IF_ERROR(Create(probe, "probe"));
    const Status again = Create(probe, "probe again");
    TARN_RETURN_IF_ERROR(Remove(probe));
    if (again.ok()) {
      return Unsupported("the endpoint of " + root_uri() +
                             " ignores `If-None-Match: *`, so two writers would overwrite each "
                             "other's commits",
                         "use a store with conditional writes: AWS S3, MinIO, versitygw, Ceph, R2");
    }
    return again.error().kind == ErrorKind::kAlreadyExists ? Status() : again;
  }

  const std::string& root_uri() const override { return client_->root_uri(); }

 private:
  /// PutIfAbsent for any key, our own reserved ones too.
  Status Create(std::string_view key, std::string_view bytes) {
    const std::string attempt_id = client_->random().Uuid();
    S3Client::NoAnswer no_answer;
    const auto answer =
        client_->Send({"PUT",
                       std::string(key),
                       {},
                       {{"if-none-match", "*"}, {std::string(kAttemptHeader), attempt_id}},
                       bytes,
                       {}},
                      &no_answer);
    if (!answer) {
      if (!no_answer.may_have_won) return std::move(no_answer.error);
      return Settle(key, bytes, attempt_id, std::move(no_answer.error));
    }
    const HttpResponse& response = answer->response;
    if (response.status >= 200 && response.status < 300) return {};
    Error error = client_->ErrorOf(response, "write", key);
    // Of racers that all were told to try again nobody has lost for certain.
    if (error.kind == ErrorKind::kConflict) error.kind = ErrorKind::kUnavailable;
    if (!answer->earlier_may_have_won && response.status < 500) return error;
    return Settle(key, bytes, attempt_id, std::move(error));
  }

  /// Who won, after an attempt of ours whose answer was lost? The attempt's name in the object's
  /// metadata says it for certain; where a server keeps no metadata, the bytes do.
  Status Settle(std::string_view key, std::string_view bytes, std::string_view attempt_id,
                Error unsettled) {
    const auto lost = [&] { return AlreadyExists(client_->UriOf(key) + " already exists"); };
    const auto head = client_->Call({"HEAD", std::string(key), {}, {}, {}, {}}, "read");
    if (!head.ok()) {
      if (unsettled.kind == ErrorKind::kAlreadyExists) {
        unsettled = Unavailable(
            "cannot tell whether " + client_->UriOf(key) + " was written: " + head.error().message,
            "run it again");
      }
      return unsettled;
    }
    const std::string_view winner = head->header(kAttemptHeader);
    if (winner == attempt_id) return {};
    if (!winner.empty()) return lost();
    TARN_ASSIGN_OR_RETURN(const HttpResponse there,
                          client_->Call({"GET", std::string(key), {}, {}, {}, {}}, "read"));
    if (there.body == bytes) return {};
    return lost();
  }

  Status Remove(std::string_view key) {
    const auto response = client_->Call({"DELETE", std::string(key), {}, {}, {}, {}}, "delete");
    if (response.ok()) return {};
    // NoSuchKey; a bucket that is missing says so in its message and is an error.
    const bool no_such_key = response.error().kind == ErrorKind::kNotFound &&
                             response.error().message.starts_with(client_->UriOf(key));
    return no_such_key ? Status() : response.status();
  }

  const std::shared_ptr<S3Client> client_;
};

}  // namespace

Result<S3Options> ParseS3Uri(std::string_view uri) {
  for (const std::string_view scheme : {"s3://", "s3a://", "s3n://"}) {
    if (!uri.starts_with(scheme)) continue;
    std::string_view rest = uri.substr(scheme.size());
    while (rest.ends_with('/')) rest.remove_suffix(1);
    const size_t slash = std::min(rest.find('/'), rest.size());
    S3Options options;
    options.bucket = rest.substr(0, slash);
    options.prefix = rest.substr(std::min(slash + 1, rest.size()));
    if (options.bucket.empty()) break;
    if (!options.prefix.empty()) TARN_RETURN_IF_ERROR(ValidateKey(options.prefix).Wrap(uri));
    return options;
  }
  return InvalidArgument("\"" + std::string(uri) + "\" is not a place in S3",
                         "write `warehouse` as s3://bucket/prefix");
}

Result<std::unique_ptr<ObjectStore>> OpenS3Store(const S3Options& options, const Limits& limits,
                                                 Clock& clock, Random& random) {
  TARN_ASSIGN_OR_RETURN(auto client, S3Client::Make(options, limits, clock, random));
  return std::make_unique<S3Store>(std::move(client));
}

}  // namespace tarn
