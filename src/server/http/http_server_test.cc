#include "server/http/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace tarn {
namespace {

/// A connection of a client that writes its own bytes.
class Client {
 public:
  explicit Client(const std::string& url) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void Send(const std::string& text) {
    EXPECT_EQ(send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// Until the text has come, or the server closes.
  std::string ReadUntil(const std::string& end) {
    char bytes[4096];
    while (end.empty() || text_.find(end) == std::string::npos) {
      const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
      if (got <= 0) break;
      text_.append(bytes, static_cast<size_t>(got));
    }
    return std::exchange(text_, "");
  }

 private:
  const int socket_;
  std::string text_;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.handler = [](const HttpRequest& request) -> HttpResponse {
      if (request.path == "/throw") throw std::runtime_error("of the handler");
      if (request.path != "/echo") return {404, "text/plain", "nothing here"};
      return {200, "text/plain", "[" + request.method + " " + request.query + "]"};
    };
  }
  HttpServer& Server() {
    if (server_ == nullptr) {
      auto server = HttpServer::Listen(options_);
      EXPECT_TRUE(server.ok()) << server.error().ToString();
      server_ = *std::move(server);
    }
    return *server_;
  }
  std::string Ask(const std::string& request) {
    Client client(Server().url());
    client.Send(request);
    return client.ReadUntil("");
  }
  static std::string Get(const std::string& target, const std::string& host = "127.0.0.1:1") {
    return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  }

  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ARequestIsAnswered) {
  const std::string answer = Ask(Get("/echo?a=1&b=%20"));
  EXPECT_EQ(answer.substr(0, 17), "HTTP/1.1 200 OK\r\n");
  EXPECT_NE(answer.find("Content-Length: 15\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\n\r\n[GET a=1&b=%20]"), std::string::npos) << answer;
  EXPECT_EQ(Ask(Get("/other")).substr(0, 12), "HTTP/1.1 404");
}

TEST_F(HttpServerTest, AConnectionStaysOpenAndAnswersInOrder) {
  Client client(Server().url());
  const std::string one = "GET /echo?1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.Send(one + "GET /echo?2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string both = client.ReadUntil("[GET 2]");
  EXPECT_LT(both.find("[GET 1]"), both.find("[GET 2]"));
  client.Send(one);
  EXPECT_NE(client.ReadUntil("[GET 1]").find("[GET 1]"), std::string::npos);
}

TEST_F(HttpServerTest, HeadTellsTheLengthAndNoMore) {
  const std::string answer =
      Ask("HEAD /echo HTTP/1.1\r\nHost: [::1]:9\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 6\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.substr(answer.size() - 4), "\r\n\r\n");
}

TEST_F(HttpServerTest, WhatIsNotAnsweredIsRefusedWithItsReason) {
  EXPECT_EQ(
      Ask("DELETE /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").substr(0, 12),
      "HTTP/1.1 405");
  EXPECT_EQ(Ask(Get("/echo", "evil.example")).substr(0, 12), "HTTP/1.1 421");
  EXPECT_EQ(Ask(Get("/echo", "127.0.0.1.evil.example:80")).substr(0, 12), "HTTP/1.1 421");
  EXPECT_EQ(Ask("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n").substr(0, 12), "HTTP/1.1 421");
  EXPECT_EQ(Ask("this is nothing\r\n\r\n").substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n")
                .substr(0, 12),
            "HTTP/1.1 431");
  EXPECT_EQ(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123456789")
                .substr(0, 12),
            "HTTP/1.1 400");
}

TEST_F(HttpServerTest, AHandlerThatThrowsIsAnAnswerAndNotTheEnd) {
  EXPECT_EQ(Ask(Get("/throw")).substr(0, 12), "HTTP/1.1 500");
  EXPECT_EQ(Ask(Get("/echo")).substr(0, 12), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, WhoSaysNothingIsLetGo) {
  options_.timeout_ms = 50;
  Client silent(Server().url());
  EXPECT_EQ(silent.ReadUntil("never"), "");
}

TEST_F(HttpServerTest, TooManyConnectionsAreToldSo) {
  options_.connections_max = 2;
  const std::string one = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Client first(Server().url()), second(Server().url());
  first.Send(one);
  second.Send(one);
  EXPECT_NE(first.ReadUntil("[GET ]").find("200"), std::string::npos);
  EXPECT_NE(second.ReadUntil("[GET ]").find("200"), std::string::npos);
  EXPECT_EQ(Ask(Get("/echo")).substr(0, 12), "HTTP/1.1 503");
}

TEST_F(HttpServerTest, FarTooManyConnectionsAreClosedUnheard) {
  options_.connections_max = 0;
  const std::string one = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::vector<std::unique_ptr<Client>> silent;
  // Of those that are told so, each has begun to be heard when the next one comes.
  while (silent.size() < 16) silent.push_back(std::make_unique<Client>(Server().url()));
  Client last(Server().url());
  EXPECT_EQ(last.ReadUntil("never"), "");
  silent.front()->Send(one);
  EXPECT_NE(silent.front()->ReadUntil("").find("HTTP/1.1 503"), std::string::npos);
  // There is room for another one as soon as the server has let go of the first.
  std::string answer;
  for (int attempt = 0; attempt < 1000 && answer.empty(); ++attempt) {
    Client next(Server().url());
    next.Send(one);
    answer = next.ReadUntil("");
  }
  EXPECT_NE(answer.find("HTTP/1.1 503"), std::string::npos);
}

TEST_F(HttpServerTest, TheHostIsOneInAnyCaseAndInTheAbsoluteForm) {
  EXPECT_EQ(Ask(Get("/echo", "LocalHost:80")).substr(0, 12), "HTTP/1.1 200");
  EXPECT_NE(Ask(Get("http://LOCALHOST:8181/echo?a", "evil.example")).find("[GET a]"),
            std::string::npos);
  EXPECT_EQ(Ask(Get("HTTP://127.0.0.1", "localhost")).substr(0, 12), "HTTP/1.1 404");
  EXPECT_EQ(Ask(Get("http://evil.example/echo", "localhost")).substr(0, 12), "HTTP/1.1 421");
}

TEST_F(HttpServerTest, APortIsTakenOnce) {
  options_.port = std::stoi(Server().url().substr(17));
  const auto second = HttpServer::Listen(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kAlreadyExists);
  server_.reset();
  EXPECT_TRUE(HttpServer::Listen(options_).ok());
}

TEST_F(HttpServerTest, ItListensOnThisMachineOnly) {
  options_.host = "0.0.0.0";
  const auto server = HttpServer::Listen(options_);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(HttpServerTest, ItEndsWithConnectionsOpen) {
  Client client(Server().url());
  client.Send("GET /echo HTTP/1.1\r\nHost: localhost\r\n");
  server_.reset();
  EXPECT_EQ(client.ReadUntil("never"), "");
}

}  // namespace
}  // namespace tarn
