#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "change/key_index/index_folder.h"

namespace tarn {

/// A disk with one folder, in memory, that a test may break at any call, and whose power it may
/// cut.
class FakeDisk {
 public:
  enum class Fault {
    kNone,
    kOnce,    ///< one call fails (a full disk that somebody makes room on)
    kForEver  ///< that call and all after it (the process was killed there)
  };

  explicit FakeDisk(Random& random) : random_(random) {}

  std::unique_ptr<IndexFolder> Open();

  /// The fault comes at the call after `calls` more that change something. A write that fails may
  /// have been done in part.
  void Break(Fault fault, int64_t calls) {
    std::lock_guard lock(mutex_);
    fault_ = fault;
    calls_left_ = calls;
  }
  void Heal() { Break(Fault::kNone, 0); }
  int64_t calls() const { return calls_; }

  /// What was not synced is there or not, in part or as a whole, each file and name by itself.
  void CutPower() {
    std::lock_guard lock(mutex_);
    std::set<std::string> all;
    for (const auto& [name, node] : names_) all.insert(name);
    for (const auto& [name, node] : durable_names_) all.insert(name);
    std::map<std::string, std::shared_ptr<Node>> names;
    for (const std::string& name : all) {
      const auto& from = random_.Below(2) == 0 ? names_ : durable_names_;
      const auto found = from.find(name);
      if (found == from.end()) continue;
      auto node = std::make_shared<Node>(*found->second);
      if (node->bytes.size() > node->durable.size() && node->bytes.starts_with(node->durable)) {
        const size_t more = node->bytes.size() - node->durable.size();
        const size_t kept = random_.Below(more + 1);
        node->bytes.resize(node->durable.size() + kept);
        // A file system may have given it its size and not its bytes.
        if (random_.Below(3) == 0) node->bytes.resize(node->bytes.size() + more - kept);
      } else if (random_.Below(2) == 0) {
        node->bytes = node->durable;
      }
      node->durable = node->bytes;
      names[name] = std::move(node);
    }
    names_ = names;
    durable_names_ = std::move(names);
  }

  /// \name Files as they are. @{
  std::vector<std::string> names() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, node] : names_) names.push_back(name);
    return names;
  }
  std::string Get(const std::string& name) const {
    std::lock_guard lock(mutex_);
    const auto found = names_.find(name);
    return found == names_.end() ? std::string() : found->second->bytes;
  }
  void Set(const std::string& name, std::string bytes) {
    std::lock_guard lock(mutex_);
    auto node = std::make_shared<Node>();
    node->bytes = bytes;
    node->durable = std::move(bytes);
    names_[name] = durable_names_[name] = std::move(node);
  }
  void Remove(const std::string& name) {
    std::lock_guard lock(mutex_);
    names_.erase(name);
    durable_names_.erase(name);
  }
  uint64_t bytes() const {
    std::lock_guard lock(mutex_);
    uint64_t sum = 0;
    for (const auto& [name, node] : names_) sum += node->bytes.size();
    return sum;
  }
  /// @}

 private:
  struct Node {
    std::string bytes;
    std::string durable;
  };
  class File;
  class Folder;

  Status Charge(const std::string& path) {
    ++calls_;
    if (fault_ == Fault::kNone || calls_left_-- > 0) return Status::Ok();
    if (fault_ == Fault::kOnce) fault_ = Fault::kNone;
    return ResourceExhausted("key index: cannot write " + path + ": no space left on device");
  }

  Random& random_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> names_;
  std::map<std::string, std::shared_ptr<Node>> durable_names_;
  Fault fault_ = Fault::kNone;
  int64_t calls_left_ = 0;
  int64_t calls_ = 0;
};

class FakeDisk::File final : public IndexFile {
 public:
  File(FakeDisk& disk, std::shared_ptr<Node> node, std::string path)
      : disk_(disk), node_(std::move(node)), path_(std::move(path)) {}
  Status Read(int64_t offset, std::span<char> out) const override {
    std::lock_guard lock(disk_.mutex_);
    if (static_cast<uint64_t>(offset) + out.size() > node_->bytes.size()) {
      return Corruption("key index: " + path_ + " ends early");
    }
    node_->bytes.copy(out.data(), out.size(), static_cast<size_t>(offset));
    return Status::Ok();
  }
  Result<int64_t> Size() const override {
    std::lock_guard lock(disk_.mutex_);
    return static_cast<int64_t>(node_->bytes.size());
  }
  Status Append(std::string_view bytes) override {
    std::lock_guard lock(disk_.mutex_);
    const Status status = disk_.Charge(path_);
    node_->bytes.append(status.ok() ? bytes
                                    : bytes.substr(0, disk_.random_.Below(bytes.size() + 1)));
    return status;
  }
  Status Truncate(int64_t size) override {
    std::lock_guard lock(disk_.mutex_);
    TARN_RETURN_IF_ERROR(disk_.Charge(path_));
    node_->bytes.resize(static_cast<size_t>(size));
    return Status::Ok();
  }
  Status Sync() override {
    std::lock_guard lock(disk_.mutex_);
    TARN_RETURN_IF_ERROR(disk_.Charge(path_));
    node_->durable = node_->bytes;
    return Status::Ok();
  }
  const std::string& path() const override { return path_; }

 private:
  FakeDisk& disk_;
  const std::shared_ptr<Node> node_;
  const std::string path_;
};

class FakeDisk::Folder final : public IndexFolder {
 public:
  explicit Folder(FakeDisk& disk) : disk_(disk) {}
  Result<std::unique_ptr<IndexFile>> Open(const std::string& name) override {
    std::lock_guard lock(disk_.mutex_);
    const auto found = disk_.names_.find(name);
    if (found == disk_.names_.end()) return NotFound("key index: cannot open " + PathOf(name));
    return std::unique_ptr<IndexFile>(std::make_unique<File>(disk_, found->second, PathOf(name)));
  }
  Result<std::unique_ptr<IndexFile>> Create(const std::string& name) override {
    std::lock_guard lock(disk_.mutex_);
    TARN_RETURN_IF_ERROR(disk_.Charge(PathOf(name)));
    auto& node = disk_.names_[name] = std::make_shared<Node>();
    return std::unique_ptr<IndexFile>(std::make_unique<File>(disk_, node, PathOf(name)));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(disk_.mutex_);
    TARN_RETURN_IF_ERROR(disk_.Charge(PathOf(to)));
    const auto found = disk_.names_.find(from);
    if (found == disk_.names_.end()) return NotFound("key index: cannot rename " + PathOf(from));
    auto node = found->second;
    disk_.names_.erase(found);
    disk_.names_[to] = std::move(node);
    return Status::Ok();
  }
  Status Remove(const std::string& name) override {
    std::lock_guard lock(disk_.mutex_);
    TARN_RETURN_IF_ERROR(disk_.Charge(PathOf(name)));
    disk_.names_.erase(name);
    return Status::Ok();
  }
  Result<std::vector<std::string>> List() const override { return disk_.names(); }
  Status SyncNames() override {
    std::lock_guard lock(disk_.mutex_);
    TARN_RETURN_IF_ERROR(disk_.Charge(path_));
    disk_.durable_names_ = disk_.names_;
    return Status::Ok();
  }
  const std::string& path() const override { return path_; }

 private:
  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }

  FakeDisk& disk_;
  const std::string path_ = "index";
};

inline std::unique_ptr<IndexFolder> FakeDisk::Open() { return std::make_unique<Folder>(*this); }

}  // namespace tarn
