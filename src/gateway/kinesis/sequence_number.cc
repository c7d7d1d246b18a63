#include "gateway/kinesis/sequence_number.h"

#include <array>

#include <fmt/format.h>

namespace mainstem::gateway::kinesis {
namespace {

constexpr uint64_t kVersion = 2;
constexpr uint64_t kTopDigit = 2;
constexpr int kTimeBits = 36;
constexpr uint64_t kChunk = 10'000'000'000'000'000'000u;  // 10^19
constexpr size_t kChunkDigits = 19;
constexpr size_t kDigitsMax = 57;

// 192 bits, the lowest limb first.
using Limbs = std::array<uint64_t, 3>;

void Push(Limbs* limbs, uint64_t value, int bits) {
  if (bits == 64) {
    *limbs = {value, (*limbs)[0], (*limbs)[1]};
    return;
  }
  for (size_t i = 2; i > 0; --i) {
    (*limbs)[i] = (*limbs)[i] << bits | (*limbs)[i - 1] >> (64 - bits);
  }
  (*limbs)[0] = (*limbs)[0] << bits | value;
}

uint64_t Pop(Limbs* limbs, int bits) {
  uint64_t low = (*limbs)[0];
  if (bits == 64) {
    *limbs = {(*limbs)[1], (*limbs)[2], 0};
    return low;
  }
  for (size_t i = 0; i < 2; ++i) {
    (*limbs)[i] = (*limbs)[i] >> bits | (*limbs)[i + 1] << (64 - bits);
  }
  (*limbs)[2] >>= bits;
  return low & ((uint64_t{1} << bits) - 1);
}

uint64_t DivideBy(Limbs* limbs, uint64_t divisor) {
  unsigned __int128 rest = 0;
  for (size_t i = 3; i-- > 0;) {
    rest = rest << 64 | (*limbs)[i];
    (*limbs)[i] = static_cast<uint64_t>(rest / divisor);
    rest %= divisor;
  }
  return static_cast<uint64_t>(rest);
}

// False when it does not fit.
bool MultiplyAdd(Limbs* limbs, uint64_t factor, uint64_t addend) {
  unsigned __int128 carry = addend;
  for (uint64_t& limb : *limbs) {
    carry += static_cast<unsigned __int128>(limb) * factor;
    limb = static_cast<uint64_t>(carry);
    carry >>= 64;
  }
  return carry == 0;
}

Limbs Pack(const SequenceNumber& number) {
  auto created = static_cast<uint64_t>(number.shard_created_s);
  auto shard = static_cast<uint64_t>(number.shard);
  Limbs limbs{};
  Push(&limbs, kTopDigit, 4);
  Push(&limbs, created, kTimeBits);
  Push(&limbs, shard & 15, 4);
  Push(&limbs, static_cast<uint64_t>(number.index), 64);
  Push(&limbs, 0, 8);
  Push(&limbs, created, kTimeBits);
  Push(&limbs, shard, 32);
  Push(&limbs, kVersion, 4);
  return limbs;
}

}  // namespace

std::string FormatSequenceNumber(const SequenceNumber& number) {  // HOT PATH: for each record
  Limbs limbs = Pack(number);
  std::array<char, 3 * kChunkDigits> digits;
  for (size_t chunk = 3; chunk-- > 0;) {
    uint64_t rest = DivideBy(&limbs, kChunk);
    for (size_t i = kChunkDigits; i-- > 0;) {
      digits[chunk * kChunkDigits + i] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
  }
  std::string_view text(digits.data(), digits.size());
  return std::string(text.substr(text.find_first_not_of('0')));
}

std::optional<SequenceNumber> ParseSequenceNumber(std::string_view text) {
  if (text.empty() || text.size() > kDigitsMax || text[0] == '0') return std::nullopt;
  Limbs limbs{};
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (!MultiplyAdd(&limbs, 10, static_cast<uint64_t>(c - '0'))) return std::nullopt;
  }
  Limbs given = limbs;
  SequenceNumber number;
  Pop(&limbs, 4);
  number.shard = static_cast<int32_t>(Pop(&limbs, 32));
  number.shard_created_s = static_cast<int64_t>(Pop(&limbs, kTimeBits));
  Pop(&limbs, 8);
  number.index = static_cast<int64_t>(Pop(&limbs, 64));
  if (number.shard < 0 || number.index < 0 || Pack(number) != given) return std::nullopt;
  return number;
}

std::string ShardName(int32_t shard) { return fmt::format("shardId-{:012}", shard); }

std::optional<int32_t> ParseShardName(std::string_view text) {
  size_t dash = text.find('-');
  if (dash != std::string_view::npos) text = text.substr(dash + 1);
  if (text.empty() || text.size() > 18) return std::nullopt;
  int64_t shard = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    shard = shard * 10 + (c - '0');
  }
  if (shard > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(shard);
}

}  // namespace mainstem::gateway::kinesis
