#include "storage/s3/s3_store.h"

#include <charconv>

#include "storage/crc32c.h"
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

/// The first byte of "bytes 5-9/1234"; -1 where it is not told.
int64_t StartOf(const HttpResponse& response) {
  std::string_view range = response.header("content-range");
  constexpr std::string_view kUnit = "bytes ";
  if (!range.starts_with(kUnit)) return -1;
  range.remove_prefix(kUnit.size());
  return ParseNumber(range);
}

/// The size at the end of "bytes 0-9/1234" or "bytes */1234"; -1 where it is not told.
int64_t TotalOf(const HttpResponse& response) {
  const std::string_view range = response.header("content-range");
  const size_t slash = range.rfind('/');
  return slash == std::string_view::npos ? -1 : ParseNumber(range.substr(slash + 1));
}

/// Corruption unless the bytes of a whole object have the checksum that came with them. That of an
/// object in parts ("…-3") is one of checksums, and is passed over.
Status CheckBody(const HttpResponse& response, const std::string& uri) {
  const std::string_view sum = response.header("x-amz-checksum-crc32c");
  if (sum.empty() || sum.find('-') != std::string_view::npos) return {};
  if (response.header("x-amz-checksum-type") == "COMPOSITE") return {};
  if (sum == Crc32cBase64(Crc32c(response.body))) return {};
  return Corruption("the bytes of " + uri + " do not have the checksum that the server keeps",
                    "if it stays so the object is damaged: restore it");
}

class S3Store final : public ObjectStore {
 public:
  explicit S3Store(std::shared_ptr<S3Client> client) : client_(std::move(client)) {}

  Result<std::string> Get(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    Request request{.method = "GET", .key = std::string(key)};
    request.headers = {{"x-amz-checksum-mode", "ENABLED"}};
    request.check = [&](const HttpResponse& response) { return CheckBody(response, UriOf(key)); };
    TARN_ASSIGN_OR_RETURN(HttpResponse response, client_->Call(request, "read"));
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
    const int64_t deadline = client_->Deadline();
    TARN_ASSIGN_OR_RETURN(const RangeAnswer answer, FetchRange(key, offset, out, deadline));
    if (answer.bytes_read == length) return {};
    int64_t total = answer.total;
    if (total < 0) {
      TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key, deadline));
      total = info.size_bytes;
    }
    return RangeBeyondEnd(UriOf(key), offset, length, total);
  }

  Result<ReadExtent> ReadUpTo(std::string_view key, int64_t offset, std::span<char> out) override {
    TARN_RETURN_IF_ERROR(ValidateRange(key, offset, static_cast<int64_t>(out.size())));
    const int64_t deadline = client_->Deadline();
    RangeAnswer answer;
    if (!out.empty()) {
      TARN_ASSIGN_OR_RETURN(answer, FetchRange(key, offset, out, deadline));
    }
    if (answer.total < 0) {
      TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key, deadline));
      answer.total = info.size_bytes;
    }
    return ReadExtent{answer.bytes_read, answer.total};
  }

  Result<ObjectInfo> Head(std::string_view key) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    return Head(key, client_->Deadline());
  }

  Status Put(std::string_view key, std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(ValidateKey(key));
    TARN_RETURN_IF_ERROR(client_->Call({.method = "PUT",
                                        .key = std::string(key),
                                        .headers = client_->create_headers(),
                                        .body = bytes,
                                        .checksum = true},
                                       "write"));
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
    TARN_RETURN_IF_ERROR(client_->Call(
        {.method = "GET",
         .query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", client_->prefix()}}},
        "list"));
    const std::string probe = std::string(kReservedFolder) + "/probe-" + client_->random().Uuid();
    TARN_RETURN_IF_ERROR(Create(probe, "probe"));
    const Status again = Create(probe, "probe again");
    const auto is_readable = [&](const HttpResponse& response) {
      return ParseListPage(response.body).Wrap("cannot list " + root_uri()).status();
    };
    const Status listed =
        client_
            ->Call({.method = "GET",
                    .query = {{"list-type", "2"}, {"prefix", client_->FullKey(probe)}},
                    .check = is_readable},
                   "list")
            .status();
    TARN_RETURN_IF_ERROR(Remove(probe));
    TARN_RETURN_IF_ERROR(listed);
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
  struct RangeAnswer {
    int64_t bytes_read = 0;
    int64_t total = -1;  // size of the object; -1 where the server does not tell
  };

  /// What the object has of the range. Answers that hold another range, or less than there is, are
  /// not the server's: they are asked for again.
  Result<RangeAnswer> FetchRange(std::string_view key, int64_t offset, std::span<char> out,
                                 int64_t deadline) {
    const auto length = static_cast<int64_t>(out.size());
    Request request{.method = "GET", .key = std::string(key), .into = out};
    request.headers = {
        {"range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1)}};
    request.deadline_micros = deadline;
    request.check = [&](const HttpResponse& response) -> Status {
      if (response.status != 206) return {};
      const int64_t start = StartOf(response);
      const int64_t total = TotalOf(response);
      const bool another = start >= 0 && start != offset;
      const bool cut = total >= 0 && response.into_bytes < std::min(length, total - offset);
      if (!another && !cut) return {};
      return Unavailable("the answer to a read of " + UriOf(key) + " is not the range of " +
                             std::to_string(length) + " bytes from " + std::to_string(offset),
                         "run it again");
    };
    S3Client::NoAnswer no_answer;
    const auto answer = client_->Send(request, &no_answer);
    if (!answer) return std::move(no_answer.error);
    const HttpResponse& response = answer->response;
    if (response.status == 206) return RangeAnswer{response.into_bytes, TotalOf(response)};
    if (response.status == 416) return RangeAnswer{0, TotalOf(response)};
    if (response.status == 200) {
      return Unsupported("cannot read " + UriOf(key) + ": the endpoint ignores ranges");
    }
    return client_->ErrorOf(response, "read", key);
  }

  Result<ObjectInfo> Head(std::string_view key, int64_t deadline) {
    const Request head{.method = "HEAD", .key = std::string(key), .deadline_micros = deadline};
    auto response = client_->Call(head, "read");
    if (!response.ok() && (response.error().kind == ErrorKind::kNotFound ||
                           response.error().kind == ErrorKind::kPermissionDenied ||
                           response.error().kind == ErrorKind::kInvalidArgument)) {
      // HEAD has no body to tell a missing object from a missing bucket, a key that is not known or
      // one that has ended.
      TARN_RETURN_IF_ERROR(client_->Call({.method = "GET",
                                          .key = std::string(key),
                                          .headers = {{"range", "bytes=0-0"}},
                                          .deadline_micros = deadline},
                                         "read"));
      response = client_->Call(head, "read");
    }
    TARN_RETURN_IF_ERROR(response);
    const int64_t size = ParseNumber(response->header("content-length"));
    if (size < 0) return Corruption("the answer to HEAD of " + UriOf(key) + " has no length");
    return ObjectInfo{std::string(key), size, ParseHttpTime(response->header("last-modified"))};
  }

  /// PutIfAbsent for any key, our own reserved ones too.
  Status Create(std::string_view key, std::string_view bytes) {
    const std::string attempt_id = client_->random().Uuid();
    Request request{.method = "PUT",
                    .key = std::string(key),
                    .headers = client_->create_headers(),
                    .body = bytes,
                    .checksum = true,
                    .deadline_micros = client_->Deadline()};
    request.headers.emplace_back("if-none-match", "*");
    request.headers.emplace_back(kAttemptHeader, attempt_id);
    S3Client::NoAnswer no_answer;
    const auto answer = client_->Send(request, &no_answer);
    if (!answer) {
      if (!no_answer.may_have_won) return std::move(no_answer.error);
      return Settle(request, attempt_id, std::move(no_answer.error));
    }
    const HttpResponse& response = answer->response;
    if (response.status >= 200 && response.status < 300) return {};
    Error error = client_->ErrorOf(response, "write", key);
    // Of racers that all were told to try again nobody has lost for certain.
    if (error.kind == ErrorKind::kConflict) error.kind = ErrorKind::kUnavailable;
    if (!answer->earlier_may_have_won && response.status < 500) return error;
    return Settle(request, attempt_id, std::move(error));
  }

  /// Who won, after an attempt of ours whose answer was lost? The attempt's name in the object's
  /// metadata says it for certain; where a server keeps no metadata, the bytes do.
  Status Settle(const Request& put, std::string_view attempt_id, Error unsettled) {
    const std::string uri = client_->UriOf(put.key);
    const auto lost = [&] { return AlreadyExists(uri + " already exists"); };
    const auto look = [&](const char* method) {
      return client_->Call(
          {.method = method, .key = put.key, .deadline_micros = put.deadline_micros}, "read");
    };
    const auto head = look("HEAD");
    if (!head.ok()) {
      if (unsettled.kind == ErrorKind::kAlreadyExists) {
        unsettled = Unavailable(
            "cannot tell whether " + uri + " was written: " + head.error().message, "run it again");
      }
      return unsettled;
    }
    const std::string_view winner = head->header(kAttemptHeader);
    if (winner == attempt_id) return {};
    if (!winner.empty()) return lost();
    TARN_ASSIGN_OR_RETURN(const HttpResponse there, look("GET"));
    if (there.body == put.body) return {};
    return lost();
  }

  Status Remove(std::string_view key) {
    const auto response = client_->Call({.method = "DELETE", .key = std::string(key)}, "delete");
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
