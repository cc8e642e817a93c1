#include "source/postgres/pg_capture.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "source/postgres/pg_capture_check.h"
#include "source/postgres/pg_catalog.h"
#include "source/postgres/pg_change_stream.h"
#include "source/postgres/pg_names.h"
#include "source/postgres/pg_slot.h"

namespace tarn::postgres {
namespace {

constexpr int kGeneratedPublished = 180000;  // publish_generated_columns
constexpr size_t kTemporaryPart = 50;        // of the name of a slot, beside what is added

std::vector<SourceTableName> NamesOf(const std::vector<SourceTable>& tables) {
  std::vector<SourceTableName> names;
  for (const SourceTable& table : tables) names.push_back(table.name);
  return names;
}

class Capture final : public ChangeCapture {
 public:
  explicit Capture(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  Result<std::vector<SourceTable>> Describe(const CaptureSpec& spec,
                                            const std::vector<SourceTable>& tables) override {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    TARN_ASSIGN_OR_RETURN(const std::vector<Known> known,
                          Look(*connection, NamesOf(tables), spec.publication));
    std::vector<SourceTable> result;
    for (const Known& one : known) {
      TARN_ASSIGN_OR_RETURN(auto table,
                            Restricted(*one.table, one.published.columns, one.published.identity));
      result.push_back(table->table);
    }
    return result;
  }

  Status Check(const CaptureSpec& spec, const std::vector<SourceTable>& tables) override {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    return CheckWith(*connection, spec, NamesOf(tables));
  }

  Result<std::unique_ptr<SourceSnapshot>> Begin(const CaptureSpec& spec,
                                                const std::vector<SourceTable>& tables) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect(Write()));
    TARN_RETURN_IF_ERROR(CheckWith(*connection, spec, NamesOf(tables)));
    // The log is decoded with the catalog of its time: the publication must be there first.
    if (spec.slot.empty()) TARN_RETURN_IF_ERROR(DropOwnSlot(*connection, name));
    if (spec.publication.empty()) {
      TARN_RETURN_IF_ERROR(MakePublication(*connection, name, NamesOf(tables)));
    }
    // A slot that stands already exports no snapshot.
    if (!spec.slot.empty()) return Snapshot(spec);
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> replication, Connect(Replication()));
    TARN_ASSIGN_OR_RETURN(const NewSlot slot,
                          CreateSlot(*replication, name, SlotLife::kPersistent));
    Result<std::unique_ptr<SourceSnapshot>> snapshot =
        JoinSnapshot(context_, {slot.snapshot, slot.consistent_point.ToString(), spec.publication});
    if (!snapshot.ok()) {
      // It would hold the log for nobody. What remains of it is replaced by the next attempt.
      replication.reset();
      if (Status dropped = DropSlot(*connection, name); !dropped.ok()) {
        return std::move(snapshot).Hint("replication slot " + name + " is left behind");
      }
    }
    return snapshot;
  }

  // A temporary slot exports one, at a place of the log from which every other slot can be read.
  Result<std::unique_ptr<SourceSnapshot>> Snapshot(const CaptureSpec& spec) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> replication, Connect(Replication()));
    TARN_ASSIGN_OR_RETURN(const NewSlot slot,
                          CreateSlot(*replication, name.substr(0, kTemporaryPart) + "_snapshot",
                                     SlotLife::kTemporary));
    return JoinSnapshot(context_,
                        {slot.snapshot, slot.consistent_point.ToString(), spec.publication});
  }

  // A temporary slot is read by the session that made it, and is gone with it.
  Result<LogBranch> Branch(const CaptureSpec& spec) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    const std::string slot_name = name.substr(0, kTemporaryPart) + "_branch";
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    TARN_RETURN_IF_ERROR(AwaitGone(*connection, slot_name));
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> replication, Connect(Replication()));
    TARN_ASSIGN_OR_RETURN(const NewSlot slot,
                          CreateSlot(*replication, slot_name, SlotLife::kTemporary));
    LogBranch branch;
    TARN_ASSIGN_OR_RETURN(branch.snapshot,
                          JoinSnapshot(context_, {slot.snapshot, slot.consistent_point.ToString(),
                                                  spec.publication}));
    // Until the log is opened the session says nothing: it has no time-out for that.
    branch.open = [this, slot_name,
                   publication = spec.publication.empty() ? name : spec.publication,
                   position = slot.consistent_point,
                   session = std::make_shared<std::unique_ptr<Connection>>(std::move(replication))](
                      const std::vector<SourceTable>& tables) {
      ChangeStreamOptions options;
      options.slot = slot_name;
      options.publication = publication;
      options.position = position;
      options.tables = tables;
      options.session = std::move(*session);
      return OpenStream(std::move(options));
    };
    return branch;
  }

  Status SetTables(const CaptureSpec& spec, const std::vector<SourceTableName>& tables) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect(Write()));
    TARN_ASSIGN_OR_RETURN(const std::vector<Known> known,
                          Look(*connection, tables, spec.publication));
    for (const Known& one : known) {
      TARN_RETURN_IF_ERROR(CheckPublished(*one.table, one.published, spec.publication));
    }
    if (!spec.publication.empty()) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const bool exists, HasPublication(*connection, name));
    if (!exists) return PublicationIsGone(name);
    std::vector<uint32_t> oids;
    for (const Known& one : known) oids.push_back(one.table->oid);
    // It would wait for whoever alters, indexes or vacuums one of them.
    TARN_ASSIGN_OR_RETURN(const bool done, ListsJust(*connection, name, oids));
    if (done) return Status::Ok();
    return connection->Run(
        "ALTER PUBLICATION " + QuoteIdentifier(name) + " SET TABLE " + TableList(tables),
        "changing publication " + name);
  }

  Result<std::unique_ptr<ChangeStream>> Open(const CaptureSpec& spec, const std::string& position,
                                             const std::vector<SourceTable>& tables) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    ChangeStreamOptions options;
    options.slot = spec.slot.empty() ? name : spec.slot;
    options.publication = spec.publication.empty() ? name : spec.publication;
    TARN_ASSIGN_OR_RETURN(options.position, Lsn::Parse(position));
    options.tables = tables;
    return OpenStream(std::move(options));
  }

  Status Drop(const CaptureSpec& spec) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect(Write()));
    if (spec.slot.empty()) TARN_RETURN_IF_ERROR(DropOwnSlot(*connection, name));
    if (!spec.publication.empty()) return Status::Ok();
    return connection->Run("DROP PUBLICATION IF EXISTS " + QuoteIdentifier(name),
                           "dropping publication " + name);
  }

  Result<CaptureStatus> Inspect(const CaptureSpec& spec) override {
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    const std::string slot_name = spec.slot.empty() ? name : spec.slot;
    const std::string publication = spec.publication.empty() ? name : spec.publication;
    TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(*connection, slot_name));
    TARN_ASSIGN_OR_RETURN(const bool published, HasPublication(*connection, publication));
    CaptureStatus status;
    status.exists = slot.has_value() && published;
    status.lag_bytes = -1;
    status.retained_bytes = -1;
    if (!slot) {
      status.trouble = "replication slot " + slot_name + " does not exist";
      return status;
    }
    status.active = slot->active;
    status.end = slot->end.ToString();
    if (slot->confirmed) {
      status.acknowledged = slot->confirmed->ToString();
      status.lag_bytes = Distance(*slot->confirmed, slot->end);
    }
    if (slot->restart) status.retained_bytes = Distance(*slot->restart, slot->end);
    if (Status fits = CheckSlot(slot, slot_name, slot->end); !fits.ok()) {
      status.trouble = fits.error().message;
    } else if (!published) {
      status.trouble = PublicationIsGone(publication).message;
    }
    return status;
  }

  Result<std::string> CurrentPosition() override {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect(Write()));
    const std::string doing = "asking " + context_->spec.address() + " for its position";
    TARN_ASSIGN_OR_RETURN(Rows rows, connection->Query(R"(
SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
            ELSE pg_catalog.pg_current_wal_insert_lsn() END,
       pg_catalog.pg_is_in_recovery())",
                                                       {}, doing));
    const std::string position = rows.text(0, 0);
    // A walsender sends what is on the disk: an entry after the position, and a commit that waits
    // for it, push out what was committed without waiting (synchronous_commit = off).
    if (!rows.boolean(0, 1)) {
      TARN_RETURN_IF_ERROR(
          connection->Run("SET synchronous_commit = local; "
                          "SELECT pg_catalog.pg_logical_emit_message(true, 'tarn', '')",
                          doing));
    }
    return position;
  }

  Result<int> Compare(const std::string& a, const std::string& b) override {
    TARN_ASSIGN_OR_RETURN(const Lsn left, Lsn::Parse(a));
    TARN_ASSIGN_OR_RETURN(const Lsn right, Lsn::Parse(b));
    return left < right ? -1 : left > right ? 1 : 0;
  }

 private:
  struct Known {
    std::shared_ptr<const PgTable> table;
    Published published;
  };

  SessionSettings Write() const {
    SessionSettings settings = context_->session;
    settings.access = SessionSettings::Access::kReadWrite;
    return settings;
  }
  SessionSettings Replication() const {
    SessionSettings settings = Write();
    settings.speaks = SessionSettings::Speaks::kReplication;
    return settings;
  }
  Result<std::unique_ptr<Connection>> Connect() const {
    return Connection::Open(context_->spec, context_->session);
  }
  Result<std::unique_ptr<Connection>> Connect(const SessionSettings& settings) const {
    return Connection::Open(context_->spec, settings);
  }

  Result<std::unique_ptr<ChangeStream>> OpenStream(ChangeStreamOptions options) {
    TARN_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect());
    TARN_RETURN_IF_ERROR(CheckCaptureVersion(*connection, context_->spec.address()));
    TARN_ASSIGN_OR_RETURN(const bool exists, HasPublication(*connection, options.publication));
    if (!exists) return PublicationIsGone(options.publication);
    return OpenChangeStream(context_, std::move(options), std::move(connection), memory_);
  }

  static int64_t Distance(Lsn from, Lsn to) {
    return to < from ? 0 : static_cast<int64_t>(to.value - from.value);
  }

  Status CheckWith(Connection& connection, const CaptureSpec& spec,
                   const std::vector<SourceTableName>& tables) const {
    TARN_RETURN_IF_ERROR(CheckServer(connection, spec, context_->spec.address()));
    TARN_RETURN_IF_ERROR(CheckNamed(connection, spec));
    TARN_ASSIGN_OR_RETURN(const std::vector<Known> known,
                          Look(connection, tables, spec.publication));
    for (const Known& one : known) {
      TARN_RETURN_IF_ERROR(CheckPublished(*one.table, one.published, spec.publication));
    }
    if (!spec.slot.empty()) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
    TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(connection, name));
    if (!slot) return Status::Ok();
    if (slot->active) return SlotIsActive(*slot);
    Status ours = CheckSlot(slot, name, slot->end);
    return ours.ok() || ours.error().kind == ErrorKind::kNotFound ? Status::Ok() : ours;
  }

  // In the order of `names`, all of them.
  Result<std::vector<Known>> Look(Connection& connection, const std::vector<SourceTableName>& names,
                                  const std::string& publication) const {
    TARN_ASSIGN_OR_RETURN(const std::vector<Candidate> all, ListCandidates(connection, "", ""));
    std::vector<Candidate> chosen;
    for (const SourceTableName& name : names) {
      const auto found = std::find_if(all.begin(), all.end(),
                                      [&](const Candidate& one) { return one.name == name; });
      if (found == all.end()) {
        return NotFound(
            "table " + name.ToString() + " does not exist in " + context_->spec.address(),
            "run `tarn plan` to see what the source has");
      }
      TARN_RETURN_IF_ERROR(CheckReadable(connection, *found));
      chosen.push_back(*found);
    }
    TARN_ASSIGN_OR_RETURN(const auto tables, LoadTables(connection, chosen, context_->choices));
    std::vector<uint32_t> oids;
    for (const auto& table : tables) oids.push_back(table->oid);
    TARN_ASSIGN_OR_RETURN(auto published, LoadPublished(connection, oids, publication));
    std::vector<Known> known;
    for (const auto& table : tables) known.push_back({table, published[table->oid]});
    return known;
  }

  static Status DropOwnSlot(Connection& connection, const std::string& name) {
    TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(connection, name));
    if (!slot) return Status::Ok();
    if (Status ours = CheckSlot(slot, name, slot->end);
        !ours.ok() && ours.error().kind == ErrorKind::kConflict) {
      return ours;
    }
    return DropSlot(connection, name);
  }

  static std::string TableList(const std::vector<SourceTableName>& tables) {
    std::string list;
    for (const SourceTableName& table : tables) {
      list += (list.empty() ? "" : ", ") + QuoteName(table);
    }
    return list;
  }

  static Status MakePublication(Connection& connection, const std::string& name,
                                const std::vector<SourceTableName>& tables) {
    std::string sql = "BEGIN; DROP PUBLICATION IF EXISTS " + QuoteIdentifier(name) +
                      "; CREATE PUBLICATION " + QuoteIdentifier(name);
    if (!tables.empty()) sql += " FOR TABLE " + TableList(tables);
    sql += " WITH (publish_via_partition_root = true";
    if (connection.server_version() >= kGeneratedPublished) {
      sql += ", publish_generated_columns = stored";
    }
    Status made = connection.Run(sql + "); COMMIT", "making publication " + name);
    if (!made.ok()) return made;
    return Status::Ok();
  }

  static Result<bool> HasPublication(Connection& connection, const std::string& name) {
    TARN_ASSIGN_OR_RETURN(
        Rows rows, connection.Query("SELECT FROM pg_catalog.pg_publication WHERE pubname = $1",
                                    {name}, "looking at publication " + name));
    return rows.count() > 0;
  }

  static Error PublicationIsGone(const std::string& name) {
    return NotFound("publication " + name + " does not exist: changes since then are not told",
                    "load the tables again with `tarn resync`");
  }

  const std::shared_ptr<const Context> context_;
  const std::shared_ptr<CaptureMemory> memory_ = std::make_shared<CaptureMemory>();
};

}  // namespace

std::unique_ptr<ChangeCapture> MakeCapture(std::shared_ptr<const Context> context) {
  return std::make_unique<Capture>(std::move(context));
}

}  // namespace tarn::postgres
