#include "gateway/kafka/codec/wire.h"

#include "core/status.h"

namespace mainstem::gateway::kafka {

bool Reader::ReadVarint(uint32_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    uint8_t byte = 0;
    if (!ReadInt(&byte)) return false;
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = static_cast<uint32_t>(result);
      return result <= UINT32_MAX;
    }
  }
  return false;
}

bool Reader::ReadView(size_t size, std::span<const std::byte>* view) {
  if (size > remaining()) return false;
  *view = bytes_.subspan(position_, size);
  position_ += size;
  return true;
}

bool Reader::SkipTags() {
  uint32_t count = 0;
  if (!ReadVarint(&count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t tag = 0;
    uint32_t size = 0;
    if (!ReadVarint(&tag) || !ReadVarint(&size) || !Skip(size)) return false;
  }
  return true;
}

std::vector<std::span<const std::byte>> Frame::Pieces() const {
  std::vector<std::span<const std::byte>> pieces;
  pieces.reserve(2 * splices_.size() + 1);
  std::span<const std::byte> own = std::as_bytes(std::span(bytes_));
  size_t position = 0;
  for (const auto& splice : splices_) {
    if (splice.at > position) pieces.push_back(own.subspan(position, splice.at - position));
    position = splice.at;
    pieces.push_back(splice.batch.bytes);
  }
  if (position < own.size()) pieces.push_back(own.subspan(position));
  return pieces;
}

std::string Frame::Flatten() const {
  std::string all;
  all.reserve(total_bytes());
  for (std::span<const std::byte> piece : Pieces()) {
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  return all;
}

void Writer::WriteVarint(uint32_t value) {
  while (value >= 0x80) {
    frame_.bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  frame_.bytes_.push_back(static_cast<char>(value));
}

void Writer::Splice(const storage::SharedBytes& batch) {
  if (batch.bytes.empty()) return;
  frame_.spliced_bytes_ += batch.bytes.size();
  frame_.splices_.push_back({frame_.bytes_.size(), batch});
}

Frame Writer::FinishFrame() && {
  Writer prefix;
  prefix.WriteInt(static_cast<int32_t>(size()));
  frame_.bytes_.insert(0, prefix.frame_.bytes_);
  for (auto& splice : frame_.splices_) splice.at += sizeof(int32_t);
  return std::move(frame_);
}

std::string Writer::FinishBytes() && {
  CHECK(frame_.splices_.empty());
  return std::move(frame_.bytes_);
}

}  // namespace mainstem::gateway::kafka
