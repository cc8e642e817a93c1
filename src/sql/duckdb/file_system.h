#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

/// `tarn://<key>`: the objects of the lake's store, as DuckDB's Parquet scan reads them;
/// `tarn://@<id>/<key>`: those of another store (EngineState::StoreFor). Read only.
/// A path is opened only with the engine's token beside it, which no SQL can write: users reach
/// files through tables alone. Sizes come from manifests, so that opening costs no request.
/// Threads: may be called concurrently; a handle is read from several threads by position.
class LakeFileSystem final : public duckdb::FileSystem {
 public:
  static constexpr char kScheme[] = "tarn://";
  explicit LakeFileSystem(EngineState& engine) : engine_(engine) {}

  /// The option of OpenFileInfo that holds a file's first row id, where it has one.
  static constexpr char kFirstRowId[] = "tarn_first_row_id";

  /// What a scan hands to DuckDB for one object.
  static duckdb::OpenFileInfo Describe(const EngineState& engine, uint64_t store_id,
                                       const std::string& key, int64_t size_bytes);

  /// Where the object of a described file stands.
  struct Place {
    ObjectStore& store;
    std::string key;
    std::optional<int64_t> size_bytes;
  };
  static Place PlaceOf(EngineState& engine, const duckdb::OpenFileInfo& file);

  bool CanHandleFile(const std::string& path) override;
  std::string GetName() const override { return "tarn"; }
  bool CanSeek() override { return true; }
  bool OnDiskFile(duckdb::FileHandle& handle) override;
  void Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes, duckdb::idx_t at) override;
  int64_t Read(duckdb::FileHandle& handle, void* buffer, int64_t bytes) override;
  int64_t GetFileSize(duckdb::FileHandle& handle) override;
  duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle& handle) override;
  std::string GetVersionTag(duckdb::FileHandle& handle) override;
  duckdb::FileType GetFileType(duckdb::FileHandle& handle) override;
  void Seek(duckdb::FileHandle& handle, duckdb::idx_t at) override;
  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override;
  bool FileExists(const std::string& path,
                  duckdb::optional_ptr<duckdb::FileOpener> opener) override;
  bool DirectoryExists(const std::string& path,
                       duckdb::optional_ptr<duckdb::FileOpener> opener) override;
  bool IsPipe(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener> opener) override;
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path,
                                            duckdb::FileOpener* opener) override;

 protected:
  bool SupportsOpenFileExtended() const override { return true; }
  duckdb::unique_ptr<duckdb::FileHandle> OpenFileExtended(
      const duckdb::OpenFileInfo& file, duckdb::FileOpenFlags flags,
      duckdb::optional_ptr<duckdb::FileOpener> opener) override;

 private:
  EngineState& engine_;
};

}  // namespace tarn::duck
