#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tarn {

/// A server on loopback that answers with whatever bytes the test wants, right or wrong.
/// Threads: one for each connection; `answer` is called from them, one call at a time.
class ScriptedServer {
 public:
  struct Request {
    int number = 0;  ///< from 1, over all connections
    std::string method;
    std::string target;                          ///< "/bucket/k?partNumber=1"
    std::map<std::string, std::string> headers;  ///< lower-case names
    std::string body;

    std::string header(const std::string& name) const;
    bool asks(const std::string& part) const { return target.find(part) != std::string::npos; }
  };
  struct Reply {
    enum class Then {
      kNext,     ///< the connection stays for more
      kClose,    ///< ended in good order
      kReset,    ///< torn down
      kSilence,  ///< nothing more comes, the connection stays open
    };
    std::string bytes;
    Then then = Then::kNext;
    int64_t pause_micros = 0;  ///< after every byte
  };
  using Answer = std::function<Reply(const Request&)>;

  explicit ScriptedServer(Answer answer);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// An answer with its right length.
  static Reply Ok(const std::string& body = "", const std::string& headers = "");
  static Reply Status(const std::string& status, const std::string& body = "",
                      const std::string& headers = "");
  /// S3's form of an error.
  static Reply S3Error(const std::string& status, const std::string& code,
                       const std::string& headers = "");

 private:
  void Accept();
  void Serve(int client);

  const Answer answer_;
  std::mutex mutex_;
  int requests_ = 0;
  int listener_ = -1;
  int port_ = 0;
  std::vector<int> open_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace tarn
