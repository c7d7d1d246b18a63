#include "sink/redis/resp.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

namespace mainstem::sink {
namespace {

constexpr int kDepthMax = 8;
constexpr size_t kLineBytesMax = 64 << 10;
constexpr std::string_view kEnd = "\r\n";

Status BadReply(std::string problem) {
  return MakeError(ErrorCode::kDecodeError, "the server's reply is not RESP 2: " + problem);
}

Result<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  if (absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number)) return number;
  return BadReply("no number where a number must stand");
}

}  // namespace

void RespCommands::Add(std::span<const std::string_view> words) {
  fmt::format_to(std::back_inserter(bytes_), "*{}\r\n", words.size());
  for (std::string_view word : words) {
    fmt::format_to(std::back_inserter(bytes_), "${}\r\n", word.size());
    bytes_ += word;
    bytes_ += kEnd;
  }
  ++count_;
}

void RespCommands::Append(const RespCommands& others) {
  bytes_ += others.bytes_;
  count_ += others.count_;
}

void RespParser::Feed(std::string_view bytes) {
  if (taken_ > buffer_.size() / 2) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  buffer_ += bytes;
}

Result<std::optional<RespReply>> RespParser::Next() {
  if (taken_ == buffer_.size()) return std::nullopt;
  RespReply reply;
  size_t at = taken_;
  ASSIGN_OR_RETURN(bool is_whole, Parse(&at, 0, &reply));
  if (!is_whole) return std::nullopt;
  taken_ = at;
  return reply;
}

Result<bool> RespParser::ParseLine(size_t* at, std::string_view* line) const {
  size_t end = buffer_.find(kEnd, *at);
  if (end == std::string::npos) {
    if (buffer_.size() - *at > kLineBytesMax) return BadReply("a line without an end");
    return false;
  }
  *line = std::string_view(buffer_).substr(*at, end - *at);
  *at = end + kEnd.size();
  return true;
}

Result<bool> RespParser::Parse(size_t* at, int depth, RespReply* reply) const {
  if (depth > kDepthMax) return BadReply("arrays within arrays, too deep");
  std::string_view line;
  ASSIGN_OR_RETURN(bool has_line, ParseLine(at, &line));
  if (!has_line) return false;
  if (line.empty()) return BadReply("an empty line");
  std::string_view rest = line.substr(1);
  switch (line[0]) {
    case '+': *reply = {.kind = RespReply::Kind::kStatus, .text = std::string(rest)}; return true;
    case '-': *reply = {.kind = RespReply::Kind::kError, .text = std::string(rest)}; return true;
    case ':': {
      reply->kind = RespReply::Kind::kInteger;
      ASSIGN_OR_RETURN(reply->integer, ParseNumber(rest));
      return true;
    }
    case '$': {
      ASSIGN_OR_RETURN(int64_t size, ParseNumber(rest));
      if (size == -1) return true;
      if (size < 0 || size > static_cast<int64_t>(kTextBytesMax)) return BadReply("a text's size");
      auto bytes = static_cast<size_t>(size);
      if (buffer_.size() - *at < bytes + kEnd.size()) return false;
      reply->kind = RespReply::Kind::kText;
      reply->text = buffer_.substr(*at, bytes);
      if (buffer_.compare(*at + bytes, kEnd.size(), kEnd) != 0) return BadReply("a text's end");
      *at += bytes + kEnd.size();
      return true;
    }
    case '*': {
      ASSIGN_OR_RETURN(int64_t count, ParseNumber(rest));
      if (count == -1) return true;
      if (count < 0 || count > kElementsMax) return BadReply("an array's size");
      reply->kind = RespReply::Kind::kArray;
      for (int64_t i = 0; i < count; ++i) {
        RespReply element;
        ASSIGN_OR_RETURN(bool is_whole, Parse(at, depth + 1, &element));
        if (!is_whole) return false;
        reply->elements.push_back(std::move(element));
      }
      return true;
    }
    default: return BadReply("a reply of an unknown kind");
  }
}

}  // namespace mainstem::sink
