#include "catalog/sqlite/pool.h"

#include <utility>

namespace tarn::sqlite {

Pool::Pool(ConnectionOptions options, int connections_max, std::unique_ptr<Connection> first)
    : options_(std::move(options)), unopened_(connections_max - 1) {
  idle_.push_back(std::move(first));
}

Result<Pool::Lease> Pool::Acquire() {
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !idle_.empty() || unopened_ > 0; });
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(connection));
    }
    --unopened_;
  }
  Result<std::unique_ptr<Connection>> opened = Connection::Open(options_);
  if (!opened.ok()) {
    std::lock_guard lock(mutex_);
    ++unopened_;
    returned_.notify_one();
    return opened.error();
  }
  return Lease(this, std::move(opened).value());
}

void Pool::GiveBack(std::unique_ptr<Connection> connection) {
  // One whose ROLLBACK failed is closed, which undoes its transaction: nobody may read or write in
  // it. An in-memory catalog lives in its connection and has no disk that could fail.
  if (connection->in_transaction() && options_.path != ":memory:") connection.reset();
  std::lock_guard lock(mutex_);
  if (connection == nullptr) {
    ++unopened_;
  } else {
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace tarn::sqlite
