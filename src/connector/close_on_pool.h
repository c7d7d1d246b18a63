// How connectors let go of a conversation with a server.
#pragma once

#include <memory>
#include <utility>

#include "core/env.h"

namespace mainstem::connector {

// Drops a connection, or what owns one, on the pool: the library says goodbye to the server, and
// that may block. Null is fine.
template <typename T>
void CloseOnPool(Env* env, std::unique_ptr<T> owner) {
  if (owner == nullptr) return;
  env->blocking_pool().Submit(UniqueFunction([owner = std::move(owner)] {}));
}

}  // namespace mainstem::connector
