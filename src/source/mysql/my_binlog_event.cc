#include "source/mysql/my_binlog_event.h"

#include <cstring>

#include <arrow/util/crc32.h>

#include "source/mysql/my_binlog_types.h"

namespace tarn::mysql {
namespace {

constexpr int64_t kChecksumBytes = 4;
/// Of a table, by both servers.
constexpr uint64_t kColumnsMax = 4096;
/// Flag of a rows event.
constexpr uint64_t kNoForeignKeyChecks = 2;

std::string Uuid(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) >> 4];
    text += "0123456789abcdef"[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return text;
}

// The columns that a field of the optional metadata is about, in order.
template <typename Is>
std::vector<LogTableMap::Column*> Those(LogTableMap* map, Is&& is) {
  std::vector<LogTableMap::Column*> those;
  for (LogTableMap::Column& column : map->columns) {
    if (is(column.type)) those.push_back(&column);
  }
  return those;
}

void ReadSigns(EventCursor field, bool is_mariadb, LogTableMap* map) {
  const auto numbers = Those(
      map, [&](uint8_t type) { return IsLogNumber(type) || (is_mariadb && type == kLogYear); });
  if (field.end - field.p != static_cast<int64_t>((numbers.size() + 7) / 8)) return;
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i]->knows_sign = true;
    numbers[i]->is_unsigned = ((field.p[i / 8] >> (7 - i % 8)) & 1) != 0;
  }
}

void ReadDefaultCollation(EventCursor field, const std::vector<LogTableMap::Column*>& columns) {
  const uint64_t usual = field.Packed();
  for (LogTableMap::Column* column : columns) column->collation = static_cast<uint32_t>(usual);
  while (field.ok && field.p < field.end) {
    const uint64_t at = field.Packed();
    const uint64_t collation = field.Packed();
    if (field.ok && at < columns.size()) columns[at]->collation = static_cast<uint32_t>(collation);
  }
}

void ReadCollations(EventCursor field, const std::vector<LogTableMap::Column*>& columns) {
  for (LogTableMap::Column* column : columns) {
    column->collation = static_cast<uint32_t>(field.Packed());
  }
}

void ReadNames(EventCursor field, LogTableMap* map) {
  for (LogTableMap::Column& column : map->columns) column.name = field.Bytes(field.Packed());
  map->has_names = field.ok && field.p == field.end;
}

void ReadLabels(EventCursor field, LogTableMap* map, uint8_t type) {
  for (LogTableMap::Column* column : Those(map, [&](uint8_t is) { return is == type; })) {
    const uint64_t count = field.Packed();
    for (uint64_t i = 0; i < count && field.ok; ++i) {
      column->labels.emplace_back(field.Bytes(field.Packed()));
    }
  }
}

void ReadKey(EventCursor field, LogTableMap* map, bool prefixes) {
  map->key.clear();
  while (field.ok && field.p < field.end) {
    const uint64_t at = field.Packed();
    if (prefixes) field.Packed();
    if (!field.ok || at >= map->columns.size()) {
      map->key.clear();
      return;
    }
    map->key.push_back(at);
  }
}

// What is not understood here is told by the table's description.
void ReadOptional(EventCursor cursor, bool is_mariadb, LogTableMap* map) {
  while (cursor.ok && cursor.p < cursor.end) {
    const uint8_t type = cursor.U8();
    const std::string_view bytes = cursor.Bytes(cursor.Packed());
    if (!cursor.ok) return;
    EventCursor field;
    field.p = reinterpret_cast<const uint8_t*>(bytes.data());
    field.end = field.p + bytes.size();
    switch (type) {
      case 1:
        ReadSigns(field, is_mariadb, map);
        break;
      case 2:
        ReadDefaultCollation(field, Those(map, IsLogText));
        break;
      case 3:
        ReadCollations(field, Those(map, IsLogText));
        break;
      case 4:
        ReadNames(field, map);
        break;
      case 5:
        ReadLabels(field, map, kLogSet);
        break;
      case 6:
        ReadLabels(field, map, kLogEnum);
        break;
      case 8:
        ReadKey(field, map, false);
        break;
      case 9:
        ReadKey(field, map, true);
        break;
      case 10:
        ReadDefaultCollation(field, Those(map, IsLogChoice));
        break;
      case 11:
        ReadCollations(field, Those(map, IsLogChoice));
        break;
      default:
        break;
    }
  }
}

}  // namespace

uint64_t EventCursor::Number(int bytes) {
  if (!Need(bytes)) return 0;
  uint64_t value = 0;
  std::memcpy(&value, p, static_cast<size_t>(bytes));
  p += bytes;
  return value;
}

uint64_t EventCursor::Packed() {
  const uint8_t first = U8();
  if (first < 0xfb) return first;
  if (first == 0xfc) return Number(2);
  if (first == 0xfd) return Number(3);
  if (first == 0xfe) return Number(8);
  ok = false;
  return 0;
}

std::string_view EventCursor::Bytes(uint64_t bytes) {
  if (bytes > static_cast<uint64_t>(INT64_MAX) || !Need(static_cast<int64_t>(bytes))) {
    ok = false;
    return {};
  }
  const char* begin = reinterpret_cast<const char*>(p);
  p += bytes;
  return {begin, static_cast<size_t>(bytes)};
}

bool ReadEventHeader(const uint8_t* p, const uint8_t* end, EventHeader* header) {
  EventCursor cursor{p, end};
  header->seconds = static_cast<uint32_t>(cursor.Number(4));
  header->type = cursor.U8();
  header->server = static_cast<uint32_t>(cursor.Number(4));
  header->bytes = static_cast<uint32_t>(cursor.Number(4));
  header->next = static_cast<uint32_t>(cursor.Number(4));
  header->flags = static_cast<uint16_t>(cursor.Number(2));
  return cursor.ok && header->bytes == static_cast<uint64_t>(end - p);
}

bool ChecksumFits(const uint8_t* p, const uint8_t* end) {
  if (end - p < EventHeader::kBytes + kChecksumBytes) return false;
  const int64_t bytes = end - p - kChecksumBytes;
  uint32_t stored;
  std::memcpy(&stored, p + bytes, 4);
  return arrow::internal::crc32(0, p, static_cast<size_t>(bytes)) == stored;
}

bool LogFormat::Read(const uint8_t* body, const uint8_t* end) {
  // Version, the server's version, a time, the length of headers; a byte for each type of event;
  // the algorithm of checksums; a checksum.
  constexpr int64_t kFixedBytes = 2 + 50 + 4 + 1;
  if (end - body < kFixedBytes + kTableMapEvent + 1 + kChecksumBytes) return false;
  const uint8_t algorithm = *(end - kChecksumBytes - 1);
  // A table map with ids of six bytes: what every server since 5.1 writes.
  if (body[0] != 4 || body[56] != EventHeader::kBytes ||
      body[kFixedBytes + kTableMapEvent - 1] != 8 || algorithm > 1) {
    return false;
  }
  checksums = algorithm == 1;
  const std::string_view version(reinterpret_cast<const char*>(body) + 2, 50);
  is_mariadb = version.find("MariaDB") != std::string_view::npos;
  return true;
}

bool ReadQuery(EventCursor cursor, bool load, LogQuery* query) {
  cursor.Number(8);  // thread, seconds
  const uint8_t schema_bytes = cursor.U8();
  cursor.Number(2);  // error
  const uint64_t variable_bytes = cursor.Number(2);
  if (load) cursor.Bytes(13);
  const std::string_view variables = cursor.Bytes(variable_bytes);
  query->schema = cursor.Bytes(schema_bytes);
  cursor.U8();
  query->text = cursor.Rest();
  if (!cursor.ok) return false;
  EventCursor variable;
  variable.p = reinterpret_cast<const uint8_t*>(variables.data());
  variable.end = variable.p + variables.size();
  // In the order of their appearance; what comes behind them is of no interest.
  while (variable.ok && variable.p < variable.end) {
    switch (variable.U8()) {
      case 0:  // flags
      case 3:  // steps of AUTO_INCREMENT
        variable.Number(4);
        break;
      case 1:
        query->sql_mode = variable.Number(8);
        break;
      case 6:  // the catalog
        variable.Bytes(variable.U8());
        break;
      case 4:
        query->client_collation = static_cast<uint32_t>(variable.Number(2));
        return true;
      default:
        return true;
    }
  }
  return true;
}

bool ReadGtid(EventCursor cursor, LogGtid* gtid) {
  cursor.U8();
  gtid->server = Uuid(cursor.Bytes(16));
  gtid->number = static_cast<int64_t>(cursor.Number(8));
  gtid->commit_micros = 0;
  if (!cursor.ok) return false;
  // The logical clock of parallel replicas; then, since 8.0, the time of the commit.
  if (cursor.end - cursor.p >= 1 + 16 + 7 && cursor.U8() == 2) {
    cursor.Bytes(16);
    gtid->commit_micros = static_cast<int64_t>(cursor.Number(7) & ~(1ULL << 55));
  }
  return true;
}

bool ReadMariaGtid(EventCursor cursor, LogMariaGtid* gtid) {
  gtid->number = cursor.Number(8);
  gtid->domain = static_cast<uint32_t>(cursor.Number(4));
  const uint8_t flags = cursor.U8();
  gtid->standalone = (flags & 1) != 0;
  gtid->prepared_xa = (flags & 64) != 0;
  gtid->half_of_alter = false;
  if (!cursor.ok) return false;
  if ((flags & 2) != 0) cursor.Number(8);  // of a group that was committed together
  if ((flags & (64 | 128)) != 0) {
    cursor.Number(4);
    const uint64_t bytes = uint64_t{cursor.U8()} + cursor.U8();
    cursor.Bytes(bytes);
  }
  if (cursor.p < cursor.end) gtid->half_of_alter = (cursor.U8() & (2 | 8)) != 0;
  return cursor.ok;
}

bool ReadTableMapName(EventCursor cursor, LogTableMap* map) {
  map->id = cursor.Number(6);
  cursor.Number(2);
  map->table.schema = cursor.Bytes(cursor.Packed());
  cursor.U8();
  map->table.name = cursor.Bytes(cursor.Packed());
  cursor.U8();
  return cursor.ok;
}

bool ReadTableMap(EventCursor cursor, bool is_mariadb, LogTableMap* map) {
  map->id = cursor.Number(6);
  cursor.Number(2);
  map->table.schema = cursor.Bytes(cursor.Packed());
  cursor.U8();
  map->table.name = cursor.Bytes(cursor.Packed());
  cursor.U8();
  const uint64_t count = cursor.Packed();
  if (!cursor.ok || count > kColumnsMax) return false;
  map->columns.assign(count, {});
  map->has_names = false;
  map->key.clear();
  const std::string_view types = cursor.Bytes(count);
  const std::string_view metas = cursor.Bytes(cursor.Packed());
  const std::string_view nulls = cursor.Bytes((count + 7) / 8);
  if (!cursor.ok) return false;
  EventCursor meta;
  meta.p = reinterpret_cast<const uint8_t*>(metas.data());
  meta.end = meta.p + metas.size();
  for (size_t i = 0; i < count; ++i) {
    LogTableMap::Column& column = map->columns[i];
    column.type = static_cast<uint8_t>(types[i]);
    column.nullable = ((static_cast<uint8_t>(nulls[i / 8]) >> (i % 8)) & 1) != 0;
    const int bytes = LogMetaBytes(column.type);
    if (bytes < 0) return false;
    if (bytes > 0) column.meta = static_cast<uint16_t>(meta.Number(bytes));
    if (!meta.ok) return false;
    if (column.type == kLogString) ResolveLogString(&column.type, &column.meta);
    if (!IsLogMeta(column.type, column.meta)) return false;
  }
  if (meta.p != meta.end) return false;
  ReadOptional(cursor, is_mariadb, map);
  return true;
}

bool ReadPayload(EventCursor cursor, LogPayload* payload) {
  bool known = false;
  while (cursor.ok) {
    const uint64_t type = cursor.Packed();
    if (type == 0) break;
    const std::string_view bytes = cursor.Bytes(cursor.Packed());
    EventCursor field;
    field.p = reinterpret_cast<const uint8_t*>(bytes.data());
    field.end = field.p + bytes.size();
    if (type == 2) {
      const uint64_t algorithm = field.Packed();
      known = field.ok && (algorithm == 0 || algorithm == 255);
      payload->zstd = algorithm == 0;
    } else if (type == 3) {
      payload->bytes = static_cast<int64_t>(field.Packed());
    }
  }
  payload->packed = cursor.Rest();
  if (!payload->zstd) payload->bytes = static_cast<int64_t>(payload->packed.size());
  return cursor.ok && known && payload->bytes >= 0;
}

bool ReadRows(uint8_t type, EventCursor cursor, LogRows* rows) {
  bool v2 = true;
  switch (type) {
    case kWriteRowsV1:
    case kUpdateRowsV1:
    case kDeleteRowsV1:
      v2 = false;
      rows->kind = static_cast<LogRows::Kind>(type - kWriteRowsV1);
      break;
    case kWriteRows:
    case kUpdateRows:
    case kDeleteRows:
      rows->kind = static_cast<LogRows::Kind>(type - kWriteRows);
      break;
    case kMariaWriteRowsCompressedV1:
    case kMariaUpdateRowsCompressedV1:
    case kMariaDeleteRowsCompressedV1:
      v2 = false;
      rows->kind = static_cast<LogRows::Kind>(type - kMariaWriteRowsCompressedV1);
      break;
    case kMariaWriteRowsCompressed:
    case kMariaUpdateRowsCompressed:
    case kMariaDeleteRowsCompressed:
      rows->kind = static_cast<LogRows::Kind>(type - kMariaWriteRowsCompressed);
      break;
    default:
      return false;
  }
  rows->packed = type >= kMariaWriteRowsCompressedV1;
  rows->table = cursor.Number(6);
  rows->unchecked = (cursor.Number(2) & kNoForeignKeyChecks) != 0;
  if (v2) {
    const uint64_t extra = cursor.Number(2);
    if (extra < 2) return false;
    cursor.Bytes(extra - 2);
  }
  rows->columns = cursor.Packed();
  if (!cursor.ok || rows->columns > kColumnsMax) return false;
  rows->whole = true;
  for (int image = 0; image < (rows->kind == LogRows::Kind::kUpdate ? 2 : 1); ++image) {
    const std::string_view present = cursor.Bytes((rows->columns + 7) / 8);
    if (!cursor.ok) return false;
    for (size_t i = 0; i < rows->columns; ++i) {
      if (((static_cast<uint8_t>(present[i / 8]) >> (i % 8)) & 1) == 0) rows->whole = false;
    }
  }
  rows->rows = cursor.p;
  rows->end = cursor.end;
  return true;
}

}  // namespace tarn::mysql
