#include "core/net/websocket.h"

#include "core/net/steady_write.h"

namespace mainstem::net {
namespace {

constexpr size_t kFrameReadBytes = 16 * 1024;
constexpr uint16_t kCloseProtocolError = 1002;
constexpr uint16_t kCloseTooBig = 1009;

std::string ClosePayload(uint16_t code, std::string_view reason) {
  std::string payload;
  payload.push_back(static_cast<char>(code >> 8));
  payload.push_back(static_cast<char>(code & 0xFF));
  payload.append(reason.substr(0, 120));  // a control frame holds 125 bytes
  return payload;
}

}  // namespace

WebSocket::WebSocket(Stream* stream, Executor executor, WebSocketSide side, std::string input,
                     size_t message_limit, Duration write_timeout)
    : stream_(stream),
      executor_(executor),
      side_(side),
      input_(std::move(input)),
      message_limit_(message_limit),
      write_timeout_(write_timeout),
      write_done_(executor) {}

Task<std::optional<WebSocketMessage>> WebSocket::Read(TimePoint deadline) {
  using Nothing = std::optional<WebSocketMessage>;
  while (!peer_closed_) {
    size_t held = partial_ ? partial_->payload.size() : 0;
    auto decoded = DecodeWebSocketFrame(input_, message_limit_ - held, side_);
    if (!decoded.ok()) {
      bool too_big = Is(decoded.status(), ErrorCode::kMessageTooLarge);
      uint16_t code = too_big ? kCloseTooBig : kCloseProtocolError;
      std::string reason = TextOf(decoded.status()).detail;
      IgnoreError(co_await Close(code, std::move(reason)), "the stream is closed next");
      stream_->Close();
      co_return decoded.status();
    }
    if (!decoded->has_value()) {
      std::string buffer(kFrameReadBytes, '\0');
      std::span<std::byte> into = std::as_writable_bytes(std::span(buffer.data(), buffer.size()));
      CO_ASSIGN_OR_RETURN(size_t count, co_await stream_->ReadSome(into, deadline));
      if (count == 0) break;
      input_.append(buffer, 0, count);
      continue;
    }
    WebSocketFrame frame = std::move((*decoded)->frame);
    input_.erase(0, (*decoded)->used_bytes);
    if (static_cast<uint8_t>(frame.opcode) >= 0x8) {
      CO_RETURN_IF_ERROR(co_await HandleControl(std::move(frame)));
      continue;
    }
    bool continues = frame.opcode == WebSocketOpcode::kContinuation;
    if (continues != partial_.has_value()) {
      IgnoreError(co_await Close(kCloseProtocolError, "fragments out of order"), "closed next");
      stream_->Close();
      co_return MakeError(ErrorCode::kInvalidArgument, "WebSocket fragments out of order");
    }
    if (!continues) partial_ = WebSocketMessage{frame.opcode == WebSocketOpcode::kText, {}};
    partial_->payload.append(frame.payload);
    if (frame.final) co_return std::exchange(partial_, std::nullopt);
  }
  co_return Nothing();
}

Task<> WebSocket::HandleControl(WebSocketFrame frame) {
  if (frame.opcode == WebSocketOpcode::kPing) {
    co_return co_await WriteFrame(WebSocketOpcode::kPong, std::move(frame.payload));
  }
  if (frame.opcode == WebSocketOpcode::kPong) co_return Status::OK();
  peer_closed_ = true;
  if (std::exchange(close_sent_, true)) co_return Status::OK();
  // The peer's code is echoed; a one-byte payload would be malformed.
  std::string payload;
  if (frame.payload.size() >= 2) payload = frame.payload.substr(0, 2);
  IgnoreError(co_await WriteFrame(WebSocketOpcode::kClose, std::move(payload)),
              "the peer may be gone already");
  co_return Status::OK();
}

Task<> WebSocket::Send(WebSocketOpcode opcode, std::string payload) {
  if (close_sent_) co_return MakeError(ErrorCode::kConnectionClosed, "the WebSocket is closed");
  co_return co_await WriteFrame(opcode, std::move(payload));
}

Task<> WebSocket::Close(uint16_t code, std::string reason) {
  if (std::exchange(close_sent_, true)) co_return Status::OK();
  co_return co_await WriteFrame(WebSocketOpcode::kClose, ClosePayload(code, reason));
}

Task<> WebSocket::WriteFrame(WebSocketOpcode opcode, std::string payload) {
  // Pongs come from the reading task: frames of two tasks must not mix.
  while (writing_) {
    CO_ASSIGN_OR_RETURN(bool woken, co_await write_done_.Wait());
    (void)woken;
  }
  writing_ = true;
  std::string frame;
  if (side_ == WebSocketSide::kServer) {
    frame = EncodeWebSocketFrame(opcode, payload);
  } else {
    // The mask guards proxies against scripts that choose bytes; a client of ours runs no scripts.
    frame = EncodeMaskedWebSocketFrame(opcode, payload, 0x5AC93E17);
  }
  std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(frame))};
  auto task = WriteSteadily(executor_, stream_, std::move(pieces), write_timeout_);
  Status status = co_await std::move(task);
  writing_ = false;
  write_done_.NotifyAll();
  co_return status;
}

}  // namespace mainstem::net
