#include "sink/filesystem/file_compressor.h"

#include <algorithm>
#include <span>

#include <arrow/util/compression.h>
#include <zlib.h>

#include "storage/crc32c.h"

namespace mainstem::sink {
namespace {

template <typename T>
void AppendLittleEndian(T value, std::string* out) {
  for (size_t i = 0; i < sizeof(T); ++i) out->push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}
void AppendBigEndian32(size_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

// ---- deflate, in gzip or zip

class Deflater {
 public:
  Deflater() = default;
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() {
    if (is_open_) deflateEnd(&stream_);
  }

  // `window_bits` as zlib takes them: 15 + 16 makes gzip, -15 nothing around the data.
  Status Open(int window_bits) {
    constexpr int kMemoryLevel = 8;
    const int opened = deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits,
                                    kMemoryLevel, Z_DEFAULT_STRATEGY);
    if (opened != Z_OK) return MakeError(ErrorCode::kResourceExhausted, "zlib has no memory");
    is_open_ = true;
    return Status::OK();
  }

  // `flush`: Z_NO_FLUSH, or Z_FINISH with the last bytes.
  Status Write(std::string_view bytes, int flush, std::string* out) {
    constexpr size_t kPieceBytes = 64 << 10;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    for (;;) {
      const size_t before = out->size();
      out->resize(before + kPieceBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out->data() + before);
      stream_.avail_out = kPieceBytes;
      const int result = deflate(&stream_, flush);
      out->resize(before + kPieceBytes - stream_.avail_out);
      if (result == Z_STREAM_END) return Status::OK();
      if (result != Z_OK && result != Z_BUF_ERROR) {
        return MakeError(ErrorCode::kInternal, "zlib refused to compress");
      }
      if (stream_.avail_out > 0 && flush == Z_NO_FLUSH) return Status::OK();
    }
  }

 private:
  z_stream stream_{};
  bool is_open_ = false;
};

class GzipFileCompressor final : public FileCompressor {
 public:
  Status Open() { return deflater_.Open(15 + 16); }
  Result<std::string> Write(std::string_view bytes) override {
    std::string out;
    RETURN_IF_ERROR(deflater_.Write(bytes, Z_NO_FLUSH, &out));
    return out;
  }
  Result<std::string> Finish() override {
    std::string out;
    RETURN_IF_ERROR(deflater_.Write({}, Z_FINISH, &out));
    return out;
  }

 private:
  Deflater deflater_;
};

class ZipFileCompressor final : public FileCompressor {
 public:
  explicit ZipFileCompressor(std::string entry_name) : name_(std::move(entry_name)) {}
  Status Open() { return deflater_.Open(-15); }

  Result<std::string> Write(std::string_view bytes) override {
    std::string out;
    if (!has_begun_) out = LocalHeader();
    has_begun_ = true;
    const size_t header_bytes = out.size();
    RETURN_IF_ERROR(deflater_.Write(bytes, Z_NO_FLUSH, &out));
    // Without bytes it would give the checksum of nothing, whatever came before.
    if (!bytes.empty()) {
      crc_ = static_cast<uint32_t>(crc32(crc_, reinterpret_cast<const Bytef*>(bytes.data()),
                                         static_cast<uInt>(bytes.size())));
    }
    size_ += bytes.size();
    deflated_ += out.size() - header_bytes;
    if (size_ < UINT32_MAX && deflated_ < UINT32_MAX) return out;
    return MakeError(ErrorCode::kInvalidArgument, "a file in a zip may have at most 4 GiB");
  }

  Result<std::string> Finish() override {
    ASSIGN_OR_RETURN(std::string out, Write({}));
    const size_t before = out.size();
    RETURN_IF_ERROR(deflater_.Write({}, Z_FINISH, &out));
    deflated_ += out.size() - before;
    AppendLittleEndian<uint32_t>(kDescriptorMark, &out);
    AppendSizes(&out);
    const size_t directory = kLocalHeaderBytes + name_.size() + deflated_ + kDescriptorBytes;
    const std::string entry = DirectoryEntry();
    out += entry;
    AppendLittleEndian<uint32_t>(kDirectoryEndMark, &out);
    AppendLittleEndian<uint32_t>(0, &out);  // this disk, the directory's disk
    AppendLittleEndian<uint16_t>(1, &out);  // entries on this disk, and in all
    AppendLittleEndian<uint16_t>(1, &out);
    AppendLittleEndian(static_cast<uint32_t>(entry.size()), &out);
    AppendLittleEndian(static_cast<uint32_t>(directory), &out);
    AppendLittleEndian<uint16_t>(0, &out);  // no comment
    return out;
  }

 private:
  static constexpr uint32_t kLocalMark = 0x04034b50;
  static constexpr uint32_t kDescriptorMark = 0x08074b50;
  static constexpr uint32_t kDirectoryMark = 0x02014b50;
  static constexpr uint32_t kDirectoryEndMark = 0x06054b50;
  static constexpr size_t kLocalHeaderBytes = 30;
  static constexpr size_t kDescriptorBytes = 16;

  // What a local header and a directory entry have in common, up to the method.
  static void AppendMethod(std::string* out) {
    constexpr uint16_t kVersionNeeded = 20;
    constexpr uint16_t kSizesBehindAndUtf8 = 1 << 3 | 1 << 11;
    constexpr uint16_t kDeflated = 8;
    constexpr uint32_t kFirstDay = 0x00210000;  // 1980-01-01 00:00: the format knows no "none"
    AppendLittleEndian(kVersionNeeded, out);
    AppendLittleEndian(kSizesBehindAndUtf8, out);
    AppendLittleEndian(kDeflated, out);
    AppendLittleEndian(kFirstDay, out);
  }
  void AppendSizes(std::string* out) const {
    AppendLittleEndian(crc_, out);
    AppendLittleEndian(static_cast<uint32_t>(deflated_), out);
    AppendLittleEndian(static_cast<uint32_t>(size_), out);
  }
  std::string LocalHeader() const {
    std::string out;
    AppendLittleEndian(kLocalMark, &out);
    AppendMethod(&out);
    out.append(12, '\0');  // checksum and sizes come behind the data
    AppendLittleEndian(static_cast<uint16_t>(name_.size()), &out);
    AppendLittleEndian<uint16_t>(0, &out);
    return out + name_;
  }
  std::string DirectoryEntry() const {
    std::string out;
    AppendLittleEndian(kDirectoryMark, &out);
    AppendLittleEndian<uint16_t>(20, &out);  // made by version 2.0
    AppendMethod(&out);
    AppendSizes(&out);
    AppendLittleEndian(static_cast<uint16_t>(name_.size()), &out);
    // Extra field, comment, disk, attributes inside and outside, offset of the local header.
    out.append(2 + 2 + 2 + 2 + 4 + 4, '\0');
    return out + name_;
  }

  std::string name_;
  Deflater deflater_;
  bool has_begun_ = false;
  uint32_t crc_ = 0;
  uint64_t size_ = 0;
  uint64_t deflated_ = 0;
};

// ---- snappy, in blocks

class SnappyFileCompressor final : public FileCompressor {
 public:
  SnappyFileCompressor(std::unique_ptr<arrow::util::Codec> codec, bool for_hadoop)
      : codec_(std::move(codec)), for_hadoop_(for_hadoop) {}

  Result<std::string> Write(std::string_view bytes) override {
    waiting_ += bytes;
    std::string out;
    size_t begin = 0;
    for (; waiting_.size() - begin >= block_bytes(); begin += block_bytes()) {
      RETURN_IF_ERROR(AddBlock(std::string_view(waiting_).substr(begin, block_bytes()), &out));
    }
    waiting_.erase(0, begin);
    return out;
  }

  Result<std::string> Finish() override {
    std::string out;
    if (!waiting_.empty() || !has_begun_) RETURN_IF_ERROR(AddBlock(waiting_, &out));
    waiting_.clear();
    return out;
  }

 private:
  size_t block_bytes() const { return for_hadoop_ ? 256 << 10 : 64 << 10; }

  Status AddBlock(std::string_view block, std::string* out) {
    constexpr std::string_view kStreamIdentifier("\xff\x06\x00\x00sNaPpY", 10);
    if (!std::exchange(has_begun_, true) && !for_hadoop_) *out += kStreamIdentifier;
    if (block.empty()) return Status::OK();
    const auto* input = reinterpret_cast<const uint8_t*>(block.data());
    const auto size = static_cast<int64_t>(block.size());
    std::string packed(static_cast<size_t>(codec_->MaxCompressedLen(size, input)), '\0');
    ASSIGN_OR_RETURN(int64_t packed_bytes,
                     codec_->Compress(size, input, static_cast<int64_t>(packed.size()),
                                      reinterpret_cast<uint8_t*>(packed.data())));
    packed.resize(static_cast<size_t>(packed_bytes));
    if (for_hadoop_) {
      AppendBigEndian32(block.size(), out);
      AppendBigEndian32(packed.size(), out);
    } else {
      // Chunk type 0 (compressed), its length in 3 bytes, the masked checksum of what was packed.
      const uint32_t crc = storage::Crc32c(std::as_bytes(std::span(block)));
      AppendLittleEndian(static_cast<uint32_t>(packed.size() + sizeof(crc)) << 8, out);
      AppendLittleEndian<uint32_t>((crc >> 15 | crc << 17) + 0xa282ead8u, out);
    }
    *out += packed;
    return Status::OK();
  }

  std::unique_ptr<arrow::util::Codec> codec_;
  bool for_hadoop_;
  bool has_begun_ = false;
  std::string waiting_;  // less than a block
};

}  // namespace

std::string_view SuffixOf(FileCompression compression) {
  switch (compression) {
    case FileCompression::kNone: return "";
    case FileCompression::kGzip: return ".gz";
    case FileCompression::kZip: return ".zip";
    case FileCompression::kSnappy: return ".snappy";
    case FileCompression::kHadoopSnappy: return ".hsnappy";
  }
  return "";
}

Result<std::unique_ptr<FileCompressor>> MakeFileCompressor(FileCompression compression,
                                                           std::string entry_name) {
  switch (compression) {
    case FileCompression::kNone: break;
    case FileCompression::kGzip: {
      auto made = std::make_unique<GzipFileCompressor>();
      RETURN_IF_ERROR(made->Open());
      return made;
    }
    case FileCompression::kZip: {
      auto made = std::make_unique<ZipFileCompressor>(std::move(entry_name));
      RETURN_IF_ERROR(made->Open());
      return made;
    }
    case FileCompression::kSnappy:
    case FileCompression::kHadoopSnappy: {
      ASSIGN_OR_RETURN(auto codec, arrow::util::Codec::Create(arrow::Compression::SNAPPY));
      const bool for_hadoop = compression == FileCompression::kHadoopSnappy;
      return std::make_unique<SnappyFileCompressor>(std::move(codec), for_hadoop);
    }
  }
  return std::unique_ptr<FileCompressor>();
}

}  // namespace mainstem::sink
