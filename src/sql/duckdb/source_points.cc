#include "sql/duckdb/source_points.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "source/change_capture.h"
#include "source/source.h"
#include "table/dual/transaction.h"
#include "table/model/metadata.h"

namespace tarn::duck {
namespace {

constexpr char kSourceKey[] = "tarn.source";
constexpr char kPositionKey[] = "tarn.source-position";
/// Of what was captured: right after the last transaction, where the log was read further.
constexpr char kTransactionPositionKey[] = "tarn.source-transaction-position";
/// Of a load before which the log was not followed for a while.
constexpr char kGapKey[] = "tarn.source-gap";
constexpr char kWhat[] = "what the catalog keeps of a source";

/// A place in the log of a source.
struct SourcePoint {
  std::string source;
  std::string position;
  ChangeCapture* capture = nullptr;
  bool newest = false;  ///< all that is in the lake of the source
  std::string ToString() const { return source + " " + position; }
};

std::string OwnerOf(const SourcePoint& point) { return "source:" + point.source; }

/// The names of the sources that are called so, or are of that type.
Result<std::vector<std::string>> SourcesOf(EngineState& engine, const std::string& word) {
  TARN_ASSIGN_OR_RETURN(const auto objects, engine.options.catalog->ListObjects("source"));
  std::vector<std::string> of_type;
  for (const ObjectEntry& object : objects) {
    if (LowerAscii(object.name) == LowerAscii(word)) return std::vector<std::string>{object.name};
    TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(object.json, kWhat));
    TARN_ASSIGN_OR_RETURN(const std::string type, JsonString(json, "type", kWhat));
    const bool followed = FindMember(json, "capture") != nullptr;
    if (followed && type == LowerAscii(word)) of_type.push_back(object.name);
  }
  return of_type;
}

/// How far the source's log is in the lake; nullopt where it is not followed.
Result<std::optional<std::string>> ReachedPosition(EngineState& engine, const std::string& source) {
  TARN_ASSIGN_OR_RETURN(const auto positions, engine.options.catalog->ListPositions());
  for (const PositionEntry& entry : positions) {
    // The log as a whole.
    if (entry.source != source || entry.table != "*") continue;
    TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(entry.position, kWhat));
    TARN_ASSIGN_OR_RETURN(std::string position, JsonString(json, "position", kWhat));
    return std::optional<std::string>(std::move(position));
  }
  return std::optional<std::string>();
}

/// The states of a table around a point.
struct Around {
  const Snapshot* upto = nullptr;   ///< the newest that has nothing of later
  const Snapshot* after = nullptr;  ///< the oldest known that has
  bool expired = false;             ///< snapshots before `after` are not known any more
};

/// Right after the last transaction of the source that the snapshot has; nullptr where it is none
/// of the source's.
const std::string* PositionOf(const SourcePoint& point, const Snapshot& snapshot) {
  const auto source = snapshot.summary.find(kSourceKey);
  if (source == snapshot.summary.end() || source->second != point.source) return nullptr;
  for (const char* key : {kTransactionPositionKey, kPositionKey}) {
    const auto position = snapshot.summary.find(key);
    if (position != snapshot.summary.end()) return &position->second;
  }
  return nullptr;
}

Result<Around> FindAround(const SourcePoint& point, const TableMetadata& table) {
  Around around;
  std::optional<SnapshotId> at = table.current_snapshot;
  while (at) {
    const Snapshot* snapshot = table.FindSnapshot(*at);
    if (snapshot == nullptr) {
      around.expired = true;
      break;
    }
    at = snapshot->parent;
    const std::string* position = PositionOf(point, *snapshot);
    // Compaction changes no row, and stands where the commit before it stands.
    if (position == nullptr) continue;
    TARN_ASSIGN_OR_RETURN(const int order, point.capture->Compare(*position, point.position));
    if (order <= 0) {
      around.upto = snapshot;
      break;
    }
    around.after = snapshot;
  }
  return around;
}

Error NotThere(const SourcePoint& point, const TableEntry& table, const Around& around) {
  std::string hint;
  if (around.after != nullptr) {
    hint = "the oldest state that is left is of " + *PositionOf(point, *around.after);
  }
  if (around.expired) {
    return NotFound("the snapshots that table " + table.name.ToString() + " had at " +
                        point.ToString() + " are expired",
                    hint);
  }
  return NotFound("table " + table.name.ToString() + " was not loaded yet at " + point.ToString(),
                  hint);
}

Result<Sequence> SequenceOf(EngineState& engine, const Snapshot& snapshot) {
  const auto commit = snapshot.summary.find(kCommitIdKey);
  if (commit == snapshot.summary.end()) {
    return Corruption("snapshot " + std::to_string(snapshot.id.value()) +
                      " of a followed table does not tell its commit");
  }
  TARN_ASSIGN_OR_RETURN(const CommitInfo info, engine.options.catalog->FindCommit(commit->second));
  return info.sequence;
}

/// A table that is not followed any more holds nothing of what came after it stopped.
Status CheckFollowed(EngineState& engine, const SourcePoint& point, const TableEntry& table) {
  TARN_ASSIGN_OR_RETURN(const auto objects, engine.options.catalog->ListObjects("source_table"));
  TARN_ASSIGN_OR_RETURN(const auto positions, engine.options.catalog->ListPositions());
  for (const ObjectEntry& object : objects) {
    TARN_ASSIGN_OR_RETURN(const Json json, ParseJson(object.json, kWhat));
    TARN_ASSIGN_OR_RETURN(const std::string schema, JsonString(json, "target_schema", kWhat));
    TARN_ASSIGN_OR_RETURN(const std::string name, JsonString(json, "target_table", kWhat));
    const bool of_it = schema == table.name.schema &&
                       (name == table.name.name || name + "__changes" == table.name.name);
    if (!of_it) continue;
    for (const PositionEntry& entry : positions) {
      if (entry.source + "/" + entry.table != object.name) continue;
      TARN_ASSIGN_OR_RETURN(const Json position, ParseJson(entry.position, kWhat));
      if (FindMember(position, "stopped") == nullptr) continue;
      return NotFound("table " + table.name.ToString() +
                          " is not followed any more, and holds no " + point.ToString(),
                      "`tarn resync " + table.name.ToString() + "` loads it anew");
    }
  }
  return {};
}

/// Between the last state of a table that stopped and the one that it was loaded anew with, nobody
/// knows what it held.
Status CheckNoGap(const SourcePoint& point, const TableEntry& table, const Around& around) {
  if (around.after == nullptr || !around.after->summary.contains(kGapKey)) return {};
  const std::string& upto = *PositionOf(point, *around.upto);
  TARN_ASSIGN_OR_RETURN(const int order, point.capture->Compare(upto, point.position));
  if (order == 0) return {};
  return NotFound("table " + table.name.ToString() + " was not followed at " + point.ToString(),
                  "it is known up to " + upto + ", and from " + *PositionOf(point, *around.after) +
                      " on, where it was loaded anew");
}

/// Nothing where the text does not begin with a source.
Result<std::optional<SourcePoint>> ParseSourcePoint(EngineState& engine, const std::string& text) {
  const size_t space = text.find(' ');
  if (space == std::string::npos) return std::optional<SourcePoint>();
  const std::string word = text.substr(0, space);
  SourcePoint point;
  const size_t begin = text.find_first_not_of(' ', space);
  if (begin != std::string::npos) point.position = text.substr(begin);
  TARN_ASSIGN_OR_RETURN(const auto sources, SourcesOf(engine, word));
  if (sources.empty()) return std::optional<SourcePoint>();
  if (sources.size() > 1) {
    return InvalidArgument("several sources are of type " + word + ": " + Join(sources, ", "),
                           "name the source: '" + sources[0] + " " + point.position + "'");
  }
  point.source = sources[0];
  const auto source = engine.options.sources.find(point.source);
  if (source == engine.options.sources.end()) {
    return NotFound("the source " + point.source + " is not in tarn.yaml any more",
                    "without it nobody can say which position of its log comes first");
  }
  point.capture = source->second->capture();
  TARN_ASSIGN_OR_RETURN(const auto reached, ReachedPosition(engine, point.source));
  if (point.capture == nullptr || !reached) {
    return InvalidArgument("the log of source " + point.source + " is not followed",
                           "positions name points of sources of mode cdc");
  }
  TARN_ASSIGN_OR_RETURN(const int order, point.capture->Compare(point.position, *reached));
  if (order > 0) {
    return NotFound(
        "the lake has " + point.source + " up to " + *reached + ", not yet up to " + point.position,
        "`tarn up` brings what comes after it");
  }
  point.newest = order == 0;
  return std::optional<SourcePoint>(std::move(point));
}

/// What a table that the source is followed into held at the point.
Result<SnapshotId> SnapshotAtSource(EngineState& engine, const SourcePoint& point,
                                    const TableEntry& table, const TableMetadata& metadata) {
  TARN_ASSIGN_OR_RETURN(const Around around, FindAround(point, metadata));
  if (around.after == nullptr) TARN_RETURN_IF_ERROR(CheckFollowed(engine, point, table));
  // Of what compaction and expiry left, nothing need tell its position.
  if (point.newest && metadata.current_snapshot) return *metadata.current_snapshot;
  if (around.upto == nullptr) return NotThere(point, table, around);
  TARN_RETURN_IF_ERROR(CheckNoGap(point, table, around));
  return around.upto->id;
}

/// The last commit of the lake, at most `newest`, that has nothing of what came after the point.
Result<Sequence> SequenceAtSource(EngineState& engine, const SourcePoint& point, Sequence newest) {
  TARN_ASSIGN_OR_RETURN(const auto tables,
                        engine.options.catalog->ListTables(std::nullopt, newest));
  if (point.newest) return newest;
  Sequence last = newest;
  std::optional<Error> before;
  bool found = false;
  for (const TableEntry& table : tables) {
    if (table.owner != OwnerOf(point)) continue;
    TARN_ASSIGN_OR_RETURN(const auto metadata,
                          LoadTableMetadata(engine.options.tables, table.metadata_location)
                              .Wrap("table " + table.name.ToString()));
    TARN_ASSIGN_OR_RETURN(const Around around, FindAround(point, *metadata));
    if (around.upto == nullptr) {
      if (around.expired) return NotThere(point, table, around);
      before = NotThere(point, table, around);
    }
    found = found || around.upto != nullptr;
    if (around.after == nullptr) continue;
    TARN_ASSIGN_OR_RETURN(const Sequence after, SequenceOf(engine, *around.after));
    last = std::min(last, Sequence(after.value() - 1));
  }
  if (!found && before) return *before;
  if (!found) {
    return NotFound("source " + point.source + " is followed into no table of the lake");
  }
  return last;
}

}  // namespace

Result<LakePoint> ResolveSourcePoint(EngineState& engine, LakeState& lake, const TableName& name,
                                     const LakePoint& point) {
  if (point.ref.empty()) return point;
  TARN_ASSIGN_OR_RETURN(const LakeRelation now, lake.Find(name));
  const LakeTable* table = now.table.get();
  const bool committed = table != nullptr && table->metadata != nullptr;
  if (committed && table->metadata->refs.contains(point.ref)) return point;
  TARN_ASSIGN_OR_RETURN(const auto source, ParseSourcePoint(engine, point.ref));
  if (!source) return point;
  LakePoint resolved;
  if (committed && table->entry.owner == OwnerOf(*source)) {
    TARN_ASSIGN_OR_RETURN(resolved.snapshot,
                          SnapshotAtSource(engine, *source, table->entry, *table->metadata));
    return resolved;
  }
  TARN_ASSIGN_OR_RETURN(const Sequence newest, lake.sequence());
  TARN_ASSIGN_OR_RETURN(resolved.sequence, SequenceAtSource(engine, *source, newest));
  return resolved;
}

}  // namespace tarn::duck
