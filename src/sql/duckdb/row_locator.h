#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "columnar/predicate.h"
#include "table/dual/table.h"

namespace tarn::duck {

/// Where the rows stand that a statement is about to change: its scan tells each row's place as
/// (index of the file in the scan, position in the file), and here the indexes become files again.
/// One statement changes rows of a table through one scan. Threads: may be called concurrently.
class RowLocator {
 public:
  /// The scan of a statement that changes rows begins.
  void Attach(std::shared_ptr<const ScanPlan> plan, const Predicate& read) {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
    read_ = read;
  }

  /// The files of that scan; nullptr when there was none (a filter that is false for every row).
  std::shared_ptr<const ScanPlan> plan() const {
    const std::lock_guard lock(mutex_);
    return plan_;
  }

  /// What the scan's filters let through at most.
  Predicate read() const {
    const std::lock_guard lock(mutex_);
    return read_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ScanPlan> plan_;
  Predicate read_ = Predicate::True();
};

}  // namespace tarn::duck
