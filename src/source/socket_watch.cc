#include "source/socket_watch.h"

#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace tarn {
namespace {

constexpr std::chrono::milliseconds kPeriod(50);

struct Watched {
  int socket = -1;
  const CancelFlag* cancel = nullptr;
};

class Watcher {
 public:
  static Watcher& Get() {
    static Watcher* watcher = new Watcher();  // outlives every connection, those of statics too
    return *watcher;
  }

  int Add(int socket, const CancelFlag* cancel) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int id = next_++;
    watched_[id] = {socket, cancel};
    if (!running_) {
      running_ = true;
      std::thread([this] { Loop(); }).detach();
    }
    return id;
  }

  void Remove(int id) {
    const std::lock_guard<std::mutex> lock(mutex_);
    watched_.erase(id);
    if (watched_.empty()) changed_.notify_all();
  }

 private:
  void Loop() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!watched_.empty()) {
      for (auto& [id, watched] : watched_) {
        if (watched.socket < 0 || !watched.cancel->requested()) continue;
        shutdown(watched.socket, SHUT_RDWR);
        watched.socket = -1;
      }
      changed_.wait_for(lock, kPeriod, [this] { return watched_.empty(); });
    }
    running_ = false;
  }

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<int, Watched> watched_;
  int next_ = 0;
  bool running_ = false;
};

}  // namespace

int SocketWatch::Add(int socket, const CancelFlag* cancel) {
  return Watcher::Get().Add(socket, cancel);
}

void SocketWatch::Remove(int id) { Watcher::Get().Remove(id); }

}  // namespace tarn
