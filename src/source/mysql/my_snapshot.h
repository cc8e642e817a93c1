#pragma once

#include <memory>
#include <string>

#include "base/limits.h"
#include "source/mysql/my_connection.h"
#include "source/source.h"
#include "source/type_choices.h"

namespace tarn::mysql {

/// What every connection of a source shares. Immutable.
struct Context {
  std::string name;
  ConnectionSpec spec;
  SessionSettings session;
  TypeChoices choices;
  Limits limits;
};

/// Transactions WITH CONSISTENT SNAPSHOT on several connections, all of one state:
/// - MariaDB tells each of them the place of its state in the binary log, exactly: they are begun
///   again until all are of one place. No lock.
/// - MySQL does not: FLUSH TABLES WITH READ LOCK holds commits off for the instant in which they
///   begin. It is given up after a few seconds, so that a long statement in the server does not
///   make everybody wait behind it.
/// - Where neither can be had (no right to lock, a busy server), one transaction serves all streams
///   one after the other: it is of one state by itself.
///
/// position(): right after the newest transaction that the snapshot has, or before it where the
/// server cannot be asked exactly (then changes may come twice, never be missed); "" without a
/// binary log or the right to see it.
/// Describe locks the table against DROP, ALTER and TRUNCATE until the snapshot ends; one that was
/// altered between the snapshot and its lock is a Conflict.
Result<std::unique_ptr<SourceSnapshot>> BeginSnapshot(std::shared_ptr<const Context> context);

/// The statement that tells where the binary log ends, and what is left out of it.
std::string MasterStatusStatement(const ServerVersion& version);

/// The server's position of this moment: of GTIDs where the server has them. "" where there is no
/// binary log, or no right to ask.
Result<std::string> CurrentPosition(Connection& connection);

}  // namespace tarn::mysql
