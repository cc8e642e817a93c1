#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "table/iceberg/manifest.h"

namespace tarn::testing {

inline std::string TestDataPath(const std::string& name) {
  return "src/table/iceberg/testdata/" + name;
}

/// A file of testdata/. Tests run in the repository's root.
inline std::string ReadTestData(const std::string& name) {
  std::ifstream in(TestDataPath(name), std::ios::binary);
  EXPECT_TRUE(in.good()) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// With UPDATE_GOLDEN=1 in the environment, writes a golden file; what the test then compares with
/// is itself, so that a review of the change is what proves it.
inline void UpdateTestData(const std::string& name, const std::string& bytes) {
  if (std::getenv("UPDATE_GOLDEN") == nullptr) return;
  std::ofstream out(TestDataPath(name), std::ios::binary | std::ios::trunc);
  out << bytes;
  EXPECT_TRUE(out.good()) << name;
}

/// All entries of a manifest.
inline std::vector<ManifestEntry> Entries(const TableMetadata& table, const std::string& bytes,
                                          const ManifestFile& file) {
  std::vector<ManifestEntry> entries;
  Status status = ReadManifest(bytes, file, *table.FindSpec(file.spec_id), ManifestTypes(table), {},
                               [&](ManifestEntry&& entry) -> Status {
                                 entries.push_back(std::move(entry));
                                 return {};
                               });
  EXPECT_TRUE(status.ok()) << status.ToString();
  return entries;
}

}  // namespace tarn::testing
