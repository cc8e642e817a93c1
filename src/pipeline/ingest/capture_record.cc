#include "pipeline/ingest/capture_record.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/json.h"
#include "base/log.h"
#include "base/process_identity.h"
#include "base/small_file.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr char kWhat[] = "the record of a followed source";
/// Of which rows per second are told.
constexpr int64_t kWindowMicros = 60'000'000;
constexpr int64_t kSecondMicros = 1'000'000;
/// Between two records that only say that nothing came.
constexpr int64_t kIdleWriteMicros = 2 * kSecondMicros;

std::string PathOf(const std::string& state, const std::string& source) {
  return state + "/" + kCaptureRecordFolder + "/" + source + ".json";
}

}  // namespace

std::string CaptureRecord::ToJson() const {
  return DumpJson(Json{{"process", process},
                       {"updated_micros", updated_micros},
                       {"caught_up_micros", caught_up_micros},
                       {"committed_micros", committed_micros},
                       {"rows", rows},
                       {"transactions", transactions},
                       {"rows_per_second", rows_per_second},
                       {"trouble", trouble}});
}

Result<CaptureRecord> CaptureRecord::FromJson(const std::string& text) {
  TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kWhat));
  CaptureRecord record;
  TARN_ASSIGN_OR_RETURN(record.process, JsonString(json, "process", kWhat));
  TARN_ASSIGN_OR_RETURN(record.updated_micros, JsonInt(json, "updated_micros", kWhat));
  TARN_ASSIGN_OR_RETURN(record.caught_up_micros, JsonInt(json, "caught_up_micros", kWhat));
  TARN_ASSIGN_OR_RETURN(record.committed_micros, JsonInt(json, "committed_micros", kWhat));
  TARN_ASSIGN_OR_RETURN(record.rows, JsonInt(json, "rows", kWhat));
  TARN_ASSIGN_OR_RETURN(record.transactions, JsonInt(json, "transactions", kWhat));
  const Json* rate = FindMember(json, "rows_per_second");
  if (rate == nullptr || !rate->is_number()) {
    return Corruption(std::string(kWhat) + " has no rows_per_second");
  }
  record.rows_per_second = rate->get<double>();
  TARN_ASSIGN_OR_RETURN(record.trouble, JsonString(json, "trouble", kWhat));
  return record;
}

Result<std::optional<CaptureRecord>> ReadCaptureRecord(const std::string& state,
                                                       const std::string& source) {
  TARN_ASSIGN_OR_RETURN(const auto text, ReadSmallFile(PathOf(state, source)));
  if (!text) return std::optional<CaptureRecord>();
  TARN_ASSIGN_OR_RETURN(CaptureRecord record, CaptureRecord::FromJson(*text));
  return std::optional<CaptureRecord>(std::move(record));
}

CaptureRecorder::CaptureRecorder(const std::string& state, const std::string& source, Clock& clock)
    : path_(PathOf(state, source)), clock_(clock), began_micros_(clock.NowMicros()) {
  record_.process = ProcessIdentity();
  Write();
}

CaptureRecorder::~CaptureRecorder() {
  record_.process.clear();
  Write();
}

void CaptureRecorder::Watch(CaptureOptions* options) {
  options->committed = [this, then = std::move(options->committed)](const CaptureCommit& commit) {
    Committed(commit);
    if (then) then(commit);
  };
  options->caught_up = [this, then = std::move(options->caught_up)] {
    CaughtUp();
    if (then) then();
  };
  options->retrying = [this, then = std::move(options->retrying)](const Status& reason) {
    Trouble(reason);
    if (then) then(reason);
  };
}

void CaptureRecorder::Committed(const CaptureCommit& commit) {
  record_.trouble.clear();
  if (commit.rows > 0) record_.committed_micros = commit.committed_micros;
  record_.rows += commit.rows;
  record_.transactions += commit.transactions;
  recent_.emplace_back(clock_.NowMicros(), commit.rows);
  Write();
}

void CaptureRecorder::CaughtUp() {
  const int64_t now = clock_.NowMicros();
  const bool told = record_.trouble.empty() &&
                    record_.caught_up_micros > record_.committed_micros &&
                    now - record_.updated_micros < kIdleWriteMicros;
  record_.caught_up_micros = now;
  record_.trouble.clear();
  if (!told) Write();
}

void CaptureRecorder::Trouble(const Status& reason) {
  record_.trouble = reason.error().ToString();
  Write();
}

void CaptureRecorder::Write() {
  const int64_t now = clock_.NowMicros();
  record_.updated_micros = now;
  while (!recent_.empty() && recent_.front().first <= now - kWindowMicros) recent_.pop_front();
  int64_t rows = 0;
  for (const auto& [when, count] : recent_) rows += count;
  const int64_t span = std::clamp(now - began_micros_, kSecondMicros, kWindowMicros);
  record_.rows_per_second = static_cast<double>(rows) * kSecondMicros / static_cast<double>(span);
  std::error_code error;
  fs::create_directories(fs::path(path_).parent_path(), error);
  const Status written = ReplaceSmallFile(path_, record_.ToJson());
  if (written.ok() || warned_) return;
  warned_ = true;
  Log(LogLevel::kWarning, "how a source is followed cannot be told: " + written.error().message);
}

}  // namespace tarn
