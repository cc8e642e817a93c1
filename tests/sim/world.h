#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "pipeline/context.h"
#include "sim/scheduler.h"
#include "sim/truth.h"
#include "storage/memory/memory_store.h"

namespace tarn::sim {

/// What a test breaks on purpose, to see that it is found.
enum class Sabotage {
  kNone,
  kRemoveLiveFile,   ///< expiry takes a data file of the present snapshot too
  kForgetCommit,     ///< the catalog says yes and keeps nothing
  kCommitTwice,      ///< a lost answer is taken for a failure: the operation is done again
  kLoseUpdate,       ///< an update is committed without looking at who was faster
  kTornRead,         ///< a reader takes one table from another moment
  kSwallowEntry,     ///< Delta's log misses an entry
  kCutEntry,         ///< an entry of Delta's log forgets the files that it removes
  kPublishTooEarly,  ///< an entry of Delta's log is out before the commit that it tells of
  kNoGrace,          ///< orphans are removed while somebody is about to commit them
};

struct Plan {
  uint64_t seed = 1;
  FaultRates rates;
  Sabotage sabotage = Sabotage::kNone;
  int writers = 2;
  int upkeepers = 1;
  int operations = 5;  ///< of each actor
};

/// A lake in memory with everybody who works on it: writers, readers, followers of Delta's log and
/// upkeep, each a process that may crash, and the truth about them.
class World {
 public:
  explicit World(const Plan& plan);
  ~World();

  /// Runs everybody to the end, then everything to rest, and looks whether all is as it must be.
  void Run();
  const std::vector<std::string>& wrongs() const { return truth_.wrongs(); }
  /// What happened, one event a line.
  const std::string& history() const { return history_; }
  int64_t commits() const { return commits_; }

 private:
  friend class TruthfulCatalog;
  friend class TruthfulStore;

  /// What dies with a process.
  struct Process {
    TableCache cache;
    std::unique_ptr<Random> random;
    PipelineContext context;
  };
  /// Where somebody stands who reads Delta's log entry by entry.
  struct Follower {
    delta::State state;
    std::map<int64_t, std::string> seen;  ///< entries by version
  };
  /// A table as an operation found it, and what it makes of it.
  struct Draft {
    TableEntry entry;
    std::unique_ptr<TableTransaction> transaction;
    Sequence free_at;  ///< of a new table: FreeFolder::free_at
    std::vector<DataFile> files;
  };

  std::unique_ptr<Process> Start();
  void CreateTables();
  /// One operation from begin to end, and a new process where that one crashed.
  void Do(std::unique_ptr<Process>& process, const std::string& what, bool upkeep,
          const std::function<Status(Process&, Operation&)>& body);
  void Judge(const Operation& operation, const Status& status);
  void Write(std::unique_ptr<Process>& process);
  void Read(std::unique_ptr<Process>& process);
  void Follow(std::unique_ptr<Process>& process, std::map<std::string, Follower>& followers);
  void LookAfter(std::unique_ptr<Process>& process);
  void DropOrCreate(std::unique_ptr<Process>& process);

  Result<Draft> Open(Process& process, const std::string& name, Sequence at);
  Status Append(Process& process, Draft& draft, Effect& effect);
  Status Delete(Process& process, Draft& draft, Effect& effect, bool update);
  Status Commit(Process& process, Operation& operation, std::vector<Draft>& drafts);
  Status CommitOnce(Process& process, Operation& operation, std::vector<Draft>& drafts);
  Status ReadAll(Process& process);
  Status FollowTable(Process& process, const TableEntry& entry, Follower& follower);
  void ComeToRest();
  void LetTimePass();
  Rows NewRows();

  bool Chance(uint64_t one_in) { return scheduler_.random().Below(one_in) == 0; }
  bool Sabotaged(Sabotage sabotage) { return plan_.sabotage == sabotage && Chance(4); }
  void Tell(const std::string& event);
  Operation* CurrentOperation();

  const Plan plan_;
  Scheduler scheduler_;
  ManualClock clock_{1'700'000'000'000'000};
  Limits limits_;
  MemoryStore kept_{"lake", clock_};
  std::unique_ptr<Random> truth_random_ = SeededRandom(1);
  std::unique_ptr<ObjectStore> store_;  ///< faults before the truth before memory
  ObjectStore* live_ = nullptr;
  std::unique_ptr<Catalog> sqlite_;
  std::unique_ptr<Catalog> catalog_;  ///< faults before the truth before SQLite
  Truth truth_;
  std::map<std::string, Operation*> operations_;  ///< by actor
  std::string history_;
  int64_t next_row_ = 1;
  int64_t commits_ = 0;
};

inline constexpr int64_t kMinuteMicros = 60'000'000;
inline constexpr int64_t kDayMicros = 24 * 60 * kMinuteMicros;
inline constexpr char kSchemaName[] = "s";

}  // namespace tarn::sim
