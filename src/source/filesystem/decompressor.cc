#include "source/filesystem/decompressor.h"

#include <zlib.h>
#include <zstd.h>

namespace mainstem::source {
namespace {

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() { CHECK(inflateInit2(&stream_, kGzipWindow) == Z_OK); }
  ~GzipDecompressor() override { inflateEnd(&stream_); }

  Result<size_t> Run(std::string_view* input, std::span<std::byte> out) override {
    // What tapes and blocks of a fixed size are filled up with, as gzip itself takes it.
    if (complete_) input->remove_prefix(std::min(input->find_first_not_of('\0'), input->size()));
    if (complete_ && input->empty()) return 0;
    if (complete_) {
      // Members may follow each other.
      CHECK(inflateReset(&stream_) == Z_OK);
      complete_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input->data()));
    stream_.avail_in = static_cast<uInt>(input->size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    int outcome = inflate(&stream_, Z_NO_FLUSH);
    input->remove_prefix(input->size() - stream_.avail_in);
    if (outcome == Z_STREAM_END) complete_ = true;
    if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) {
      return MakeError(ErrorCode::kDecodeError,
                       {.message = "the file is not valid gzip",
                        .detail = stream_.msg == nullptr ? "" : stream_.msg});
    }
    return out.size() - stream_.avail_out;
  }
  bool complete() const override { return complete_; }

 private:
  static constexpr int kGzipWindow = 15 + 16;
  z_stream stream_{};
  bool complete_ = false;
};

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() : stream_(ZSTD_createDStream()) { CHECK(stream_ != nullptr); }
  ~ZstdDecompressor() override { ZSTD_freeDStream(stream_); }

  Result<size_t> Run(std::string_view* input, std::span<std::byte> out) override {
    ZSTD_inBuffer from{input->data(), input->size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    size_t outcome = ZSTD_decompressStream(stream_, &to, &from);
    input->remove_prefix(from.pos);
    if (ZSTD_isError(outcome)) {
      return MakeError(ErrorCode::kDecodeError, {.message = "the file is not valid zstd",
                                                 .detail = ZSTD_getErrorName(outcome)});
    }
    complete_ = outcome == 0;
    return to.pos;
  }
  bool complete() const override { return complete_; }

 private:
  ZSTD_DStream* stream_;
  bool complete_ = false;
};

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Status CheckCompression(const std::string& path) {
  for (std::string_view end : {".bz2", ".xz", ".lzma", ".lz4", ".zip", ".7z", ".Z", ".br"}) {
    if (!EndsWith(path, end)) continue;
    return MakeError(
        ErrorCode::kUnsupported,
        {.message = "file '" + path + "' is compressed in a way that is not read",
         .hint = "gzip (.gz) and Zstandard (.zst) are; a 'path' with a glob can leave it out"});
  }
  return Status::OK();
}

std::unique_ptr<Decompressor> MakeDecompressorFor(const std::string& path) {
  if (EndsWith(path, ".gz")) return std::make_unique<GzipDecompressor>();
  if (EndsWith(path, ".zst")) return std::make_unique<ZstdDecompressor>();
  return nullptr;
}

}  // namespace mainstem::source
