#include "core/net/websocket_codec.h"

#include <gtest/gtest.h>

namespace mainstem::net {
namespace {

TEST(WebSocketCodec, AnswersTheHandshakeOfTheSpecification) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketCodec, DecodesTheSpecificationsMaskedHello) {
  std::string_view bytes("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
  auto decoded = DecodeWebSocketFrame(bytes, 100, WebSocketSide::kServer);
  ASSERT_TRUE(decoded.ok());
  ASSERT_TRUE(decoded->has_value());
  EXPECT_EQ((*decoded)->frame.payload, "Hello");
  EXPECT_EQ((*decoded)->used_bytes, 11u);
}

TEST(WebSocketCodec, RoundTripsEveryLengthForm) {
  for (size_t size : {size_t{0}, size_t{125}, size_t{126}, size_t{65535}, size_t{65536}}) {
    std::string payload(size, 'x');
    std::string frame = EncodeMaskedWebSocketFrame(WebSocketOpcode::kBinary, payload, 0xDEADBEEF);
    for (size_t cut : {size_t{1}, size_t{5}, frame.size() - 1}) {
      auto part = DecodeWebSocketFrame(frame.substr(0, std::min(cut, frame.size() - 1)), 1 << 20,
                                       WebSocketSide::kServer);
      ASSERT_TRUE(part.ok());
      EXPECT_FALSE(part->has_value());
    }
    auto decoded = DecodeWebSocketFrame(frame, 1 << 20, WebSocketSide::kServer);
    ASSERT_TRUE(decoded.ok() && decoded->has_value());
    EXPECT_EQ((*decoded)->frame.payload, payload);
    std::string plain = EncodeWebSocketFrame(WebSocketOpcode::kText, payload);
    auto back = DecodeWebSocketFrame(plain, 1 << 20, WebSocketSide::kClient);
    ASSERT_TRUE(back.ok() && back->has_value());
    EXPECT_EQ((*back)->frame.payload, payload);
  }
}

TEST(WebSocketCodec, RefusesWhatTheProtocolForbids) {
  auto refused = [](std::string_view bytes) {
    return !DecodeWebSocketFrame(bytes, 100, WebSocketSide::kServer).ok();
  };
  EXPECT_TRUE(refused(std::string_view("\x81\x05Hello", 7)));                // not masked
  EXPECT_TRUE(refused(std::string_view("\xC1\x85", 2)));                     // reserved bit
  EXPECT_TRUE(refused(std::string_view("\x83\x80", 2)));                     // opcode
  EXPECT_TRUE(refused(std::string_view("\x09\x80", 2)));                     // fragmented ping
  EXPECT_TRUE(refused(std::string_view("\x89\xFE\x01\x00", 4)));             // long ping
  EXPECT_TRUE(refused(std::string_view("\x82\xFF\x7F\0\0\0\0\0\0\0", 10)));  // over the limit
}

}  // namespace
}  // namespace mainstem::net
