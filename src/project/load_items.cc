#include "project/load_items.h"

#include "project/captured.h"

namespace tarn {

TableTarget TargetOfTable(const PlannedTable& planned) {
  TableTarget target;
  target.name = planned.object.target;
  target.owner = "source:" + planned.source;
  target.key = planned.table.key;
  target.partition = planned.object.partition;
  for (const auto& [tag, value] : planned.object.tags) target.properties[kTagPrefix + tag] = value;
  if (!planned.object.iceberg.empty()) {
    target.properties[kIcebergVersionProperty] = planned.object.iceberg;
  }
  return target;
}

LoadItem ItemOf(const SourceSpec& spec, const PlannedTable& planned) {
  LoadItem item;
  item.table = planned.table;
  item.target = TargetOfTable(planned);
  if (planned.object.history) item.history = HistoryTarget(planned.object);
  if (spec.mode == SourceMode::kIncremental) {
    item.mode = LoadItem::Mode::kIncremental;
    item.cursor = spec.cursor;
    if (planned.rows == PlannedTable::Rows::kAllMerged) item.rows = LoadItem::Rows::kAll;
  }
  return item;
}

std::string PositionOf(const std::vector<PositionEntry>& positions, const std::string& source,
                       const SourceTableName& table) {
  for (const PositionEntry& entry : positions) {
    if (entry.source == source && entry.table == PositionKey(table)) return entry.position;
  }
  return {};
}

Status GoOnFrom(const std::string& position, LoadItem* item) {
  if (item->mode != LoadItem::Mode::kIncremental || position.empty()) return {};
  TARN_ASSIGN_OR_RETURN(const LoadPosition last, LoadPosition::FromJson(position));
  item->cursor_after = last.cursor;
  return {};
}

CommitOp RememberTable(const PlannedTable& planned) {
  return PutObjectOp{kSourceTableObject, planned.object_name, planned.object.ToJson()};
}

}  // namespace tarn
