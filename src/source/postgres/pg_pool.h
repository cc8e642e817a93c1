#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "source/postgres/pg_connection.h"

namespace tarn::postgres {

/// Connections of the live side: idle ones are kept, and no more than `connections_max` are open.
/// Threads: every method may be called concurrently.
/// Ownership: leases must not outlive the pool's shared_ptr; they hold one.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(ConnectionSpec spec, SessionSettings settings, int connections_max)
      : spec_(std::move(spec)), settings_(settings), connections_max_(connections_max) {}

  /// A connection on loan. Returned to the pool only by Return; destroyed otherwise.
  class Lease {
   public:
    Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection, bool used_before)
        : pool_(std::move(pool)), connection_(std::move(connection)), used_before_(used_before) {}
    ~Lease();
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    Connection& operator*() { return *connection_; }
    /// It was open before: the server may have closed it since.
    bool used_before() const { return used_before_; }
    void Return();
    std::unique_ptr<Connection> Take() { return std::move(connection_); }
    void PutBack(std::unique_ptr<Connection> connection) { connection_ = std::move(connection); }

   private:
    std::shared_ptr<Pool> pool_;
    std::unique_ptr<Connection> connection_;
    bool used_before_;
  };

  enum class Freshness { kAny, kNew };
  /// Waits for a connection as long as connecting may take. Errors: those of Connection::Open;
  /// ResourceExhausted when all stay in use.
  Result<Lease> Acquire(Freshness freshness);

 private:
  void Release(std::unique_ptr<Connection> idle);

  const ConnectionSpec spec_;
  const SessionSettings settings_;
  const int connections_max_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int leased_ = 0;
};

}  // namespace tarn::postgres
