#include "storage/memory/memory_store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tarn {
namespace {

using Moment = StorageCall::Moment;

/// Fails one operation at one moment, and counts all calls.
FaultInjector FailAt(StorageOperation operation, Moment moment) {
  return [=](const StorageCall& call) -> std::optional<Error> {
    if (call.operation != operation || call.moment != moment) return std::nullopt;
    return Unavailable("made up");
  };
}

TEST(MemoryStoreTest, AFaultBeforeTheCallLeavesNothing) {
  MemoryStore store;
  store.SetFaultInjector(FailAt(StorageOperation::kPutIfAbsent, Moment::kBefore));
  EXPECT_EQ(store.PutIfAbsent("a", "1").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(store.Get("a").error().kind, ErrorKind::kNotFound);
  store.SetFaultInjector(nullptr);
  EXPECT_TRUE(store.PutIfAbsent("a", "2").ok());
}

TEST(MemoryStoreTest, AFaultAfterTheCallIsALostAnswer) {
  MemoryStore store;
  store.SetFaultInjector(FailAt(StorageOperation::kPutIfAbsent, Moment::kAfter));
  EXPECT_EQ(store.PutIfAbsent("a", "1").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(store.PutIfAbsent("a", "2").error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(*store.Get("a"), "1");
}

TEST(MemoryStoreTest, AWriterCanFailAtEveryStep) {
  for (const auto operation :
       {StorageOperation::kOpenWriter, StorageOperation::kAppend, StorageOperation::kClose}) {
    for (const auto moment : {Moment::kBefore, Moment::kAfter}) {
      MemoryStore store;
      store.SetFaultInjector(FailAt(operation, moment));
      const auto write = [&]() -> Status {
        TARN_ASSIGN_OR_RETURN(auto writer, store.OpenWriter("w"));
        TARN_RETURN_IF_ERROR(writer->Append("bytes"));
        return writer->Close();
      };
      EXPECT_EQ(write().error().kind, ErrorKind::kUnavailable);
      const bool visible = operation == StorageOperation::kClose && moment == Moment::kAfter;
      EXPECT_EQ(store.Get("w").ok(), visible);
    }
  }
}

TEST(MemoryStoreTest, TheInjectorSeesEveryCallAtBothMoments) {
  MemoryStore store;
  std::vector<std::string> seen;
  store.SetFaultInjector([&](const StorageCall& call) -> std::optional<Error> {
    seen.push_back(std::string(call.key) + (call.moment == Moment::kBefore ? " before" : " after"));
    return std::nullopt;
  });
  EXPECT_TRUE(store.Put("k", "v").ok());
  EXPECT_FALSE(store.Get("missing").ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"k before", "k after", "missing before"}));
}

TEST(MemoryStoreTest, TimesComeFromTheClockGiven) {
  ManualClock clock(77);
  MemoryStore store("sim", clock);
  EXPECT_TRUE(store.Put("k", "v").ok());
  EXPECT_EQ(store.Head("k")->modified_micros, 77);
  EXPECT_EQ(store.UriOf("k"), "memory://sim/k");
}

}  // namespace
}  // namespace tarn
