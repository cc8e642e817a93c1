#include "server/http/http_server.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "base/log.h"
#include "base/text.h"
#include "base/thread.h"

namespace tarn {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int64_t kBodyBytesMax = 0;  // nothing here takes one
/// Beyond `connections_max`: those that are told so. Further ones are closed unheard.
constexpr int64_t kRefusedMax = 16;
/// Before a listener that cannot accept (no file to be had) tries again.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

std::string WithoutBrackets(const std::string& host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

bool IsThisMachine(const std::string& host) {
  return host == "127.0.0.1" || host == "::1" || host == "localhost";
}

/// The host of "127.0.0.1:8181", "[::1]:8181", "LocalHost", in small letters.
std::string HostOf(std::string_view field) {
  const std::string text = LowerAscii(field);
  if (!text.empty() && text.front() == '[') {
    return WithoutBrackets(text.substr(0, text.find(']') + 1));
  }
  return text.substr(0, text.find(':'));
}

/// Who is asked, and for what: of "/metrics?a" with the Host field, or of the absolute form
/// "http://localhost:8181/metrics?a", which says it all (RFC 9112 §3.2.2).
struct Target {
  std::string host;
  std::string path;
};

Target TargetOf(std::string_view target, std::string_view host_field) {
  constexpr std::string_view kScheme = "http://";
  if (LowerAscii(target.substr(0, kScheme.size())) != kScheme) {
    return {HostOf(host_field), std::string(target)};
  }
  target.remove_prefix(kScheme.size());
  const size_t end = std::min(target.find_first_of("/?"), target.size());
  std::string path(target.substr(end));
  if (path.empty() || path.front() != '/') path.insert(0, 1, '/');
  return {HostOf(target.substr(0, end)), std::move(path)};
}

std::string JsonError(const std::string& message) { return "{\"error\": \"" + message + "\"}\n"; }

/// One more for as long as it lives.
class Counted {
 public:
  explicit Counted(int64_t* count) : count_(count) { ++*count_; }
  ~Counted() { --*count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int64_t* const count_;
};

class BeastServer final : public HttpServer {
 public:
  explicit BeastServer(HttpServerOptions options)
      : options_(std::move(options)), acceptor_(context_) {}
  ~BeastServer() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Status Open();
  std::string url() const override { return url_; }

 private:
  using Request = http::request<http::empty_body>;
  using Response = http::response<http::string_body>;

  asio::awaitable<void> Accept();
  asio::awaitable<void> Serve(tcp::socket socket);
  HttpResponse Answer(const Request& request) const;
  static Response Message(const HttpResponse& answer, const Request& request, bool keep_alive);

  const HttpServerOptions options_;
  std::string url_;
  int64_t connections_ = 0;  // of the server's thread; outlives the connections' coroutines
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  std::thread thread_;
};

Status BeastServer::Open() {
  const std::string host = WithoutBrackets(options_.host);
  if (!IsThisMachine(host)) {
    return InvalidArgument("the HTTP door listens on this machine only, not on " + host);
  }
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host);
  const tcp::endpoint endpoint(address, static_cast<unsigned short>(options_.port));
  const std::string where = options_.host + ":" + std::to_string(options_.port);
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error == asio::error::address_in_use) {
    return AlreadyExists("another process listens on " + where,
                         "write another address, or `off`: serve: {http: 127.0.0.1:8182}");
  }
  if (error == asio::error::access_denied) {
    return PermissionDenied("cannot listen on " + where + ": " + error.message());
  }
  if (error) return Unavailable("cannot listen on " + where + ": " + error.message());
  const tcp::endpoint bound = acceptor_.local_endpoint(error);
  if (error) return Unavailable("cannot listen on " + where + ": " + error.message());
  url_ = "http://" + options_.host + ":" + std::to_string(bound.port());
  asio::co_spawn(context_, Accept(), asio::detached);
  TARN_ASSIGN_OR_RETURN(thread_, StartThread(
                                     [this] {
                                       context_.run();
                                       return Status::Ok();
                                     },
                                     [](const Status& why) {
                                       Log(LogLevel::kError,
                                           "the HTTP door is closed: " + why.error().message);
                                     }));
  return {};
}

asio::awaitable<void> BeastServer::Accept() {
  while (true) {
    error_code error;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error && connections_ >= options_.connections_max + kRefusedMax) continue;
    if (!error) {
      asio::co_spawn(context_, Serve(std::move(socket)), asio::detached);
      continue;
    }
    if (error == asio::error::operation_aborted) co_return;
    asio::steady_timer pause(context_, kAcceptPause);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

asio::awaitable<void> BeastServer::Serve(tcp::socket socket) {
  const Counted counted(&connections_);
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(static_cast<size_t>(options_.header_bytes_max) * 2);
  bool keep_alive = true;
  while (keep_alive) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
    parser.body_limit(kBodyBytesMax);
    stream.expires_after(std::chrono::milliseconds(options_.timeout_ms));
    error_code error;
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    HttpResponse answer;
    Request request;
    if (error == http::error::end_of_stream) break;
    if (!error) {
      request = parser.release();
      keep_alive = request.keep_alive();
      answer = Answer(request);
    } else if (error == http::error::header_limit) {
      answer = {431, "application/json", JsonError("the request's head is too long")};
    } else if (error.category() == http::make_error_code(http::error::bad_method).category()) {
      answer = {400, "application/json", JsonError("this is no request that is understood here")};
    } else {
      break;  // gone, or out of time
    }
    keep_alive = keep_alive && !error;
    if (connections_ > options_.connections_max) {
      answer = {503, "application/json", JsonError("too many connections")};
      keep_alive = false;
    }
    const Response message = Message(answer, request, keep_alive);
    stream.expires_after(std::chrono::milliseconds(options_.timeout_ms));
    co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
}

HttpResponse BeastServer::Answer(const Request& request) const {
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return {405, "application/json", JsonError("only GET and HEAD are answered here")};
  }
  const auto& [host, target] = TargetOf(request.target(), request[http::field::host]);
  if (!IsThisMachine(host)) {
    return {421, "application/json", JsonError("this is not the host that was asked for")};
  }
  const size_t question = target.find('?');
  HttpRequest asked;
  asked.method = "GET";
  asked.path = target.substr(0, question);
  if (question != std::string::npos) asked.query = target.substr(question + 1);
  HttpResponse answer;
  const Status answered = RunWalled([&] {
    answer = options_.handler(asked);
    return Status::Ok();
  });
  if (answered.ok()) return answer;
  Log(LogLevel::kError, "HTTP " + asked.path + ": " + answered.error().message);
  return {500, "application/json", JsonError("this failed: see the log")};
}

BeastServer::Response BeastServer::Message(const HttpResponse& answer, const Request& request,
                                           bool keep_alive) {
  Response message(static_cast<http::status>(answer.status), 11);
  message.set(http::field::content_type, answer.content_type);
  message.set(http::field::cache_control, "no-store");
  if (answer.status == 405) message.set(http::field::allow, "GET, HEAD");
  message.keep_alive(keep_alive);
  message.body() = answer.body;
  message.prepare_payload();
  // The length is told all the same.
  if (request.method() == http::verb::head) message.body().clear();
  return message;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(HttpServerOptions options) {
  auto server = std::make_unique<BeastServer>(std::move(options));
  TARN_RETURN_IF_ERROR(server->Open());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace tarn
