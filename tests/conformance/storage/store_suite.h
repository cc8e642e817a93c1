#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends.h"

namespace tarn {

/// Expects success, and shows the error where there is none.
#define EXPECT_OK(expr)                                      \
  do {                                                       \
    const auto& tarn_outcome_ = (expr);                      \
    EXPECT_TRUE(tarn_outcome_.ok()) << Shown(tarn_outcome_); \
  } while (false)
#define ASSERT_OK(expr)                                      \
  do {                                                       \
    const auto& tarn_outcome_ = (expr);                      \
    ASSERT_TRUE(tarn_outcome_.ok()) << Shown(tarn_outcome_); \
  } while (false)
/// Expects an error of this kind.
#define EXPECT_ERROR(expected_kind, expr)                                           \
  do {                                                                              \
    const auto& tarn_outcome_ = (expr);                                             \
    EXPECT_FALSE(tarn_outcome_.ok());                                               \
    if (!tarn_outcome_.ok()) {                                                      \
      EXPECT_EQ(tarn_outcome_.error().kind, expected_kind) << Shown(tarn_outcome_); \
    }                                                                               \
  } while (false)

inline std::string Shown(const Status& status) { return status.ToString(); }
template <typename T>
std::string Shown(const Result<T>& result) {
  return result.status().ToString();
}

/// One case on one kind of store, on an empty root.
class StoreSuite : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { Start(Limits{}); }

  void Start(const Limits& limits) {
    auto root = GetParam().make(limits);
    ASSERT_OK(root);
    root_ = std::move(*root);
    store_ = &root_->Open();
    ASSERT_OK(store_->CheckAccess());
  }

  ObjectStore& store() { return *store_; }
  /// Another process, as it were.
  ObjectStore& other() { return root_->Open(); }

  std::vector<std::string> Keys(std::string_view prefix) {
    std::vector<std::string> keys;
    EXPECT_OK(store().List(prefix, [&](const ObjectInfo& info) {
      keys.push_back(info.key);
      return Status();
    }));
    return keys;
  }

  Status Write(std::string_view key, std::string_view bytes) {
    TARN_ASSIGN_OR_RETURN(auto writer, store().OpenWriter(key));
    TARN_RETURN_IF_ERROR(writer->Append(bytes));
    return writer->Close();
  }

 private:
  std::unique_ptr<StoreRoot> root_;
  ObjectStore* store_ = nullptr;
};

/// Bytes without a pattern that a mistake in order or place could keep.
inline std::string Noise(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (char& c : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state >> 32);
  }
  return bytes;
}

}  // namespace tarn
