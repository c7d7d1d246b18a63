// Runs a task that must come to its end although the caller was cancelled (closing, cleaning up),
// and leaves the caller's own cancellation as it was.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "core/sync.h"

namespace mainstem::process {

namespace internal {
inline Task<> WithoutCancellation(Task<> task) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_return co_await std::move(task);
}
}  // namespace internal

inline Task<> Shielded(Executor executor, Task<> task) {
  co_return co_await asio::co_spawn(
      executor, internal::WithoutCancellation(std::move(task)),
      asio::bind_cancellation_slot(asio::cancellation_slot(), kUseAwaitable));
}

}  // namespace mainstem::process
