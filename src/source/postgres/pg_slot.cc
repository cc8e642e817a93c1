#include "source/postgres/pg_slot.h"

#include <poll.h>

#include "base/text.h"

namespace tarn::postgres {
namespace {

// How long a walsender may take to notice that its client is gone.
constexpr int kActiveWaitMillis = 5000;
constexpr int kActivePollMillis = 50;

constexpr char kReload[] =
    "what happened since then is gone from the log: load the tables again with `tarn resync`";

Result<std::optional<Lsn>> LsnAt(const Rows& rows, int column) {
  if (rows.null(0, column)) return std::optional<Lsn>();
  TARN_ASSIGN_OR_RETURN(const Lsn lsn, Lsn::Parse(rows.text(0, column)));
  return std::optional<Lsn>(lsn);
}

}  // namespace

Result<std::optional<Slot>> FindSlot(Connection& connection, const std::string& name) {
  const int version = connection.server_version();
  const std::string invalid =
      version >= 170000 ? "coalesce(s.invalidation_reason, '')"
      : version >= 160000
          ? "CASE WHEN s.wal_status = 'lost' THEN 'wal_removed' WHEN s.conflicting THEN "
            "'conflict with recovery' ELSE '' END"
          : "CASE WHEN s.wal_status = 'lost' THEN 'wal_removed' ELSE '' END";
  TARN_ASSIGN_OR_RETURN(
      Rows rows,
      connection.Query("SELECT s.plugin, s.database, "
                       "coalesce(s.database = pg_catalog.current_database(), false), s.active, "
                       "coalesce(s.active_pid, 0), s.confirmed_flush_lsn, s.restart_lsn, "
                       "CASE WHEN pg_catalog.pg_is_in_recovery() "
                       "THEN pg_catalog.pg_last_wal_replay_lsn() "
                       "ELSE pg_catalog.pg_current_wal_insert_lsn() END, " +
                           invalid + (version >= 140000 ? ", s.two_phase" : ", false") +
                           " FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1",
                       {name}, "looking at replication slot " + name));
  if (rows.count() == 0) return std::optional<Slot>();
  Slot slot;
  slot.name = name;
  slot.plugin = rows.text(0, 0);
  slot.database = rows.text(0, 1);
  slot.of_this_database = rows.boolean(0, 2);
  slot.active = rows.boolean(0, 3);
  slot.reader = rows.integer(0, 4);
  TARN_ASSIGN_OR_RETURN(slot.confirmed, LsnAt(rows, 5));
  TARN_ASSIGN_OR_RETURN(slot.restart, LsnAt(rows, 6));
  TARN_ASSIGN_OR_RETURN(slot.end, Lsn::Parse(rows.text(0, 7)));
  slot.invalid = rows.text(0, 8);
  slot.two_phase = rows.boolean(0, 9);
  return std::optional<Slot>(std::move(slot));
}

Error SlotIsActive(const Slot& slot) {
  return Conflict("replication slot " + slot.name + " is read by somebody else (server process " +
                      std::to_string(slot.reader) + ")",
                  "stop the other `tarn up` of this project, or look who it is: SELECT * FROM "
                  "pg_stat_activity WHERE pid = " +
                      std::to_string(slot.reader));
}

Status DropSlot(Connection& connection, const std::string& name) {
  for (int waited = 0;; waited += kActivePollMillis) {
    TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(connection, name));
    if (!slot) return Status::Ok();
    if (!slot->active) {
      return connection.Run(
          "SELECT pg_catalog.pg_drop_replication_slot(" + QuoteLiteral(name) + ")",
          "dropping replication slot " + name);
    }
    if (waited >= kActiveWaitMillis) return SlotIsActive(*slot);
    poll(nullptr, 0, kActivePollMillis);
  }
}

Status AwaitGone(Connection& connection, const std::string& name) {
  for (int waited = 0;; waited += kActivePollMillis) {
    TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(connection, name));
    if (!slot) return Status::Ok();
    if (waited >= kActiveWaitMillis) return SlotIsActive(*slot);
    poll(nullptr, 0, kActivePollMillis);
  }
}

Result<NewSlot> CreateSlot(Connection& replication, const std::string& name, SlotLife life) {
  const std::string doing = "making replication slot " + name;
  Result<Rows> rows = replication.Command("CREATE_REPLICATION_SLOT " + QuoteIdentifier(name) +
                                              (life == SlotLife::kTemporary ? " TEMPORARY" : "") +
                                              " LOGICAL pgoutput EXPORT_SNAPSHOT",
                                          doing);
  if (!rows.ok()) {
    if (rows.error().message.find("55P03") == std::string::npos) return rows.status();
    return Unavailable(doing + ": transactions that began before it do not end",
                       "end them, then run again; SELECT pid, xact_start, query FROM "
                       "pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start and "
                       "SELECT * FROM pg_prepared_xacts show them");
  }
  NewSlot slot;
  TARN_ASSIGN_OR_RETURN(slot.consistent_point, Lsn::Parse(rows->text(0, 1)));
  slot.snapshot = rows->text(0, 2);
  return slot;
}

Status CheckSlot(const std::optional<Slot>& slot, const std::string& name, Lsn position) {
  if (!slot) {
    return NotFound("replication slot " + name + ", which keeps the log from " +
                        position.ToString() + " on, does not exist",
                    kReload);
  }
  if (slot->plugin != "pgoutput" || !slot->of_this_database) {
    return Conflict(
        "replication slot " + name + " is one of " +
            (slot->plugin.empty() ? "physical replication"
                                  : "plugin " + slot->plugin + " in database " + slot->database) +
            ", not one of pgoutput in this database",
        "give the capture another name, or drop the slot");
  }
  if (slot->two_phase) {
    return Conflict("replication slot " + name +
                        " tells transactions when they are prepared (two_phase): what is read here "
                        "are those that were committed",
                    "make another one and name it: SELECT pg_create_logical_replication_slot(" +
                        QuoteLiteral(name + "_2") + ", 'pgoutput')");
  }
  if (!slot->invalid.empty()) {
    return NotFound(
        "replication slot " + name + " was invalidated by the server (" + slot->invalid + ")",
        std::string(kReload) +
            "; a larger max_slot_wal_keep_size keeps the log longer for a slow reader");
  }
  if (slot->confirmed && *slot->confirmed > position) {
    return NotFound("replication slot " + name + " begins at " + slot->confirmed->ToString() +
                        ", after " + position.ToString() +
                        " where this reader stands: it was made anew, or somebody else read it",
                    kReload);
  }
  return Status::Ok();
}

}  // namespace tarn::postgres
