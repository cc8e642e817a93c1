#include "storage/s3/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/check.h"

namespace tarn {
namespace {

constexpr int64_t kReserveBytesMax = 1LL << 30;
constexpr int64_t kErrorBodyBytesMax = 1 << 20;
constexpr long kBufferBytes = 256 << 10;

void InitialiseOnce() {
  static const bool done = [] {
    TARN_CHECK(curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK);
    // TLS writes to a connection that the server has closed raise it, and would end the program.
    struct sigaction current {};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
      std::signal(SIGPIPE, SIG_IGN);
    }
    return true;
  }();
  (void)done;
}

struct Transfer {
  CURL* handle;
  const HttpRequest& request;
  HttpResponse& response;
  int times_sent = 0;
};

int BeforeSending(void* user, char*, char*, int, int) {
  ++static_cast<Transfer*>(user)->times_sent;
  return CURL_PREREQFUNC_OK;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(user)->request.stopped() ? 1 : 0;
}

void StartAnswer(HttpResponse& response) {
  response.status = 0;
  response.headers.clear();
  response.body.clear();
  response.into_bytes = 0;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size);
  // After "100 Continue" a second head follows, the one that counts.
  if (line.starts_with("HTTP/")) {
    StartAnswer(transfer.response);
    return size;
  }
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) {
    line.remove_suffix(1);
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  transfer.response.headers.emplace_back(std::move(name), std::string(value));
  return size;
}

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  HttpResponse& response = transfer.response;
  if (response.status == 0) {
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
  }
  if (transfer.request.into && response.status == 206) {
    const std::span<char> into = *transfer.request.into;
    const auto done = static_cast<size_t>(response.into_bytes);
    if (size > into.size() - done) return 0;  // more than was asked for
    std::memcpy(into.data() + done, data, size);
    response.into_bytes += static_cast<int64_t>(size);
    return size;
  }
  if (response.status >= 300 &&
      static_cast<int64_t>(response.body.size() + size) > kErrorBodyBytesMax) {
    return size;
  }
  // A whole object where a range was asked for is not wanted: its head says enough.
  if (transfer.request.into && response.status == 200) return size;
  if (response.body.empty() && response.status == 200) {
    curl_off_t length = -1;
    curl_easy_getinfo(transfer.handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > 0) {
      response.body.reserve(
          static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(length), kReserveBytesMax)));
    }
  }
  response.body.append(data, size);
  return size;
}

TransportError::Kind KindOf(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return TransportError::Kind::kNotSent;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
      return TransportError::Kind::kMisplaced;
    default:
      return TransportError::Kind::kLost;
  }
}

bool IsLoopback(std::string_view url) {
  const size_t start = url.find("://");
  if (start == std::string_view::npos) return false;
  const std::string_view host = url.substr(start + 3);
  return host.starts_with("127.") || host.starts_with("localhost:") ||
         host.starts_with("localhost/") || host.starts_with("[::1]");
}

template <typename T>
void Set(CURL* handle, CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(handle, option, value);
  TARN_CHECK_MSG(code == CURLE_OK, curl_easy_strerror(code));
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) { InitialiseOnce(); }

HttpClient::~HttpClient() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

void* HttpClient::Take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      void* handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
  }
  void* handle = curl_easy_init();
  TARN_CHECK_MSG(handle != nullptr, "out of memory for a connection");
  return handle;
}

void HttpClient::GiveBack(void* handle) {
  {
    std::lock_guard lock(mutex_);
    if (static_cast<int64_t>(idle_.size()) < options_.idle_connections_max) {
      idle_.push_back(handle);
      return;
    }
  }
  curl_easy_cleanup(handle);
}

std::optional<TransportError> HttpClient::Send(const HttpRequest& request, HttpResponse& response) {
  CURL* handle = Take();
  curl_easy_reset(handle);  // forgets the options, keeps the connection
  StartAnswer(response);
  Transfer transfer{handle, request, response, 0};
  char error_text[CURL_ERROR_SIZE] = "";

  curl_slist* headers = nullptr;
  const auto add_header = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers, line.c_str());
    TARN_CHECK_MSG(longer != nullptr, "out of memory for a request");
    headers = longer;
  };
  bool has_content_type = false;
  for (const auto& [name, value] : request.headers) {
    add_header(value.empty() ? name + ";" : name + ": " + value);
    has_content_type = has_content_type || name == "content-type";
  }
  add_header("Expect:");
  if (!has_content_type) add_header("Content-Type: application/octet-stream");

  Set(handle, CURLOPT_URL, request.url.c_str());
  Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(handle, CURLOPT_PATH_AS_IS, 1L);
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_ERRORBUFFER, &error_text[0]);
  Set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
  if (request.timeout_ms > 0) {
    Set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  }
  if (request.stopped) {
    Set(handle, CURLOPT_NOPROGRESS, 0L);
    Set(handle, CURLOPT_XFERINFOFUNCTION, &OnProgress);
    Set(handle, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  }
  Set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  Set(handle, CURLOPT_LOW_SPEED_TIME,
      static_cast<long>(std::max<int64_t>(1, options_.idle_timeout_ms / 1000)));
  Set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  // Hints: fewer system calls a byte.
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  if (!options_.tls_ca_file.empty()) {
    Set(handle, CURLOPT_CAINFO, options_.tls_ca_file.c_str());
  }
  if (IsLoopback(request.url)) Set(handle, CURLOPT_PROXY, "");
  Set(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  Set(handle, CURLOPT_WRITEFUNCTION, &OnBody);
  Set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  Set(handle, CURLOPT_PREREQFUNCTION, &BeforeSending);
  Set(handle, CURLOPT_PREREQDATA, static_cast<void*>(&transfer));
  Set(handle, CURLOPT_HTTPHEADER, headers);
  if (request.method == "HEAD") {
    Set(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || request.method == "POST") {
    // The form of a POST sends from the caller's memory, also when it must be sent again.
    Set(handle, CURLOPT_POST, 1L);
    Set(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    Set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    Set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  response.sent_again = transfer.times_sent > 1;
  if (code == CURLE_OK) {
    curl_easy_reset(handle);  // nothing may point into this call when the handle is used again
    GiveBack(handle);
  } else {
    curl_easy_cleanup(handle);
  }
  curl_slist_free_all(headers);

  if (code == CURLE_OK) return std::nullopt;
  TransportError::Kind kind = KindOf(code);
  if (kind != TransportError::Kind::kMisplaced || transfer.times_sent > 0) {
    // What comes after the request is the server's doing, however odd (an answer that is no HTTP
    // counts as an unsupported protocol). A time-out or a broken TLS handshake comes before
    // anything was sent; and a connection that is refused may be the library's second one, after
    // the first took the request along.
    kind = transfer.times_sent == 0 ? TransportError::Kind::kNotSent : TransportError::Kind::kLost;
  }
  return TransportError{kind, error_text[0] != '\0' ? error_text : curl_easy_strerror(code)};
}

}  // namespace tarn
