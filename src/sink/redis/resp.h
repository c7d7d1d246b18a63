// Redis's protocol RESP 2: commands out, replies in. Pure; no I/O.
// Source: redis.io, "Redis serialization protocol specification".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::sink {

// Commands one behind the other, as they go over the wire.
class RespCommands {
 public:
  void Add(std::span<const std::string_view> words);
  void Add(std::initializer_list<std::string_view> words) {
    Add(std::span<const std::string_view>(words.begin(), words.size()));
  }
  void Append(const RespCommands& others);

  const std::string& bytes() const { return bytes_; }
  size_t count() const { return count_; }

 private:
  std::string bytes_;
  size_t count_ = 0;
};

struct RespReply {
  enum class Kind : uint8_t { kStatus, kError, kInteger, kText, kNull, kArray };
  Kind kind = Kind::kNull;
  std::string text{};  // of kStatus, kError ("WRONGTYPE Operation ..."), kText
  int64_t integer = 0;
  std::vector<RespReply> elements{};

  bool is_error() const { return kind == Kind::kError; }
};

// Bytes in any pieces to replies.
class RespParser {
 public:
  // A reply with more than this is DecodeError, as is what is no RESP 2.
  static constexpr size_t kTextBytesMax = size_t{16} << 20;
  static constexpr int64_t kElementsMax = 1'000'000;

  void Feed(std::string_view bytes);
  // The next whole reply; nullopt: more bytes are needed.
  Result<std::optional<RespReply>> Next();

 private:
  // Moves `at` behind one reply; false when it is not whole.
  Result<bool> Parse(size_t* at, int depth, RespReply* reply) const;
  Result<bool> ParseLine(size_t* at, std::string_view* line) const;

  std::string buffer_;
  size_t taken_ = 0;
};

}  // namespace mainstem::sink
