// For tests of what commits to an object store: the same delivery, once for each call of the store,
// with that call failing. For gtest; a simulated world of its own for each run.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "connector/s3/testing/memory_object_store.h"
#include "core/sim/sim_env.h"

namespace mainstem::connector {

using SharedStore = std::shared_ptr<MemoryObjectStore>;

struct FailingRun {
  // Must end well, by trying again.
  std::function<Status(SimEnv* env, SharedStore store)> deliver;
  // What must hold then; no call fails any more. `what`: "call 7".
  std::function<void(SimEnv* env, SharedStore store, const std::string& what)> check;
  int64_t calls_min = 0;  // fewer would mean that the delivery has not done its work
};

// Until a run in which there were too few calls for one to fail.
inline void FailEachCall(ObjectFault fault, const FailingRun& run) {
  for (int64_t index = 0;; ++index) {
    SimDisk disk(1);
    SimEnv env(&disk, {});
    auto store = std::make_shared<MemoryObjectStore>();
    store->FailCall(index, fault);
    std::string what = "call " + std::to_string(index);
    Status status = run.deliver(&env, store);
    ASSERT_TRUE(status.ok()) << status << ", " << what;
    bool fired = store->fault_fired();
    store->FailCall(-1, fault);
    run.check(&env, store, what);
    if (fired) continue;
    EXPECT_GT(index, run.calls_min);
    return;
  }
}

}  // namespace mainstem::connector
