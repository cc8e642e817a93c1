#include "source/mysql/my_cascade_watch.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "base/text.h"
#include "source/mysql/my_binlog_types.h"
#include "source/mysql/my_names.h"

namespace tarn::mysql {
namespace {

bool Same(const std::string& a, const std::string& b) { return LowerAscii(a) == LowerAscii(b); }
bool Same(const SourceTableName& a, const SourceTableName& b) { return Folded(a) == Folded(b); }
bool Same(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const std::string& x, const std::string& y) { return Same(x, y); });
}
bool SameName(const ForeignKey& a, const ForeignKey& b) {
  return Same(a.table, b.table) && Same(a.name, b.name);
}
/// Whether they do the same under one name.
bool SameKey(const ForeignKey& a, const ForeignKey& b) {
  return SameName(a, b) && Same(a.parent, b.parent) && Same(a.columns, b.columns) &&
         Same(a.referenced, b.referenced) && a.on_delete == b.on_delete &&
         a.on_update == b.on_update;
}

/// Whether it is known what the key is at that place of the log.
bool IsKnownAt(const ForeignKey& key, const Position& place) {
  if (!key.since) return false;
  const Result<int> order = place.Compare(*key.since);
  return order.ok() && *order >= 0;
}

/// Where the values of one row image stand; a null's end is its begin.
struct Image {
  struct Value {
    const uint8_t* begin = nullptr;
    const uint8_t* end = nullptr;
    bool null = false;
  };
  std::vector<Value> values;

  /// Reads at *p, moves behind. False: malformed.
  bool Read(const std::vector<LogTableMap::Column>& columns, const uint8_t** p,
            const uint8_t* end) {
    const auto null_bytes = static_cast<int64_t>((columns.size() + 7) / 8);
    if (end - *p < null_bytes) return false;
    const uint8_t* const nulls = *p;
    const uint8_t* at = *p + null_bytes;
    values.resize(columns.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      values[i] = {at, at, ((nulls[i / 8] >> (i % 8)) & 1) != 0};
      if (values[i].null) continue;
      at = SkipLogValue(columns[i].type, columns[i].meta, at, end);
      if (at == nullptr) return false;
      values[i].end = at;
    }
    *p = at;
    return true;
  }

  bool Differs(const Image& other, size_t i) const {
    const Value& a = values[i];
    const Value& b = other.values[i];
    return a.null != b.null || a.end - a.begin != b.end - b.begin ||
           std::memcmp(a.begin, b.begin, static_cast<size_t>(a.end - a.begin)) != 0;
  }
};

Error Malformed() {
  return Corruption("a rows event of the log is not as the servers write it",
                    "check the server's log with mysqlbinlog");
}

}  // namespace

void CascadeWatch::Learn(ForeignKeys known) {
  for (ForeignKey& before : known_.keys) {
    const auto again = std::find_if(known.keys.begin(), known.keys.end(),
                                    [&](const ForeignKey& one) { return SameName(one, before); });
    if (again == known.keys.end()) {
      known.keys.push_back(std::move(before));
    } else if (SameKey(*again, before)) {
      if (before.since) again->since = std::move(before.since);
    } else {
      earlier_.push_back(std::move(before));
    }
  }
  for (auto& [table, columns] : known_.columns) {
    known.columns.try_emplace(table, std::move(columns));
  }
  known.others.merge(known_.others);
  known_ = std::move(known);
  wants_keys_ = false;
  Rebuild();
}

void CascadeWatch::Rebuild() {
  std::vector<ForeignKey> keys = known_.keys;
  keys.insert(keys.end(), earlier_.begin(), earlier_.end());
  cascades_ = Cascades(keys);
  watched_.clear();
}

void CascadeWatch::At(const Position& place) {
  if (earlier_.empty()) return;
  const auto gone = std::erase_if(earlier_, [&](const ForeignKey& key) {
    return std::any_of(known_.keys.begin(), known_.keys.end(), [&](const ForeignKey& one) {
      return SameName(one, key) && IsKnownAt(one, place);
    });
  });
  if (gone > 0) Rebuild();
}

bool CascadeWatch::IsConcerned(const SourceTableName& table) const {
  return std::any_of(followed_.begin(), followed_.end(),
                     [&](const SourceTableName& one) { return Same(one, table); }) ||
         std::any_of(known_.keys.begin(), known_.keys.end(),
                     [&](const ForeignKey& key) { return Same(key.table, table); }) ||
         cascades_.Knows(table);
}

std::vector<CascadeWatch::Changed> CascadeWatch::Because(const std::vector<SourceTableName>& tables,
                                                         const std::string& why) {
  std::vector<Changed> changed;
  for (const SourceTableName& table : tables) changed.push_back({table, why});
  return changed;
}

std::vector<CascadeWatch::Changed> CascadeWatch::AfterUpdateOfAny(const SourceTableName& table,
                                                                  const std::string& how) const {
  std::set<SourceTableName> tables;
  for (const std::string& column : cascades_.UpdatesOf(table)) {
    for (SourceTableName& one : cascades_.AfterUpdate(table, column)) tables.insert(std::move(one));
  }
  return Because({tables.begin(), tables.end()}, how);
}

std::vector<CascadeWatch::Changed> CascadeWatch::AfterAnyChange(const SourceTableName& table,
                                                                const std::string& how) const {
  std::vector<Changed> changed = Because(cascades_.AfterDelete(table), how);
  for (Changed& one : AfterUpdateOfAny(table, how)) changed.push_back(std::move(one));
  return changed;
}

std::vector<CascadeWatch::Changed> CascadeWatch::Unwatched() const {
  std::vector<Changed> changed;
  for (const SourceTableName& table : known_.unseen) {
    for (Changed& one : AfterAnyChange(
             table, table.ToString() + ", to which it refers, may not be seen: GRANT SELECT ON " +
                        QuoteName(table) + " to the source's user")) {
      changed.push_back(std::move(one));
    }
  }
  return changed;
}

Status CascadeWatch::OnMap(const LogTableMap& name, const uint8_t* body, const uint8_t* end,
                           bool is_mariadb) {
  if (!cascades_.Knows(name.table)) {
    watched_.erase(name.id);
    return Status::Ok();
  }
  LogTableMap map;
  if (!ReadTableMap({body, end}, is_mariadb, &map)) return Malformed();
  Watched watched;
  watched.table = map.table;
  std::vector<std::string> names;
  for (const LogTableMap::Column& column : map.columns) names.push_back(column.name);
  if (!map.has_names) {
    // As they are today: where their number is another one, so may be their order.
    names.clear();
    for (const auto& [table, columns] : known_.columns) {
      if (Same(table, map.table)) names = columns;
    }
    watched.any = names.size() != map.columns.size();
  }
  for (const std::string& column : cascades_.UpdatesOf(map.table)) {
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const std::string& one) { return Same(one, column); });
    if (found == names.end()) {
      watched.any = true;
    } else {
      watched.places[static_cast<size_t>(found - names.begin())] = column;
    }
  }
  watched.columns = std::move(map.columns);
  watched_[map.id] = std::move(watched);
  return Status::Ok();
}

Result<std::vector<CascadeWatch::Changed>> CascadeWatch::OnRows(const LogRows& rows) const {
  const auto found = watched_.find(rows.table);
  // Without the checks of foreign keys nothing cascades.
  if (found == watched_.end() || rows.unchecked) return std::vector<Changed>();
  const Watched& watched = found->second;
  const std::string name = watched.table.ToString();
  switch (rows.kind) {
    case LogRows::Kind::kInsert:
      return std::vector<Changed>();
    case LogRows::Kind::kDelete:
      return Because(cascades_.AfterDelete(watched.table), "rows of " + name + " were deleted");
    case LogRows::Kind::kUpdate:
      break;
  }
  if (!rows.whole) {
    return AfterUpdateOfAny(watched.table, "rows of " + name +
                                               " were updated by a session whose "
                                               "binlog_row_image is not FULL");
  }
  return Updated(watched, rows);
}

Result<std::vector<CascadeWatch::Changed>> CascadeWatch::Updated(const Watched& watched,
                                                                 const LogRows& rows) const {
  const std::string name = watched.table.ToString();
  if (rows.columns != watched.columns.size()) return Malformed();
  std::set<size_t> updated;
  Image before, after;
  const uint8_t* p = rows.rows;
  while (p < rows.end) {
    const uint8_t* const begin = p;
    if (!before.Read(watched.columns, &p, rows.end) || !after.Read(watched.columns, &p, rows.end) ||
        p == begin) {
      return Malformed();
    }
    for (size_t i = 0; i < watched.columns.size(); ++i) {
      if (!watched.any && !watched.places.contains(i)) continue;
      if (before.Differs(after, i)) updated.insert(i);
    }
  }
  if (updated.empty()) return std::vector<Changed>();
  if (watched.any) {
    return AfterUpdateOfAny(watched.table, "rows of " + name +
                                               " were updated, and which columns the log means "
                                               "is not certain (binlog_row_metadata is not FULL)");
  }
  std::vector<Changed> changed;
  for (const size_t i : updated) {
    const std::string& column = watched.places.at(i);
    for (Changed& one : Because(cascades_.AfterUpdate(watched.table, column),
                                "column " + column + " of " + name + " was updated")) {
      changed.push_back(std::move(one));
    }
  }
  return changed;
}

std::vector<CascadeWatch::Changed> CascadeWatch::Drop(const SourceTableName& table,
                                                      const std::string* name,
                                                      const Position& place) {
  std::vector<std::string> unknown;
  std::set<std::string> known;  // in lower case
  for (std::vector<ForeignKey>* keys : {&earlier_, &known_.keys}) {
    std::erase_if(*keys, [&](const ForeignKey& key) {
      if (!Same(key.table, table) || (name != nullptr && !Same(key.name, *name))) return false;
      if (IsKnownAt(key, place)) {
        known.insert(LowerAscii(key.name));
      } else if (!known.contains(LowerAscii(key.name))) {
        unknown.push_back(key.name);
      }
      return true;
    });
  }
  std::string why;
  if (name != nullptr && known.empty()) {
    // It was dropped before anybody looked: what it did until here was not watched.
    why = "the constraint " + *name + " of " + table.ToString() +
          " was dropped before it was known: it may have been a foreign key that changed rows";
  } else if (name == nullptr && !unknown.empty()) {
    why = table.ToString() + " was dropped or renamed before it was known what its constraint " +
          unknown.front() + " was: it may have been a foreign key that changed rows";
  } else {
    return {};
  }
  std::vector<Changed> changed = AfterAnyChange(table, why);
  if (name != nullptr) changed.push_back({table, why});
  return changed;
}

std::vector<CascadeWatch::Changed> CascadeWatch::Named(const SourceTableName& table,
                                                       const Position& place) const {
  std::vector<Changed> changed;
  for (const ForeignKey& key : known_.keys) {
    if (!key.changes_rows() || !Same(key.parent, table) || IsKnownAt(key, place)) continue;
    const std::string why = table.ToString() + ", to which it refers, had another name before, " +
                            "under which its rows were not watched";
    changed.push_back({key.table, why});
    for (Changed& one : AfterAnyChange(key.table, why)) changed.push_back(std::move(one));
  }
  return changed;
}

std::vector<CascadeWatch::Changed> CascadeWatch::OnStatement(const LogStatement& statement,
                                                             std::string_view schema,
                                                             const Position& place) {
  using Kind = LogStatement::Kind;
  std::vector<Changed> changed;
  const auto add = [&](std::vector<Changed> more) {
    std::move(more.begin(), more.end(), std::back_inserter(changed));
  };
  if (statement.kind == Kind::kRows) {
    const auto has = [&](const std::string& word) {
      return std::any_of(statement.words.begin(), statement.words.end(),
                         [&](const std::string& one) { return Same(one, word); });
    };
    for (const auto& [table, columns] : known_.columns) {
      const bool named =
          has(table.name) && (Same(std::string(schema), table.schema) || has(table.schema));
      if (named) {
        add(AfterAnyChange(table, "rows of " + table.ToString() +
                                      " were changed by a statement that the log has as such"));
      }
    }
    return changed;
  }
  if (statement.kind == Kind::kRename) {
    // Before they are known under their other names.
    for (size_t i = 1; i < statement.tables.size(); i += 2) add(Named(statement.tables[i], place));
  }
  for (const SourceTableName& table : statement.tables) {
    if (!IsConcerned(table)) continue;
    if (statement.kind == Kind::kDrop || statement.kind == Kind::kRename) {
      add(Drop(table, nullptr, place));
    }
    for (const std::string& dropped : statement.dropped_keys) {
      if (known_.others.contains({Folded(table), LowerAscii(dropped)})) continue;
      add(Drop(table, &dropped, place));
    }
    wants_keys_ = wants_keys_ || statement.kind == Kind::kAlter || statement.kind == Kind::kDrop ||
                  statement.kind == Kind::kRename || statement.kind == Kind::kCreate;
  }
  return changed;
}

}  // namespace tarn::mysql
