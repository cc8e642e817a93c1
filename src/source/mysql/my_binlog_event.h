#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/source_table.h"

namespace tarn::mysql {

/// Events of the binary log, by both servers' numbers.
enum EventType : uint8_t {
  kQueryEvent = 2,
  kRotateEvent = 4,
  kFormatEvent = 15,
  kXidEvent = 16,
  kExecuteLoadEvent = 18,
  kTableMapEvent = 19,
  kWriteRowsV1 = 23,
  kUpdateRowsV1 = 24,
  kDeleteRowsV1 = 25,
  kIncidentEvent = 26,
  kHeartbeatEvent = 27,
  kWriteRows = 30,
  kUpdateRows = 31,
  kDeleteRows = 32,
  kGtidEvent = 33,
  kAnonymousGtidEvent = 34,
  kXaPrepareEvent = 38,
  kPartialUpdateRows = 39,
  kPayloadEvent = 40,
  kHeartbeatEventV2 = 41,
  kTaggedGtidEvent = 42,
  kMariaGtidEvent = 162,
  kMariaQueryCompressed = 165,
  kMariaWriteRowsCompressedV1 = 166,
  kMariaUpdateRowsCompressedV1 = 167,
  kMariaDeleteRowsCompressedV1 = 168,
  kMariaWriteRowsCompressed = 169,
  kMariaUpdateRowsCompressed = 170,
  kMariaDeleteRowsCompressed = 171
};

/// Reads fields of an event, low byte first; after the first that is not there `ok` is false, and
/// everything reads as zero.
struct EventCursor {
  const uint8_t* p = nullptr;
  const uint8_t* end = nullptr;
  bool ok = true;

  bool Need(int64_t bytes) {
    ok = ok && bytes >= 0 && end - p >= bytes;
    return ok;
  }
  /// An unsigned number of 1 to 8 bytes.
  uint64_t Number(int bytes);
  uint8_t U8() { return Need(1) ? *p++ : 0; }
  /// MySQL's packed numbers: one byte, or 0xfc, 0xfd, 0xfe and 2, 3, 8 bytes.
  uint64_t Packed();
  std::string_view Bytes(uint64_t bytes);
  std::string_view Rest() { return Bytes(static_cast<uint64_t>(end - p)); }
};

/// The 19 bytes before every event.
struct EventHeader {
  static constexpr int64_t kBytes = 19;
  static constexpr uint16_t kArtificial = 0x20;  ///< made for us, not in the file
  static constexpr uint16_t kIgnorable = 0x80;   ///< whoever does not know it may pass it over

  uint32_t seconds = 0;  ///< since 1970
  uint8_t type = 0;
  uint32_t server = 0;  ///< that wrote it
  uint32_t bytes = 0;   ///< with this header and the checksum
  uint32_t next = 0;    ///< place in the file right after it; 0 where it is not of a file
  uint16_t flags = 0;
};
/// False: the bytes are no event.
bool ReadEventHeader(const uint8_t* p, const uint8_t* end, EventHeader* header);

/// Whether the event's last four bytes are the CRC-32 of what is before.
bool ChecksumFits(const uint8_t* p, const uint8_t* end);

/// What the events of a file look like: of its first event.
struct LogFormat {
  bool checksums = false;
  bool is_mariadb = false;

  /// The body of a format description, with its own checksum. False: malformed.
  bool Read(const uint8_t* body, const uint8_t* end);
};

struct LogQuery {
  std::string_view schema;  ///< in which the statement ran; views into the event
  std::string_view text;
  uint64_t sql_mode = 0;
  uint32_t client_collation = 0;  ///< of the text's character set; 0: not told
};
/// `load`: the event is kExecuteLoadEvent.
bool ReadQuery(EventCursor cursor, bool load, LogQuery* query);

/// GTID of MySQL.
struct LogGtid {
  std::string server;  ///< UUID
  int64_t number = 0;
  int64_t commit_micros = 0;  ///< 0: not told
};
bool ReadGtid(EventCursor cursor, LogGtid* gtid);

/// GTID of MariaDB, which also begins a transaction.
struct LogMariaGtid {
  uint64_t number = 0;
  uint32_t domain = 0;
  bool standalone = false;     ///< one statement that commits by itself
  bool prepared_xa = false;    ///< the first half of a two-phase commit
  bool half_of_alter = false;  ///< an ALTER that begins, or that was given up
};
bool ReadMariaGtid(EventCursor cursor, LogMariaGtid* gtid);

/// Names and columns of a table as the events that follow have it.
struct LogTableMap {
  struct Column {
    uint8_t type = 0;   ///< MYSQL_TYPE_…, the real one of enum and set
    uint16_t meta = 0;  ///< as the type has it; of char and binary the length in bytes
    bool nullable = true;
    /// \name Only where binlog_row_metadata says them.
    /// @{
    bool knows_sign = false;
    bool is_unsigned = false;
    uint32_t collation = 0;  ///< 0: not told
    std::string name;
    std::vector<std::string> labels;  ///< of enum and set, in the column's character set
    /// @}
  };
  uint64_t id = 0;
  SourceTableName table;
  std::vector<Column> columns;
  bool has_names = false;   ///< binlog_row_metadata = FULL
  std::vector<size_t> key;  ///< the primary key's columns in order, where it is told
};
/// The table's id and name alone.
bool ReadTableMapName(EventCursor cursor, LogTableMap* map);
bool ReadTableMap(EventCursor cursor, bool is_mariadb, LogTableMap* map);

/// The events of a compressed transaction: each with its header, none with a checksum.
struct LogPayload {
  bool zstd = false;
  int64_t bytes = 0;  ///< of the events
  std::string_view packed;
};
bool ReadPayload(EventCursor cursor, LogPayload* payload);

/// A rows event without its rows.
struct LogRows {
  enum class Kind { kInsert, kUpdate, kDelete } kind = Kind::kInsert;
  uint64_t table = 0;
  uint64_t columns = 0;
  bool whole = true;       ///< all columns are in the images
  bool packed = false;     ///< MariaDB's log_bin_compress
  bool unchecked = false;  ///< foreign keys were not looked at (foreign_key_checks = 0)
  const uint8_t* rows = nullptr;
  const uint8_t* end = nullptr;
};
bool ReadRows(uint8_t type, EventCursor cursor, LogRows* rows);

}  // namespace tarn::mysql
