#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tarn {

/// Stands between a client and a real HTTP/1.1 server on loopback, and loses what it is told to.
/// Threads: one for each connection; `decide` is called from them, one call at a time.
class FaultProxy {
 public:
  enum class Fate {
    kPass,
    kLoseRequest,  ///< the server never sees it, the client gets no answer
    kLoseAnswer,   ///< the server does it, the client gets no answer
    kRefuse,       ///< the server never sees it, the client gets 503 SlowDown
  };
  /// By method and target ("PUT", "/lake/k?partNumber=1…").
  using Decide = std::function<Fate(const std::string& method, const std::string& target)>;

  /// Forwards to `server_port`.
  FaultProxy(int server_port, Decide decide);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy();

  int port() const { return port_; }

 private:
  void Accept();
  void Serve(int client);

  const int server_port_;
  const Decide decide_;
  std::mutex mutex_;  // of decide_ and connections_
  int listener_ = -1;
  int port_ = 0;
  std::vector<int> open_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace tarn
