// Writing and reading the small binary formats of process/ (manifest_format.h,
// job/job_record_format.h): little-endian numbers and length-prefixed texts. The reader is safe on
// any bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mainstem::process {

class ByteWriter {
 public:
  template <typename T>
  void Number(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Text(std::string_view text) {
    Number(static_cast<uint32_t>(text.size()));
    out_.append(text);
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }
  std::string& out() { return out_; }

 private:
  std::string out_;
};

// Remembers the first failure; everything read after it is empty.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  template <typename T>
  T Number() {
    T value{};
    if (rest_.size() < sizeof(value)) {
      Fail();
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof(value));
    rest_.remove_prefix(sizeof(value));
    return value;
  }
  std::string Text() {
    auto length = Number<uint32_t>();
    if (rest_.size() < length) {
      Fail();
      return {};
    }
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return text;
  }
  // A list's length; each element takes at least `element_bytes`.
  uint32_t Count(size_t element_bytes) {
    auto count = Number<uint32_t>();
    if (count > rest_.size() / element_bytes) {
      Fail();
      return 0;
    }
    return count;
  }
  bool finished() const { return !failed_ && rest_.empty(); }

 private:
  void Fail() {
    failed_ = true;
    rest_ = {};
  }
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace mainstem::process
