#include "gateway/aws/event_stream.h"

#include <absl/time/time.h>
#include <zlib.h>

#include "gateway/aws/random_id.h"

namespace mainstem::gateway::aws {
namespace {

constexpr size_t kPreludeBytes = 8;
constexpr size_t kCrcBytes = 4;
constexpr char kTextHeader = 7;

void PutUnsigned(uint32_t value, int bytes, std::string* out) {
  for (int shift = 8 * bytes - 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

void PutHeader(std::string_view name, std::string_view value, std::string* out) {
  PutUnsigned(static_cast<uint32_t>(name.size()), 1, out);
  out->append(name);
  out->push_back(kTextHeader);
  PutUnsigned(static_cast<uint32_t>(value.size()), 2, out);
  out->append(value);
}

void PutCrc(std::string* out) {
  uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(out->data()), out->size());
  PutUnsigned(static_cast<uint32_t>(crc), 4, out);
}

}  // namespace

std::string EncodeEvent(const EventHead& head, std::string_view payload) {
  bool is_exception = head.kind == EventKind::kException;
  std::string headers;
  PutHeader(":message-type", is_exception ? "exception" : "event", &headers);
  PutHeader(is_exception ? ":exception-type" : ":event-type", head.type, &headers);
  PutHeader(":content-type", ContentTypeOf(head.codec), &headers);
  size_t total = kPreludeBytes + kCrcBytes + headers.size() + payload.size() + kCrcBytes;
  std::string out;
  out.reserve(total);
  PutUnsigned(static_cast<uint32_t>(total), 4, &out);
  PutUnsigned(static_cast<uint32_t>(headers.size()), 4, &out);
  PutCrc(&out);
  out.append(headers).append(payload);
  PutCrc(&out);
  return out;
}

void AddAnswerHeaders(Env* env, net::HttpHeaders* headers) {
  headers->Add("x-amzn-RequestId", RandomId(env));
  headers->Add(
      "Date", absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT",
                               absl::FromUnixMillis(env->WallTime().value()), absl::UTCTimeZone()));
}

}  // namespace mainstem::gateway::aws
