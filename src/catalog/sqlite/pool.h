#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "catalog/sqlite/connection.h"

namespace tarn::sqlite {

/// A few connections to one file, opened when first needed. Threads: may be called concurrently;
/// who asks while all are in use waits. A thread holds at most one at a time.
class Pool {
 public:
  /// A borrowed connection; goes back when destroyed.
  class Lease {
   public:
    Lease(Pool* pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_ != nullptr) pool_->GiveBack(std::move(connection_));
    }
    Connection* operator->() { return connection_.get(); }
    Connection& operator*() { return *connection_; }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  Pool(ConnectionOptions options, int connections_max, std::unique_ptr<Connection> first);
  Result<Lease> Acquire();

  /// Only one thread of a process writes at a time: waiting here costs nothing, waiting inside
  /// SQLite is polling.
  std::mutex& write_mutex() { return write_mutex_; }

 private:
  void GiveBack(std::unique_ptr<Connection> connection);

  const ConnectionOptions options_;
  std::mutex write_mutex_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int unopened_;
};

}  // namespace tarn::sqlite
