// Random (version 4) UUIDs: "3f2a91c4-…". Any thread.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "core/env.h"

namespace mainstem {

inline std::string RandomUuid(Env* env) {
  const uint64_t high = env->Random();
  const uint64_t low = env->Random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF,
                     high & 0xFFF, 0x8000 | (low >> 48 & 0x3FFF), low & 0xFFFFFFFFFFFF);
}

}  // namespace mainstem
