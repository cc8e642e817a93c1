#include "base/progress.h"

namespace tarn {
namespace {

class Silent final : public Progress {
 public:
  void Begin(const std::string&, int64_t) override {}
  void Advance(const std::string&, int64_t, int64_t) override {}
  void End(const std::string&, const std::string&) override {}
};

}  // namespace

Progress& NoProgress() {
  static Silent silent;
  return silent;
}

}  // namespace tarn
