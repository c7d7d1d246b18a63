#include "core/net/websocket_codec.h"

#include <openssl/evp.h>

#include <fmt/format.h>

namespace mainstem::net {
namespace {

constexpr std::string_view kAcceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t kControlPayloadLimit = 125;

Status ProtocolError(std::string message) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "malformed WebSocket frame", .detail = std::move(message)});
}

bool IsControl(WebSocketOpcode opcode) { return static_cast<uint8_t>(opcode) >= 0x8; }

bool IsKnown(uint8_t opcode) { return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xA); }

uint64_t ReadBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string FrameHead(WebSocketOpcode opcode, size_t payload_size, uint8_t mask_bit) {
  std::string head(1, static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
  int extra = 0;
  if (payload_size < 126) {
    head.push_back(static_cast<char>(mask_bit | payload_size));
  } else if (payload_size <= 0xFFFF) {
    head.push_back(static_cast<char>(mask_bit | 126));
    extra = 2;
  } else {
    head.push_back(static_cast<char>(mask_bit | 127));
    extra = 8;
  }
  for (int i = extra - 1; i >= 0; --i) {
    head.push_back(static_cast<char>(static_cast<uint64_t>(payload_size) >> (8 * i)));
  }
  return head;
}

void ApplyMask(std::string_view mask, std::string* payload) {
  for (size_t i = 0; i < payload->size(); ++i) (*payload)[i] ^= mask[i % 4];
}

}  // namespace

Result<std::optional<DecodedWebSocketFrame>> DecodeWebSocketFrame(std::string_view input,
                                                                  size_t payload_limit,
                                                                  WebSocketSide receiver) {
  using Nothing = std::optional<DecodedWebSocketFrame>;
  if (input.size() < 2) return Nothing();
  uint8_t first = static_cast<uint8_t>(input[0]);
  uint8_t second = static_cast<uint8_t>(input[1]);
  if ((first & 0x70) != 0) return ProtocolError("a reserved bit is set");
  if (!IsKnown(first & 0x0F)) return ProtocolError("unknown opcode");
  auto opcode = static_cast<WebSocketOpcode>(first & 0x0F);
  bool final = (first & 0x80) != 0;
  bool masked = (second & 0x80) != 0;
  if (masked != (receiver == WebSocketSide::kServer)) {
    return ProtocolError(masked ? "a server's frame is masked" : "a client's frame is not masked");
  }
  size_t position = 2;
  uint64_t length = second & 0x7F;
  if (IsControl(opcode) && (!final || length > kControlPayloadLimit)) {
    return ProtocolError("a control frame is fragmented or longer than 125 bytes");
  }
  if (length >= 126) {
    size_t width = length == 126 ? 2 : 8;
    if (input.size() < position + width) return Nothing();
    length = ReadBigEndian(input.substr(position, width));
    position += width;
  }
  if (length > payload_limit) {
    return MakeError(ErrorCode::kMessageTooLarge,
                     {.message = "WebSocket message is too large",
                      .detail = fmt::format("the limit is {} bytes", payload_limit)});
  }
  size_t mask_bytes = masked ? 4 : 0;
  if (input.size() - position < mask_bytes + length) return Nothing();
  DecodedWebSocketFrame decoded;
  decoded.frame.final = final;
  decoded.frame.opcode = opcode;
  decoded.frame.payload = std::string(input.substr(position + mask_bytes, length));
  if (masked) ApplyMask(input.substr(position, 4), &decoded.frame.payload);
  decoded.used_bytes = position + mask_bytes + length;
  return std::optional(std::move(decoded));
}

std::string EncodeWebSocketFrame(WebSocketOpcode opcode, std::string_view payload) {
  std::string frame = FrameHead(opcode, payload.size(), 0);
  frame.append(payload);
  return frame;
}

std::string EncodeMaskedWebSocketFrame(WebSocketOpcode opcode, std::string_view payload,
                                       uint32_t mask) {
  std::string key;
  for (int i = 3; i >= 0; --i) key.push_back(static_cast<char>(mask >> (8 * i)));
  std::string masked(payload);
  ApplyMask(key, &masked);
  return FrameHead(opcode, payload.size(), 0x80) + key + masked;
}

std::string WebSocketAccept(std::string_view key) {
  std::string input = std::string(key) + std::string(kAcceptSuffix);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  CHECK(EVP_Digest(input.data(), input.size(), digest, &digest_size, EVP_sha1(), nullptr) == 1);
  unsigned char text[64];
  int text_size = EVP_EncodeBlock(text, digest, static_cast<int>(digest_size));
  return {reinterpret_cast<const char*>(text), static_cast<size_t>(text_size)};
}

}  // namespace mainstem::net
