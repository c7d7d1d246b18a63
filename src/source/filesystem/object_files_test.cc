#include "source/filesystem/object_files.h"

#include <gtest/gtest.h>

#include "connector/s3/testing/memory_object_store.h"
#include "core/sim/sim_env.h"

namespace mainstem::source {
namespace {

using connector::MemoryObjectStore;

TEST(ObjectPattern, MeansFoldersObjectsAndGlobsButNoHiddenNames) {
  EXPECT_TRUE(MatchesObjectPattern("", "a/b"));
  EXPECT_TRUE(MatchesObjectPattern("a", "a/b/c"));
  EXPECT_TRUE(MatchesObjectPattern("a/b", "a/b"));
  EXPECT_FALSE(MatchesObjectPattern("a", "ab/c"));
  EXPECT_FALSE(MatchesObjectPattern("a", "a/_mainstem/x.json"));
  EXPECT_FALSE(MatchesObjectPattern("a", "a/.x"));
  EXPECT_TRUE(MatchesObjectPattern("_a", "_a/x"));
  EXPECT_TRUE(MatchesObjectPattern("a/*.csv", "a/x.csv"));
  EXPECT_FALSE(MatchesObjectPattern("a/*.csv", "a/b/x.csv"));
  EXPECT_TRUE(MatchesObjectPattern("a/*", "a/b/x.csv"));
  EXPECT_FALSE(MatchesObjectPattern("a/*", "a/_b/x.csv"));
  EXPECT_TRUE(MatchesObjectPattern("a/**/x.csv", "a/x.csv"));
  EXPECT_TRUE(MatchesObjectPattern("a/**/x.csv", "a/b/c/x.csv"));
  EXPECT_FALSE(MatchesObjectPattern("a/**/x.csv", "a/b/c/y.csv"));
  EXPECT_TRUE(MatchesObjectPattern("day=2026-*/x", "day=2026-01/x"));
}

Task<std::string> ReadPiece(File* file, int64_t offset, size_t size) {
  std::string bytes(size, '\0');
  CO_ASSIGN_OR_RETURN(
      size_t count, co_await file->ReadAt(offset, std::as_writable_bytes(std::span<char>(bytes))));
  bytes.resize(count);
  co_return bytes;
}

// Longer than what is read ahead, so that it comes in several blocks.
Task<> ReadInPieces(std::shared_ptr<MemoryObjectStore> store) {
  std::string text;
  while (text.size() < 9'000'000) text += std::to_string(text.size()) + ",";
  CO_RETURN_IF_ERROR(co_await store->Put("a/big", text, std::nullopt));
  ObjectFiles files(store, "lake");
  OpenOptions options;
  CO_ASSIGN_OR_RETURN(auto file, co_await files.Open("s3://lake/a/big", options));
  std::string read;
  for (size_t size = 1'000'000;; size += 300'000) {
    CO_ASSIGN_OR_RETURN(std::string piece,
                        co_await ReadPiece(file.get(), static_cast<int64_t>(read.size()), size));
    if (piece.empty()) break;
    EXPECT_TRUE(piece.size() == size || read.size() + piece.size() == text.size());
    read += piece;
  }
  EXPECT_TRUE(read == text);
  auto end = static_cast<int64_t>(text.size());
  CO_ASSIGN_OR_RETURN(std::string tail, co_await ReadPiece(file.get(), end - 8, 100));
  EXPECT_EQ(tail, text.substr(text.size() - 8));
  CO_ASSIGN_OR_RETURN(std::string across, co_await ReadPiece(file.get(), end - 70'000, 60'000));
  EXPECT_TRUE(across == text.substr(text.size() - 70'000, 60'000));
  // Replaced while it is read: never a mixture.
  CO_RETURN_IF_ERROR(co_await store->Put("a/big", text, std::nullopt));
  Result<std::string> mixed = co_await ReadPiece(file.get(), 0, 10);
  EXPECT_TRUE(IsRetriable(mixed.status())) << mixed.status();
  co_return Status::OK();
}

TEST(ObjectFilesSimTest, GivesTheBytesThatWereAskedForInWhateverPieces) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(ReadInPieces(std::make_shared<MemoryObjectStore>()));
  EXPECT_TRUE(status.ok()) << status;
}

Task<> FindThem(std::shared_ptr<MemoryObjectStore> store) {
  for (const char* key : {"a/1", "a/2", "a/b/3", "a/_x", "a/b/", "ab", "c"}) {
    CO_RETURN_IF_ERROR(co_await store->Put(key, "x", std::nullopt));
  }
  ObjectFiles files(store, "lake");
  CO_ASSIGN_OR_RETURN(auto found, co_await files.Find("a"));
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].path, "s3://lake/a/1");
  EXPECT_EQ(found[2].path, "s3://lake/a/b/3");
  CO_ASSIGN_OR_RETURN(FileIdentity first, co_await files.Identify("s3://lake/a/1"));
  EXPECT_EQ(first, found[0].identity);
  EXPECT_NE(first.inode, found[1].identity.inode);
  CO_RETURN_IF_ERROR(co_await store->Put("a/1", "x", std::nullopt));
  CO_ASSIGN_OR_RETURN(FileIdentity replaced, co_await files.Identify("s3://lake/a/1"));
  EXPECT_NE(replaced.inode, first.inode);
  CO_ASSIGN_OR_RETURN(auto one, co_await files.Find("c"));
  EXPECT_EQ(one.size(), 1u);
  CO_ASSIGN_OR_RETURN(auto globbed, co_await files.Find("a*"));
  EXPECT_EQ(globbed.size(), 4u);
  CO_ASSIGN_OR_RETURN(auto none, co_await files.Find("x*"));
  EXPECT_TRUE(none.empty());
  Status absent = (co_await files.Find("d")).status();
  EXPECT_TRUE(Is(absent, ErrorCode::kNotFound)) << absent;
  co_return Status::OK();
}

TEST(ObjectFilesSimTest, FindsWhatAPathMeansOverPagesOfTheListing) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(FindThem(std::make_shared<MemoryObjectStore>()));
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace mainstem::source
