#include "source/postgres/pg_pool.h"

#include <chrono>
#include <utility>

namespace tarn::postgres {

Pool::Lease::~Lease() {
  if (pool_ == nullptr) return;
  connection_.reset();
  pool_->Release(nullptr);
}

void Pool::Lease::Return() {
  std::shared_ptr<Pool> pool = std::move(pool_);
  if (pool != nullptr) pool->Release(std::move(connection_));
}

void Pool::Release(std::unique_ptr<Connection> idle) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --leased_;
    if (idle != nullptr) idle_.push_back(std::move(idle));
  }
  released_.notify_one();
}

Result<Pool::Lease> Pool::Acquire(Freshness freshness) {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto wait = std::chrono::milliseconds(settings_.connect_timeout_ms);
    if (!released_.wait_for(lock, wait, [&] { return leased_ < connections_max_; })) {
      return ResourceExhausted("all " + std::to_string(connections_max_) + " connections to " +
                                   spec_.address() + " are in use",
                               "read fewer live tables in one statement, or fewer at a time");
    }
    ++leased_;
    if (freshness == Freshness::kNew) idle_.clear();  // of the same age as the one that failed
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  const bool used_before = connection != nullptr;
  Lease lease(shared_from_this(), std::move(connection), used_before);
  if (!used_before) {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> opened, Connection::Open(spec_, settings_));
    lease.PutBack(std::move(opened));
  }
  return lease;
}

}  // namespace tarn::postgres
