// Events as real servers wrote them, and damage to them.
#include "source/mysql/my_log_assembler.h"

#include <cstring>

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/util/compression.h>
#include <arrow/util/crc32.h>
#include <gtest/gtest.h>

#include "source/mysql/my_resolver.h"
#include "source/source_test_support.h"

namespace tarn::mysql {
namespace {

using Strings = std::vector<std::string>;
using testing::Must;

std::string Bytes(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

void Append(std::string* to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to->push_back(static_cast<char>(value >> (8 * i)));
}

std::string Event(int type, const std::string& body, uint32_t next = 0) {
  std::string event;
  Append(&event, 1700000000, 4);
  Append(&event, static_cast<uint64_t>(type), 1);
  Append(&event, 1, 4);
  Append(&event, body.size() + 19, 4);
  Append(&event, next, 4);
  Append(&event, 0, 2);
  return event + body;
}

// MySQL 8.0.15 and MariaDB 10.11: t (id int unsigned, a varchar(20), n decimal(10,2), at
// datetime(3), e enum('x','y')).
constexpr char kMap[] =
    "5b0000000000010001640001740005030ff612fe0750000a0203f7011e0101800203fcff00040c0269640161016e02"
    "617401650a03fcff0006050201780179080100";
constexpr char kInsert[] = "5b00000000000100020005ff000100000002c3a97ffffff3dd99b2bac8b81ed202";
constexpr char kUpdate[] =
    "5b00000000000100020005ffff000100000002c3a97ffffff3dd99b2bac8b81ed2020400286bee02c3a999b2bac8b8"
    "1ed202";
constexpr char kDelete[] = "5b00000000000100020005ff0400286bee02c3a999b2bac8b81ed202";
constexpr char kGtid[] =
    "007b2a9159ec4e11f1816a02fc000000011900000000000000020300000000000000040000000000000012b48cff72"
    "6106fc46018f380100";
constexpr char kBegin[] =
    "0d000000000000000000001d000000000000012000a045000000000603737464042d002d00ff0012ff000042454749"
    "4e";
constexpr char kMariaMap[] =
    "1f0000000000010001640001740005030ff612fe0750000a0203f7011e01018002012d040c0269640161016e026174"
    "01650a012d06050201780179080100";
constexpr char kMariaUpdate[] =
    "1f00000000000100051f1fe00100000002c3a97ffffff3dd99b2bac8b81ed202e400286bee02c3a999b2bac8b81ed2"
    "02";
constexpr char kMariaGtid[] = "2800000000000000000000000c000000000000";

class Fake final : public ShapeResolver {
 public:
  Result<std::shared_ptr<const MyTable>> Today(const SourceTableName& table) override {
    return NotFound("table " + table.ToString() + " is gone");
  }
  Result<MyColumn> ColumnOf(const SourceTableName& table,
                            const LogTableMap::Column& column) override {
    MyAttribute attribute = AttributeOf(column.name, ColumnTypeOf(column, false));
    attribute.charset = IsText(attribute.data_type) ? "utf8mb4" : "";
    return MapColumn(table, attribute, {});
  }
  Result<std::shared_ptr<const Charset>> FindCharset(const std::string& name) override {
    if (name != "utf8mb4") return std::shared_ptr<const Charset>();
    return std::make_shared<const Charset>(Charset::Kind::kUtf8);
  }

 private:
  static bool IsText(const std::string& type) {
    return type.ends_with("char") || type.ends_with("text");
  }
};

std::shared_ptr<const MyTable> TableT() {
  std::vector<MyColumn> columns;
  for (const auto& [name, type] :
       std::vector<std::pair<std::string, std::string>>{{"id", "int unsigned"},
                                                        {"a", "varchar(20)"},
                                                        {"n", "decimal(10,2)"},
                                                        {"at", "datetime(3)"},
                                                        {"e", "enum('x','y')"}}) {
    MyAttribute attribute = AttributeOf(name, type);
    if (name == "a") attribute.charset = "utf8mb4";
    columns.push_back(Must(MapColumn({"d", "t"}, attribute, {})));
  }
  MyTable like;
  like.table.name = {"d", "t"};
  return Must(AssembleTable(like, std::move(columns), {"id"}));
}

struct Log {
  explicit Log(const std::string& from = "file:binlog.000001:4") {
    LogAssembler::Options options;
    options.tables.push_back(TableT());
    options.position = Must(Position::Parse(from));
    options.value_bytes_max = 1 << 20;
    assembler =
        std::make_unique<LogAssembler>(std::move(options), &resolver, arrow::default_memory_pool());
  }
  Status Feed(const std::string& event) {
    const uint8_t* p = reinterpret_cast<const uint8_t*>(event.data());
    Status fed = assembler->Feed(p, p + event.size());
    while (fed.ok() && assembler->unpacking()) fed = assembler->Unpack();
    return fed;
  }
  void Feed(std::initializer_list<std::string> events) {
    for (const std::string& event : events) {
      const Status fed = Feed(event);
      ASSERT_TRUE(fed.ok()) << fed.ToString();
    }
  }
  Strings Take() {
    const ChangeBatch batch = Must(assembler->Take());
    position = batch.position;
    transactions = batch.transactions;
    whole = batch.ends_at_commit;
    Strings all;
    for (const TableChanges& table : batch.tables) {
      for (const TableEvent& event : table.events) {
        if (const auto* rows = std::get_if<RowChanges>(&event)) {
          EXPECT_TRUE(rows->rows->ValidateFull().ok());
          const Strings texts = testing::RowTexts(*rows->rows);
          for (size_t i = 0; i < texts.size(); ++i) {
            all.push_back("iud"[static_cast<int>(rows->ops[i])] + (" " + texts[i]));
          }
          if (rows->old_keys != nullptr)
            all.push_back("was " + testing::RowTexts(*rows->old_keys)[0]);
        } else if (const auto* stopped = std::get_if<TableStopped>(&event)) {
          all.push_back(stopped->reason.error().message);
        } else {
          all.push_back(event.index() == 1 ? "truncated" : "altered");
        }
      }
    }
    return all;
  }

  Fake resolver;
  std::unique_ptr<LogAssembler> assembler;
  std::string position;
  std::vector<ChangeTransaction> transactions;
  bool whole = false;
};

constexpr char kRow[] = "1|é|-12.34|1709210096789000|y";
constexpr char kAfter[] = "4000000000|é|NULL|1709210096789000|y";

std::string Query(const std::string& text) {
  std::string body;
  Append(&body, 0, 8);
  Append(&body, 1, 1);
  Append(&body, 0, 4);
  return Event(kQueryEvent, body + "d" + std::string(1, '\0') + text);
}

TEST(MysqlLog, EventsOfMySqlAsItWroteThem) {
  Log log("gtid:7b2a9159-ec4e-11f1-816a-02fc00000001:1-24");
  log.Feed({Event(kGtidEvent, Bytes(kGtid)), Event(kQueryEvent, Bytes(kBegin)),
            Event(kTableMapEvent, Bytes(kMap)), Event(kWriteRows, Bytes(kInsert))});
  EXPECT_EQ(log.Take(), Strings{std::string("i ") + kRow});
  EXPECT_FALSE(log.whole);
  EXPECT_EQ(log.position, "gtid:7b2a9159-ec4e-11f1-816a-02fc00000001:1-24");
  EXPECT_EQ(log.transactions[0].position, "gtid:7b2a9159-ec4e-11f1-816a-02fc00000001:1-25");
  log.Feed({Event(kTableMapEvent, Bytes(kMap)), Event(kUpdateRows, Bytes(kUpdate)),
            Event(kDeleteRows, Bytes(kDelete)), Event(kXidEvent, Bytes("3100000000000000"))});
  EXPECT_EQ(log.Take(), (Strings{std::string("u ") + kAfter, std::string("d ") + kAfter, "was 1"}));
  EXPECT_TRUE(log.whole);
  EXPECT_EQ(log.position, "gtid:7b2a9159-ec4e-11f1-816a-02fc00000001:1-25");
  ASSERT_EQ(log.transactions.size(), 1u);
  EXPECT_EQ(log.transactions[0].id, "7b2a9159-ec4e-11f1-816a-02fc00000001:25");
  EXPECT_EQ(log.transactions[0].commit_micros / 1000000, 1795996401);
}

TEST(MysqlLog, EventsOfMariaDbAsItWroteThem) {
  Log log("mariadb:0-1-39");
  log.Feed({Event(kMariaGtidEvent, Bytes(kMariaGtid)), Event(kTableMapEvent, Bytes(kMariaMap)),
            Event(kUpdateRowsV1, Bytes(kMariaUpdate)),
            Event(kXidEvent, Bytes("4f00000000000000"))});
  EXPECT_EQ(log.Take(), (Strings{std::string("u ") + kAfter, "was 1"}));
  EXPECT_EQ(log.position, "mariadb:0-1-40");
  EXPECT_EQ(log.transactions[0].id, "0-1-40");
  EXPECT_EQ(log.transactions[0].commit_micros, 1700000000000000);
}

TEST(MysqlLog, WithoutGtidsTheFileTells) {
  Log log;
  std::string rotate;
  Append(&rotate, 4, 8);
  log.Feed({Event(kRotateEvent, rotate + "binlog.000002"), Event(kQueryEvent, Bytes(kBegin), 200),
            Event(kTableMapEvent, Bytes(kMap), 300), Event(kWriteRows, Bytes(kInsert), 400)});
  log.Take();
  EXPECT_EQ(log.position, "file:binlog.000002:4");
  EXPECT_EQ(log.transactions[0].position, "file:binlog.000002:400");
  log.Feed({Event(kXidEvent, Bytes("3100000000000000"), 450)});
  log.Take();
  EXPECT_EQ(log.position, "file:binlog.000002:450");
  EXPECT_EQ(log.transactions[0].position, "file:binlog.000002:450");
}

TEST(MysqlLog, CompressedTransactionsAndRows) {
  std::string events = Event(kQueryEvent, Bytes(kBegin)) + Event(kTableMapEvent, Bytes(kMap)) +
                       Event(kWriteRows, Bytes(kInsert)) +
                       Event(kXidEvent, Bytes("3100000000000000"));
  auto zstd = arrow::util::Codec::Create(arrow::Compression::ZSTD).ValueOrDie();
  std::string packed(1000, '\0');
  const auto pack = [&](arrow::util::Codec& codec, const std::string& bytes) {
    packed.resize(1000);
    packed.resize(static_cast<size_t>(codec
                                          .Compress(static_cast<int64_t>(bytes.size()),
                                                    reinterpret_cast<const uint8_t*>(bytes.data()),
                                                    1000, reinterpret_cast<uint8_t*>(packed.data()))
                                          .ValueOrDie()));
  };
  pack(*zstd, events);
  std::string payload = Bytes("020100");
  payload += Bytes("03");
  Append(&payload, 3, 1);
  Append(&payload, 0xfc, 1);
  Append(&payload, events.size(), 2);
  payload += Bytes("00");
  Log log;
  log.Feed({Event(kPayloadEvent, payload + packed, 900)});
  EXPECT_EQ(log.Take(), Strings{std::string("i ") + kRow});
  EXPECT_EQ(log.position, "file:binlog.000001:900");
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  EXPECT_EQ(log.Feed(Event(kPayloadEvent, payload + packed)).error().kind, ErrorKind::kCorruption);

  // A large one is unpacked event by event, and can be taken in pieces.
  std::string many = Event(kQueryEvent, Bytes(kBegin)) + Event(kTableMapEvent, Bytes(kMap));
  constexpr int kEvents = 20000;
  for (int i = 0; i < kEvents; ++i) many += Event(kWriteRows, Bytes(kInsert));
  many += Event(kXidEvent, Bytes("3100000000000000"));
  packed.resize(many.size());
  packed.resize(static_cast<size_t>(zstd->Compress(static_cast<int64_t>(many.size()),
                                                   reinterpret_cast<const uint8_t*>(many.data()),
                                                   static_cast<int64_t>(packed.size()),
                                                   reinterpret_cast<uint8_t*>(packed.data()))
                                        .ValueOrDie()));
  for (const std::string kind : {"00", "ff"}) {
    payload = Bytes(kind == "ff" ? "0203fcff0003" : "02010003");
    Append(&payload, 9, 1);
    Append(&payload, 0xfe, 1);
    Append(&payload, many.size(), 8);
    payload += Bytes("00");
    const std::string event =
        Event(kPayloadEvent, payload + (kind == "ff" ? many : packed), 900000000);
    Log large;
    const auto* p = reinterpret_cast<const uint8_t*>(event.data());
    ASSERT_TRUE(large.assembler->Feed(p, p + event.size()).ok());
    int rows = 0;
    for (; large.assembler->unpacking();) {
      const Status unpacked = large.assembler->Unpack();
      ASSERT_TRUE(unpacked.ok()) << unpacked.ToString();
      if (large.assembler->rows() < 5000) continue;
      rows += static_cast<int>(large.Take().size());
      EXPECT_FALSE(large.whole && large.assembler->unpacking());
    }
    rows += static_cast<int>(large.Take().size());
    EXPECT_EQ(rows, kEvents) << kind;
    EXPECT_EQ(large.position, "file:binlog.000001:900000000");
  }

  arrow::util::GZipCodecOptions options;
  options.gzip_format = arrow::util::GZipFormat::ZLIB;
  auto zlib = arrow::util::Codec::Create(arrow::Compression::GZIP, options).ValueOrDie();
  const std::string update = Bytes(kMariaUpdate);
  const std::string rows = update.substr(11);
  pack(*zlib, rows);
  std::string head = Bytes("81");
  Append(&head, rows.size(), 1);
  Log maria("mariadb:0-1-39");
  maria.Feed({Event(kMariaGtidEvent, Bytes(kMariaGtid)), Event(kTableMapEvent, Bytes(kMariaMap)),
              Event(kMariaUpdateRowsCompressedV1, update.substr(0, 11) + head + packed),
              Event(kXidEvent, Bytes("4f00000000000000"))});
  EXPECT_EQ(maria.Take(), (Strings{std::string("u ") + kAfter, "was 1"}));
}

TEST(MysqlLog, TaggedGtidsAreRefusedByName) {
  for (const char* text : {"7b2a9159-ec4e-11f1-816a-02fc00000001:batch:1-24",
                           "7b2a9159-ec4e-11f1-816a-02fc00000001:1-5:batch:7",
                           "7b2a9159-ec4e-11f1-816a-02fc00000001:_t1:7"}) {
    const Error error = GtidSet::Parse(text).error();
    EXPECT_EQ(error.kind, ErrorKind::kUnsupported) << text;
    EXPECT_NE(error.message.find("tagged GTIDs"), std::string::npos) << error.message;
  }
  EXPECT_EQ(GtidSet::Parse("7b2a9159-ec4e-11f1-816a-02fc00000001:x-1").error().kind,
            ErrorKind::kUnsupported);
  Log log;
  const Error error = log.Feed(Event(kTaggedGtidEvent, Bytes("00"))).error();
  EXPECT_NE(error.message.find("tagged GTIDs"), std::string::npos) << error.message;
}

TEST(MysqlLog, EveryCutOfAnEventIsAnErrorAndNoCrash) {
  const std::vector<std::pair<int, std::string>> events = {
      {kTableMapEvent, Bytes(kMap)},       {kWriteRows, Bytes(kInsert)},
      {kUpdateRows, Bytes(kUpdate)},       {kDeleteRows, Bytes(kDelete)},
      {kGtidEvent, Bytes(kGtid)},          {kQueryEvent, Bytes(kBegin)},
      {kMariaGtidEvent, Bytes(kMariaGtid)}};
  int refused = 0;
  for (const auto& [type, body] : events) {
    for (size_t bytes = 0; bytes < body.size(); ++bytes) {
      Log log;
      if (type != kGtidEvent && type != kMariaGtidEvent && type != kQueryEvent) {
        log.Feed({Event(kQueryEvent, Bytes(kBegin))});
        if (type != kTableMapEvent) log.Feed({Event(kTableMapEvent, Bytes(kMap))});
      }
      const Status fed = log.Feed(Event(type, body.substr(0, bytes)));
      if (fed.ok()) continue;  // what is cut may be left out
      EXPECT_EQ(fed.error().kind, ErrorKind::kCorruption) << type << " " << bytes;
      ++refused;
    }
  }
  EXPECT_GT(refused, 150);
}

TEST(MysqlLog, AWrongChecksumIsAnError) {
  std::string format = Bytes("0400") + std::string(54, '\0') + Bytes("13") + std::string(40, '\0');
  format[2 + 50 + 4 + 1 + kTableMapEvent - 1] = 8;
  format += '\1';
  const auto with_checksum = [](int type, std::string body) {
    std::string event = Event(type, body + "....");
    const uint32_t crc = arrow::internal::crc32(0, event.data(), event.size() - 4);
    std::memcpy(event.data() + event.size() - 4, &crc, 4);
    return event;
  };
  Log log;
  log.Feed({with_checksum(kFormatEvent, format), with_checksum(kQueryEvent, Bytes(kBegin)),
            with_checksum(kTableMapEvent, Bytes(kMap))});
  std::string damaged = with_checksum(kWriteRows, Bytes(kInsert));
  damaged[30] = static_cast<char>(damaged[30] ^ 1);
  const Status fed = log.Feed(damaged);
  ASSERT_FALSE(fed.ok());
  EXPECT_EQ(fed.error().kind, ErrorKind::kCorruption);
  EXPECT_NE(fed.error().message.find("checksum"), std::string::npos);
}

TEST(MysqlLog, WhatCannotBeReadStopsTheTableOrTheStream) {
  {
    Log log;
    log.Feed({Query("XA START X'31',X'',1"), Event(kTableMapEvent, Bytes(kMap)),
              Event(kWriteRows, Bytes(kInsert)), Event(kXaPrepareEvent, "")});
    EXPECT_NE(log.Take()[0].find("XA transaction"), std::string::npos);
  }
  {
    Log log;
    log.Feed({Event(kQueryEvent, Bytes(kBegin)), Event(kTableMapEvent, Bytes(kMap)),
              Event(kPartialUpdateRows, Bytes(kUpdate)),
              Event(kXidEvent, Bytes("3100000000000000"))});
    EXPECT_NE(log.Take()[0].find("PARTIAL_JSON"), std::string::npos);
  }
  {
    // A minimal image: not all columns are there.
    std::string part = Bytes(kInsert);
    part[11] = '\x0f';
    Log log;
    log.Feed({Event(kQueryEvent, Bytes(kBegin)), Event(kTableMapEvent, Bytes(kMap)),
              Event(kWriteRows, part)});
    EXPECT_NE(log.Take()[0].find("binlog_row_image"), std::string::npos);
  }
  {
    Log log;
    log.Feed({Query("DROP TABLE t /* generated by server */")});
    EXPECT_EQ(log.Take(), Strings{"table d.t was dropped in the source"});
  }
  {
    Log log;
    EXPECT_EQ(log.Feed(Event(kIncidentEvent, "")).error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(log.Feed(Event(42, "")).error().kind, ErrorKind::kUnsupported);
  }
  {
    Log log;
    log.Feed({Query("TRUNCATE t")});
    EXPECT_EQ(log.Take(), Strings{"truncated"});
    EXPECT_TRUE(log.whole);
    EXPECT_EQ(log.transactions.size(), 1u);
  }
}

}  // namespace
}  // namespace tarn::mysql
