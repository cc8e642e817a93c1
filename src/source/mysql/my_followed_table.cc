#include "source/mysql/my_followed_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <arrow/type.h>

#include "base/text.h"
#include "source/mysql/my_names.h"

namespace tarn::mysql {
namespace {

/// Offsets of Arrow's text are 32 bits: a table's rows are closed into an event at this size.
constexpr int64_t kEventBytesMax = 64 << 20;

constexpr char kResync[] = "load it again with `tarn resync`";

bool EndsStream(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kCancelled;
}

bool SameTable(const SourceTable& a, const SourceTable& b) {
  const auto same = [](const SourceColumn& x, const SourceColumn& y) {
    return x.name == y.name && x.native_type == y.native_type &&
           x.field->type()->Equals(*y.field->type());
  };
  return a.key == b.key && a.rows_mark == b.rows_mark && a.log_mark == b.log_mark &&
         a.columns.size() == b.columns.size() &&
         std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), same);
}

Error MapIsMalformed() {
  return Corruption("a table map of the log is not as the servers write it",
                    "check the server's log with mysqlbinlog");
}

std::vector<std::string> NamesIn(const std::vector<AlteredName>& names) {
  std::vector<std::string> list;
  for (const AlteredName& one : names) list.push_back(one.name);
  return list;
}

// Each column as itself; what only one of the two has came or went.
std::vector<AlteredName> SameNames(const MyTable& before, const std::vector<std::string>& now) {
  const std::vector<std::string> had = NamesOf(before);
  std::vector<AlteredName> names;
  for (const std::string& name : now) {
    const bool known = std::find(had.begin(), had.end(), name) != had.end();
    names.push_back({known ? name : "", name, {}});
    if (!known) names.back().added = AddedDefault::Unknown("no statement was seen that adds it");
  }
  return names;
}

}  // namespace

FollowedTable::FollowedTable(std::shared_ptr<const MyTable> now, int64_t value_bytes_max,
                             ShapeResolver* resolver, arrow::MemoryPool* pool)
    : now_(std::move(now)), value_bytes_max_(value_bytes_max), resolver_(resolver), pool_(pool) {
  // What cannot be read was not written here: then nothing is known of what statements made.
  auto marked = AlteredNames::FromMark(now_->table.log_mark);
  if (marked.ok()) unsettled_ = *std::move(marked);
}

FollowedTable::~FollowedTable() = default;

Status FollowedTable::Close() {
  if (builder_ == nullptr || builder_->rows() == 0) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(RowChanges changes, builder_->Finish());
  events_.push_back(std::move(changes));
  return Status::Ok();
}

Status FollowedTable::Stop(Error reason) {
  if (stopped_) return Status::Ok();
  TARN_RETURN_IF_ERROR(Close());
  stopped_ = true;
  builder_.reset();
  events_.push_back(TableStopped{std::move(reason)});
  return Status::Ok();
}

Status FollowedTable::StopFor(const Status& failed) {
  return EndsStream(failed.error()) ? failed : Stop(failed.error());
}

Status FollowedTable::OnTruncate(uint32_t transaction, int64_t ordinal) {
  if (stopped_) return Status::Ok();
  TARN_RETURN_IF_ERROR(Close());
  events_.push_back(TableTruncated{transaction, ordinal});
  return Status::Ok();
}

Status FollowedTable::Adopt(std::shared_ptr<const MyTable> table,
                            const std::vector<AlteredName>& names, bool strict) {
  TARN_RETURN_IF_ERROR(Close());
  if (table->table.key.empty()) {
    return Stop(InvalidArgument(
        "table " + name().ToString() + " has no primary key any more: nothing names a changed row",
        "ALTER TABLE " + QuoteName(name()) +
            " ADD PRIMARY KEY (…); then load it again with `tarn resync`"));
  }
  TableAltered altered;
  for (const AlteredName& one : names) {
    const auto find = [](const MyTable& in, const std::string& what) {
      return std::find_if(in.columns.begin(), in.columns.end(),
                          [&](const MyColumn& column) { return column.name == what; });
    };
    const auto is = find(*table, one.name);
    if (is == table->columns.end()) continue;
    const bool had_name = find(*now_, one.name) != now_->columns.end();
    const bool keeps = std::any_of(names.begin(), names.end(), [&](const AlteredName& other) {
      return other.before == one.name;
    });
    if (one.before.empty() && had_name && !keeps) {
      altered.filled.push_back(
          {one.name, nullptr, "a column of that name was dropped, and another one added"});
      continue;
    }
    if (one.before.empty()) {
      if (one.added.kind != AddedDefault::Kind::kNull || !is->nullable) {
        altered.filled.push_back(FillOf(one.added, *is, value_bytes_max_));
      }
      continue;
    }
    const auto was = find(*now_, one.before);
    if (was == now_->columns.end()) continue;
    if (one.before != one.name) altered.renamed.push_back({one.before, one.name});
    if (const std::string why = WhyValuesChanged(*was, *is, strict); !why.empty()) {
      return Stop(InvalidArgument("table " + name().ToString() + ": " + why +
                                      ", which changes values that the log does not tell",
                                  kResync));
    }
  }
  unsettled_ = {};
  Describe(std::move(table), std::move(altered));
  return Status::Ok();
}

void FollowedTable::Describe(std::shared_ptr<const MyTable> table, TableAltered altered) {
  if (std::string mark = unsettled_.ToMark(); mark != table->table.log_mark) {
    auto marked = std::make_shared<MyTable>(*table);
    marked->table.log_mark = std::move(mark);
    table = std::move(marked);
  }
  if (!SameTable(now_->table, table->table) || !altered.renamed.empty() ||
      !altered.filled.empty()) {
    altered.table = std::make_shared<SourceTable>(table->table);
    events_.push_back(std::move(altered));
  }
  now_ = std::move(table);
  map_.clear();
  shape_.reset();
  builder_.reset();
}

Status FollowedTable::OnAlter(const LogStatement& statement, bool strict) {
  if (stopped_) return Status::Ok();
  if (statement.rows_untold) {
    return Stop(InvalidArgument("table " + name().ToString() +
                                    " was altered in a way that brings or takes rows which the "
                                    "log does not tell",
                                kResync));
  }
  if (!statement.computed_anew.empty()) {
    return Stop(
        InvalidArgument("table " + name().ToString() + ": column " + statement.computed_anew +
                            " is computed, and was defined again, which changes values that "
                            "the log does not tell",
                        kResync));
  }
  const std::vector<AlteredName>& known = unsettled_.names;
  AlteredNames altered{
      ApplyActions(known.empty() ? NamesOf(*now_) : NamesIn(known), statement.columns),
      strict && (known.empty() || unsettled_.strict)};
  if (!known.empty()) {
    // By way of what was not settled: back to the names that are known.
    for (AlteredName& one : altered.names) {
      const auto was = std::find_if(known.begin(), known.end(), [&](const AlteredName& before) {
        return before.name == one.before;
      });
      if (one.before.empty() || was == known.end()) continue;
      one = {was->before, one.name, was->added};
    }
  }
  const auto today = resolver_->Today(name());
  if (today.ok() && NamesOf(**today) == NamesIn(altered.names)) {
    return Adopt(*today, altered.names, altered.strict);
  }
  // What it is today came of other statements, which follow; or it is gone, which follows too.
  if (!today.ok() && today.error().kind != ErrorKind::kNotFound) return StopFor(today.status());
  // Columns that went or have other names now are told at once, the rest when it is known.
  const bool is_settled = statement.only_names && known.empty();
  std::vector<AlteredName> stay;
  std::copy_if(altered.names.begin(), altered.names.end(), std::back_inserter(stay),
               [](const AlteredName& one) { return !one.before.empty(); });
  auto named = TableOfNames(*now_, stay);
  if (!named.ok()) return StopFor(named.status());
  if (*named != nullptr) {
    TARN_RETURN_IF_ERROR(Adopt(*std::move(named), stay, altered.strict));
    if (stopped_ || is_settled) return Status::Ok();
    for (AlteredName& one : altered.names) {
      if (!one.before.empty()) one.before = one.name;
    }
  }
  TARN_RETURN_IF_ERROR(Close());
  unsettled_ = std::move(altered);
  Describe(now_, {});
  return Status::Ok();
}

Result<bool> FollowedTable::Use(const LogTableMap& map) {
  TARN_ASSIGN_OR_RETURN(std::optional<LogShape> fits, FitShape(map, now_, resolver_));
  if (!fits) return false;
  TARN_RETURN_IF_ERROR(Close());
  shape_ = std::make_shared<const LogShape>(std::move(*fits));
  builder_ = std::make_unique<TableBuilder>(shape_, value_bytes_max_, rows_before_, pool_);
  return true;
}

// The map is not what the description says.
Status FollowedTable::Resolve(const LogTableMap& map) {
  const std::vector<AlteredName> unsettled = unsettled_.names;
  const bool untold = unsettled.empty();
  std::vector<std::string> logged;
  for (const LogTableMap::Column& column : map.columns) {
    if (!column.name.starts_with("!hidden!")) logged.push_back(column.name);
  }
  const auto today = resolver_->Today(name());
  if (!today.ok() && today.error().kind != ErrorKind::kNotFound) return today.status();
  if (today.ok()) {
    TARN_ASSIGN_OR_RETURN(const auto fits, FitShape(map, *today, resolver_));
    const std::vector<std::string> is = NamesOf(**today);
    if (fits && (untold || is == NamesIn(unsettled))) {
      return Adopt(*today, untold ? SameNames(*now_, is) : unsettled, unsettled_.strict);
    }
  }
  if (!map.has_names) {
    return InvalidArgument(
        "table " + name().ToString() +
            " was altered more than once, and the log does not name columns: which are which is "
            "not known",
        "SET GLOBAL binlog_row_metadata = 'FULL', so that it does; then load the table again with "
        "`tarn resync`");
  }
  const std::vector<AlteredName> names =
      !untold && NamesIn(unsettled) == logged ? unsettled : SameNames(*now_, logged);
  TARN_ASSIGN_OR_RETURN(auto table, TableOfMap(map, *now_, names, resolver_));
  return Adopt(std::move(table), names, unsettled_.strict);
}

Status FollowedTable::OnMap(const uint8_t* body, const uint8_t* end, bool is_mariadb) {
  if (stopped_) return Status::Ok();
  constexpr int64_t kIdBytes = 6;  // the same table has another after a while
  if (end - body < kIdBytes) return MapIsMalformed();
  const std::string_view text(reinterpret_cast<const char*>(body + kIdBytes),
                              static_cast<size_t>(end - body - kIdBytes));
  if (map_ == text) return Status::Ok();
  LogTableMap map;
  if (!ReadTableMap({body, end}, is_mariadb, &map)) return MapIsMalformed();
  Result<bool> fits = unsettled_.names.empty() ? Use(map) : Result<bool>(false);
  if (!fits.ok()) return StopFor(fits.status());
  if (!*fits) {
    if (Status resolved = Resolve(map); !resolved.ok()) return StopFor(resolved);
    if (stopped_) return Status::Ok();
    fits = Use(map);
    if (!fits.ok()) return StopFor(fits.status());
    if (!*fits) {
      return Stop(InvalidArgument(
          "table " + name().ToString() + " is described in another way than the log has its rows",
          kResync));
    }
  }
  map_ = text;
  return Status::Ok();
}

Status FollowedTable::OnRows(const LogRows& rows, uint32_t transaction, int64_t* ordinal) {
  if (stopped_) return Status::Ok();
  if (builder_ == nullptr || rows.columns != shape_->columns.size()) return MapIsMalformed();
  if (!rows.whole) {
    return Stop(InvalidArgument(
        "table " + name().ToString() +
            " was changed by a session whose binlog_row_image is not FULL: the log has parts of "
            "rows",
        "SET GLOBAL binlog_row_image = 'FULL', and let its sessions connect anew; then load the "
        "table again with `tarn resync`"));
  }
  static constexpr RowOp kOps[] = {RowOp::kInsert, RowOp::kUpdate, RowOp::kDelete};
  const RowOp op = kOps[static_cast<int>(rows.kind)];
  const uint8_t* p = rows.rows;
  const int64_t bytes_before = builder_->bytes();
  while (p < rows.end) {
    const uint8_t* const begin = p;
    switch (builder_->Add(op, transaction, *ordinal, &p, rows.end)) {
      case TableBuilder::Outcome::kAdded:
        break;
      case TableBuilder::Outcome::kFault:
        return Stop(builder_->fault());
      case TableBuilder::Outcome::kMalformed:
        return Corruption("table " + name().ToString() + ": a row of the log is malformed",
                          "check the server's log with mysqlbinlog");
    }
    if (p == begin) return MapIsMalformed();
    ++*ordinal;
    ++rows_;
  }
  bytes_ += builder_->bytes() - bytes_before;
  return builder_->bytes() >= kEventBytesMax ? Close() : Status::Ok();
}

Result<std::vector<TableEvent>> FollowedTable::Take() {
  TARN_RETURN_IF_ERROR(Close());
  rows_ = 0;
  bytes_ = 0;
  return std::exchange(events_, {});
}

}  // namespace tarn::mysql
