// Reading and writing the primitive values of Kafka's protocol. Reader never reads past the end of
// its bytes and never trusts a length; Writer collects one frame, with record batches spliced in
// by reference. Plain values; no threads involved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

// Every Read returns false when the bytes end too early or a varint is malformed; the position is
// then unspecified and the reader must not be used further.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  [[nodiscard]] bool ReadInt(T* value) {
    if (remaining() < sizeof(T)) return false;
    std::make_unsigned_t<T> result = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      result = static_cast<std::make_unsigned_t<T>>((static_cast<uint64_t>(result) << 8) |
                                                    static_cast<uint8_t>(bytes_[position_ + i]));
    }
    position_ += sizeof(T);
    *value = static_cast<T>(result);
    return true;
  }
  // Unsigned, at most 5 bytes and 32 bits.
  [[nodiscard]] bool ReadVarint(uint32_t* value);
  [[nodiscard]] bool ReadView(size_t size, std::span<const std::byte>* view);
  [[nodiscard]] bool Skip(size_t size) {
    std::span<const std::byte> ignored;
    return ReadView(size, &ignored);
  }
  // Tagged fields of which none is known.
  [[nodiscard]] bool SkipTags();

  size_t remaining() const { return bytes_.size() - position_; }
  size_t position() const { return position_; }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

// One frame ready to be sent: its length prefix and all its bytes. Movable.
class Frame {
 public:
  // In sending order; valid while the frame lives and is not moved.
  std::vector<std::span<const std::byte>> Pieces() const;
  size_t total_bytes() const { return bytes_.size() + spliced_bytes_; }
  // Of these, record batches that are sent from where they lie.
  size_t spliced_bytes() const { return spliced_bytes_; }
  // For who counts: the answer tells of an error.
  void set_has_error(bool has_error) { has_error_ = has_error; }
  bool has_error() const { return has_error_; }
  // Everything copied into one string, for tests.
  std::string Flatten() const;

 private:
  friend class Writer;
  struct Splice {
    size_t at;  // before this position of bytes_
    storage::SharedBytes batch;
  };
  std::string bytes_;
  std::vector<Splice> splices_;
  size_t spliced_bytes_ = 0;
  bool has_error_ = false;
};

class Writer {
 public:
  template <typename T>
  void WriteInt(T value) {
    char buffer[sizeof(T)];
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (size_t i = 0; i < sizeof(T); ++i) {
      buffer[i] = static_cast<char>(bits >> (8 * (sizeof(T) - 1 - i)));
    }
    frame_.bytes_.append(buffer, sizeof(T));
  }
  void WriteVarint(uint32_t value);
  void WriteRaw(std::string_view bytes) { frame_.bytes_.append(bytes); }
  void Splice(const storage::SharedBytes& batch);

  size_t size() const { return frame_.total_bytes(); }
  // The frame with its length in front, or the bytes alone.
  Frame FinishFrame() &&;
  std::string FinishBytes() &&;

 private:
  Frame frame_;
};

}  // namespace mainstem::gateway::kafka
