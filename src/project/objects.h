#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/catalog.h"
#include "catalog/garbage.h"
#include "project/spec.h"
#include "source/change_capture.h"
#include "source/source.h"

namespace tarn {

/// What `apply` made alive, as the catalog remembers it (kinds of PutObjectOp). No secrets: a
/// source is kept by its address, never by its url.
/// @{
inline constexpr char kProjectObject[] = "project";
inline constexpr char kSourceObject[] = "source";
inline constexpr char kSourceTableObject[] = "source_table";
inline constexpr char kModelObject[] = "model";
inline constexpr char kScheduleObject[] = "schedule";
/// A model, by its name, that is to run again as it is: what it reads was changed, and it has not
/// run since.
inline constexpr char kDueObject[] = "due_model";
/// @}

/// Which project owns a state; guards against two projects over one state.
struct ProjectObject {
  std::string name;
  std::string catalog;
  std::string warehouse;  ///< root URI
  std::string ToJson() const;
  static Result<ProjectObject> FromJson(const std::string& json);
  bool operator==(const ProjectObject&) const = default;
};

struct SourceObject {
  std::string type;
  std::string address;
  std::string mode;
  std::string cursor;
  /// Of mode cdc: the name of what was made in the source (see CaptureSpec), and what was there.
  /// @{
  std::string capture;
  std::string slot;
  std::string publication;
  /// @}
  CaptureSpec Capture() const { return {capture, publication, slot}; }
  std::string ToJson() const;
  static Result<SourceObject> FromJson(const std::string& json);
  /// Whether what tarn.yaml says is what was applied; the capture's name is none of its business.
  bool SameAs(const SourceObject& other) const {
    return type == other.type && address == other.address && mode == other.mode &&
           cursor == other.cursor && slot == other.slot && publication == other.publication;
  }
};

/// One mirrored table; its object's name is `<source>/` and its PositionKey.
struct SourceTableObject {
  std::string source;
  std::string schema, table;  ///< in the source
  TableName target;
  std::string fingerprint;  ///< of the source's columns and of the options that shape them
  std::vector<std::pair<std::string, std::string>> columns;  ///< name and native type
  /// The source's own numbers of the table and of its columns, where it has some; 0 else.
  int64_t table_id = 0;
  std::vector<int32_t> column_ids;
  int32_t last_column_id = 0;
  std::string rows_mark, log_mark;  ///< see SourceTable
  std::vector<std::string> key;
  std::vector<std::string> partition;
  std::map<std::string, std::string> tags;
  std::string iceberg;   ///< see WantIceberg
  bool history = false;  ///< every change is kept in HistoryOf(target), of mode cdc
  std::vector<std::string> history_partition;
  std::string history_iceberg;
  /// The object's name in the catalog; differs from ObjectName() where an older version wrote it.
  std::string stored_as;
  std::string ObjectName() const;
  /// Columns and key of a source table, to tell later what changed.
  void SetShape(const SourceTable& source_table);
  SourceTable Shape() const;
  std::string ToJson() const;
  static Result<SourceTableObject> FromJson(const std::string& json);
};

struct ModelObject {
  std::string fingerprint;  ///< empty: an older version's way of saying that it is due
  std::string materialize;
  std::string query_fingerprint;
  std::string description;
  std::map<std::string, std::string> tags;
  std::string trigger;  ///< empty: none
  std::string iceberg;  ///< see WantIceberg
  std::string ToJson() const;
  static Result<ModelObject> FromJson(const std::string& json);
  bool operator==(const ModelObject&) const = default;
};

struct ScheduleObject {
  std::string cron;
  std::string time_zone;         ///< empty: UTC
  std::vector<std::string> run;  ///< selectors
  std::string source;            ///< or the source whose tables are loaded again
  std::string ToJson() const;
  static Result<ScheduleObject> FromJson(const std::string& json);
  bool operator==(const ScheduleObject&) const = default;
};

/// All of them, read in one go.
struct AliveObjects {
  std::optional<ProjectObject> project;
  std::map<std::string, SourceObject> sources;
  std::map<std::string, SourceTableObject> tables;  ///< by ObjectName()
  std::map<std::string, ModelObject> models;        ///< by schema.name
  std::set<std::string> due_models;                 ///< of those: kDueObject
  std::map<std::string, ScheduleObject> schedules;  ///< by name
  std::vector<std::string> garbage;                 ///< key prefixes
  std::vector<std::string> intentions;              ///< folders of tables that are being made
  bool closed = false;                              ///< by a `destroy` that did not come to its end
};
Result<AliveObjects> LoadAliveObjects(Catalog& catalog);

}  // namespace tarn
