// Whole files, as other programs read them: tests/integration/aws/test_firehose.py has Python do
// it.
#include "sink/filesystem/file_compressor.h"

#include <arrow/util/compression.h>
#include <gtest/gtest.h>
#include <zlib.h>

namespace mainstem::sink {
namespace {

// Of more than a block of every kind, and not too regular.
std::string Text() {
  std::string text;
  uint32_t state = 7;
  while (text.size() < (700 << 10)) {
    state = state * 1664525 + 1013904223;
    text += std::to_string(state >> 12) + (state & 1 ? " some words" : "\n");
  }
  return text;
}

std::string Packed(FileCompression compression, std::string_view text) {
  auto compressor = MakeFileCompressor(compression, "rows.json");
  CHECK_OK(compressor);
  std::string packed;
  for (size_t begin = 0; begin < text.size(); begin += 100'001) {
    auto piece = (*compressor)->Write(text.substr(begin, 100'001));
    CHECK_OK(piece);
    packed += *piece;
  }
  auto rest = (*compressor)->Finish();
  CHECK_OK(rest);
  return packed + *rest;
}

std::string Inflated(std::string_view packed, int window_bits, size_t size) {
  std::string text(size, '\0');
  z_stream stream{};
  CHECK(inflateInit2(&stream, window_bits) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  EXPECT_TRUE(result == Z_STREAM_END || (size == 0 && result == Z_BUF_ERROR)) << result;
  text.resize(size - stream.avail_out);
  inflateEnd(&stream);
  return text;
}

uint32_t LittleEndian32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

TEST(FileCompressorTest, GzipIsOneMember) {
  const std::string text = Text();
  const std::string packed = Packed(FileCompression::kGzip, text);
  EXPECT_LT(packed.size(), text.size());
  EXPECT_EQ(Inflated(packed, 15 + 16, text.size()), text);
  EXPECT_EQ(Inflated(Packed(FileCompression::kGzip, ""), 15 + 16, 0), "");
}

TEST(FileCompressorTest, ZipTellsItsEntryAtTheEnd) {
  const std::string text = Text();
  const std::string packed = Packed(FileCompression::kZip, text);
  const size_t end = packed.size() - 22;
  ASSERT_EQ(LittleEndian32(packed, end), 0x06054b50u);
  const size_t entry = LittleEndian32(packed, end + 16);
  ASSERT_EQ(LittleEndian32(packed, entry), 0x02014b50u);
  EXPECT_EQ(entry + LittleEndian32(packed, end + 12), end);
  EXPECT_EQ(LittleEndian32(packed, entry + 24), text.size());
  EXPECT_EQ(LittleEndian32(packed, entry + 16),
            crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  EXPECT_EQ(packed.substr(entry + 46, 9), "rows.json");
  const size_t data = 30 + 9;
  const std::string_view deflated =
      std::string_view(packed).substr(data, LittleEndian32(packed, entry + 20));
  EXPECT_EQ(Inflated(deflated, -15, text.size()), text);
  EXPECT_EQ(data + deflated.size() + 16, entry);
}

std::string Unsnapped(std::string_view block, size_t size_max) {
  auto codec = *arrow::util::Codec::Create(arrow::Compression::SNAPPY);
  std::string text(size_max, '\0');
  auto size = codec->Decompress(
      static_cast<int64_t>(block.size()), reinterpret_cast<const uint8_t*>(block.data()),
      static_cast<int64_t>(text.size()), reinterpret_cast<uint8_t*>(text.data()));
  CHECK_OK(size);
  text.resize(static_cast<size_t>(*size));
  return text;
}

TEST(FileCompressorTest, SnappyIsFramed) {
  const std::string text = Text();
  const std::string packed = Packed(FileCompression::kSnappy, text);
  ASSERT_EQ(packed.substr(0, 10), std::string("\xff\x06\x00\x00sNaPpY", 10));
  std::string back;
  for (size_t at = 10; at < packed.size();) {
    ASSERT_EQ(packed[at], 0);
    const size_t length = LittleEndian32(packed, at) >> 8;
    back += Unsnapped(std::string_view(packed).substr(at + 8, length - 4), 64 << 10);
    at += 4 + length;
  }
  EXPECT_EQ(back, text);
  // The checksum of "abc" is 0x364b3fb7, masked as the format says.
  EXPECT_EQ(LittleEndian32(Packed(FileCompression::kSnappy, "abc"), 14),
            ((0x364b3fb7u >> 15) | (0x364b3fb7u << 17)) + 0xa282ead8u);
}

TEST(FileCompressorTest, HadoopSnappyIsInBlocks) {
  const std::string text = Text();
  const std::string packed = Packed(FileCompression::kHadoopSnappy, text);
  std::string back;
  for (size_t at = 0; at < packed.size();) {
    const size_t size = __builtin_bswap32(LittleEndian32(packed, at));
    const size_t length = __builtin_bswap32(LittleEndian32(packed, at + 4));
    back += Unsnapped(std::string_view(packed).substr(at + 8, length), size);
    at += 8 + length;
  }
  EXPECT_EQ(back, text);
  EXPECT_EQ(Packed(FileCompression::kHadoopSnappy, ""), "");
}

}  // namespace
}  // namespace mainstem::sink
