#include <map>
#include <string>
#include <utility>

#include "table/dual/adopt.h"

namespace tarn {

namespace {

/// Changes the table of the seed, and says that it is created.
class AdoptTransaction final : public TableTransaction {
 public:
  explicit AdoptTransaction(std::unique_ptr<TableTransaction> inner) : inner_(std::move(inner)) {}

  bool creates() const override { return true; }
  Status Rebase(std::shared_ptr<const TableMetadata>, std::string) override {
    return Conflict("table " + location() + " was created by somebody else");
  }

  Status AddColumn(const std::string& name, const Type& type, const std::string& doc) override {
    return inner_->AddColumn(name, type, doc);
  }
  Status DropColumn(const std::string& name) override { return inner_->DropColumn(name); }
  Status RenameColumn(const std::string& from, const std::string& to) override {
    return inner_->RenameColumn(from, to);
  }
  Status WidenColumn(const std::string& name, const Type& type) override {
    return inner_->WidenColumn(name, type);
  }
  Status MakeOptional(const std::string& name) override { return inner_->MakeOptional(name); }
  Status ReorderColumns(const std::vector<std::string>& names) override {
    return inner_->ReorderColumns(names);
  }
  Status EvolveTo(const Schema& wanted, IncompatibleColumns incompatible) override {
    return inner_->EvolveTo(wanted, incompatible);
  }
  Status RestoreColumns(const Schema& earlier) override { return inner_->RestoreColumns(earlier); }
  Status SetKey(const std::vector<std::string>& columns) override {
    return inner_->SetKey(columns);
  }
  Status SetPartition(const std::vector<std::string>& partition) override {
    return inner_->SetPartition(partition);
  }
  Status EditColumns(const std::function<Status(SchemaEditor&)>& edit) override {
    return inner_->EditColumns(edit);
  }
  Status SetSortOrder(const std::vector<SortKey>& keys) override {
    return inner_->SetSortOrder(keys);
  }
  Status SetProperty(const std::string& key, const std::string& value) override {
    return inner_->SetProperty(key, value);
  }
  Status RemoveProperty(const std::string& key) override { return inner_->RemoveProperty(key); }
  Status Append(std::vector<DataFile> files) override { return inner_->Append(std::move(files)); }
  Status DeleteRows(std::vector<RowDeletes> deletes) override {
    return inner_->DeleteRows(std::move(deletes));
  }
  Status RemoveFiles(std::vector<DataFile> files) override {
    return inner_->RemoveFiles(std::move(files));
  }
  Status RewriteFiles(std::vector<DataFile> removed, std::vector<DataFile> added) override {
    return inner_->RewriteFiles(std::move(removed), std::move(added));
  }
  Status RewriteManifests() override { return inner_->RewriteManifests(); }
  void ReadRows(const Predicate& read, Isolation isolation, Gone gone) override {
    inner_->ReadRows(read, isolation, gone);
  }
  Status Overwrite(std::vector<DataFile> files) override {
    return inner_->Overwrite(std::move(files));
  }
  Status ReplacePartitions(std::vector<DataFile> files) override {
    return inner_->ReplacePartitions(std::move(files));
  }
  Status CreateRef(const std::string& name, const SnapshotRef& ref) override {
    return inner_->CreateRef(name, ref);
  }
  Status RemoveRef(const std::string& name, RefKind kind) override {
    return inner_->RemoveRef(name, kind);
  }
  Status RollBackTo(SnapshotId snapshot) override { return inner_->RollBackTo(snapshot); }
  Status ExpireSnapshots(std::vector<SnapshotId> snapshots) override {
    return inner_->ExpireSnapshots(std::move(snapshots));
  }
  void SetStatistics(StatisticsFile file) override { inner_->SetStatistics(std::move(file)); }
  void SetSummary(const std::string& key, const std::string& value) override {
    inner_->SetSummary(key, value);
  }

  const Schema& schema() const override { return inner_->schema(); }
  const PartitionSpec& spec() const override { return inner_->spec(); }
  const SortOrder& sort_order() const override { return inner_->sort_order(); }
  const std::string& location() const override { return inner_->location(); }
  const std::map<int32_t, std::string>& physical_names() const override {
    return inner_->physical_names();
  }
  const std::string& base_location() const override { return inner_->base_location(); }
  int64_t earliest_ms() const override { return inner_->earliest_ms(); }
  void SetTime(int64_t ms) override { inner_->SetTime(ms); }
  Result<StagedTable> Stage(const std::string& commit_id) override {
    return inner_->Stage(commit_id);
  }

 private:
  const std::unique_ptr<TableTransaction> inner_;
};

}  // namespace

Result<std::unique_ptr<TableTransaction>> CreateAdopted(const TableContext& context,
                                                        TableMetadata seed) {
  TARN_ASSIGN_OR_RETURN(auto inner,
                        TableTransaction::Change(
                            context, std::make_shared<const TableMetadata>(std::move(seed)), ""));
  return std::unique_ptr<TableTransaction>(std::make_unique<AdoptTransaction>(std::move(inner)));
}

}  // namespace tarn
