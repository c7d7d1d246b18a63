// Running a task to its end although the caller may be cancelled: for closing and cleaning up, and
// for changes that must be applied in memory once they are in the journal.
#pragma once

#include <optional>

#include "core/executor.h"

namespace mainstem {

namespace internal {
Task<> SpawnToEnd(Executor executor, Task<> task);

template <typename T>
Task<> Keep(asio::awaitable<T, Executor> task, std::optional<T>* outcome) {
  outcome->emplace(co_await std::move(task));
  co_return Status::OK();
}
}  // namespace internal

// Like RunOn, but a cancellation of the caller does not reach `task`; the caller waits all the
// same, and its own cancellation stays as it was.
template <typename T>
asio::awaitable<T, Executor> RunToEnd(Executor executor, asio::awaitable<T, Executor> task) {
  std::optional<T> outcome;
  Task<> kept = internal::Keep(std::move(task), &outcome);
  CO_RETURN_IF_ERROR(co_await internal::SpawnToEnd(executor, std::move(kept)));
  co_return std::move(*outcome);
}

}  // namespace mainstem
