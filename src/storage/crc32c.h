// CRC-32C (Castagnoli), the checksum of record batches, journal entries and snapshots. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mainstem::storage {

// Continues from `previous`, the checksum of what came before (0 at the start):
// Crc32c(b, Crc32c(a)) == Crc32c(a ++ b).
uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t previous = 0);

}  // namespace mainstem::storage
