#include "connector/http/call_apart.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>

#include "core/sync.h"

namespace mainstem::connector {
namespace {

// A property of the thread, which lives as long as its call.
thread_local const std::atomic<bool>* stop_of_this_thread = nullptr;

}  // namespace

bool IsCallGivenUp() { return stop_of_this_thread != nullptr && stop_of_this_thread->load(); }

Task<HttpAnswer> CallApart(BlockingCall call) {
  if (co_await IsCancelled()) co_return MakeError(ErrorCode::kCancelled, "cancelled");
  const Executor home = co_await asio::this_coro::executor;
  // A cancellation may come while the answer is on its way: shared.
  auto stop = std::make_shared<std::atomic<bool>>(false);
  std::optional<Result<HttpAnswer>> answer;
  std::thread thread;
  auto initiate = [&call, &answer, &thread, home, stop](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) slot.assign([stop](asio::cancellation_type) { *stop = true; });
    thread = std::thread([&call, &answer, home, stop, handler = std::move(handler)]() mutable {
      stop_of_this_thread = stop.get();
      answer.emplace(call());
      home.scheduler()->Post(UniqueFunction(std::move(handler)));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate,
                                                                               kUseAwaitable);
  thread.join();  // it has nothing left to do
  co_return *std::move(answer);
}

}  // namespace mainstem::connector
