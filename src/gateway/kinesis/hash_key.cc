#include "gateway/kinesis/hash_key.h"

#include <algorithm>
#include <cstdint>

#include <openssl/evp.h>

#include "core/status.h"

namespace mainstem::gateway::kinesis {

HashKey HashKeyOf(std::string_view partition_key) {  // HOT PATH: once for each record put
  // Looking the algorithm up takes longer than the hash.
  static const EVP_MD* const kMd5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(kMd5 != nullptr);
  CHECK(EVP_Digest(partition_key.data(), partition_key.size(), digest, &size, kMd5, nullptr) == 1);
  HashKey key = 0;
  for (unsigned int i = 0; i < size; ++i) key = key << 8 | digest[i];
  return key;
}

std::string FormatHashKey(HashKey key) {
  std::string out;
  do {
    out.push_back(static_cast<char>('0' + static_cast<int>(key % 10)));
    key /= 10;
  } while (key != 0);
  std::reverse(out.begin(), out.end());
  return out;
}

std::optional<HashKey> ParseHashKey(std::string_view text) {
  if (text.empty() || text.size() > 39 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  HashKey key = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    auto digit = static_cast<HashKey>(c - '0');
    if (key > (kHashKeyMax - digit) / 10) return std::nullopt;
    key = key * 10 + digit;
  }
  return key;
}

std::vector<HashKeyRange> EvenRanges(int32_t count) {
  CHECK(count > 0);
  std::vector<HashKeyRange> ranges;
  auto parts = static_cast<HashKey>(count);
  // 2^128 / count, which has no place in 128 bits itself.
  HashKey size = kHashKeyMax / parts + (kHashKeyMax % parts == parts - 1 ? 1 : 0);
  if (count == 1) return {HashKeyRange{}};
  for (HashKey i = 0; i < parts; ++i) {
    ranges.push_back(
        {.first = size * i, .last = i + 1 == parts ? kHashKeyMax : size * (i + 1) - 1});
  }
  return ranges;
}

}  // namespace mainstem::gateway::kinesis
