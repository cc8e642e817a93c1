#include "source/mysql/my_position.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.h"

namespace tarn::mysql {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

std::string_view TakeUntil(std::string_view* text, char stop) {
  const size_t at = std::min(text->find(stop), text->size());
  const std::string_view head = text->substr(0, at);
  text->remove_prefix(std::min(at + 1, text->size()));
  return Trim(head);
}

template <typename T>
bool ReadNumber(std::string_view text, T* value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && stop == text.data() + text.size() && !text.empty();
}

// Of `uuid:tag:1-5`.
bool IsTag(std::string_view text) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz_";
  return !text.empty() &&
         kFirst.find(LowerAscii(std::string(text.substr(0, 1)))) != std::string_view::npos;
}

Error Bad(std::string_view text) {
  return InvalidArgument("\"" + std::string(text) + "\" is no position of a binary log");
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-'
             : std::string_view("0123456789abcdef").find(text[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

Error TaggedGtid() {
  return Unsupported(
      "the source's log has transactions with tagged GTIDs (uuid:tag:number)",
      "they are not read here: use mode: snapshot or incremental for this source, or "
      "one whose sessions never SET gtid_next = 'AUTOMATIC:tag'");
}

Result<GtidSet> GtidSet::Parse(std::string_view text) {
  GtidSet set;
  std::string_view rest = Trim(text);
  while (!rest.empty()) {
    std::string_view part = TakeUntil(&rest, ',');
    const std::string server = LowerAscii(TakeUntil(&part, ':'));
    if (!IsUuid(server) || part.empty()) return Bad(text);
    while (!part.empty()) {
      std::string_view range = TakeUntil(&part, ':');
      if (IsTag(range)) return TaggedGtid();
      Interval interval;
      if (!ReadNumber(TakeUntil(&range, '-'), &interval.first)) return Bad(text);
      interval.last = interval.first;
      if (!range.empty() && !ReadNumber(range, &interval.last)) return Bad(text);
      if (interval.first < 1 || interval.last < interval.first ||
          interval.last == std::numeric_limits<int64_t>::max()) {
        return Bad(text);
      }
      set.AddInterval(server, interval);
    }
  }
  return set;
}

std::string GtidSet::ToString() const {
  std::string text;
  for (const auto& [server, intervals] : servers_) {
    text += (text.empty() ? "" : ",") + server;
    for (const Interval& interval : intervals) {
      text += ":" + std::to_string(interval.first);
      if (interval.last != interval.first) text += "-" + std::to_string(interval.last);
    }
  }
  return text;
}

void GtidSet::Add(const std::string& server, int64_t number) {
  std::vector<Interval>& intervals = servers_[server];
  if (!intervals.empty() && intervals.back().last + 1 == number) {  // nearly always
    intervals.back().last = number;
    return;
  }
  AddInterval(server, {number, number});
}

void GtidSet::AddInterval(const std::string& server, Interval added) {
  std::vector<Interval>& intervals = servers_[server];
  std::vector<Interval> merged;
  bool placed = false;
  for (const Interval& interval : intervals) {
    if (interval.last + 1 < added.first) {
      merged.push_back(interval);
    } else if (added.last + 1 < interval.first) {
      if (!placed) merged.push_back(added);
      placed = true;
      merged.push_back(interval);
    } else {
      added = {std::min(added.first, interval.first), std::max(added.last, interval.last)};
    }
  }
  if (!placed) merged.push_back(added);
  intervals = std::move(merged);
}

bool GtidSet::Contains(const std::string& server, int64_t number) const {
  const auto found = servers_.find(server);
  if (found == servers_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Interval& interval) {
    return interval.first <= number && number <= interval.last;
  });
}

bool GtidSet::Contains(const GtidSet& other) const {
  for (const auto& [server, intervals] : other.servers_) {
    const auto found = servers_.find(server);
    for (const Interval& wanted : intervals) {
      const bool inside =
          found != servers_.end() &&
          std::any_of(found->second.begin(), found->second.end(), [&](const Interval& interval) {
            return interval.first <= wanted.first && wanted.last <= interval.last;
          });
      if (!inside) return false;
    }
  }
  return true;
}

Result<DomainGtids> DomainGtids::Parse(std::string_view text) {
  DomainGtids gtids;
  std::string_view rest = Trim(text);
  while (!rest.empty()) {
    std::string_view part = TakeUntil(&rest, ',');
    uint32_t domain = 0;
    Last last;
    if (!ReadNumber(TakeUntil(&part, '-'), &domain) ||
        !ReadNumber(TakeUntil(&part, '-'), &last.server) || !ReadNumber(part, &last.number)) {
      return Bad(text);
    }
    gtids.Advance(domain, last.server, last.number);
  }
  return gtids;
}

std::string DomainGtids::ToString() const {
  std::string text;
  for (const auto& [domain, last] : domains_) {
    text += (text.empty() ? "" : ",") + std::to_string(domain) + "-" + std::to_string(last.server) +
            "-" + std::to_string(last.number);
  }
  return text;
}

void DomainGtids::Advance(uint32_t domain, uint32_t server, uint64_t number) {
  domains_[domain] = {server, number};
}

Result<Position> Position::Parse(std::string_view text) {
  Position position;
  if (text.starts_with("gtid:")) {
    position.kind = Kind::kGtid;
    TARN_ASSIGN_OR_RETURN(position.gtids, GtidSet::Parse(text.substr(5)));
    return position;
  }
  if (text.starts_with("mariadb:")) {
    position.kind = Kind::kMariaDb;
    TARN_ASSIGN_OR_RETURN(position.domains, DomainGtids::Parse(text.substr(8)));
    return position;
  }
  const size_t colon = text.rfind(':');
  if (!text.starts_with("file:") || colon <= 5 || colon == std::string_view::npos ||
      !ReadNumber(text.substr(colon + 1), &position.offset)) {
    return Bad(text);
  }
  position.file = text.substr(5, colon - 5);
  return position;
}

std::string Position::ToString() const {
  switch (kind) {
    case Kind::kGtid:
      return "gtid:" + gtids.ToString();
    case Kind::kMariaDb:
      return "mariadb:" + domains.ToString();
    case Kind::kFile:
      break;
  }
  return "file:" + file + ":" + std::to_string(offset);
}

Result<int> Position::Compare(const Position& other) const {
  const auto unrelated = [&]() -> Error {
    return InvalidArgument("the positions " + ToString() + " and " + other.ToString() +
                           " are not of one history");
  };
  if (kind != other.kind) return unrelated();
  if (kind == Kind::kFile) {
    // Names are base.000001; with more files than six digits hold, the number grows longer.
    if (file.size() != other.file.size()) return file.size() < other.file.size() ? -1 : 1;
    if (file != other.file) return file < other.file ? -1 : 1;
    return offset == other.offset ? 0 : offset < other.offset ? -1 : 1;
  }
  bool less = false;
  bool more = false;
  if (kind == Kind::kGtid) {
    more = !other.gtids.Contains(gtids);
    less = !gtids.Contains(other.gtids);
  } else {
    for (const auto& [domain, last] : domains.domains()) {
      const auto found = other.domains.domains().find(domain);
      if (found == other.domains.domains().end() || found->second.number < last.number) more = true;
      if (found != other.domains.domains().end() && found->second.number > last.number) less = true;
    }
    for (const auto& [domain, last] : other.domains.domains()) {
      if (!domains.domains().contains(domain)) less = true;
    }
  }
  if (less && more) return unrelated();
  return less ? -1 : more ? 1 : 0;
}

}  // namespace tarn::mysql
