#include "format/avro/avro_codec.h"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "core/suggest.h"

namespace mainstem::format {
namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr int kRawDeflate = -15;  // no zlib header

Status Broken(const std::string& codec) {
  return MakeError(ErrorCode::kDecodeError, "a block is not in the form of '" + codec + "'");
}

Status TooLarge(size_t limit) {
  return MakeError(ErrorCode::kDecodeError,
                   fmt::format("a block unpacks to more than {} bytes", limit));
}

uint32_t Checksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

Status Deflate(std::string_view plain, std::string* packed) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawDeflate, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return MakeError(ErrorCode::kInternal, "zlib does not start");
  }
  std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, deflateEnd);
  packed->resize(deflateBound(&stream, static_cast<uLong>(plain.size())));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed->data());
  stream.avail_out = static_cast<uInt>(packed->size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
    return MakeError(ErrorCode::kInternal, "zlib does not end");
  }
  packed->resize(stream.total_out);
  return Status::OK();
}

Result<std::string> Inflate(std::string_view packed, size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, kRawDeflate) != Z_OK) {
    return MakeError(ErrorCode::kInternal, "zlib does not start");
  }
  std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string plain;
  while (true) {
    size_t done = plain.size();
    if (done >= limit) return TooLarge(limit);
    plain.resize(std::min(done + kChunkBytes, limit));
    stream.next_out = reinterpret_cast<Bytef*>(plain.data() + done);
    stream.avail_out = static_cast<uInt>(plain.size() - done);
    int outcome = inflate(&stream, Z_NO_FLUSH);
    size_t made = plain.size() - done - stream.avail_out;
    plain.resize(done + made);
    if (outcome == Z_STREAM_END) return plain;
    // Nothing made and nothing left to read: it is cut off.
    if (outcome != Z_OK || (made == 0 && stream.avail_in == 0)) return Broken("deflate");
  }
}

Result<std::string> Unsnappy(std::string_view packed, size_t limit) {
  constexpr size_t kChecksumBytes = 4;
  if (packed.size() < kChecksumBytes) return Broken("snappy");
  std::string_view tail = packed.substr(packed.size() - kChecksumBytes);
  packed.remove_suffix(kChecksumBytes);
  size_t size = 0;
  if (!snappy::GetUncompressedLength(packed.data(), packed.size(), &size)) return Broken("snappy");
  if (size > limit) return TooLarge(limit);
  // A length that lies: no byte of Snappy makes more than 64.
  if (size > packed.size() * 64) return Broken("snappy");
  std::string plain;
  if (!snappy::Uncompress(packed.data(), packed.size(), &plain)) return Broken("snappy");
  uint32_t stored = 0;
  for (unsigned char byte : tail) stored = (stored << 8) | byte;
  if (stored != Checksum(plain)) {
    return MakeError(ErrorCode::kDecodeError, "a block's checksum is wrong");
  }
  return plain;
}

Result<std::string> Unzstd(std::string_view packed, size_t limit) {
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                  ZSTD_freeDStream);
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, 27);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::string plain;
  while (true) {
    size_t done = plain.size();
    if (done >= limit) return TooLarge(limit);
    plain.resize(std::min(done + kChunkBytes, limit));
    ZSTD_outBuffer out{plain.data() + done, plain.size() - done, 0};
    size_t rest = ZSTD_decompressStream(stream.get(), &out, &in);
    plain.resize(done + out.pos);
    if (ZSTD_isError(rest)) return Broken("zstandard");
    if (rest == 0 && in.pos == in.size) return plain;
    if (out.pos == 0 && in.pos == in.size) return Broken("zstandard");
  }
}

}  // namespace

Status CheckAvroCodec(const std::string& codec) {
  static const std::vector<std::string> known = {"null", "deflate", "snappy", "zstandard"};
  if (std::find(known.begin(), known.end(), codec) != known.end()) return Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "the Avro codec '" + codec.substr(0, 50) + "' is not known",
                    .hint = SuggestionFor(codec, known)});
}

Status PackAvroBlock(const std::string& codec, std::string_view plain, std::string* packed) {
  if (codec == "deflate") return Deflate(plain, packed);
  if (codec == "snappy") {
    snappy::Compress(plain.data(), plain.size(), packed);
    uint32_t checksum = Checksum(plain);
    for (int shift = 24; shift >= 0; shift -= 8) {
      packed->push_back(static_cast<char>(checksum >> shift));
    }
    return Status::OK();
  }
  if (codec == "zstandard") {
    packed->resize(ZSTD_compressBound(plain.size()));
    size_t size = ZSTD_compress(packed->data(), packed->size(), plain.data(), plain.size(), 3);
    if (ZSTD_isError(size)) return MakeError(ErrorCode::kInternal, ZSTD_getErrorName(size));
    packed->resize(size);
    return Status::OK();
  }
  packed->assign(plain);
  return Status::OK();
}

Result<std::string> UnpackAvroBlock(const std::string& codec, std::string_view packed,
                                    size_t plain_bytes_max) {
  if (codec == "deflate") return Inflate(packed, plain_bytes_max);
  if (codec == "snappy") return Unsnappy(packed, plain_bytes_max);
  if (codec == "zstandard") return Unzstd(packed, plain_bytes_max);
  return std::string(packed);
}

}  // namespace mainstem::format
