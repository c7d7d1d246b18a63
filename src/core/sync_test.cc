#include "core/sync.h"

#include <future>
#include <string>

#include <gtest/gtest.h>

#include "core/scheduler.h"

namespace mainstem {
namespace {

using namespace std::chrono_literals;

class SyncTest : public testing::Test {
 protected:
  SyncTest() { shard_.Start(); }
  Executor executor() { return Executor(&shard_); }
  ShardScheduler shard_{"test"};
};

Task<> WaitTwice(Event* event, int* count) {
  for (int i = 0; i < 2; ++i) {
    CO_RETURN_IF_ERROR(co_await event->Wait());
    ++*count;
  }
  co_return Status::OK();
}

Task<> NotifyScenario(Executor executor) {
  Event event(executor);
  TaskScope scope(executor, "test", [](const std::string&, const Status&) { FAIL(); });
  int count = 0;
  scope.Spawn("a", WaitTwice(&event, &count));
  scope.Spawn("b", WaitTwice(&event, &count));
  while (event.waiter_count() < 2) CO_RETURN_IF_ERROR(co_await Yield());
  event.NotifyAll();
  while (event.waiter_count() < 2) CO_RETURN_IF_ERROR(co_await Yield());
  EXPECT_EQ(count, 2);
  event.NotifyAll();
  CO_RETURN_IF_ERROR(co_await scope.Join());
  EXPECT_EQ(count, 4);
  co_return Status::OK();
}

TEST_F(SyncTest, NotifyWakesAllThatWait) {
  EXPECT_TRUE(RunBlocking(executor(), NotifyScenario(executor())).ok());
}

Task<> TimeoutScenario(Executor executor) {
  Event event(executor);
  auto notified = co_await event.Wait(executor.scheduler()->Now() + 1ms);
  CO_RETURN_IF_ERROR(notified);
  EXPECT_FALSE(*notified);
  EXPECT_EQ(event.waiter_count(), 0u);
  CO_RETURN_IF_ERROR(co_await Sleep(1ms));
  co_return Status::OK();
}

TEST_F(SyncTest, WaitEndsAtItsDeadline) {
  EXPECT_TRUE(RunBlocking(executor(), TimeoutScenario(executor())).ok());
}

Task<> WaitForEver(Event* event, bool* was_cancelled) {
  auto outcome = co_await event->Wait();
  *was_cancelled = Is(outcome.status(), ErrorCode::kCancelled);
  // A wait that begins after the cancellation ends at once, too.
  EXPECT_TRUE(Is(co_await Sleep(1h), ErrorCode::kCancelled));
  co_return outcome.status();
}

Task<> CancelScenario(Executor executor) {
  Event event(executor);
  TaskScope scope(executor, "test", [](const std::string&, const Status&) { FAIL(); });
  bool was_cancelled = false;
  scope.Spawn("sleeper", Sleep(1h));
  scope.Spawn("waiter", WaitForEver(&event, &was_cancelled));
  while (event.waiter_count() < 1) CO_RETURN_IF_ERROR(co_await Yield());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  EXPECT_TRUE(was_cancelled);
  EXPECT_EQ(scope.running_count(), 0u);
  co_return Status::OK();
}

TEST_F(SyncTest, CloseCancelsAndWaits) {
  EXPECT_TRUE(RunBlocking(executor(), CancelScenario(executor())).ok());
}

Task<> Fail() { co_return MakeError(ErrorCode::kInternal, "on purpose"); }

Task<> ErrorScenario(Executor executor, std::string* seen) {
  TaskScope scope(executor, "scope", [seen](const std::string& name, const Status& status) {
    *seen = name + ": " + status.message();
  });
  scope.Spawn("failing", Fail());
  co_return co_await scope.Join();
}

TEST_F(SyncTest, ReportsTheErrorOfATask) {
  std::string seen;
  EXPECT_TRUE(RunBlocking(executor(), ErrorScenario(executor(), &seen)).ok());
  EXPECT_EQ(seen, "scope/failing: on purpose");
}

Task<int> ThreadCheck(Executor expected) {
  EXPECT_TRUE(expected.scheduler()->RunsInThisThread());
  co_return 7;
}

Task<> HopScenario(Executor home, Executor other) {
  CO_ASSIGN_OR_RETURN(int value, co_await RunOn(other, ThreadCheck(other)));
  EXPECT_EQ(value, 7);
  EXPECT_TRUE(home.scheduler()->RunsInThisThread());
  co_return Status::OK();
}

TEST_F(SyncTest, RunOnHopsAndComesBack) {
  ShardScheduler other("other");
  other.Start();
  EXPECT_TRUE(RunBlocking(executor(), HopScenario(executor(), Executor(&other))).ok());
  other.Stop();
}

Task<> EndAt(Event* event) {
  CO_ASSIGN_OR_RETURN(bool notified, co_await event->Wait());
  EXPECT_TRUE(notified);
  co_return Status::OK();
}

// The task is ready to end, but has not run yet, when it is cancelled.
Task<> CancelEndingScenario(Executor executor) {
  Event event(executor);
  TaskScope scope(executor, "test", [](const std::string&, const Status&) { FAIL(); });
  scope.Spawn("ending", EndAt(&event));
  while (event.waiter_count() < 1) CO_RETURN_IF_ERROR(co_await Yield());
  event.NotifyAll();
  co_return co_await scope.Close();
}

TEST_F(SyncTest, CancelMayMeetATaskThatEnds) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(RunBlocking(executor(), CancelEndingScenario(executor())).ok());
  }
}

Task<> HopAndEnd(Executor other, Event* event) { co_return co_await RunOn(other, EndAt(event)); }

Task<> NotifyThere(Event* event) {
  event->NotifyAll();
  co_return Status::OK();
}

Task<> CancelHoppedScenario(Executor home, Executor other, bool notify) {
  auto event = std::make_unique<Event>(other);
  TaskScope scope(home, "test", [](const std::string&, const Status&) { FAIL(); });
  scope.Spawn("hopped", HopAndEnd(other, event.get()));
  CO_RETURN_IF_ERROR(co_await Yield());
  if (notify) CO_RETURN_IF_ERROR(co_await RunOn(other, NotifyThere(event.get())));
  co_return co_await scope.Close();
}

TEST_F(SyncTest, CancelReachesATaskThatHopped) {
  ShardScheduler other("other");
  other.Start();
  for (int i = 0; i < 200; ++i) {
    Executor there(&other);
    EXPECT_TRUE(RunBlocking(executor(), CancelHoppedScenario(executor(), there, i % 2 == 1)).ok());
  }
  other.Stop();
}

Task<bool> SeesCancellation() {
  bool cancelled = co_await IsCancelled();
  EXPECT_TRUE(Is(co_await Sleep(1h), ErrorCode::kCancelled));
  co_return cancelled;
}

// Hops only after the scope was cancelled.
Task<> HopWhenCancelled(Executor other, bool* seen) {
  EXPECT_TRUE(Is(co_await Sleep(1h), ErrorCode::kCancelled));
  Result<bool> cancelled = co_await RunOn(other, SeesCancellation());
  *seen = cancelled.ok() && *cancelled;
  co_return Status::OK();
}

Task<> CancelBeforeHopScenario(Executor home, Executor other) {
  TaskScope scope(home, "test", [](const std::string& name, const Status& status) {
    FAIL() << name << ": " << Describe(status);
  });
  bool seen = false;
  scope.Spawn("hopping", HopWhenCancelled(other, &seen));
  CO_RETURN_IF_ERROR(co_await Yield());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  EXPECT_TRUE(seen);
  co_return Status::OK();
}

TEST_F(SyncTest, RunOnCarriesACancellationThatCameBefore) {
  ShardScheduler other("other");
  other.Start();
  Executor there(&other);
  EXPECT_TRUE(RunBlocking(executor(), CancelBeforeHopScenario(executor(), there)).ok());
  other.Stop();
}

Task<> SleepAnHourOn(Executor other) { co_return co_await RunOn(other, Sleep(1h)); }

// The other scheduler is busy until the cancellation has been sent after the task.
Task<> CancelDuringHopScenario(Executor home, Executor other, std::promise<void>* go) {
  TaskScope scope(home, "test", [](const std::string& name, const Status& status) {
    FAIL() << name << ": " << Describe(status);
  });
  std::shared_future<void> gone = go->get_future().share();
  other.scheduler()->Post(UniqueFunction([gone] { gone.wait(); }));
  scope.Spawn("hopping", SleepAnHourOn(other));
  CO_RETURN_IF_ERROR(co_await Yield());
  CO_RETURN_IF_ERROR(co_await Yield());
  scope.Cancel();
  go->set_value();
  co_return co_await scope.Close();
}

TEST_F(SyncTest, RunOnCarriesACancellationThatComesBeforeTheTaskBegins) {
  ShardScheduler other("other");
  other.Start();
  for (int i = 0; i < 100; ++i) {
    std::promise<void> go;
    Executor there(&other);
    EXPECT_TRUE(RunBlocking(executor(), CancelDuringHopScenario(executor(), there, &go)).ok());
  }
  other.Stop();
}

Task<int> Throw() { co_return std::stoi("no number"); }

Task<> HopToThrow(Executor other) {
  Result<int> outcome = co_await RunOn(other, Throw());
  EXPECT_TRUE(Is(outcome.status(), ErrorCode::kInternal));
  co_return Status::OK();
}

TEST_F(SyncTest, RunOnMakesAnErrorOfWhatATaskThrew) {
  ShardScheduler other("other");
  other.Start();
  EXPECT_TRUE(RunBlocking(executor(), HopToThrow(Executor(&other))).ok());
  other.Stop();
}

}  // namespace
}  // namespace mainstem
