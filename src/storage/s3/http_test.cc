#include "storage/s3/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

namespace tarn {
namespace {

/// Answers each request by what `answer` makes of its number and its bytes; an empty answer hangs
/// up. One connection at a time.
class Peer {
 public:
  explicit Peer(std::function<std::string(int, const std::string&)> answer)
      : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~Peer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  const std::string& url() const { return url_; }
  int requests() const { return requests_; }
  int connections() const { return connections_; }

 private:
  void Serve() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      std::string buffer;
      char chunk[4096];
      for (;;) {
        const ssize_t count = ::recv(fd, chunk, sizeof(chunk), 0);
        if (count <= 0) break;
        buffer.append(chunk, static_cast<size_t>(count));
        if (buffer.find("\r\n\r\n") == std::string::npos) continue;
        const std::string answer = answer_(++requests_, buffer);
        buffer.clear();
        if (answer.empty()) break;
        ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      ::close(fd);
    }
  }

  const std::function<std::string(int, const std::string&)> answer_;
  int listener_ = -1;
  std::string url_;
  std::atomic<int> requests_{0};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

std::string Answer(const std::string& status, const std::string& body,
                   const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body;
}

HttpRequest To(const Peer& peer, const std::string& method) {
  HttpRequest request;
  request.method = method;
  request.url = peer.url() + "/x";
  return request;
}

TEST(HttpTest, ConnectionsAreUsedAgain) {
  std::string seen;
  Peer peer([&](int, const std::string& request) {
    seen = request;
    return Answer("200 OK", "body", "ETag: \"e\" \r\n");
  });
  {
    HttpClient client({});
    HttpResponse response;
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE(client.Send(To(peer, "GET"), response));
      EXPECT_EQ(response.status, 200);
      EXPECT_EQ(response.body, "body");
      EXPECT_EQ(response.header("etag"), "\"e\"");
      EXPECT_FALSE(response.sent_again);
    }
  }
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(seen.substr(0, 16), "GET /x HTTP/1.1\r");
}

TEST(HttpTest, ARequestThatTheLibrarySentTwiceIsMarked) {
  for (const char* method : {"GET", "PUT", "POST", "DELETE"}) {
    Peer peer([](int number, const std::string&) {
      return number == 2 ? std::string() : Answer("200 OK", "");
    });
    {
      HttpClient client({});
      HttpResponse response;
      EXPECT_FALSE(client.Send(To(peer, method), response));
      EXPECT_FALSE(response.sent_again);
      const auto failure = client.Send(To(peer, method), response);
      // Either the library hides the loss and says so, or it does not hide it.
      EXPECT_TRUE(response.sent_again || (failure && failure->kind == TransportError::Kind::kLost));
      EXPECT_EQ(peer.requests(), response.sent_again ? 3 : 2);
    }
  }
}

TEST(HttpTest, ARangeGoesStraightToTheCaller) {
  Peer peer([](int number, const std::string&) {
    return number == 1 ? Answer("206 Partial Content", "01234") : Answer("404 Not Found", "why");
  });
  {
    HttpClient client({});
    HttpResponse response;
    char out[5];
    HttpRequest request = To(peer, "GET");
    request.into = std::span(out);
    EXPECT_FALSE(client.Send(request, response));
    EXPECT_EQ(response.into_bytes, 5);
    EXPECT_EQ(std::string(out, 5), "01234");
    EXPECT_FALSE(client.Send(request, response));
    EXPECT_EQ(response.into_bytes, 0);
    EXPECT_EQ(response.body, "why");
  }
}

TEST(HttpTest, MoreThanTheCallersMemoryIsRefused) {
  Peer peer([](int, const std::string&) { return Answer("206 Partial Content", "0123456789"); });
  {
    HttpClient client({});
    HttpResponse response;
    char out[5];
    HttpRequest request = To(peer, "GET");
    request.into = std::span(out);
    EXPECT_TRUE(client.Send(request, response));
  }
}

TEST(HttpTest, FailuresTellWhetherAnythingWasSent) {
  HttpResponse response;
  {
    HttpClient client({});
    HttpRequest request;
    request.method = "GET";
    request.url = "http://127.0.0.1:1/";
    EXPECT_EQ(client.Send(request, response)->kind, TransportError::Kind::kNotSent);
    request.url = "ftp://127.0.0.1/";
    EXPECT_EQ(client.Send(request, response)->kind, TransportError::Kind::kMisplaced);
  }
  Peer silent([](int, const std::string&) { return std::string(); });
  HttpClient client({});
  EXPECT_EQ(client.Send(To(silent, "PUT"), response)->kind, TransportError::Kind::kLost);
}

TEST(HttpTest, ASilentServerIsGivenUp) {
  std::atomic<bool> done{false};
  Peer peer([&](int, const std::string&) {
    while (!done) std::this_thread::yield();
    return std::string();
  });
  HttpOptions options;
  options.idle_timeout_ms = 1000;
  HttpClient client(options);
  HttpResponse response;
  EXPECT_EQ(client.Send(To(peer, "GET"), response)->kind, TransportError::Kind::kLost);
  done = true;
}

}  // namespace
}  // namespace tarn
