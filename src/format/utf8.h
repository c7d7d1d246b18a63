// Text that is not UTF-8 must not reach a STRING column: Arrow's kernels rely on it. And the
// characters of text that is. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mainstem::format {

// May stand at the beginning of a file.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// `text` itself, or a copy in `scratch` with U+FFFD in place of what is not UTF-8.
std::string_view ReplaceInvalidUtf8(std::string_view text, std::string* scratch);

// The character at `*offset`, which moves past it; a broken byte stands for itself.
inline uint32_t NextCodePoint(std::string_view text, size_t* offset) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const uint32_t lead = byte((*offset)++);
  const int extra = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  uint32_t value = extra == 0 ? lead : lead & (0x3FU >> extra);
  for (int i = 0; i < extra && *offset < text.size() && (byte(*offset) & 0xC0) == 0x80; ++i) {
    value = value << 6 | (byte((*offset)++) & 0x3F);
  }
  return value;
}

// The bytes of one character.
class Utf8Character {
 public:
  explicit Utf8Character(uint32_t code_point) {
    const int extra = code_point < 0x80 ? 0 : code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    constexpr uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
    bytes_[size_++] = static_cast<char>(kLead[extra] | code_point >> (6 * extra));
    for (int i = extra - 1; i >= 0; --i) {
      bytes_[size_++] = static_cast<char>(0x80 | (code_point >> (6 * i) & 0x3F));
    }
  }
  std::string_view bytes() const { return {bytes_, size_}; }

 private:
  char bytes_[4];
  size_t size_ = 0;
};

}  // namespace mainstem::format
