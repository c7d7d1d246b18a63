// HOT PATH: every byte that is accepted passes here once. Budget: 0.06 CPU seconds per GB.
//
// The crc32 instruction takes 3 cycles but one can start each cycle, so three neighbouring blocks
// are run side by side and joined: the checksum of a block followed by n zero bytes is a linear map
// of its checksum, kept as a table for the two block lengths that are used. Where the processor
// multiplies four lanes of 128 bits at once (VPCLMULQDQ), long runs are folded instead.
#include "storage/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE4_2__)
#include <immintrin.h>
#endif

namespace mainstem::storage {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

constexpr std::array<uint32_t, 256> MakeByteTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kByteTable = MakeByteTable();

[[maybe_unused]] uint32_t UpdatePortable(uint32_t crc, const std::byte* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    crc = (crc >> 8) ^ kByteTable[(crc ^ static_cast<uint32_t>(data[i])) & 0xff];
  }
  return crc;
}

#if defined(__SSE4_2__)

// Advances a checksum over `Bytes` zero bytes.
template <size_t Bytes>
class ZeroShift {
 public:
  ZeroShift() {
    for (int bit = 0; bit < 32; ++bit) {
      uint32_t crc = uint32_t{1} << bit;
      for (size_t i = 0; i < Bytes; ++i) crc = (crc >> 8) ^ kByteTable[crc & 0xff];
      basis_[bit] = crc;
    }
    for (int lane = 0; lane < 4; ++lane) {
      for (uint32_t value = 0; value < 256; ++value) {
        uint32_t sum = 0;
        for (int bit = 0; bit < 8; ++bit) {
          if (value >> bit & 1) sum ^= basis_[8 * lane + bit];
        }
        table_[lane][value] = sum;
      }
    }
  }
  uint32_t operator()(uint32_t crc) const {
    return table_[0][crc & 0xff] ^ table_[1][crc >> 8 & 0xff] ^ table_[2][crc >> 16 & 0xff] ^
           table_[3][crc >> 24];
  }

 private:
  std::array<uint32_t, 32> basis_{};
  std::array<std::array<uint32_t, 256>, 4> table_{};
};

uint64_t Load(const std::byte* data) {
  uint64_t value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

template <size_t Block>
void UpdateThreeLanes(uint64_t* crc, const std::byte** data, size_t* size) {
  static const ZeroShift<Block> shift;
  while (*size >= 3 * Block) {
    uint64_t a = *crc, b = 0, c = 0;
    const std::byte* at = *data;
    for (size_t i = 0; i < Block; i += 8) {
      a = _mm_crc32_u64(a, Load(at + i));
      b = _mm_crc32_u64(b, Load(at + Block + i));
      c = _mm_crc32_u64(c, Load(at + 2 * Block + i));
    }
    uint32_t joined = shift(static_cast<uint32_t>(a)) ^ static_cast<uint32_t>(b);
    *crc = shift(joined) ^ static_cast<uint32_t>(c);
    *data += 3 * Block;
    *size -= 3 * Block;
  }
}

// Folding (Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction"): 128 bits of a message can be moved `bits` towards its end without changing its
// checksum, each half times a power of x.
constexpr uint64_t PowerOfX(int exponent) {
  uint32_t power = uint32_t{1} << 31;  // x^0, reflected
  for (int i = 0; i < exponent; ++i) power = (power >> 1) ^ ((power & 1) ? kPolynomial : 0);
  return uint64_t{power} << 1;  // a product of reflected factors is one bit short
}
constexpr size_t kFoldBytes = 64;
constexpr size_t kFoldStrideBytes = 4 * kFoldBytes;
constexpr size_t kFoldBytesMin = 2 * kFoldStrideBytes;

#define MAINSTEM_FOLDS __attribute__((target("avx512f,vpclmulqdq")))

template <int Bits>
MAINSTEM_FOLDS inline __m512i MoveOnto(__m512i sum, const std::byte* next) {
  constexpr int64_t kFirst = static_cast<int64_t>(PowerOfX(Bits + 32));
  constexpr int64_t kSecond = static_cast<int64_t>(PowerOfX(Bits - 32));
  const __m512i factors = _mm512_set4_epi64(kSecond, kFirst, kSecond, kFirst);
  constexpr int kXor = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, factors, 0x00),
                                   _mm512_clmulepi64_epi128(sum, factors, 0x11),
                                   _mm512_loadu_si512(next), kXor);
}

// Takes a multiple of kFoldBytes of at least kFoldBytesMin.
MAINSTEM_FOLDS void UpdateFolding(uint64_t* crc, const std::byte** data, size_t* size) {
  constexpr int kBits = 8 * kFoldBytes;
  const std::byte* at = *data;
  __m512i sums[4];
  for (size_t i = 0; i < 4; ++i) sums[i] = _mm512_loadu_si512(at + i * kFoldBytes);
  __m512i start = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(*crc)));
  sums[0] = _mm512_xor_si512(sums[0], start);
  size_t rest = *size - kFoldStrideBytes;
  at += kFoldStrideBytes;
  for (; rest >= kFoldStrideBytes; rest -= kFoldStrideBytes, at += kFoldStrideBytes) {
    for (size_t i = 0; i < 4; ++i) sums[i] = MoveOnto<4 * kBits>(sums[i], at + i * kFoldBytes);
  }
  alignas(kFoldBytes) std::byte lanes[4][kFoldBytes];
  for (size_t i = 1; i < 4; ++i) _mm512_store_si512(lanes[i], sums[i]);
  for (size_t i = 1; i < 4; ++i) sums[0] = MoveOnto<kBits>(sums[0], lanes[i]);
  for (; rest >= kFoldBytes; rest -= kFoldBytes, at += kFoldBytes) {
    sums[0] = MoveOnto<kBits>(sums[0], at);
  }
  _mm512_store_si512(lanes[0], sums[0]);
  uint64_t folded = 0;
  for (size_t i = 0; i < kFoldBytes; i += 8) folded = _mm_crc32_u64(folded, Load(lanes[0] + i));
  *crc = folded;
  *data = at;
  *size = rest;
}

uint32_t Update(uint32_t start, const std::byte* data, size_t size) {
  static const bool can_fold =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
  uint64_t crc = start;
  if (can_fold && size >= kFoldBytesMin) UpdateFolding(&crc, &data, &size);
  UpdateThreeLanes<4096>(&crc, &data, &size);
  UpdateThreeLanes<256>(&crc, &data, &size);
  for (; size >= 8; data += 8, size -= 8) crc = _mm_crc32_u64(crc, Load(data));
  uint32_t tail = static_cast<uint32_t>(crc);
  for (; size > 0; ++data, --size) tail = _mm_crc32_u8(tail, static_cast<uint8_t>(*data));
  return tail;
}

#else

uint32_t Update(uint32_t start, const std::byte* data, size_t size) {
  return UpdatePortable(start, data, size);
}

#endif

}  // namespace

uint32_t Crc32c(std::span<const std::byte> bytes, uint32_t previous) {
  return ~Update(~previous, bytes.data(), bytes.size());
}

}  // namespace mainstem::storage
