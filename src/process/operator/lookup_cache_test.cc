#include "process/operator/lookup_cache.h"

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

using std::chrono::seconds;

LookupCache::Rows RowsOf(std::vector<std::string> rows) {
  return std::make_shared<const std::vector<std::string>>(std::move(rows));
}

TimePoint At(int64_t second) { return TimePoint() + seconds(second); }

TEST(LookupCacheTest, KeepsNothingUnlessAsked) {
  LookupCache cache({});
  cache.Put("a", RowsOf({"1"}), At(0));
  EXPECT_EQ(cache.Find("a", At(0)), nullptr);
  EXPECT_EQ(cache.memory_bytes(), 0u);
}

TEST(LookupCacheTest, TheLeastRecentlyUsedKeyGoesFirst) {
  connector::LookupOptions options;
  options.caches = true;
  options.cache_rows_max = 2;
  LookupCache cache(options);
  cache.Put("a", RowsOf({"1"}), At(0));
  cache.Put("b", RowsOf({}), At(0));
  ASSERT_NE(cache.Find("a", At(1)), nullptr);
  cache.Put("c", RowsOf({"3"}), At(1));
  EXPECT_EQ(cache.Find("b", At(1)), nullptr);
  EXPECT_EQ(cache.Find("a", At(1))->at(0), "1");
  EXPECT_EQ(cache.key_count(), 2u);
}

TEST(LookupCacheTest, EntriesExpire) {
  connector::LookupOptions options;
  options.caches = true;
  options.caches_missing_keys = false;
  options.expires_after_write = seconds(10);
  options.expires_after_access = seconds(4);
  LookupCache cache(options);
  cache.Put("a", RowsOf({"1"}), At(0));
  cache.Put("missing", RowsOf({}), At(0));
  EXPECT_EQ(cache.Find("missing", At(0)), nullptr);
  EXPECT_NE(cache.Find("a", At(3)), nullptr);
  EXPECT_NE(cache.Find("a", At(6)), nullptr);
  EXPECT_NE(cache.Find("a", At(9)), nullptr);
  EXPECT_EQ(cache.Find("a", At(10)), nullptr);
  cache.Put("a", RowsOf({"2"}), At(20));
  EXPECT_EQ(cache.Find("a", At(24)), nullptr);
  EXPECT_EQ(cache.memory_bytes(), 0u);
}

TEST(LookupCacheTest, StaysWithinItsMemory) {
  connector::LookupOptions options;
  options.caches = true;
  LookupCache cache(options);
  const std::string row(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) cache.Put("k" + std::to_string(i), RowsOf({row}), At(0));
  EXPECT_LE(cache.memory_bytes(), LookupCache::kBytesMax);
  EXPECT_NE(cache.Find("k99", At(0)), nullptr);
}

}  // namespace
}  // namespace mainstem::process
