// Running a task to its end although the caller may be cancelled: for changes that must be applied
// in memory once they are in the journal.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "core/sync.h"

namespace mainstem::storage {

// Like RunOn, but a cancellation of the caller does not reach `task`; the caller waits all the
// same.
template <typename T>
asio::awaitable<T, Executor> RunToEnd(Executor executor, asio::awaitable<T, Executor> task) {
  co_return co_await asio::co_spawn(
      executor, WithoutThrowing(std::move(task)),
      asio::bind_cancellation_slot(asio::cancellation_slot(), kUseAwaitable));
}

}  // namespace mainstem::storage
