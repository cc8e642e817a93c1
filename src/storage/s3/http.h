#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/s3/sigv4.h"

namespace tarn {

struct HttpRequest {
  std::string method;
  std::string url;
  NameValues headers;
  std::string_view body;
  /// Where the body of a 206 answer goes; what does not fit there fails the request. Other answers
  /// and everything without it go to HttpResponse::body.
  std::optional<std::span<char>> into;
  /// From the connection to the answer's last byte; 0: no bound but those of HttpOptions.
  int64_t timeout_ms = 0;
  /// Asked once a second at least; once it says yes, the request ends (kLost). May be empty.
  std::function<bool()> stopped = {};
};

struct HttpResponse {
  int status = 0;
  NameValues headers;  ///< lower-case names
  std::string body;
  int64_t into_bytes = 0;  ///< bytes that went into HttpRequest::into
  /// The library sent the request once more by itself, because a connection that had been used
  /// before turned out to be dead: the server may have seen it twice.
  bool sent_again = false;

  /// Empty where the server sent none.
  std::string_view header(std::string_view name) const;
};

/// How far a request without an answer came.
struct TransportError {
  enum class Kind {
    kNotSent,    ///< no connection: the server has seen nothing
    kLost,       ///< no whole answer: the server may have done what it was asked, or not
    kMisplaced,  ///< repeating cannot help: a bad certificate, a bad URL
  };
  Kind kind;
  std::string message;
};

struct HttpOptions {
  int64_t connect_timeout_ms = 3000;
  int64_t idle_timeout_ms = 30000;  ///< without a byte in either direction
  int64_t idle_connections_max = 16;
  std::string tls_ca_file;  ///< empty: the system's
};

/// HTTP/1.1 over libcurl, with connections that are kept and used again. Redirects are not
/// followed. The proxy settings of the environment hold, except for loopback addresses.
/// Threads: Send() may be called concurrently, each call on a connection of its own.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// One request, one answer of any status. Nothing is repeated, but see HttpResponse::sent_again,
  /// which is set also where no answer came.
  std::optional<TransportError> Send(const HttpRequest& request, HttpResponse& response);

 private:
  void* Take();
  void GiveBack(void* handle);

  const HttpOptions options_;
  std::mutex mutex_;
  std::vector<void*> idle_;  // CURL handles, each with its connection
};

}  // namespace tarn
