// A log with little memory on a simulated disk, for tests of what runs over it.
#pragma once

#include <gtest/gtest.h>

#include "storage/test_log.h"

namespace mainstem::gateway::kafka {

inline storage::EmbeddedLogOptions TinyLog() {
  storage::EmbeddedLogOptions options =
      storage::SizedLog("/data", {256 << 10, 128 << 10, 512 << 10});
  options.buffer_bytes = 64 << 10;
  return options;
}

template <typename Node>
Task<> StartAndUse(SimEnv* env, Task<> (*start)(SimEnv*, Node*), Task<> (*use)(Node*)) {
  auto* node = new Node();
  CO_RETURN_IF_ERROR(co_await start(env, node));
  co_return co_await use(node);
}

// On a disk of its own. Everything is leaked, as of a process that is killed.
template <typename Node>
void UseTinyNode(Task<> (*start)(SimEnv*, Node*), Task<> (*use)(Node*)) {
  auto* disk = new SimDisk(1);
  auto* env = new SimEnv(disk, {.seed = 1});
  Status status = env->Run(StartAndUse(env, start, use));
  EXPECT_TRUE(status.ok()) << Describe(status);
  env->Abandon();
}

}  // namespace mainstem::gateway::kafka
