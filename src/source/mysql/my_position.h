#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn::mysql {

/// What MySQL 8.3 and later may give transactions, and nothing here reads.
Error TaggedGtid();

/// MySQL's set of global transaction identifiers: `uuid:1-5:7,uuid2:1`. A value.
class GtidSet {
 public:
  /// Errors: InvalidArgument.
  static Result<GtidSet> Parse(std::string_view text);
  /// Canonical: servers in order, intervals joined.
  std::string ToString() const;
  void Add(const std::string& server, int64_t number);
  bool Contains(const GtidSet& other) const;
  bool Contains(const std::string& server, int64_t number) const;
  bool empty() const { return servers_.empty(); }
  friend bool operator==(const GtidSet&, const GtidSet&) = default;

  struct Interval {
    int64_t first = 0;
    int64_t last = 0;  ///< inclusive
    friend bool operator==(const Interval&, const Interval&) = default;
  };
  const std::map<std::string, std::vector<Interval>>& servers() const { return servers_; }

 private:
  void AddInterval(const std::string& server, Interval interval);
  std::map<std::string, std::vector<Interval>> servers_;  // uuid in lower case → ascending
};

/// MariaDB's position: the newest transaction of every domain, `0-1-100,1-1-5`. A value.
class DomainGtids {
 public:
  static Result<DomainGtids> Parse(std::string_view text);
  std::string ToString() const;
  void Advance(uint32_t domain, uint32_t server, uint64_t number);

  struct Last {
    uint32_t server = 0;
    uint64_t number = 0;
    friend bool operator==(const Last&, const Last&) = default;
  };
  const std::map<uint32_t, Last>& domains() const { return domains_; }
  friend bool operator==(const DomainGtids&, const DomainGtids&) = default;

 private:
  std::map<uint32_t, Last> domains_;
};

/// A place in a server's log, in the words of one of three schemes:
/// `gtid:<set>` (MySQL), `mariadb:<gtids>`, `file:<name>:<offset>` (without GTIDs).
struct Position {
  enum class Kind { kGtid, kMariaDb, kFile } kind = Kind::kFile;
  GtidSet gtids;
  DomainGtids domains;
  std::string file;
  uint64_t offset = 4;

  static Result<Position> Parse(std::string_view text);
  std::string ToString() const;
  /// Negative, 0 or positive as this lies before, at or after `other`. Errors: InvalidArgument
  /// where neither contains the other (they are of different servers' histories).
  Result<int> Compare(const Position& other) const;
};

}  // namespace tarn::mysql
