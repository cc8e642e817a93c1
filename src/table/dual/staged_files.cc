#include <utility>

#include "base/log.h"
#include "table/dual/stage.h"

namespace tarn {

StagedFiles::~StagedFiles() {
  for (const std::string& key : keys_) {
    if (Status status = store_.Delete(key); !status.ok()) {
      Log(LogLevel::kWarning, "could not remove " + key + ": " + status.ToString());
    }
  }
}

Result<std::string> StagedFiles::Put(const std::string& name, std::string_view bytes) {
  const std::string key = table_ + "metadata/" + name;
  TARN_RETURN_IF_ERROR(store_.PutIfAbsent(key, bytes));
  keys_.push_back(key);
  return store_.UriOf(key);
}

std::string StagedFiles::NewDeletesKey(const std::string& name) {
  keys_.push_back(table_ + "deletes/" + name);
  return keys_.back();
}

std::vector<std::string> StagedFiles::Release() { return std::exchange(keys_, {}); }

}  // namespace tarn
