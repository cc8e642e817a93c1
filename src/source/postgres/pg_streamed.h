#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"

namespace tarn::postgres {

/// Transactions that the server sends while they go on: their messages, in order, until they
/// commit or are taken back. In memory up to a limit for all of them together; beyond it the
/// largest goes to a file. Files have no name in their folder: whatever ends the process frees
/// their space.
/// Threads: one at a time. Errors: ResourceExhausted (disk full), Unavailable; both name the file.
class StreamedTransactions {
 public:
  StreamedTransactions(std::string folder, std::string name, int64_t memory_bytes_max);
  ~StreamedTransactions();

  /// One message of `xid`, done by itself or by its subtransaction `part`.
  Status Add(uint32_t xid, uint32_t part, char type, const uint8_t* p, const uint8_t* end);
  /// What `part` did is void; all of the transaction where it is `xid` itself.
  void Abort(uint32_t xid, uint32_t part);
  /// Messages of a transaction that committed, but for those of parts that were taken back.
  class Replay;
  std::unique_ptr<Replay> Commit(uint32_t xid);

  int64_t memory_bytes() const { return memory_bytes_; }
  int64_t spilled_bytes() const { return spilled_bytes_; }  ///< in all, ever

 private:
  struct Transaction;
  Status Spill(Transaction& transaction);

  const std::string folder_;
  const std::string name_;
  const int64_t memory_bytes_max_;
  int64_t memory_bytes_ = 0;
  int64_t spilled_bytes_ = 0;
  std::map<uint32_t, std::unique_ptr<Transaction>> open_;
};

class StreamedTransactions::Replay {
 public:
  explicit Replay(std::unique_ptr<Transaction> transaction);
  ~Replay();
  struct Message {
    char type = 0;
    const uint8_t* begin = nullptr;
    const uint8_t* end = nullptr;
  };
  /// The next one; false at the end. Valid until the next call.
  Result<bool> Next(Message* message);

 private:
  Status Fill(int64_t wanted);

  std::unique_ptr<Transaction> transaction_;
  std::string buffer_;
  size_t at_ = 0;
  int64_t file_at_ = 0;
  bool memory_taken_ = false;
};

}  // namespace tarn::postgres
