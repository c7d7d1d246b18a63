#include "core/folder_lock.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace mainstem {
namespace {

TEST(FolderLockTest, LetsInOneAtATime) {
  char name[] = "/tmp/mainstem-test-XXXXXX";
  std::string folder = std::string(mkdtemp(name)) + "/a/b";
  auto first = FolderLock::Take(folder);
  ASSERT_TRUE(first.ok());
  auto second = FolderLock::Take(folder);
  ASSERT_TRUE(Is(second.status(), ErrorCode::kAlreadyExists));
  EXPECT_NE(second.status().message().find("another process ("), std::string::npos);
  first->reset();
  EXPECT_TRUE(FolderLock::Take(folder).ok());
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace mainstem
