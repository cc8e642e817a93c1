#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "source/mysql/my_binlog_event.h"
#include "source/mysql/my_cascades.h"
#include "source/mysql/my_statement.h"

namespace tarn::mysql {

/// Watches the tables that others refer to, followed or not, for changes of rows after which the
/// engine changes rows of followed tables without a word in the log. Threads: one at a time.
class CascadeWatch {
 public:
  /// A table whose rows may not be what the log says any more, and why.
  struct Changed {
    SourceTableName table;
    std::string why;
  };

  CascadeWatch(std::vector<SourceTableName> followed, ForeignKeys known)
      : followed_(std::move(followed)) {
    Learn(std::move(known));
  }

  /// \name What comes of the log, in its order.
  /// @{
  /// What follows stands behind that place.
  void At(const Position& place);
  Status OnMap(const LogTableMap& name, const uint8_t* body, const uint8_t* end, bool is_mariadb);
  /// `rows`: unpacked. Errors: Corruption.
  Result<std::vector<Changed>> OnRows(const LogRows& rows) const;
  /// Before it is acted upon otherwise. `place`: of the log, right before it.
  std::vector<Changed> OnStatement(const LogStatement& statement, std::string_view schema,
                                   const Position& place);
  /// Whether rows of the table with this number are watched.
  bool Watches(uint64_t id) const { return watched_.contains(id); }
  /// Numbers of tables begin anew.
  void Forget() { watched_.clear(); }
  /// @}

  /// Whether a statement that was seen changed foreign keys, or the columns that they refer to:
  /// what today's server knows of them is to be taken in.
  bool wants_keys() const { return wants_keys_; }
  /// Keys that are gone or others today may still stand at this place of the log: they stay until a
  /// statement takes them away.
  void Learn(ForeignKeys known);
  /// Tables that may change by themselves through others of which nothing may be seen.
  std::vector<Changed> Unwatched() const;
  const std::vector<SourceTableName>& followed() const { return followed_; }

 private:
  struct Watched {
    SourceTableName table;
    std::vector<LogTableMap::Column> columns;
    /// Those whose update changes rows of others, by place; empty with `any`.
    std::map<size_t, std::string> places;
    bool any = false;  ///< which column is which is not known: every one counts
  };
  std::vector<Changed> AfterUpdateOfAny(const SourceTableName& table, const std::string& how) const;
  std::vector<Changed> AfterAnyChange(const SourceTableName& table, const std::string& how) const;
  Result<std::vector<Changed>> Updated(const Watched& watched, const LogRows& rows) const;
  static std::vector<Changed> Because(const std::vector<SourceTableName>& tables,
                                      const std::string& why);

  void Rebuild();
  bool IsConcerned(const SourceTableName& table) const;
  /// The keys that are called so, or all of the table, are gone. What comes of it where nobody
  /// knows what they were: those that the server told had not come yet.
  std::vector<Changed> Drop(const SourceTableName& table, const std::string* name,
                            const Position& place);
  /// A table has this name from here on.
  std::vector<Changed> Named(const SourceTableName& table, const Position& place) const;

  const std::vector<SourceTableName> followed_;
  ForeignKeys known_;
  /// What keys were that are others today, until the log has come so far.
  std::vector<ForeignKey> earlier_;
  Cascades cascades_{std::vector<ForeignKey>()};
  std::unordered_map<uint64_t, Watched> watched_;  ///< by the log's number
  bool wants_keys_ = false;
};

}  // namespace tarn::mysql
