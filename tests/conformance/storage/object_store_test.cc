#include <algorithm>
#include <map>
#include <thread>

#include "base/random.h"
#include "store_suite.h"

namespace tarn {
namespace {

class ObjectStoreConformance : public StoreSuite {};

TEST_P(ObjectStoreConformance, WhatWasPutIsRead) {
  const std::string bytes = Noise(100'000, 1);
  ASSERT_OK(store().Put("a/b.bin", bytes));
  EXPECT_EQ(*store().Get("a/b.bin"), bytes);
  EXPECT_EQ(*other().Get("a/b.bin"), bytes);
  const auto head = store().Head("a/b.bin");
  ASSERT_OK(head);
  EXPECT_EQ(head->key, "a/b.bin");
  EXPECT_EQ(head->size_bytes, 100'000);
  EXPECT_GT(head->modified_micros, 1'600'000'000'000'000);
}

TEST_P(ObjectStoreConformance, AnEmptyObjectIsAnObject) {
  ASSERT_OK(store().Put("put", ""));
  ASSERT_OK(store().PutIfAbsent("absent", ""));
  ASSERT_OK(Write("written", ""));
  auto writer = store().OpenWriter("closed");
  ASSERT_OK(writer);
  ASSERT_OK((*writer)->Close());
  for (const char* key : {"put", "absent", "written", "closed"}) {
    const auto bytes = store().Get(key);
    ASSERT_OK(bytes);
    EXPECT_EQ(*bytes, "");
    EXPECT_EQ(store().Head(key)->size_bytes, 0);
    EXPECT_EQ(*store().GetRange(key, 0, 0), "");
    EXPECT_ERROR(ErrorKind::kCorruption, store().GetRange(key, 0, 1));
  }
  EXPECT_EQ(Keys("").size(), 4u);
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store().PutIfAbsent("put", ""));
}

TEST_P(ObjectStoreConformance, WhatIsNotThereIsNotFound) {
  EXPECT_ERROR(ErrorKind::kNotFound, store().Get("nothing"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().Get("no/folder/nothing"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().GetRange("nothing", 0, 1));
  EXPECT_ERROR(ErrorKind::kNotFound, store().GetRange("nothing", 0, 0));
  EXPECT_ERROR(ErrorKind::kNotFound, store().Head("nothing"));
  ASSERT_OK(store().Put("folder/object", "x"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().Get("folder"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().Head("folder"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().Get("folder/object/below"));
  const std::string message = store().Get("nothing").error().message;
  EXPECT_NE(message.find("nothing does not exist"), std::string::npos) << message;
}

TEST_P(ObjectStoreConformance, RangesAreExact) {
  const std::string bytes = Noise(10'000, 2);
  ASSERT_OK(store().Put("r", bytes));
  for (const auto& [offset, length] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 1}, {0, 10'000}, {9'999, 1}, {5'000, 1'234}, {10'000, 0}, {0, 0}, {17, 0}}) {
    const auto range = store().GetRange("r", offset, length);
    ASSERT_OK(range);
    EXPECT_EQ(*range, bytes.substr(static_cast<size_t>(offset), static_cast<size_t>(length)));
    std::string into(static_cast<size_t>(length), '?');
    ASSERT_OK(store().ReadRange("r", offset, into));
    EXPECT_EQ(into, *range);
  }
}

TEST_P(ObjectStoreConformance, AnObjectThatNeverChangesIsReadInManyWays) {
  const std::string key = "t/data/" + SystemRandom().Uuid() + ".parquet";
  const std::string bytes = Noise(3'000'000, 21);
  ASSERT_OK(Write(key, bytes));
  for (int round = 0; round < 2; ++round) {
    for (size_t at = 0; at < bytes.size(); at += 60'000) {
      const auto range = store().GetRange(key, static_cast<int64_t>(at), 60'000);
      ASSERT_OK(range);
      ASSERT_TRUE(*range == bytes.substr(at, 60'000)) << at;
    }
    EXPECT_TRUE(*store().GetRange(key, 1'234, 2'900'000) == bytes.substr(1'234, 2'900'000));
    EXPECT_TRUE(*store().Get(key) == bytes);
    std::string out(1000, '?');
    const auto extent = store().ReadUpTo(key, 2'999'500, out);
    ASSERT_OK(extent);
    EXPECT_EQ(extent->bytes_read, 500);
    EXPECT_EQ(extent->size_bytes, 3'000'000);
    EXPECT_EQ(out.substr(0, 500), bytes.substr(2'999'500));
    const auto beyond = store().ReadUpTo(key, 5'000'000, out);
    ASSERT_OK(beyond);
    EXPECT_EQ(beyond->bytes_read, 0);
    EXPECT_ERROR(ErrorKind::kCorruption, store().GetRange(key, 2'999'999, 2));
  }
  ASSERT_OK(store().Delete(key));
  EXPECT_ERROR(ErrorKind::kNotFound, store().GetRange(key, 0, 10));
  EXPECT_ERROR(ErrorKind::kNotFound, store().ReadUpTo(key, 0, std::span<char>()));
}

TEST_P(ObjectStoreConformance, ARangeBeyondTheEndIsCorruptionThatNamesTheSize) {
  ASSERT_OK(store().Put("r", "0123456789"));
  for (const auto& [offset, length] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 11}, {9, 2}, {10, 1}, {11, 0}, {1'000, 5}, {1LL << 50, 5}}) {
    const auto range = store().GetRange("r", offset, length);
    EXPECT_ERROR(ErrorKind::kCorruption, range);
    EXPECT_NE(range.status().ToString().find("10 bytes"), std::string::npos)
        << range.status().ToString();
    std::string into(static_cast<size_t>(length), '?');
    EXPECT_ERROR(ErrorKind::kCorruption, store().ReadRange("r", offset, into));
  }
}

TEST_P(ObjectStoreConformance, ARangeThatIsNoneIsRefused) {
  ASSERT_OK(store().Put("r", "0123456789"));
  EXPECT_ERROR(ErrorKind::kInvalidArgument, store().GetRange("r", -1, 2));
  EXPECT_ERROR(ErrorKind::kInvalidArgument, store().GetRange("r", 0, -1));
  EXPECT_ERROR(ErrorKind::kInvalidArgument, store().GetRange("r", INT64_MAX, 1));
}

TEST_P(ObjectStoreConformance, PutReplaces) {
  ASSERT_OK(store().Put("k", "first, and longer"));
  EXPECT_EQ(*store().GetRange("k", 0, 5), "first");
  ASSERT_OK(store().Put("k", "second"));
  EXPECT_EQ(*store().GetRange("k", 0, 6), "second");
  ASSERT_OK(other().Put("k", "third"));
  EXPECT_EQ(*store().GetRange("k", 0, 5), "third");
  EXPECT_ERROR(ErrorKind::kCorruption, store().GetRange("k", 0, 6));
  ASSERT_OK(Write("k", "fourth"));
  EXPECT_EQ(*store().GetRange("k", 0, 6), "fourth");
  EXPECT_EQ(Keys(""), std::vector<std::string>{"k"});
}

TEST_P(ObjectStoreConformance, PutIfAbsentNeverReplaces) {
  ASSERT_OK(store().PutIfAbsent("log/0001.json", "first"));
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store().PutIfAbsent("log/0001.json", "second"));
  EXPECT_ERROR(ErrorKind::kAlreadyExists, store().PutIfAbsent("log/0001.json", "first"));
  EXPECT_ERROR(ErrorKind::kAlreadyExists, other().PutIfAbsent("log/0001.json", "first"));
  EXPECT_EQ(*store().Get("log/0001.json"), "first");
  ASSERT_OK(store().Delete("log/0001.json"));
  ASSERT_OK(store().PutIfAbsent("log/0001.json", "third"));
}

TEST_P(ObjectStoreConformance, DeletingIsIdempotent) {
  ASSERT_OK(store().Put("a/b", "x"));
  EXPECT_EQ(*store().GetRange("a/b", 0, 1), "x");
  EXPECT_OK(store().Delete("a/b"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().Get("a/b"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().GetRange("a/b", 0, 1));
  EXPECT_OK(store().Delete("a/b"));
  EXPECT_OK(store().Delete("never/was"));
  EXPECT_OK(store().Delete("a"));
  EXPECT_EQ(Keys("").size(), 0u);
}

TEST_P(ObjectStoreConformance, AnObjectDeletedByAnotherIsGoneHereToo) {
  ASSERT_OK(store().Put("k", "x"));
  EXPECT_EQ(*store().GetRange("k", 0, 1), "x");
  ASSERT_OK(other().Delete("k"));
  EXPECT_ERROR(ErrorKind::kNotFound, store().GetRange("k", 0, 1));
}

TEST_P(ObjectStoreConformance, OddKeysAreKeys) {
  const std::vector<std::string> keys{
      "a b/c  d",           "day=2026-01-01/x=1 2", "p+q",        "100%/50%25", "%2F",
      "é/日本語/😀",         "quote'\"/<&>",         "a,b;c:d@e!", "(x)[y]{z}",  "~tilde/$dollar",
      "back\\slash",        "?query=1&b",           "#hash",      "..a/b..",    "x.parquet",
      std::string(200, 'n')};
  std::map<std::string, std::string> expected;
  for (const std::string& key : keys) {
    ASSERT_OK(store().PutIfAbsent(key, "of " + key));
    EXPECT_ERROR(ErrorKind::kAlreadyExists, store().PutIfAbsent(key, "again"));
    expected[key] = "of " + key;
  }
  std::map<std::string, std::string> found;
  for (const std::string& key : Keys("")) found[key] = *store().Get(key);
  EXPECT_EQ(found, expected);
  for (const std::string& key : keys) {
    EXPECT_EQ(Keys(key), std::vector<std::string>{key});
    EXPECT_EQ(*store().KeyOf(store().UriOf(key)), key);
    EXPECT_OK(Write(key, "written"));
    EXPECT_EQ(*store().GetRange(key, 0, 7), "written");
    EXPECT_OK(store().Delete(key));
  }
  EXPECT_EQ(Keys("").size(), 0u);
}

TEST_P(ObjectStoreConformance, BadKeysAreRefusedByEveryCall) {
  for (const std::string& key :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("../x"), std::string("a/../../x"), std::string("."), std::string("a\nb"),
        std::string("\xff"), std::string(".tarn-tmp/x"), std::string(256, 'x')}) {
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().Get(key));
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().GetRange(key, 0, 1));
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().Head(key));
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().Put(key, "x"));
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().PutIfAbsent(key, "x"));
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().OpenWriter(key));
    EXPECT_ERROR(ErrorKind::kInvalidArgument, store().Delete(key));
  }
  EXPECT_ERROR(ErrorKind::kInvalidArgument,
               store().List("../", [](const ObjectInfo&) { return Status(); }));
}

TEST_P(ObjectStoreConformance, ListingIsInTheOrderOfKeys) {
  // '-', '.' and '+' stand before '/', '0' after it: folders sort among files by their whole keys.
  const std::vector<std::string> keys{"a+x",   "a-b", "a.b", "a/b", "a/b-c/d",
                                      "a/b/c", "a0",  "b",   "ä"};
  for (auto it = keys.rbegin(); it != keys.rend(); ++it) {
    if (*it != "a/b") ASSERT_OK(store().Put(*it, *it));
  }
  std::vector<std::string> expected = keys;
  std::erase(expected, "a/b");
  EXPECT_EQ(Keys(""), expected);
  ASSERT_OK(store().List("", [&](const ObjectInfo& info) {
    EXPECT_EQ(info.size_bytes, static_cast<int64_t>(info.key.size()));
    EXPECT_GT(info.modified_micros, 1'600'000'000'000'000);
    return Status();
  }));
}

TEST_P(ObjectStoreConformance, APrefixNeedNotBeAFolder) {
  for (const char* key : {"t/data/a1", "t/data/a2", "t/data/b", "t/data2/a", "t2/x", "u"}) {
    ASSERT_OK(store().Put(key, "x"));
  }
  using Keyed = std::vector<std::string>;
  EXPECT_EQ(Keys("t/data/a"), (Keyed{"t/data/a1", "t/data/a2"}));
  EXPECT_EQ(Keys("t/data/"), (Keyed{"t/data/a1", "t/data/a2", "t/data/b"}));
  EXPECT_EQ(Keys("t/data"), (Keyed{"t/data/a1", "t/data/a2", "t/data/b", "t/data2/a"}));
  EXPECT_EQ(Keys("t/data/b"), (Keyed{"t/data/b"}));
  EXPECT_EQ(Keys("t"), (Keyed{"t/data/a1", "t/data/a2", "t/data/b", "t/data2/a", "t2/x"}));
  EXPECT_EQ(Keys("t/data/b/"), Keyed{});
  EXPECT_EQ(Keys("none/at/all"), Keyed{});
}

TEST_P(ObjectStoreConformance, AnErrorOfTheVisitorEndsTheListing) {
  for (const char* key : {"a", "b", "c"}) ASSERT_OK(store().Put(key, "x"));
  int seen = 0;
  const Status status = store().List("", [&](const ObjectInfo&) -> Status {
    if (++seen == 2) return Cancelled("enough");
    return {};
  });
  EXPECT_ERROR(ErrorKind::kCancelled, status);
  EXPECT_EQ(seen, 2);
}

TEST_P(ObjectStoreConformance, MoreThanOnePageIsListed) {
  std::vector<std::string> expected;
  for (int i = 0; i < 2'345; ++i) {
    char key[32];
    std::snprintf(key, sizeof(key), "many/%02d/%05d", i % 3, i);
    expected.emplace_back(key);
  }
  std::vector<std::thread> threads;
  for (size_t first = 0; first < 8; ++first) {
    threads.emplace_back([&, first] {
      for (size_t i = first; i < expected.size(); i += 8) EXPECT_OK(store().Put(expected[i], ""));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(Keys("many/"), expected);
  // The visitor may use the store, also to delete what it was shown.
  ASSERT_OK(
      store().List("many/", [&](const ObjectInfo& info) { return store().Delete(info.key); }));
  EXPECT_EQ(Keys("").size(), 0u);
}

TEST_P(ObjectStoreConformance, LargeObjectsAreStreamed) {
  const std::string bytes = Noise(20 << 20, 3);
  auto writer = store().OpenWriter("large/object.parquet");
  ASSERT_OK(writer);
  size_t done = 0;
  for (size_t step = 1; done < bytes.size(); step = step * 3 + 1) {
    const size_t size = std::min(step, bytes.size() - done);
    ASSERT_OK((*writer)->Append(std::string_view(bytes).substr(done, size)));
    done += size;
    EXPECT_EQ((*writer)->bytes_written(), static_cast<int64_t>(done));
  }
  EXPECT_ERROR(ErrorKind::kNotFound, store().Head("large/object.parquet"));
  EXPECT_EQ(Keys("").size(), 0u);
  ASSERT_OK((*writer)->Close());
  EXPECT_EQ((*writer)->bytes_written(), static_cast<int64_t>(bytes.size()));
  EXPECT_TRUE(*store().Get("large/object.parquet") == bytes);
  const size_t middle = (8 << 20) - 5;
  EXPECT_TRUE(*store().GetRange("large/object.parquet", middle, 10) == bytes.substr(middle, 10));
  EXPECT_EQ(store().Head("large/object.parquet")->size_bytes, 20 << 20);
}

TEST_P(ObjectStoreConformance, AnObjectOfExactlyOneOrTwoPartsIsWhole) {
  Limits limits;
  limits.storage_part_bytes = 5 << 20;
  Start(limits);
  for (const size_t size : {size_t{5} << 20, size_t{10} << 20, (size_t{10} << 20) + 1}) {
    const std::string bytes = Noise(size, size);
    ASSERT_OK(Write("k", bytes));
    EXPECT_TRUE(*store().Get("k") == bytes) << size;
  }
}

TEST_P(ObjectStoreConformance, AWriterThatIsNotClosedLeavesNothing) {
  ASSERT_OK(store().Put("t/old", "old"));
  for (const size_t size : {size_t{10}, size_t{1} << 20, size_t{20} << 20}) {
    for (const char* key : {"t/new", "t/old"}) {
      auto writer = store().OpenWriter(key);
      ASSERT_OK(writer);
      ASSERT_OK((*writer)->Append(Noise(size, 4)));
    }
  }
  EXPECT_EQ(Keys(""), std::vector<std::string>{"t/old"});
  EXPECT_EQ(*store().Get("t/old"), "old");
}

TEST_P(ObjectStoreConformance, WritersMayOutliveEachOther) {
  auto first = store().OpenWriter("k");
  auto second = store().OpenWriter("k");
  ASSERT_OK((*first)->Append("first"));
  ASSERT_OK((*second)->Append("second"));
  ASSERT_OK((*second)->Close());
  EXPECT_EQ(*store().Get("k"), "second");
  ASSERT_OK((*first)->Close());
  EXPECT_EQ(*store().Get("k"), "first");
}

TEST_P(ObjectStoreConformance, EmptyFoldersCanBeRemovedAndMadeAgain) {
  ASSERT_OK(store().Put("a/b/c/d", "x"));
  ASSERT_OK(store().Put("a/e/f", "x"));
  ASSERT_OK(store().Delete("a/b/c/d"));
  EXPECT_OK(store().RemoveEmptyFolders("a"));
  EXPECT_EQ(Keys(""), std::vector<std::string>{"a/e/f"});
  EXPECT_OK(store().RemoveEmptyFolders("a/e/"));
  EXPECT_OK(store().RemoveEmptyFolders("none"));
  EXPECT_OK(store().RemoveEmptyFolders(""));
  EXPECT_EQ(*store().Get("a/e/f"), "x");
  ASSERT_OK(store().Put("a/b/c/d", "again"));
  EXPECT_EQ(*store().Get("a/b/c/d"), "again");
}

TEST_P(ObjectStoreConformance, CheckAccessLeavesNoTrace) {
  EXPECT_OK(store().CheckAccess());
  EXPECT_OK(other().CheckAccess());
  EXPECT_EQ(Keys("").size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreConformance, testing::ValuesIn(AllBackends()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace tarn
