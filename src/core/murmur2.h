// The 32-bit MurmurHash2 with the seed that Kafka's producers use, so that a key falls into the
// same partition whichever client or door wrote it.
#pragma once

#include <cstdint>
#include <string_view>

namespace mainstem {

uint32_t Murmur2(std::string_view bytes);

}  // namespace mainstem
