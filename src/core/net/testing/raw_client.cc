#include "core/net/testing/raw_client.h"

#include <charconv>

#include <fmt/format.h>

namespace mainstem::net {

Task<> RawClient::Send(std::string text) {
  std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(text))};
  co_return co_await stream_->Write(std::move(pieces), kNoDeadline);
}

Task<std::string> RawClient::ReadUntil(std::string end) {
  while (received_.find(end) == std::string::npos) {
    std::array<std::byte, 4096> buffer;
    CO_ASSIGN_OR_RETURN(size_t count, co_await stream_->ReadSome(buffer, kNoDeadline));
    if (count == 0) co_return MakeError(ErrorCode::kConnectionClosed, "closed: " + received_);
    received_.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  size_t length = received_.find(end) + end.size();
  std::string text = received_.substr(0, length);
  received_.erase(0, length);
  co_return text;
}

Task<std::string> RawClient::ReadToEnd() {
  while (true) {
    std::array<std::byte, 4096> buffer;
    auto count = co_await stream_->ReadSome(buffer, kNoDeadline);
    if (!count.ok() || *count == 0) break;
    received_.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
  co_return std::exchange(received_, {});
}

Task<std::string> RawClient::ReadCount(size_t count) {
  while (received_.size() < count) {
    std::array<std::byte, 4096> buffer;
    CO_ASSIGN_OR_RETURN(size_t read, co_await stream_->ReadSome(buffer, kNoDeadline));
    if (read == 0) co_return MakeError(ErrorCode::kConnectionClosed, "closed in a body");
    received_.append(reinterpret_cast<const char*>(buffer.data()), read);
  }
  std::string text = received_.substr(0, count);
  received_.erase(0, count);
  co_return text;
}

Task<std::string> RawClient::ReadChunks() {
  std::string body;
  while (true) {
    CO_ASSIGN_OR_RETURN(std::string line, co_await ReadUntil("\r\n"));
    size_t size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    CO_ASSIGN_OR_RETURN(std::string chunk, co_await ReadCount(size + 2));
    if (size == 0) co_return body;
    body.append(chunk, 0, size);
  }
}

Task<RawResponse> RawClient::Call(Request request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n",
                                 request.method, request.target, request.body.size());
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
  text += "\r\n" + request.body;
  CO_RETURN_IF_ERROR(co_await Send(std::move(text)));
  RawResponse response;
  CO_ASSIGN_OR_RETURN(response.head, co_await ReadUntil("\r\n\r\n"));
  std::from_chars(response.head.data() + 9, response.head.data() + 12, response.status);
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  size_t length_at = response.head.find(kLength);
  if (length_at != std::string::npos) {
    size_t length = 0;
    const char* digits = response.head.data() + length_at + kLength.size();
    std::from_chars(digits, response.head.data() + response.head.size(), length);
    CO_ASSIGN_OR_RETURN(response.body, co_await ReadCount(length));
  } else if (response.head.find("chunked") != std::string::npos) {
    CO_ASSIGN_OR_RETURN(response.body, co_await ReadChunks());
  }
  co_return response;
}

}  // namespace mainstem::net
