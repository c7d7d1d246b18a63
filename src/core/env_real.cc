// The operating system behind Env: shards on threads, a thread pool for blocking calls, another
// for file I/O (so that a hung library call never delays the journal).
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include <boost/asio/thread_pool.hpp>

#include "core/env.h"
#include "core/files_real.h"
#include "core/network_real.h"
#include "core/scheduler.h"

namespace mainstem {
namespace {

class ThreadPool final : public BlockingPool {
 public:
  explicit ThreadPool(size_t thread_count) : pool_(thread_count) {}
  ~ThreadPool() override { pool_.join(); }
  void Submit(UniqueFunction function) override {
    asio::post(pool_.get_executor(), [function = std::move(function)]() mutable { function(); });
  }

 private:
  asio::thread_pool pool_;
};

class RealEnv final : public Env {
 public:
  explicit RealEnv(RealEnvOptions options)
      : pool_(options.pool_thread_count), io_pool_(4), files_(MakeRealFiles(&io_pool_)) {
    size_t colon = options.crash_point.rfind(':');
    if (colon != std::string::npos) {
      crash_point_ = options.crash_point.substr(0, colon);
      crash_in_ = std::atoi(options.crash_point.c_str() + colon + 1);
    }
    for (size_t i = 0; i < options.shard_count; ++i) {
      shards_.push_back(std::make_unique<ShardScheduler>(fmt::format("shard-{}", i)));
      shards_.back()->Start();
    }
  }
  ~RealEnv() override {
    for (auto& shard : shards_) shard->Stop();
  }

  TimePoint Now() const override {
    return TimePoint(std::chrono::steady_clock::now().time_since_epoch());
  }
  ProcessingTime WallTime() const override {
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return ProcessingTime(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  }
  uint64_t Random() override {
    thread_local std::mt19937_64 generator{std::random_device{}()};
    return generator();
  }
  Files& files() override { return *files_; }
  Network& network() override { return *network_; }
  BlockingPool& blocking_pool() override { return pool_; }
  void CrashPoint(const char* name) override {
    if (crash_point_.empty() || crash_point_ != name) return;
    if (crash_in_.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
  }
  size_t shard_count() const override { return shards_.size(); }
  Executor shard(size_t index) override { return Executor(shards_[index].get()); }

 private:
  std::string crash_point_;
  std::atomic<int> crash_in_{0};
  // Destroyed in reverse order: pools first finish what refers to shards.
  std::vector<std::unique_ptr<ShardScheduler>> shards_;
  ThreadPool pool_;
  ThreadPool io_pool_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Network> network_ = MakeRealNetwork();
};

}  // namespace

std::unique_ptr<Env> MakeRealEnv(RealEnvOptions options) {
  size_t cores = std::max(1u, std::thread::hardware_concurrency());
  if (options.shard_count == 0) options.shard_count = cores;
  if (options.pool_thread_count == 0) options.pool_thread_count = std::max<size_t>(2, cores / 2);
  return std::make_unique<RealEnv>(options);
}

}  // namespace mainstem
