#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "source/change_capture.h"
#include "source/postgres/pg_lsn.h"
#include "source/postgres/pg_snapshot.h"

namespace tarn::postgres {

/// What one stream found out and the next one must know.
struct CaptureMemory {
  /// A value came whose binary form is not read here: from now on all come as text.
  std::atomic<bool> text{false};
};

struct ChangeStreamOptions {
  std::string slot;
  std::string publication;
  Lsn position;
  std::vector<SourceTable> tables;
  /// A replication connection, of which the slot is: the only one that can read it.
  std::unique_ptr<Connection> session = nullptr;
};

/// `connection` is for questions about tables and types. Errors: those of ChangeStream.
Result<std::unique_ptr<ChangeStream>> OpenChangeStream(std::shared_ptr<const Context> context,
                                                       ChangeStreamOptions options,
                                                       std::unique_ptr<Connection> connection,
                                                       std::shared_ptr<CaptureMemory> memory);

}  // namespace tarn::postgres
