#include "source/postgres/pg_capture_check.h"

#include <optional>

#include "base/text.h"
#include "source/postgres/pg_slot.h"

namespace tarn::postgres {
namespace {

constexpr int kOldestCapture = 140000;
constexpr size_t kNameBytesMax = 63;  // NAMEDATALEN

std::string Value(int64_t number) { return std::to_string(number); }

}  // namespace

Result<std::string> CaptureName(const CaptureSpec& spec) {
  const std::string name = LowerAscii(spec.name);
  if (!name.empty() && name.size() <= kNameBytesMax &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos) {
    return name;
  }
  return InvalidArgument("`" + spec.name + "` cannot be the name of a replication slot",
                         "letters, digits and underscores, at most 63");
}

Status CheckCaptureVersion(Connection& connection, const std::string& address) {
  if (connection.server_version() >= kOldestCapture) return Status::Ok();
  return Unsupported(address + " is PostgreSQL " +
                         std::to_string(connection.server_version() / 10000) +
                         "; change capture needs 14 or later",
                     "upgrade the server, or use mode: snapshot or incremental");
}

Status CheckServer(Connection& connection, const CaptureSpec& spec, const std::string& address) {
  TARN_RETURN_IF_ERROR(CheckCaptureVersion(connection, address));
  TARN_ASSIGN_OR_RETURN(const std::string name, CaptureName(spec));
  const std::string slot = spec.slot.empty() ? name : spec.slot;
  TARN_ASSIGN_OR_RETURN(Rows rows,
                        connection.Query(R"(
SELECT pg_catalog.current_setting('wal_level'),
  pg_catalog.current_setting('max_replication_slots'),
  (SELECT count(*) FROM pg_catalog.pg_replication_slots),
  EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = $1),
  pg_catalog.current_setting('max_wal_senders'),
  (SELECT count(*) FROM pg_catalog.pg_stat_replication),
  (SELECT rolsuper OR rolreplication OR EXISTS (
     SELECT FROM pg_catalog.pg_roles g WHERE g.rolname IN ('rds_replication', 'rds_superuser')
       AND pg_catalog.pg_has_role(g.oid, 'MEMBER'))
   FROM pg_catalog.pg_roles WHERE rolname = current_user),
  current_user, pg_catalog.pg_is_in_recovery(),
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  pg_catalog.current_database(),
  coalesce((SELECT pg_catalog.string_agg(slot_name, ', ' ORDER BY slot_name)
    FROM pg_catalog.pg_replication_slots WHERE NOT active), ''))",
                                         {slot}, "looking at the settings of " + address));
  if (rows.boolean(0, 8)) {
    return InvalidArgument(address + " is a standby: no slot with a snapshot can be made on it",
                           "give the url of the primary");
  }
  if (const std::string level = rows.text(0, 0); level != "logical") {
    return InvalidArgument(
        "wal_level of " + address + " is " + level + "; change capture needs logical",
        "ALTER SYSTEM SET wal_level = 'logical'; and restart the server");
  }
  const std::string user = QuoteIdentifier(rows.text(0, 7));
  if (!rows.boolean(0, 6)) {
    return PermissionDenied("role " + user + " may not read the log of " + address,
                            "ALTER ROLE " + user + " REPLICATION");
  }
  // Beside a named slot a temporary one is needed, for the snapshot.
  const int64_t slots_max = rows.integer(0, 1);
  const bool replaces = rows.boolean(0, 3) && spec.slot.empty();
  if (rows.integer(0, 2) >= slots_max && !replaces) {
    const std::string idle = rows.text(0, 11);
    return MakeError(ErrorKind::kInvalidArgument,
                     "all replication slots of " + address +
                         " are taken: max_replication_slots is " + Value(slots_max),
                     "ALTER SYSTEM SET max_replication_slots = " + Value(slots_max * 2 + 2) +
                         "; and restart the server, or drop a slot that nobody needs",
                     idle.empty() ? "" : "slots that nobody reads: " + idle);
  }
  const int64_t senders_max = rows.integer(0, 4);
  if (rows.integer(0, 5) >= senders_max) {
    return InvalidArgument(
        "all walsenders of " + address + " are taken: max_wal_senders is " + Value(senders_max),
        "ALTER SYSTEM SET max_wal_senders = " + Value(senders_max * 2 + 2) +
            "; and restart the server");
  }
  if (spec.publication.empty() && !rows.boolean(0, 9)) {
    const std::string database = QuoteIdentifier(rows.text(0, 10));
    return PermissionDenied("role " + user + " may not make a publication in database " + database,
                            "GRANT CREATE ON DATABASE " + database + " TO " + user +
                                ", or let somebody else make the publication and name it");
  }
  return Status::Ok();
}

Status CheckNamed(Connection& connection, const CaptureSpec& spec) {
  if (!spec.publication.empty()) {
    TARN_ASSIGN_OR_RETURN(
        Rows rows, connection.Query("SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM "
                                    "pg_catalog.pg_publication WHERE pubname = $1",
                                    {spec.publication}, "looking at a publication"));
    const std::string name = QuoteIdentifier(spec.publication);
    if (rows.count() == 0) {
      return NotFound(
          "publication " + name + " does not exist",
          "CREATE PUBLICATION " + name + " FOR TABLE … WITH (publish_via_partition_root = true)");
    }
    for (int i = 0; i < 4; ++i) {
      if (rows.boolean(0, i)) continue;
      static constexpr const char* kWhat[] = {"inserts", "updates", "deletes", "truncates"};
      return InvalidArgument(
          "publication " + name + " leaves out " + kWhat[i] + ": the tables would go astray",
          "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate')");
    }
  }
  if (!spec.slot.empty()) {
    TARN_ASSIGN_OR_RETURN(const std::optional<Slot> slot, FindSlot(connection, spec.slot));
    if (!slot) {
      return NotFound(
          "replication slot " + spec.slot + " does not exist",
          "SELECT pg_create_logical_replication_slot(" + QuoteLiteral(spec.slot) + ", 'pgoutput')");
    }
    if (slot->active) return SlotIsActive(*slot);
    TARN_RETURN_IF_ERROR(CheckSlot(slot, spec.slot, slot->end));
  }
  return Status::Ok();
}

}  // namespace tarn::postgres
