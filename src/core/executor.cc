#include "core/executor.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace mainstem {

void Executor::PostFunction(UniqueFunction function) const {
  scheduler_->Post(std::move(function));
}

asio::execution_context& Executor::Context() const noexcept { return scheduler_->io(); }

asio::awaitable<bool, Executor> IsCancelled() {
  auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace mainstem
