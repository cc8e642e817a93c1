#include "storage/object_store.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tarn {
namespace {

/// A store that has nothing but a root.
class Rooted final : public ObjectStore {
 public:
  explicit Rooted(std::string root) : root_(std::move(root)) {}
  Result<std::string> Get(std::string_view) override { return NotFound("x"); }
  Result<std::string> GetRange(std::string_view, int64_t, int64_t length) override {
    return std::string(static_cast<size_t>(length), 'r');
  }
  Result<ObjectInfo> Head(std::string_view) override { return NotFound("x"); }
  Status Put(std::string_view, std::string_view) override { return {}; }
  Status PutIfAbsent(std::string_view, std::string_view) override { return {}; }
  Result<std::unique_ptr<ObjectWriter>> OpenWriter(std::string_view) override {
    return NotFound("x");
  }
  Status List(std::string_view, const std::function<Status(const ObjectInfo&)>&) override {
    return {};
  }
  Status Delete(std::string_view) override { return {}; }
  Status CheckAccess() override { return {}; }
  const std::string& root_uri() const override { return root_; }

 private:
  std::string root_;
};

std::string KeyOf(const std::string& root, const std::string& uri) {
  const auto key = Rooted(root).KeyOf(uri);
  if (key.ok()) return *key;
  EXPECT_EQ(key.error().kind, ErrorKind::kInvalidArgument);
  return "(error)";
}

TEST(ObjectStoreTest, AUriOfAKeyLeadsBackToTheKey) {
  for (const char* root : {"file:///data/lake", "s3://bucket/prefix", "s3://bucket", "file://"}) {
    const Rooted store(root);
    for (const char* key : {"a", "a/b c/ü+%20=x.parquet", "s3:/x"}) {
      EXPECT_EQ(*store.KeyOf(store.UriOf(key)), key) << root;
    }
  }
  EXPECT_EQ(Rooted("s3://b/p").UriOf("x/y"), "s3://b/p/x/y");
}

TEST(ObjectStoreTest, SpellingsOfOnePlaceHaveOneKey) {
  for (const char* uri : {"file:/data/lake/t/f", "file:///data/lake/t/f", "/data/lake/t/f",
                          "file://localhost/data/lake/t/f", "file:///data/lake/t/f/"}) {
    EXPECT_EQ(KeyOf("file:///data/lake", uri), "t/f") << uri;
  }
  for (const char* uri : {"s3://b/p/t", "s3a://b/p/t", "s3n://b/p/t", "s3://b/p/t/"}) {
    EXPECT_EQ(KeyOf("s3://b/p", uri), "t") << uri;
  }
}

TEST(ObjectStoreTest, AUriOutsideOfTheRootIsRefused) {
  for (const char* uri :
       {"s3://b/prefixed/x", "s3://b/p", "s3://b/p/", "s3://other/p/x", "file:///b/p/x", "/b/p/x",
        "s3://b/p/../x", "s3://b/p//x", "gs://b/p/x", "", "x", "b/p/x"}) {
    EXPECT_EQ(KeyOf("s3://b/p", uri), "(error)") << uri;
  }
}

TEST(ObjectStoreTest, KeysAreCheckedSegmentBySegment) {
  const std::string long_segment(255, 'x');
  for (const std::string& key :
       {std::string("a"), std::string("a/b/c.parquet"), std::string("..a/...b"),
        std::string("d=1 2/é€😀/+%&?#\\\"'"), long_segment, "a/" + std::string(".tarn-tmp")}) {
    EXPECT_TRUE(ValidateKey(key).ok()) << key;
  }
  std::string too_long;
  for (int i = 0; i < 5; ++i) too_long += long_segment + "/";
  for (const std::string& key :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string("a/../b"), std::string("a/."), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\x7f"), std::string(".tarn-tmp/x"), long_segment + "x", too_long + "a"}) {
    const Status status = ValidateKey(key);
    ASSERT_FALSE(status.ok()) << key;
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(ObjectStoreTest, KeysAreWellFormedUtf8) {
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xe2\x82", "\xff"}) {
    EXPECT_FALSE(ValidateKey(bad).ok());
  }
  for (const char* good : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(ValidateKey(good).ok());
  }
}

TEST(ObjectStoreTest, APrefixMayEndAnywhere) {
  for (const char* prefix : {"", "a", "a/", "a/b.", ".", "..", "a/.."}) {
    EXPECT_TRUE(ValidatePrefix(prefix).ok()) << prefix;
  }
  for (const char* prefix : {"/", "/a", "a//", "../a", "./a", "a/../"}) {
    EXPECT_FALSE(ValidatePrefix(prefix).ok()) << prefix;
  }
}

TEST(ObjectStoreTest, PlainNamesStayAsTheyAre) {
  for (const char* name : {"customer", "Customer_2", "a-b.c", "_x", "9", "a."}) {
    EXPECT_EQ(PathSegment(name), name);
  }
  EXPECT_EQ(PathSegment(std::string(100, 'x')), std::string(100, 'x'));
}

TEST(ObjectStoreTest, DifferentNamesNeverShareAFolder) {
  std::set<std::string> segments;
  const std::string names[] = {"",
                               " ",
                               "a b",
                               "a_b",
                               "a/b",
                               "a\\b",
                               ".",
                               "..",
                               ".a",
                               "_a",
                               "ü",
                               "ö",
                               "a~b",
                               "select",
                               "été",
                               "A b",
                               "a  b",
                               "a\nb",
                               "日本語",
                               "日本",
                               std::string(101, 'x'),
                               std::string(102, 'x'),
                               PathSegment("a b")};
  for (const std::string& name : names) {
    const std::string segment = PathSegment(name);
    EXPECT_TRUE(ValidateKey(segment).ok()) << segment;
    EXPECT_LE(segment.size(), 100u);
    EXPECT_NE(segment.front(), '.');
    EXPECT_TRUE(segments.insert(segment).second) << name;
  }
  EXPECT_EQ(PathSegment("Rental Füße").substr(0, 12), "Rental_F__e-");
  // A name that looks like an encoded one is encoded as well.
  EXPECT_NE(PathSegment(PathSegment("Rental Füße")), PathSegment("Rental Füße"));
}

TEST(ObjectStoreTest, ReadRangeFillsTheCallersMemory) {
  Rooted store("file:///x");
  char out[4] = "abc";
  EXPECT_TRUE(store.ReadRange("k", 0, std::span(out, 3)).ok());
  EXPECT_STREQ(out, "rrr");
  EXPECT_TRUE(store.RemoveEmptyFolders("x").ok());
}

}  // namespace
}  // namespace tarn
