#include "sim/world.h"

#include <set>

#include "base/log.h"
#include "catalog/catalog.h"
#include "catalog/faulty/faulty_catalog.h"
#include "catalog/forwarding_catalog.h"
#include "catalog/location.h"
#include "catalog/sqlite/sqlite_catalog.h"
#include "pipeline/maintain/maintain.h"
#include "storage/faulty/faulty_store.h"
#include "storage/forwarding_store.h"

namespace tarn::sim {

/// Bytes on their way into the store and into what is kept of it.
class TruthfulWriter final : public ObjectWriter {
 public:
  TruthfulWriter(std::unique_ptr<ObjectWriter> inner, std::function<void(std::string)> closed)
      : inner_(std::move(inner)), closed_(std::move(closed)) {}
  Status Append(std::string_view bytes) override {
    bytes_.append(bytes);
    return inner_->Append(bytes);
  }
  Status Close() override {
    TARN_RETURN_IF_ERROR(inner_->Close());
    closed_(std::move(bytes_));
    return {};
  }
  int64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  const std::unique_ptr<ObjectWriter> inner_;
  const std::function<void(std::string)> closed_;
  std::string bytes_;
};

/// Keeps everything that was ever written, and tells the truth what is removed.
class TruthfulStore final : public ForwardingStore {
 public:
  TruthfulStore(std::unique_ptr<ObjectStore> inner, World& world)
      : ForwardingStore(std::move(inner)), world_(world) {}

  Status Put(std::string_view key, std::string_view bytes) override {
    TARN_RETURN_IF_ERROR(inner().Put(key, bytes));
    return Keep(key, bytes);
  }
  Status PutIfAbsent(std::string_view key, std::string_view bytes) override {
    const bool entry = key.find("/_delta_log/") != std::string_view::npos;
    if (entry && world_.Sabotaged(Sabotage::kSwallowEntry)) return {};
    if (entry && world_.plan_.sabotage == Sabotage::kCutEntry) {
      const std::string cut = WithoutRemoves(bytes);
      TARN_RETURN_IF_ERROR(inner().PutIfAbsent(key, cut));
      return Keep(key, cut);
    }
    TARN_RETURN_IF_ERROR(inner().PutIfAbsent(key, bytes));
    return Keep(key, bytes);
  }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view key) override {
    TARN_ASSIGN_OR_RETURN(auto writer, inner().OpenWriter(key));
    return std::make_unique<TruthfulWriter>(
        std::move(writer), [this, name = std::string(key)](const std::string& bytes) {
          static_cast<void>(Keep(name, bytes).ok());
        });
  }
  Status Delete(std::string_view key) override {
    const std::string name(key);
    if (inner().Head(name).ok()) world_.truth_.Deleting(name, world_.CurrentOperation());
    return inner().Delete(key);
  }

 private:
  Status Keep(std::string_view key, std::string_view bytes) {
    world_.truth_.Written(std::string(key), world_.CurrentOperation());
    return world_.kept_.Put(key, bytes);
  }
  static std::string WithoutRemoves(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
      const size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      const std::string_view line = bytes.substr(0, end);
      if (!line.starts_with("{\"remove\"")) text += line;
      bytes.remove_prefix(end);
    }
    return text;
  }

  World& world_;
};

/// Tells the truth what was committed.
class TruthfulCatalog final : public ForwardingCatalog {
 public:
  TruthfulCatalog(Catalog& next, World& world) : ForwardingCatalog(next), world_(world) {}

  Result<CommitInfo> Commit(const CommitRequest& request) override {
    Operation* const operation = world_.CurrentOperation();
    const bool writes = operation != nullptr && !operation->upkeep;
    TARN_ASSIGN_OR_RETURN(const Sequence before, next_.CurrentSequence());
    if (writes && world_.Sabotaged(Sabotage::kForgetCommit)) {
      return CommitInfo{Sequence(before.value() + 1), request.commit_id, 0, "", ""};
    }
    auto info = next_.Commit(request);
    if (!info.ok() || info->sequence <= before) return info;
    ++world_.commits_;
    world_.Tell("commit " + std::to_string(info->sequence.value()) + " " + request.message);
    world_.truth_.Committed(request, *info, operation);
    return info;
  }

 private:
  World& world_;
};

namespace {

TableContext KeptContext(ObjectStore& kept, Clock& clock, Random& random, const Limits& limits) {
  return {&kept, &clock, &random, &limits, nullptr};
}

Limits SimLimits() {
  Limits limits;
  limits.checkpoint_every_commits = 3;
  limits.statistics_rows_min = 1;
  limits.reader_grace_ms = 60 * kMinuteMicros / 1000;
  limits.orphan_grace_ms = 60 * kMinuteMicros / 1000;
  limits.snapshot_age_ms_max = 120 * kMinuteMicros / 1000;
  return limits;
}

}  // namespace

World::World(const Plan& plan)
    : plan_(plan),
      scheduler_(plan.seed),
      limits_(SimLimits()),
      sqlite_(*OpenSqliteCatalogInMemory(clock_)),
      truth_(KeptContext(kept_, clock_, *truth_random_, limits_), kept_, *sqlite_) {
  SetLogLevel(LogLevel::kError);  // what is made to fail would warn all the time
  scheduler_.log = [this](const std::string& event) { Tell(event); };
  auto memory = std::make_unique<MemoryStore>("lake", clock_);
  live_ = memory.get();
  truth_.SetLive(*live_);
  store_ = OpenFaultyStore(std::make_unique<TruthfulStore>(std::move(memory), *this));
  catalog_ = OpenFaultyCatalog(std::make_unique<TruthfulCatalog>(*sqlite_, *this));
}

World::~World() = default;

void World::Tell(const std::string& event) {
  history_ += std::to_string((clock_.NowMicros() - 1'700'000'000'000'000) / kMinuteMicros) +
              " min " + scheduler_.name() + ": " + event + "\n";
}

Operation* World::CurrentOperation() {
  const auto found = operations_.find(scheduler_.name());
  return found == operations_.end() ? nullptr : found->second;
}

std::unique_ptr<World::Process> World::Start() {
  auto process = std::make_unique<Process>();
  process->random = SeededRandom(scheduler_.random().Next());
  process->context.catalog = catalog_.get();
  process->context.tables = {store_.get(), &clock_, process->random.get(), &limits_,
                             &process->cache};
  // As every command does first; a failure waits for the next one.
  const Status published = PublishOutbox(process->context.tables, *catalog_);
  if (!published.ok()) Tell("outbox: " + published.error().message);
  return process;
}

void World::CreateTables() {
  const auto process = Start();
  const std::vector<std::string> versions = {"auto", "2", "3"};
  for (const char* name : {"a", "b"}) {
    Operation operation{"create", clock_.NowMicros(), false, {}, 0};
    operations_[scheduler_.name()] = &operation;
    NewTable table;
    table.location =
        NewTableFolder(*catalog_, *store_, *process->random, {kSchemaName, name}, "")->uri;
    table.schema = TwoColumns();
    if (Chance(2)) table.partition = {"bucket(2, id)"};
    table.properties = {{"tarn.iceberg", versions[scheduler_.random().Below(3)]},
                        {"delta.logRetentionDuration", "interval 1 hours"}};
    std::vector<Draft> drafts(1);
    drafts[0].entry.name = {kSchemaName, name};
    drafts[0].transaction = *TableTransaction::Create(process->context.tables, table);
    const Status status = Append(*process, drafts[0], operation.effects[name]);
    const Status committed = status.ok() ? CommitOnce(*process, operation, drafts) : status;
    if (!committed.ok()) truth_.Wrong("create: " + committed.ToString());
    operations_.erase(scheduler_.name());
  }
}

void World::Do(std::unique_ptr<Process>& process, const std::string& what, bool upkeep,
               const std::function<Status(Process&, Operation&)>& body) {
  Operation operation{scheduler_.name() + "'s " + what, clock_.NowMicros(), upkeep, {}, 0};
  while (scheduler_.dead()) {
    scheduler_.Restart();
    process = Start();
  }
  scheduler_.Begin();
  operations_[scheduler_.name()] = &operation;
  truth_.Began(operation);
  Tell(what + " begins");
  const Status status = body(*process, operation);
  Tell(what + (status.ok() ? " is done" : ": " + status.error().message));
  Judge(operation, status);
  truth_.Ended(operation);
  operations_.erase(scheduler_.name());
  LetTimePass();
}

void World::Judge(const Operation& operation, const Status& status) {
  const ErrorKind kind = status.ok() ? ErrorKind::kInternal : status.error().kind;
  const bool writes = !operation.effects.empty();
  if (status.ok() && writes && operation.commits != 1) {
    truth_.Wrong(operation.what + " said that it was done and was committed " +
                 std::to_string(operation.commits) + " times");
  }
  if (status.ok()) return;
  const bool may_not_know = kind == ErrorKind::kCommitUnknown || scheduler_.dead();
  if (writes && operation.commits > 0 && !may_not_know) {
    truth_.Wrong(operation.what + " was committed and said: " + status.ToString());
  }
  // A table may be dropped under a writer, and another writer may be faster.
  const bool lost_race = writes && (kind == ErrorKind::kConflict || kind == ErrorKind::kNotFound);
  if (!scheduler_.faulted() && !lost_race) {
    truth_.Wrong(operation.what + ": " + status.ToString());
  }
}

void World::LetTimePass() {
  // Nothing that is under way gets so old that upkeep may take its files, or those that it reads.
  const auto oldest = truth_.OldestInFlight();
  const int64_t room = oldest ? *oldest + 50 * kMinuteMicros - clock_.NowMicros() : 3 * kDayMicros;
  const int64_t wanted = Chance(8) ? 2 * kDayMicros : 20 * kMinuteMicros;
  const int64_t bound = plan_.sabotage == Sabotage::kNoGrace ? kDayMicros : std::min(room, wanted);
  if (bound > 0) {
    clock_.Advance(static_cast<int64_t>(scheduler_.random().Below(static_cast<uint64_t>(bound))));
  }
}

void World::Run() {
  CreateTables();
  scheduler_.SetRates(plan_.rates);
  std::map<std::string, Follower> followers;
  const auto add = [&](const std::string& name,
                       std::function<void(std::unique_ptr<Process>&)> turn) {
    scheduler_.Add(name, [this, turn = std::move(turn)] {
      auto process = Start();
      for (int i = 0; i < plan_.operations && wrongs().empty(); ++i) turn(process);
    });
  };
  for (int i = 1; i <= plan_.writers; ++i) {
    add("writer " + std::to_string(i), [this](auto& process) { Write(process); });
  }
  for (int i = 1; i <= plan_.upkeepers; ++i) {
    add("upkeep " + std::to_string(i), [this](auto& process) { LookAfter(process); });
  }
  add("reader", [this](auto& process) { Read(process); });
  add("follower", [this, &followers](auto& process) { Follow(process, followers); });
  add("ddl", [this](auto& process) { DropOrCreate(process); });
  scheduler_.Run();
  if (!wrongs().empty()) return;
  ComeToRest();
  auto process = Start();
  Follow(process, followers);
}

/// Everything that died is picked up, and what is left is what is needed.
void World::ComeToRest() {
  const auto process = Start();
  truth_.CheckAtRest();
  const auto maintain = [&] {
    clock_.Advance(20 * kDayMicros);
    Operation operation{"upkeep at rest", clock_.NowMicros(), true, {}, 0};
    operations_[scheduler_.name()] = &operation;
    const auto report = Maintain(process->context, {});
    if (!report.ok()) return truth_.Wrong("at rest: " + report.status().ToString());
    if (report->failed()) truth_.Wrong("at rest: upkeep failed");
    operations_.erase(scheduler_.name());
  };
  for (int round = 0; round < 3 && wrongs().empty(); ++round) maintain();
  if (!wrongs().empty()) return;
  truth_.CheckAtRest();
  truth_.CheckNothingIsLeftOver();
}

}  // namespace tarn::sim
