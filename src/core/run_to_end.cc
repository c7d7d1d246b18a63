#include "core/run_to_end.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "core/sync.h"

namespace mainstem::internal {

Task<> SpawnToEnd(Executor executor, Task<> task) {
  co_return co_await asio::co_spawn(
      executor, WithoutThrowing(std::move(task)),
      asio::bind_cancellation_slot(asio::cancellation_slot(), kUseAwaitable));
}

}  // namespace mainstem::internal
