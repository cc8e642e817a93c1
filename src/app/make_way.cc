#include "app/make_way.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/process_identity.h"
#include "base/small_file.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr char kFileName[] = "make_way";

}  // namespace

std::string WayRequestPath(const std::string& state) {
  return (fs::path(state) / kFileName).string();
}

Status WayRequest::Make(const std::string& state, const std::string& who) {
  Withdraw();
  const std::string path = WayRequestPath(state);
  // Of several askers the last one stands there, and is enough.
  TARN_RETURN_IF_ERROR(ReplaceSmallFile(path, ProcessIdentity() + "\n" + who + "\n"));
  path_ = path;
  return {};
}

void WayRequest::Withdraw() {
  if (path_.empty()) return;
  std::ifstream file(path_);
  std::string identity;
  // Somebody else may have asked since.
  if (std::getline(file, identity) && identity == ProcessIdentity()) std::remove(path_.c_str());
  path_.clear();
}

std::optional<std::string> WhoWantsTheWay(const std::string& state, int64_t wait_ms_max) {
  const std::string path = WayRequestPath(state);
  std::ifstream file(path);
  std::string identity, who;
  if (!file || !std::getline(file, identity) || !std::getline(file, who)) return std::nullopt;
  if (LivenessOf(identity) == Liveness::kDead) return std::nullopt;
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  if (error) return std::nullopt;
  const auto age = fs::file_time_type::clock::now() - written;
  if (age > std::chrono::milliseconds(wait_ms_max)) return std::nullopt;
  return who;
}

}  // namespace tarn
