#include "source/table_change.h"

#include <algorithm>

#include "base/text.h"

namespace tarn {
namespace {

const SourceColumn* Find(const SourceTable& table, const std::string& name) {
  auto it = std::find_if(table.columns.begin(), table.columns.end(),
                         [&](const SourceColumn& column) { return column.name == name; });
  return it == table.columns.end() ? nullptr : &*it;
}

std::vector<std::string> Names(const SourceTable& table) {
  std::vector<std::string> names;
  for (const SourceColumn& column : table.columns) names.push_back(column.name);
  return names;
}

std::string KeyText(const std::vector<std::string>& key) {
  return key.empty() ? "none" : Join(key, ", ");
}

}  // namespace

std::string DescribeTableChange(const SourceTable& before, const SourceTable& after) {
  std::vector<std::string> changes;
  for (const SourceColumn& column : before.columns) {
    const SourceColumn* now = Find(after, column.name);
    if (now == nullptr) {
      changes.push_back("column " + column.name + " dropped");
    } else if (now->native_type != column.native_type) {
      changes.push_back("column " + column.name + ": " + column.native_type + " → " +
                        now->native_type);
    }
  }
  for (const SourceColumn& column : after.columns) {
    if (Find(before, column.name) == nullptr) {
      changes.push_back("column " + column.name + " " + column.native_type + " added");
    }
  }
  if (changes.empty() && Names(before) != Names(after)) changes.push_back("columns reordered");
  if (before.key != after.key) {
    changes.push_back("key " + KeyText(before.key) + " → " + KeyText(after.key));
  }
  return Join(changes, ", ");
}

}  // namespace tarn
