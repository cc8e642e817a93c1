#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

/// An empty root of one kind of store, for one test. Removes what it made.
class StoreRoot {
 public:
  virtual ~StoreRoot() = default;
  /// A store on this root, independent of other stores on it as far as the kind allows: what
  /// another process would see.
  virtual ObjectStore& Open() = 0;
};

struct Backend {
  std::string name;
  std::function<Result<std::unique_ptr<StoreRoot>>(const Limits&)> make;
};
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

/// Memory, local files, S3, and S3 behind a cache and read-ahead.
std::vector<Backend> AllBackends();

}  // namespace tarn
