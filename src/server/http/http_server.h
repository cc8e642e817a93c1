#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace tarn {

struct HttpRequest {
  std::string method;  ///< "GET"
  std::string path;    ///< "/metrics", without query
  std::string query;   ///< what stands behind '?'
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< 127.0.0.1, ::1 or localhost: nobody is asked who he is
  int port = 0;                    ///< 0: any that is free
  /// Answers GET (HEAD gets the same without body). On the server's one thread: what takes long
  /// keeps the others waiting. What it throws is a 500.
  std::function<HttpResponse(const HttpRequest&)> handler;
  /// Further ones are answered with 503, and closed unheard where they are too many for that.
  int64_t connections_max = 64;
  int64_t header_bytes_max = 16 << 10;
  int64_t timeout_ms = 30'000;  ///< without progress, and between requests of a connection
};

/// HTTP/1.1 (RFC 9112) on this machine, with keep-alive, without TLS. Requests that name another
/// host than this machine are refused (421): a page of somebody else's reaches nothing here by a
/// name of its own.
/// Threads: one of its own, which begins with Listen() and ends with the destructor.
class HttpServer {
 public:
  /// Errors: AlreadyExists when the port is in use; InvalidArgument for a host that is not this
  /// machine; PermissionDenied; Unavailable.
  static Result<std::unique_ptr<HttpServer>> Listen(HttpServerOptions options);
  virtual ~HttpServer() = default;
  /// "http://127.0.0.1:8181"
  virtual std::string url() const = 0;
};

}  // namespace tarn
