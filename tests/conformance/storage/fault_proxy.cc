#include "fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace tarn {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

struct Message {
  std::string head;  // with the empty line
  std::string body;
};

enum class Body { kByLength, kNone };

/// One message with a Content-Length; nullopt when the peer is gone.
std::optional<Message> Receive(int fd, std::string& buffered, Body body) {
  char chunk[65536];
  const auto more = [&] {
    const ssize_t count = ::recv(fd, chunk, sizeof(chunk), 0);
    if (count > 0) buffered.append(chunk, static_cast<size_t>(count));
    return count > 0;
  };
  size_t end = 0;
  while ((end = buffered.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  Message message;
  message.head = buffered.substr(0, end + 4);
  std::string lower = message.head;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const size_t length_at = lower.find("\r\ncontent-length:");
  size_t length = 0;
  if (body == Body::kByLength && length_at != std::string::npos) {
    length = std::strtoull(lower.c_str() + length_at + 17, nullptr, 10);
  }
  buffered.erase(0, end + 4);
  while (buffered.size() < length) {
    if (!more()) return std::nullopt;
  }
  message.body = buffered.substr(0, length);
  buffered.erase(0, length);
  return message;
}

}  // namespace

FaultProxy::FaultProxy(int server_port, Decide decide)
    : server_port_(server_port), decide_(std::move(decide)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FaultProxy::~FaultProxy() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& connection : connections_) connection.join();
}

void FaultProxy::Accept() {
  for (;;) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    std::lock_guard lock(mutex_);
    open_.push_back(client);
    connections_.emplace_back([this, client] {
      Serve(client);
      std::lock_guard closing(mutex_);
      std::erase(open_, client);
      ::close(client);
    });
  }
}

void FaultProxy::Serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(server_port_);
  std::string from_client;
  std::string from_server;
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    for (;;) {
      const auto request = Receive(client, from_client, Body::kByLength);
      if (!request) break;
      const size_t space = request->head.find(' ');
      const std::string method = request->head.substr(0, space);
      const std::string target =
          request->head.substr(space + 1, request->head.find(' ', space + 1) - space - 1);
      Fate fate = Fate::kPass;
      {
        std::lock_guard lock(mutex_);
        fate = decide_(method, target);
      }
      if (fate == Fate::kLoseRequest) break;
      if (fate == Fate::kRefuse) {
        const std::string body = "<Error><Code>SlowDown</Code></Error>";
        if (!SendAll(client,
                     "HTTP/1.1 503 Slow Down\r\nContent-Length: " + std::to_string(body.size()) +
                         "\r\n\r\n" + (method == "HEAD" ? "" : body))) {
          break;
        }
        continue;
      }
      if (!SendAll(server, request->head) || !SendAll(server, request->body)) break;
      const auto answer =
          Receive(server, from_server, method == "HEAD" ? Body::kNone : Body::kByLength);
      if (!answer || fate == Fate::kLoseAnswer) break;
      if (!SendAll(client, answer->head) || !SendAll(client, answer->body)) break;
    }
  }
  ::shutdown(client, SHUT_RDWR);
  ::close(server);
}

}  // namespace tarn
