#include "source/postgres/pg_streamed.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace tarn::postgres {
namespace {

// Before each message: its bytes (type and body), and who did it.
constexpr size_t kHeadBytes = 8;
constexpr int64_t kReadBytes = 1 << 20;

uint32_t Get32(const char* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

Error FileError(const std::string& path, const char* doing, int error) {
  const std::string message = std::string(doing) + " the transaction file " + path + ": " +
                              std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return ResourceExhausted(message,
                             "free space there, or raise capture_transaction_memory_bytes "
                             "under limits:");
  }
  return Unavailable(message, "check the folder and its disk");
}

}  // namespace

struct StreamedTransactions::Transaction {
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (file >= 0) close(file);
  }
  std::string memory;  ///< after what the file has
  std::set<uint32_t> aborted;
  std::string path;
  int file = -1;
  int64_t file_bytes = 0;
};

StreamedTransactions::StreamedTransactions(std::string folder, std::string name,
                                           int64_t memory_bytes_max)
    : folder_(std::move(folder)), name_(std::move(name)), memory_bytes_max_(memory_bytes_max) {}

StreamedTransactions::~StreamedTransactions() = default;

Status StreamedTransactions::Add(uint32_t xid, uint32_t part, char type, const uint8_t* p,
                                 const uint8_t* end) {
  std::unique_ptr<Transaction>& transaction = open_[xid];
  if (transaction == nullptr) {
    transaction = std::make_unique<Transaction>();
    transaction->path = folder_ + "/" + name_ + "-" + std::to_string(xid);
  }
  const size_t body = static_cast<size_t>(end - p);
  const uint32_t head[2] = {static_cast<uint32_t>(body + 1), part};
  std::string& memory = transaction->memory;
  memory.append(reinterpret_cast<const char*>(head), kHeadBytes);
  memory += type;
  memory.append(reinterpret_cast<const char*>(p), body);
  memory_bytes_ += static_cast<int64_t>(kHeadBytes + 1 + body);
  while (memory_bytes_ > memory_bytes_max_) {
    Transaction* largest = nullptr;
    for (auto& [id, one] : open_) {
      if (largest == nullptr || one->memory.size() > largest->memory.size()) largest = one.get();
    }
    if (largest->memory.empty()) break;
    TARN_RETURN_IF_ERROR(Spill(*largest));
  }
  return Status::Ok();
}

Status StreamedTransactions::Spill(Transaction& transaction) {
  if (transaction.file < 0) {
    std::error_code failed;
    std::filesystem::create_directories(folder_, failed);
    if (failed) return FileError(folder_, "cannot make the folder of", failed.value());
    std::string path = transaction.path + "-XXXXXX";
    transaction.file = mkostemp(path.data(), O_CLOEXEC);
    if (transaction.file < 0) return FileError(path, "cannot make", errno);
    transaction.path = path;
    unlink(path.c_str());
  }
  const std::string& memory = transaction.memory;
  for (size_t done = 0; done < memory.size();) {
    const ssize_t n = write(transaction.file, memory.data() + done, memory.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return FileError(transaction.path, "cannot write", n < 0 ? errno : ENOSPC);
    done += static_cast<size_t>(n);
  }
  const int64_t bytes = static_cast<int64_t>(memory.size());
  transaction.file_bytes += bytes;
  spilled_bytes_ += bytes;
  memory_bytes_ -= bytes;
  std::string().swap(transaction.memory);
  return Status::Ok();
}

void StreamedTransactions::Abort(uint32_t xid, uint32_t part) {
  const auto found = open_.find(xid);
  if (found == open_.end()) return;
  if (part != xid) {
    found->second->aborted.insert(part);
    return;
  }
  memory_bytes_ -= static_cast<int64_t>(found->second->memory.size());
  open_.erase(found);
}

std::unique_ptr<StreamedTransactions::Replay> StreamedTransactions::Commit(uint32_t xid) {
  const auto found = open_.find(xid);
  if (found == open_.end()) return std::make_unique<Replay>(std::make_unique<Transaction>());
  memory_bytes_ -= static_cast<int64_t>(found->second->memory.size());
  auto replay = std::make_unique<Replay>(std::move(found->second));
  open_.erase(found);
  return replay;
}

StreamedTransactions::Replay::Replay(std::unique_ptr<Transaction> transaction)
    : transaction_(std::move(transaction)) {}
StreamedTransactions::Replay::~Replay() = default;

Status StreamedTransactions::Replay::Fill(int64_t wanted) {
  buffer_.erase(0, at_);
  at_ = 0;
  while (static_cast<int64_t>(buffer_.size()) < wanted) {
    const int64_t left = transaction_->file_bytes - file_at_;
    if (left == 0) {
      if (memory_taken_) break;
      memory_taken_ = true;
      buffer_ += std::exchange(transaction_->memory, {});
      continue;
    }
    const size_t before = buffer_.size();
    const size_t more = static_cast<size_t>(
        std::min(left, std::max(kReadBytes, wanted - static_cast<int64_t>(before))));
    buffer_.resize(before + more);
    const ssize_t n = pread(transaction_->file, buffer_.data() + before, more, file_at_);
    buffer_.resize(before + static_cast<size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(transaction_->path, "cannot read", errno);
    if (n == 0) return Corruption("the transaction file " + transaction_->path + " was cut");
    file_at_ += n;
  }
  return Status::Ok();
}

Result<bool> StreamedTransactions::Replay::Next(Message* message) {
  while (true) {
    if (buffer_.size() - at_ < kHeadBytes) {
      TARN_RETURN_IF_ERROR(Fill(kHeadBytes));
      if (buffer_.size() < kHeadBytes) return false;
    }
    const size_t bytes = Get32(buffer_.data() + at_);
    const uint32_t part = Get32(buffer_.data() + at_ + 4);
    if (buffer_.size() - at_ < kHeadBytes + bytes) {
      TARN_RETURN_IF_ERROR(Fill(static_cast<int64_t>(kHeadBytes + bytes)));
    }
    const char* const body = buffer_.data() + at_ + kHeadBytes;
    at_ += kHeadBytes + bytes;
    if (transaction_->aborted.contains(part)) continue;
    message->type = body[0];
    message->begin = reinterpret_cast<const uint8_t*>(body) + 1;
    message->end = reinterpret_cast<const uint8_t*>(body) + bytes;
    return true;
  }
}

}  // namespace tarn::postgres
