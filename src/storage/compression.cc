#include "storage/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace mainstem::storage {
namespace {

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

constexpr std::array<std::string_view, 5> kNames = {"none", "gzip", "snappy", "lz4", "zstd"};

Status Broken(std::string_view codec) {
  return MakeError(ErrorCode::kInvalidRecord, fmt::format("broken {} data", codec));
}
Status TooBig(size_t limit) {
  return MakeError(ErrorCode::kInvalidRecord,
                   fmt::format("a batch decompresses to more than {} bytes", limit));
}

// An output that grows by doubling up to a limit.
class Growing {
 public:
  explicit Growing(size_t first, size_t limit) : limit_(limit) {
    bytes_.resize(std::min(std::max<size_t>(first, 256), limit));
  }
  std::span<std::byte> free_space() { return std::span(bytes_).subspan(used_); }
  void Used(size_t count) { used_ += count; }
  Status Grow() {
    if (bytes_.size() >= limit_) return TooBig(limit_);
    bytes_.resize(std::min(bytes_.size() * 2, limit_));
    return Status::OK();
  }
  Bytes Take() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  Bytes bytes_;
  size_t used_ = 0;
  size_t limit_;
};

Result<Bytes> DecompressGzip(View input, size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return Status::OutOfMemory("inflate");
  std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  Growing output(input.size() * 4, limit);
  while (true) {
    auto space = output.free_space();
    stream.next_out = reinterpret_cast<Bytef*>(space.data());
    stream.avail_out = static_cast<uInt>(space.size());
    int code = inflate(&stream, Z_NO_FLUSH);
    output.Used(space.size() - stream.avail_out);
    if (code == Z_STREAM_END) return output.Take();
    if (code != Z_OK && code != Z_BUF_ERROR) return Broken("gzip");
    if (stream.avail_out > 0) return Broken("gzip");  // input ended early
    RETURN_IF_ERROR(output.Grow());
  }
}

Result<Bytes> CompressGzip(View input) {
  z_stream stream{};
  int code =
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  if (code != Z_OK) return Status::OutOfMemory("deflate");
  std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, &deflateEnd);
  Bytes output(deflateBound(&stream, static_cast<uLong>(input.size())));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(output.data());
  stream.avail_out = static_cast<uInt>(output.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  output.resize(output.size() - stream.avail_out);
  return output;
}

constexpr std::array<uint8_t, 8> kXerialMagic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr size_t kXerialHeaderBytes = 16;  // magic, version i32, oldest compatible version i32
constexpr size_t kXerialBlockBytes = 32 * 1024;

uint32_t LoadBig32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, 4);
  return __builtin_bswap32(value);
}
void StoreBig32(std::byte* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, 4);
}

Status DecompressSnappyBlock(View block, size_t limit, Bytes* output) {
  const char* data = reinterpret_cast<const char*>(block.data());
  size_t size = 0;
  if (!snappy::GetUncompressedLength(data, block.size(), &size)) return Broken("snappy");
  if (size > limit - output->size()) return TooBig(limit);
  // Snappy can't expand more than about 64/3 times: do not trust a length that claims more.
  if (size > block.size() * 32 + 64) return Broken("snappy");
  size_t begin = output->size();
  output->resize(begin + size);
  if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(output->data() + begin))) {
    return Broken("snappy");
  }
  return Status::OK();
}

Result<Bytes> DecompressSnappy(View input, size_t limit) {
  Bytes output;
  bool xerial = input.size() >= kXerialHeaderBytes &&
                std::memcmp(input.data(), kXerialMagic.data(), kXerialMagic.size()) == 0;
  if (!xerial) {
    RETURN_IF_ERROR(DecompressSnappyBlock(input, limit, &output));
    return output;
  }
  size_t at = kXerialHeaderBytes;
  while (at < input.size()) {
    if (input.size() - at < 4) return Broken("snappy");
    size_t size = LoadBig32(input.data() + at);
    at += 4;
    if (size > input.size() - at) return Broken("snappy");
    RETURN_IF_ERROR(DecompressSnappyBlock(input.subspan(at, size), limit, &output));
    at += size;
  }
  return output;
}

Result<Bytes> CompressSnappy(View input) {
  Bytes output(kXerialHeaderBytes);
  std::memcpy(output.data(), kXerialMagic.data(), kXerialMagic.size());
  StoreBig32(output.data() + 8, 1);
  StoreBig32(output.data() + 12, 1);
  for (size_t at = 0; at < input.size(); at += kXerialBlockBytes) {
    View block = input.subspan(at, std::min(kXerialBlockBytes, input.size() - at));
    size_t begin = output.size();
    output.resize(begin + 4 + snappy::MaxCompressedLength(block.size()));
    size_t size = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(),
                        reinterpret_cast<char*>(output.data() + begin + 4), &size);
    StoreBig32(output.data() + begin, static_cast<uint32_t>(size));
    output.resize(begin + 4 + size);
  }
  return output;
}

Result<Bytes> DecompressLz4(View input, size_t limit) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) {
    return Status::OutOfMemory("lz4");
  }
  std::unique_ptr<LZ4F_dctx, size_t (*)(LZ4F_dctx*)> context(raw, &LZ4F_freeDecompressionContext);
  Growing output(input.size() * 4, limit);
  while (true) {
    auto space = output.free_space();
    size_t written = space.size();
    size_t taken = input.size();
    size_t hint =
        LZ4F_decompress(raw, space.data(), &written, input.data(), &taken, /*options=*/nullptr);
    if (LZ4F_isError(hint)) return Broken("lz4");
    output.Used(written);
    input = input.subspan(taken);
    if (hint == 0) return output.Take();
    if (output.free_space().empty()) {
      RETURN_IF_ERROR(output.Grow());
    } else if (taken == 0 && written == 0) {
      return Broken("lz4");  // input ended early
    }
  }
}

Result<Bytes> CompressLz4(View input) {
  LZ4F_preferences_t preferences{};
  // Java's reader refuses blocks that depend on each other.
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  Bytes output(LZ4F_compressFrameBound(input.size(), &preferences));
  size_t size =
      LZ4F_compressFrame(output.data(), output.size(), input.data(), input.size(), &preferences);
  CHECK(!LZ4F_isError(size));
  output.resize(size);
  return output;
}

Result<Bytes> DecompressZstd(View input, size_t limit) {
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                  &ZSTD_freeDStream);
  if (!stream) return Status::OutOfMemory("zstd");
  unsigned long long known = ZSTD_getFrameContentSize(input.data(), input.size());
  bool usable = known != ZSTD_CONTENTSIZE_UNKNOWN && known != ZSTD_CONTENTSIZE_ERROR;
  if (usable && known > limit) return TooBig(limit);
  // A claimed size is a hint only: memory is taken as output appears.
  size_t first = usable ? std::min<size_t>(known + 1, 4 << 20) : input.size() * 4;
  Growing output(first, limit);
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  while (true) {
    auto space = output.free_space();
    ZSTD_outBuffer out{space.data(), space.size(), 0};
    size_t hint = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(hint)) return Broken("zstd");
    output.Used(out.pos);
    if (hint == 0 && in.pos == in.size) return output.Take();
    if (out.pos == out.size) {
      RETURN_IF_ERROR(output.Grow());
    } else if (in.pos == in.size) {
      return Broken("zstd");  // input ended early
    }
  }
}

Result<Bytes> CompressZstd(View input) {
  Bytes output(ZSTD_compressBound(input.size()));
  size_t size = ZSTD_compress(output.data(), output.size(), input.data(), input.size(), 3);
  CHECK(!ZSTD_isError(size));
  output.resize(size);
  return output;
}

}  // namespace

std::string_view NameOf(Codec codec) { return kNames[static_cast<size_t>(codec)]; }

Result<Codec> CodecFromName(std::string_view name) {
  if (name == "uncompressed") return Codec::kNone;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Codec>(i);
  }
  return MakeError(ErrorCode::kInvalidConfig,
                   {.message = fmt::format("unknown compression codec '{}'", name),
                    .hint = "use none, gzip, snappy, lz4 or zstd"});
}

Result<Bytes> Decompress(Codec codec, View input, size_t size_limit) {
  switch (codec) {
    case Codec::kNone: return Bytes(input.begin(), input.end());
    case Codec::kGzip: return DecompressGzip(input, size_limit);
    case Codec::kSnappy: return DecompressSnappy(input, size_limit);
    case Codec::kLz4: return DecompressLz4(input, size_limit);
    case Codec::kZstd: return DecompressZstd(input, size_limit);
  }
  return MakeError(ErrorCode::kUnsupportedCompression, "unknown compression codec");
}

Result<Bytes> Compress(Codec codec, View input) {
  switch (codec) {
    case Codec::kNone: return Bytes(input.begin(), input.end());
    case Codec::kGzip: return CompressGzip(input);
    case Codec::kSnappy: return CompressSnappy(input);
    case Codec::kLz4: return CompressLz4(input);
    case Codec::kZstd: return CompressZstd(input);
  }
  return MakeError(ErrorCode::kUnsupportedCompression, "unknown compression codec");
}

}  // namespace mainstem::storage
