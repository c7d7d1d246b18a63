// The codecs of Kafka's record batches: gzip, snappy (raw, and in the blocks of Java's xerial
// library), LZ4 frames and zstd. Pure functions over bytes; any thread. Over ~1 ms of work, so big
// inputs belong on the blocking pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::storage {

enum class Codec : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

std::string_view NameOf(Codec codec);
// "uncompressed" and "none" are both Codec::kNone. kInvalidConfig for an unknown name.
Result<Codec> CodecFromName(std::string_view name);

// kInvalidRecord for broken input and for an output over `size_limit`.
Result<std::vector<std::byte>> Decompress(Codec codec, std::span<const std::byte> input,
                                          size_t size_limit);
Result<std::vector<std::byte>> Compress(Codec codec, std::span<const std::byte> input);

}  // namespace mainstem::storage
