#include "gateway/http/body_encoding.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "core/net/http_parser.h"

namespace mainstem::gateway::http {
namespace {

constexpr size_t kFirstBytes = 16 << 10;
constexpr int kGzipWindow = 15 + 16;  // zlib's largest window, a gzip header before it

Status BrokenGzip() {
  return MakeError(ErrorCode::kDecodeError,
                   {.message = "the body is no whole gzip data",
                    .hint = "Content-Encoding says that it is; nothing of it was written"});
}

}  // namespace

std::optional<BodyEncoding> BodyEncodingOf(const net::HttpHeaders& headers) {
  auto name = headers.Find("Content-Encoding");
  if (!name || name->empty() || net::EqualsIgnoringCase(*name, "identity")) {
    return BodyEncoding::kNone;
  }
  bool is_gzip = net::EqualsIgnoringCase(*name, "gzip") || net::EqualsIgnoringCase(*name, "x-gzip");
  if (is_gzip) return BodyEncoding::kGzip;
  return std::nullopt;
}

Result<std::string> Gunzip(std::string_view body, size_t limit, MemoryBudget* memory,
                           MemoryLease* lease) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return Status::OutOfMemory("inflate");
  std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string plain;
  size_t used = 0;
  while (true) {
    if (used > limit) return net::BodyTooLarge(limit);
    if (used == plain.size()) {
      size_t size = std::min(std::max(2 * used, kFirstBytes), limit + 1);
      if (memory != nullptr && !memory->TryResize(lease, static_cast<int64_t>(size))) {
        return MakeError(ErrorCode::kResourceExhausted,
                         {.message = "too many request bodies at once",
                          .hint = "send smaller requests or fewer at a time"});
      }
      plain.resize(size);
    }
    stream.next_out = reinterpret_cast<Bytef*>(plain.data() + used);
    stream.avail_out = static_cast<uInt>(plain.size() - used);
    int code = inflate(&stream, Z_NO_FLUSH);
    used = plain.size() - stream.avail_out;
    if (code == Z_STREAM_END && stream.avail_in == 0 && used <= limit) break;
    // Another member may follow.
    if (code == Z_STREAM_END) code = inflateReset(&stream);
    bool is_short = code == Z_BUF_ERROR || (code == Z_OK && stream.avail_out > 0);
    if (is_short ? stream.avail_in == 0 : code != Z_OK) return BrokenGzip();
  }
  plain.resize(used);
  return plain;
}

}  // namespace mainstem::gateway::http
