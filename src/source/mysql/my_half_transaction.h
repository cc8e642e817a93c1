#pragma once

#include <mutex>
#include <string>

namespace tarn::mysql {

/// A transaction that a crash of the server cut off in its binary log, and which the server has
/// rolled back (MariaDB leaves it there): remembered from the reader of the log that has met it to
/// the next one, which passes it over. Threads: any.
class HalfTransaction {
 public:
  bool Is(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return !id_.empty() && id_ == id;
  }
  void Remember(const std::string& id) {
    const std::lock_guard lock(mutex_);
    id_ = id;
  }
  void Forget() { Remember(""); }

 private:
  mutable std::mutex mutex_;
  std::string id_;
};

}  // namespace tarn::mysql
