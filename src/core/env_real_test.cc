#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/env.h"

namespace mainstem {
namespace {

using namespace std::chrono_literals;

class RealEnvTest : public testing::Test {
 protected:
  RealEnvTest() {
    char name[] = "/tmp/mainstem-test-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~RealEnvTest() override { std::filesystem::remove_all(directory_); }
  void Run(Task<> task) {
    Status status = RunBlocking(env_->shard(0), std::move(task));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 2});
  std::string directory_;
};

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Task<> FileScenario(Env* env, std::string directory) {
  Files& files = env->files();
  std::string path = directory + "/a/b.txt";
  EXPECT_TRUE(Is((co_await files.Open(path, {})).status(), ErrorCode::kNotFound));
  CO_RETURN_IF_ERROR(co_await files.CreateDirectories(directory + "/a"));
  CO_RETURN_IF_ERROR(co_await files.WriteAtomically(path, "hello world"));
  CO_ASSIGN_OR_RETURN(std::string text, co_await files.ReadAll(path, 100));
  EXPECT_EQ(text, "hello world");
  EXPECT_TRUE(Is((co_await files.ReadAll(path, 3)).status(), ErrorCode::kResourceExhausted));
  CO_ASSIGN_OR_RETURN(auto entries, co_await files.List(directory + "/a"));
  EXPECT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "b.txt");
  EXPECT_EQ(entries[0].size, 11);
  CO_ASSIGN_OR_RETURN(FileIdentity before, co_await files.Identify(path));
  CO_RETURN_IF_ERROR(co_await files.Rename(path, directory + "/c.txt"));
  CO_ASSIGN_OR_RETURN(FileIdentity after, co_await files.Identify(directory + "/c.txt"));
  EXPECT_EQ(before.inode, after.inode);
  CO_ASSIGN_OR_RETURN(bool exists, co_await files.Exists(path));
  EXPECT_FALSE(exists);
  co_return Status::OK();
}

TEST_F(RealEnvTest, FilesAreWrittenRenamedAndListed) { Run(FileScenario(env_.get(), directory_)); }

Task<> DirectScenario(Env* env, std::string directory) {
  CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open(
                                     directory + "/journal",
                                     {.write = true, .create = true, .direct_durable = true}));
  AlignedBuffer buffer(8192);
  std::memcpy(buffer.data(), "abc", 3);
  CO_RETURN_IF_ERROR(co_await file->WriteAt(4096, buffer.span()));
  AlignedBuffer back(8192);
  CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(4096, back.span()));
  EXPECT_EQ(count, 8192u);
  EXPECT_EQ(std::memcmp(back.data(), "abc", 3), 0);
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
  EXPECT_EQ(size, 12288);
  co_return Status::OK();
}

TEST_F(RealEnvTest, DirectFilesTakeAlignedBuffers) { Run(DirectScenario(env_.get(), directory_)); }

Task<> Echo(Listener* listener, Executor owner) {
  CO_ASSIGN_OR_RETURN(auto stream, co_await listener->Accept(owner));
  std::array<std::byte, 64> buffer;
  while (true) {
    CO_ASSIGN_OR_RETURN(size_t count, co_await stream->ReadSome(buffer, kNoDeadline));
    if (count == 0) co_return Status::OK();
    std::vector<std::span<const std::byte>> pieces{std::span(buffer).first(count)};
    CO_RETURN_IF_ERROR(co_await stream->Write(std::move(pieces), kNoDeadline));
  }
}

Task<> NetworkScenario(Env* env) {
  CO_ASSIGN_OR_RETURN(auto listener, co_await env->network().Listen("127.0.0.1", 0));
  auto taken = co_await env->network().Listen("127.0.0.1", listener->port());
  EXPECT_TRUE(Is(taken.status(), ErrorCode::kAddressInUse));
  TaskScope scope(env->shard(0), "server", [](const std::string& name, const Status& status) {
    ADD_FAILURE() << name << status.ToString();
  });
  scope.Spawn("echo", Echo(listener.get(), env->shard(0)));
  CO_ASSIGN_OR_RETURN(auto stream,
                      co_await env->network().Connect("localhost", listener->port(), kNoDeadline));
  std::vector<std::span<const std::byte>> pieces{Bytes("he"), Bytes("llo")};
  CO_RETURN_IF_ERROR(co_await stream->Write(std::move(pieces), kNoDeadline));
  std::array<std::byte, 5> answer;
  CO_RETURN_IF_ERROR(co_await stream->ReadExactly(answer, env->Now() + 10s));
  EXPECT_EQ(std::memcmp(answer.data(), "hello", 5), 0);
  // A deadline closes the stream.
  auto late = co_await stream->ReadSome(answer, env->Now() + 1ms);
  EXPECT_TRUE(Is(late.status(), ErrorCode::kTimedOut));
  co_return co_await scope.Join();
}

TEST_F(RealEnvTest, StreamsConnectEchoAndTimeOut) { Run(NetworkScenario(env_.get())); }

Task<> PoolScenario(Env* env) {
  Executor home = co_await asio::this_coro::executor;
  CO_ASSIGN_OR_RETURN(int answer, co_await env->blocking_pool().Run([home]() -> Result<int> {
    EXPECT_FALSE(home.scheduler()->RunsInThisThread());
    return 42;
  }));
  EXPECT_EQ(answer, 42);
  EXPECT_TRUE(home.scheduler()->RunsInThisThread());
  co_return Status::OK();
}

TEST_F(RealEnvTest, PoolRunsOffTheShardAndComesBack) { Run(PoolScenario(env_.get())); }

}  // namespace
}  // namespace mainstem
