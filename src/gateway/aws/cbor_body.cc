// CBOR (RFC 8949) as AWS's SDKs speak it: blobs are byte strings, times are tag 1 with milliseconds
// (legacy) or, as a floating-point number, seconds (rpc-v2-cbor). An item begins with a byte of
// major type (3 bits) and length (5 bits: a value below 24, or 1, 2, 4, 8 bytes follow, or 31 for
// an indefinite length that ends with 0xFF).
#include <bit>
#include <cmath>
#include <list>

#include <simdjson.h>

#include "format/utf8.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/codecs.h"

namespace mainstem::gateway::aws {
namespace {

enum Major : uint8_t { kUnsigned, kNegative, kByteString, kText, kArray, kMapType, kTag, kSimple };
constexpr uint8_t kIndefinite = 31;
constexpr uint64_t kTimeTag = 1;
constexpr int kBreak = 0xFF;

struct ParsedCbor {
  std::string body;
  std::list<std::string> joined;  // strings that came in chunks
};

Status BadCbor(std::string_view why) {
  return MakeError(ErrorCode::kDecodeError,
                   {.message = "the body is not CBOR", .detail = std::string(why)});
}

double HalfToDouble(uint16_t half) {
  int exponent = half >> 10 & 31;
  double mantissa = half & 1023;
  double value = exponent == 0    ? std::ldexp(mantissa, -24)
                 : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                  : std::ldexp(mantissa + 1024, exponent - 25);
  return half & 0x8000 ? -value : value;
}

class CborReader {
 public:
  explicit CborReader(ParsedCbor* parsed) : parsed_(parsed), rest_(parsed->body) {}

  bool at_end() const { return rest_.empty(); }

  Status Read(int depth, Value* out) {
    if (depth > kDepthMax) return BadCbor("it is nested too deeply");
    if (members_left_-- == 0) return BadCbor("it has too many members");
    ASSIGN_OR_RETURN(Head head, ReadHead());
    switch (head.major) {
      case kUnsigned:
      case kNegative: return TakeInteger(head, out);
      case kByteString:
      case kText:
        out->kind = head.major == kText ? Value::Kind::kString : Value::Kind::kBytes;
        return TakeString(head, &out->text);
      case kArray:
      case kMapType: return TakeMembers(head, depth, out);
      case kTag: return TakeTagged(head, depth, out);
      default: return TakeSimple(head, out);
    }
  }

 private:
  struct Head {
    uint8_t major = 0;
    uint8_t info = 0;
    uint64_t value = 0;
    bool indefinite() const { return info == kIndefinite; }
  };

  Result<Head> ReadHead() {
    if (rest_.empty()) return BadCbor("it is cut off");
    auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    Head head{.major = static_cast<uint8_t>(first >> 5), .info = static_cast<uint8_t>(first & 31)};
    if (head.info < 24) {
      head.value = head.info;
    } else if (head.info < 28) {
      size_t size = size_t{1} << (head.info - 24);
      if (rest_.size() < size) return BadCbor("it is cut off");
      for (size_t i = 0; i < size; ++i) {
        head.value = head.value << 8 | static_cast<uint8_t>(rest_[i]);
      }
      rest_.remove_prefix(size);
    } else if (head.info < kIndefinite) {
      return BadCbor("a length is reserved");
    }
    return head;
  }

  bool TakeBreak() {
    if (rest_.empty() || static_cast<uint8_t>(rest_.front()) != kBreak) return false;
    rest_.remove_prefix(1);
    return true;
  }

  static Status TakeInteger(const Head& head, Value* out) {
    if (head.indefinite()) return BadCbor("an integer has no length");
    if (head.value > static_cast<uint64_t>(INT64_MAX)) {
      out->kind = Value::Kind::kDouble;
      auto size = static_cast<double>(head.value);
      out->number = head.major == kUnsigned ? size : -1 - size;
      return Status::OK();
    }
    out->kind = Value::Kind::kInteger;
    auto value = static_cast<int64_t>(head.value);
    out->integer = head.major == kUnsigned ? value : -1 - value;
    return Status::OK();
  }

  Status TakeChunk(const Head& head, std::string_view* out) {
    if (head.value > rest_.size()) return BadCbor("a string is longer than the body");
    *out = rest_.substr(0, head.value);
    rest_.remove_prefix(head.value);
    return Status::OK();
  }

  Status TakeString(const Head& head, std::string_view* out) {
    RETURN_IF_ERROR(TakeChunks(head, out));
    if (head.major == kText && !simdjson::validate_utf8(out->data(), out->size())) {
      return BadCbor("a text is not UTF-8");
    }
    return Status::OK();
  }

  Status TakeChunks(const Head& head, std::string_view* out) {
    if (!head.indefinite()) return TakeChunk(head, out);
    std::string& joined = parsed_->joined.emplace_back();
    while (!TakeBreak()) {
      ASSIGN_OR_RETURN(Head chunk, ReadHead());
      if (chunk.major != head.major || chunk.indefinite()) return BadCbor("a chunk is no string");
      std::string_view piece;
      RETURN_IF_ERROR(TakeChunk(chunk, &piece));
      joined.append(piece);
    }
    *out = joined;
    return Status::OK();
  }

  Status TakeMembers(const Head& head, int depth, Value* out) {
    bool is_map = head.major == kMapType;
    out->kind = is_map ? Value::Kind::kMap : Value::Kind::kList;
    // Each member takes a byte at least: no room is made for what can't be there.
    if (!head.indefinite()) {
      if (head.value > rest_.size()) return BadCbor("a list is longer than the body");
      out->members.reserve(std::min<size_t>(head.value, rest_.size() / 16 + 4));
    }
    for (uint64_t i = 0; head.indefinite() || i < head.value; ++i) {
      if (head.indefinite() && TakeBreak()) break;
      Member& member = out->members.emplace_back();
      if (is_map) {
        ASSIGN_OR_RETURN(Head key, ReadHead());
        if (key.major != kText) return BadCbor("a key is no text");
        RETURN_IF_ERROR(TakeString(key, &member.name));
      }
      RETURN_IF_ERROR(Read(depth + 1, &member.value));
    }
    return Status::OK();
  }

  Status TakeTagged(const Head& head, int depth, Value* out) {
    if (head.indefinite()) return BadCbor("a tag has no length");
    RETURN_IF_ERROR(Read(depth + 1, out));
    if (head.value != kTimeTag) return Status::OK();
    if (out->kind == Value::Kind::kDouble) {
      double milliseconds = std::round(out->number * 1000);
      if (!(std::abs(milliseconds) < 9e15)) return BadCbor("a time is out of range");
      out->integer = static_cast<int64_t>(milliseconds);
    } else if (out->kind != Value::Kind::kInteger) {
      return BadCbor("a time is no number");
    }
    out->kind = Value::Kind::kTime;
    return Status::OK();
  }

  static Status TakeSimple(const Head& head, Value* out) {
    switch (head.info) {
      case 20:
      case 21:
        out->kind = Value::Kind::kBoolean;
        out->boolean = head.info == 21;
        return Status::OK();
      case 22:
      case 23: return Status::OK();
      case 25: out->number = HalfToDouble(static_cast<uint16_t>(head.value)); break;
      case 26: out->number = std::bit_cast<float>(static_cast<uint32_t>(head.value)); break;
      case 27: out->number = std::bit_cast<double>(head.value); break;
      default: return BadCbor("a simple value is unknown");
    }
    out->kind = Value::Kind::kDouble;
    return Status::OK();
  }

  ParsedCbor* parsed_;
  std::string_view rest_;
  size_t members_left_ = kMembersMax;
};

class CborBodyWriter final : public BodyWriter {
 public:
  BodyWriter& BeginMap() override { return Byte(kMapType << 5 | kIndefinite); }
  BodyWriter& EndMap() override { return Byte(kBreak); }
  BodyWriter& BeginList() override { return Byte(kArray << 5 | kIndefinite); }
  BodyWriter& EndList() override { return Byte(kBreak); }
  BodyWriter& Key(std::string_view key) override { return String(key); }
  BodyWriter& String(std::string_view text) override {
    text = format::ReplaceInvalidUtf8(text, &scratch_);
    Head(kText, text.size());
    out_.append(text);
    return *this;
  }
  BodyWriter& Bytes(std::string_view bytes) override {
    Head(kByteString, bytes.size());
    out_.append(bytes);
    return *this;
  }
  BodyWriter& Integer(int64_t value) override {
    if (value >= 0) return Head(kUnsigned, static_cast<uint64_t>(value));
    return Head(kNegative, static_cast<uint64_t>(-1 - value));
  }
  BodyWriter& Double(double value) override {
    Byte(kSimple << 5 | 27);
    auto bits = std::bit_cast<uint64_t>(value);
    for (int shift = 56; shift >= 0; shift -= 8) Byte(static_cast<int>(bits >> shift & 0xFF));
    return *this;
  }
  BodyWriter& Boolean(bool value) override { return Byte(kSimple << 5 | (value ? 21 : 20)); }
  BodyWriter& Time(int64_t milliseconds) override {
    Head(kTag, kTimeTag);
    return Integer(milliseconds);
  }
  size_t bytes() const override { return out_.size(); }
  std::string Take() override { return std::move(out_); }

 private:
  BodyWriter& Byte(int value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  BodyWriter& Head(uint8_t major, uint64_t value) {
    if (value < 24) return Byte(major << 5 | static_cast<int>(value));
    int size_log = value <= 0xFF ? 0 : value <= 0xFFFF ? 1 : value <= 0xFFFFFFFF ? 2 : 3;
    Byte(major << 5 | (24 + size_log));
    for (int shift = (8 << size_log) - 8; shift >= 0; shift -= 8) {
      Byte(static_cast<int>(value >> shift & 0xFF));
    }
    return *this;
  }

  std::string out_;
  std::string scratch_;
};

}  // namespace

Result<Document> DecodeCbor(std::string body) {
  auto parsed = std::make_shared<ParsedCbor>();
  parsed->body = std::move(body);
  CborReader reader(parsed.get());
  Document document;
  RETURN_IF_ERROR(reader.Read(0, &document.root));
  if (!reader.at_end()) return BadCbor("something follows it");
  document.owner = std::move(parsed);
  return document;
}

std::unique_ptr<BodyWriter> MakeCborWriter() { return std::make_unique<CborBodyWriter>(); }

}  // namespace mainstem::gateway::aws
