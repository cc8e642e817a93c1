#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "source/postgres/pg_connection.h"
#include "source/postgres/pg_lsn.h"

namespace tarn::postgres {

/// A replication slot as the server shows it.
struct Slot {
  std::string name;
  std::string plugin;
  std::string database;
  bool of_this_database = false;
  bool active = false;
  bool two_phase = false;        ///< transactions are told when they are prepared
  int64_t reader = 0;            ///< process of the walsender; 0: none
  std::optional<Lsn> confirmed;  ///< up to here its reader has everything
  std::optional<Lsn> restart;    ///< the log is kept from here on
  Lsn end;                       ///< of the server's log
  /// Why the server cannot read it any more; "" when it can.
  std::string invalid;
};

Result<std::optional<Slot>> FindSlot(Connection& connection, const std::string& name);

/// Drops a slot that nobody reads; Ok when there is none. A walsender whose client is gone needs a
/// moment to notice. Errors: Conflict (active; names the process).
Status DropSlot(Connection& connection, const std::string& name);

/// Waits until a temporary slot of that name is gone: its session's client is, and needs a moment
/// to be missed. Errors: Conflict (it lives; names the process).
Status AwaitGone(Connection& connection, const std::string& name);

/// Who reads the slot, as an error.
Error SlotIsActive(const Slot& slot);

struct NewSlot {
  Lsn consistent_point;
  std::string snapshot;  ///< exported as long as the connection runs no other command
};
enum class SlotLife { kPersistent, kTemporary };
/// On a replication connection. Waits for transactions that run. Errors: Unavailable (they did not
/// end in time), ResourceExhausted, those of the server.
Result<NewSlot> CreateSlot(Connection& replication, const std::string& name, SlotLife life);

/// The slot's end of the log must go on from `position`. Errors: NotFound with what to do (gone,
/// invalidated, made anew, moved on), Conflict (another plugin or database).
Status CheckSlot(const std::optional<Slot>& slot, const std::string& name, Lsn position);

}  // namespace tarn::postgres
