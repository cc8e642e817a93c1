#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tarn {

/// Connections of the live side: idle ones are kept, and no more than `connections_max` are open.
/// C is a connection: C::Open(P, S) makes one; P has address(), S connect_timeout_ms.
/// Threads: every method may be called concurrently.
/// Ownership: leases must not outlive the pool's shared_ptr; they hold one.
template <typename C, typename P, typename S>
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool<C, P, S>> {
 public:
  ConnectionPool(P spec, S settings, int connections_max)
      : spec_(std::move(spec)), settings_(settings), connections_max_(connections_max) {}

  /// A connection on loan. Returned to the pool only by Return; destroyed otherwise.
  class Lease {
   public:
    Lease(std::shared_ptr<ConnectionPool> pool, std::unique_ptr<C> connection, bool used_before)
        : pool_(std::move(pool)), connection_(std::move(connection)), used_before_(used_before) {}
    ~Lease();
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    C& operator*() { return *connection_; }
    /// It was open before: the server may have closed it since.
    bool used_before() const { return used_before_; }
    void Return();
    std::unique_ptr<C> Take() { return std::move(connection_); }
    void PutBack(std::unique_ptr<C> connection) { connection_ = std::move(connection); }

   private:
    std::shared_ptr<ConnectionPool> pool_;
    std::unique_ptr<C> connection_;
    bool used_before_;
  };

  enum class Freshness { kAny, kNew };
  /// Waits for a connection as long as connecting may take. Errors: those of C::Open;
  /// ResourceExhausted when all stay in use.
  Result<Lease> Acquire(Freshness freshness);

 private:
  void Release(std::unique_ptr<C> idle);

  const P spec_;
  const S settings_;
  const int connections_max_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<C>> idle_;
  int leased_ = 0;
};

template <typename C, typename P, typename S>
ConnectionPool<C, P, S>::Lease::~Lease() {
  if (pool_ == nullptr) return;
  connection_.reset();
  pool_->Release(nullptr);
}

template <typename C, typename P, typename S>
void ConnectionPool<C, P, S>::Lease::Return() {
  std::shared_ptr<ConnectionPool> pool = std::move(pool_);
  if (pool != nullptr) pool->Release(std::move(connection_));
}

template <typename C, typename P, typename S>
void ConnectionPool<C, P, S>::Release(std::unique_ptr<C> idle) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    --leased_;
    if (idle != nullptr) idle_.push_back(std::move(idle));
  }
  released_.notify_one();
}

template <typename C, typename P, typename S>
Result<typename ConnectionPool<C, P, S>::Lease> ConnectionPool<C, P, S>::Acquire(
    Freshness freshness) {
  std::unique_ptr<C> connection;
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
  Lease lease(this->shared_from_this(), std::move(connection), used_before);
  if (!used_before) {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<C> opened, C::Open(spec_, settings_));
    lease.PutBack(std::move(opened));
  }
  return lease;
}

}  // namespace tarn
