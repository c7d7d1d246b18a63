// Base64 of blobs in JSON: three bytes are four digits, twelve bits at a time.
#include <array>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::aws {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The two digits of each twelve bits.
struct DigitPairs {
  constexpr DigitPairs() {
    for (size_t i = 0; i < 4096; ++i) {
      pairs[i * 2] = kBase64Digits[i >> 6];
      pairs[i * 2 + 1] = kBase64Digits[i & 63];
    }
  }
  std::array<char, 8192> pairs{};
};
constexpr DigitPairs kDigitPairs;

// The value of each digit, at the place that it has among four; bit 31 is set for other characters.
struct DigitValues {
  constexpr DigitValues() {
    for (auto& table : values) {
      for (auto& value : table) value = 0x80000000u;
    }
    for (uint32_t i = 0; i < 64; ++i) {
      auto digit = static_cast<unsigned char>(kBase64Digits[i]);
      for (size_t place = 0; place < 4; ++place) values[place][digit] = i << (18 - 6 * place);
    }
  }
  std::array<std::array<uint32_t, 256>, 4> values{};
};
constexpr DigitValues kDigitValues;

}  // namespace

void AppendBase64(std::string_view bytes, std::string* out) {  // HOT PATH: GetRecords
  size_t before = out->size();
  out->resize(before + (bytes.size() + 2) / 3 * 4);
  char* to = out->data() + before;
  const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= 3; left -= 3, from += 3, to += 4) {
    uint32_t word = uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | from[2];
    std::memcpy(to, &kDigitPairs.pairs[(word >> 12) * 2], 2);
    std::memcpy(to + 2, &kDigitPairs.pairs[(word & 4095) * 2], 2);
  }
  if (left == 0) return;
  uint32_t word = uint32_t{from[0]} << 16 | (left == 2 ? uint32_t{from[1]} << 8 : 0);
  to[0] = kBase64Digits[word >> 18];
  to[1] = kBase64Digits[word >> 12 & 63];
  to[2] = left == 2 ? kBase64Digits[word >> 6 & 63] : '=';
  to[3] = '=';
}

bool DecodeBase64(std::string_view text, std::string* out) {  // HOT PATH: PutRecords
  out->clear();
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out->resize(text.size() / 4 * 3);
  const auto& values = kDigitValues.values;
  const auto* from = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* last = from + text.size() - 4;
  char* to = out->data();
  uint32_t wrong = 0;
  for (; from < last; from += 4, to += 3) {
    uint32_t word =
        values[0][from[0]] | values[1][from[1]] | values[2][from[2]] | values[3][from[3]];
    wrong |= word;
    to[0] = static_cast<char>(word >> 16);
    to[1] = static_cast<char>(word >> 8);
    to[2] = static_cast<char>(word);
  }
  uint32_t word = values[0][from[0]] | values[1][from[1]];
  if (padding < 2) word |= values[2][from[2]];
  if (padding < 1) word |= values[3][from[3]];
  // Bits behind the last byte must not be set: one text for one blob.
  uint32_t unused = padding == 2 ? 0xFFFF : padding == 1 ? 0xFF : 0;
  to[0] = static_cast<char>(word >> 16);
  to[1] = static_cast<char>(word >> 8);
  to[2] = static_cast<char>(word);
  out->resize(out->size() - padding);
  return ((wrong | word) & 0x80000000u) == 0 && (word & unused) == 0;
}

}  // namespace mainstem::gateway::aws
