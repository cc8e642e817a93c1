#include "scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>

namespace tarn {
namespace {

using Request = ScriptedServer::Request;
using Reply = ScriptedServer::Reply;

/// The next request; nullopt when the client is gone.
std::optional<Request> Receive(int fd, std::string& buffered) {
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
  Request request;
  std::istringstream head(buffered.substr(0, end));
  buffered.erase(0, end + 4);
  head >> request.method >> request.target;
  std::string line;
  std::getline(head, line);
  while (std::getline(head, line)) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string value = line.substr(colon + 1);
    value.erase(0, value.find_first_not_of(' '));
    while (!value.empty() && value.back() == '\r') value.pop_back();
    request.headers[name] = value;
  }
  const size_t length = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
  while (buffered.size() < length) {
    if (!more()) return std::nullopt;
  }
  request.body = buffered.substr(0, length);
  buffered.erase(0, length);
  return request;
}

bool SendReply(int fd, const Reply& reply) {
  std::string_view left = reply.bytes;
  while (!left.empty()) {
    const size_t size = reply.pause_micros > 0 ? 1 : left.size();
    const ssize_t count = ::send(fd, left.data(), size, MSG_NOSIGNAL);
    if (count <= 0) return false;
    left.remove_prefix(static_cast<size_t>(count));
    if (reply.pause_micros > 0) {
      // The pace of the server; ends at once when the client hangs up.
      pollfd gone{fd, POLLRDHUP, 0};
      if (::poll(&gone, 1, static_cast<int>(reply.pause_micros / 1000)) != 0) return false;
    }
  }
  return true;
}

}  // namespace

std::string ScriptedServer::Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

Reply ScriptedServer::Ok(const std::string& body, const std::string& headers) {
  return Status("200 OK", body, headers);
}

Reply ScriptedServer::Status(const std::string& status, const std::string& body,
                             const std::string& headers) {
  return {"HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
          headers + "\r\n" + body};
}

Reply ScriptedServer::S3Error(const std::string& status, const std::string& code,
                              const std::string& headers) {
  return Status(status, "<Error><Code>" + code + "</Code></Error>", headers);
}

ScriptedServer::ScriptedServer(Answer answer) : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& connection : connections_) connection.join();
}

void ScriptedServer::Accept() {
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

void ScriptedServer::Serve(int client) {
  std::string buffered;
  while (auto request = Receive(client, buffered)) {
    Reply reply;
    {
      std::lock_guard lock(mutex_);
      request->number = ++requests_;
      reply = answer_(*request);
    }
    if (request->method == "HEAD") {
      reply.bytes.resize(std::min(reply.bytes.size(), reply.bytes.find("\r\n\r\n") + 4));
    }
    if (!SendReply(client, reply)) return;
    switch (reply.then) {
      case Reply::Then::kNext:
        continue;
      case Reply::Then::kClose:
        ::shutdown(client, SHUT_RDWR);
        return;
      case Reply::Then::kReset: {
        const linger now{1, 0};
        ::setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        return;
      }
      case Reply::Then::kSilence: {
        char byte = 0;
        while (::recv(client, &byte, 1, 0) > 0) {
        }
        return;
      }
    }
  }
}

}  // namespace tarn
