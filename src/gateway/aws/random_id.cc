#include "gateway/aws/random_id.h"

#include <fmt/format.h>

namespace mainstem::gateway::aws {

std::string RandomId(Env* env) {
  uint64_t high = env->Random();
  uint64_t low = env->Random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF,
                     high & 0xFFF, 0x8000 | (low >> 48 & 0x3FFF), low & 0xFFFFFFFFFFFF);
}

}  // namespace mainstem::gateway::aws
