#include "sink/redis/resp.h"

#include "sink/redis/redis_session.h"

namespace mainstem::sink {
namespace {

TEST(RespTest, CommandsGoAsArraysOfTexts) {
  RespCommands commands;
  commands.Add({"SET", "k", std::string_view("a\0\r\n", 4)});
  commands.Add({"GET", ""});
  EXPECT_EQ(commands.count(), 2);
  std::string expected = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n";
  expected.append("a\0\r\n", 4);
  EXPECT_EQ(commands.bytes(), expected + "\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
}

TEST(RespTest, RepliesAreTheSameInAnyPieces) {
  const std::string bytes =
      "+OK\r\n-ERR no\r\n:-42\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n*-1\r\n";
  for (size_t size = 1; size <= bytes.size(); ++size) {
    RespParser parser;
    std::vector<RespReply> replies;
    for (size_t at = 0; at < bytes.size(); at += size) {
      parser.Feed(std::string_view(bytes).substr(at, size));
      while (true) {
        auto next = parser.Next();
        CHECK_OK(next);
        if (!next->has_value()) break;
        replies.push_back(**next);
      }
    }
    ASSERT_EQ(replies.size(), 7) << size;
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_TRUE(replies[1].is_error());
    EXPECT_EQ(replies[2].integer, -42);
    EXPECT_EQ(replies[3].text, "a\r\n");
    EXPECT_EQ(replies[4].kind, RespReply::Kind::kNull);
    EXPECT_EQ(replies[5].elements[1].elements[0].kind, RespReply::Kind::kText);
    EXPECT_EQ(replies[6].kind, RespReply::Kind::kNull);
  }
}

TEST(RespTest, WhatIsNoReplyIsAnError) {
  for (std::string_view bytes : {"HTTP/1.1 400\r\n", "\r\n", ":x\r\n", "$-2\r\n",
                                 "$99999999999\r\n", "*1000001\r\n", "$1\r\nabc\r\n"}) {
    RespParser parser;
    parser.Feed(bytes);
    EXPECT_FALSE(parser.Next().ok()) << bytes;
  }
  std::string deep;
  for (int i = 0; i < 10; ++i) deep += "*1\r\n";
  RespParser nested;
  nested.Feed(deep);
  EXPECT_FALSE(nested.Next().ok());
  RespParser endless;
  endless.Feed("+" + std::string(70000, 'a'));
  EXPECT_FALSE(endless.Next().ok());
}

ErrorCode CodeOfReply(std::string text) {
  return CodeOf(StatusOfReply({.kind = RespReply::Kind::kError, .text = std::move(text)}));
}

TEST(RespTest, ErrorsThatPassAreRetriable) {
  for (const char* text :
       {"LOADING Redis is loading the dataset in memory", "OOM command not allowed",
        "READONLY You can't write against a read only replica.",
        "MISCONF Errors writing to the AOF", "ERR max number of clients reached"}) {
    EXPECT_EQ(CodeOfReply(text), ErrorCode::kUnavailable) << text;
  }
  EXPECT_EQ(CodeOfReply("NOPERM this user has no permissions"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOfReply("MOVED 3999 127.0.0.1:6381"), ErrorCode::kUnsupported);
  EXPECT_EQ(CodeOfReply("WRONGTYPE Operation against a key"), ErrorCode::kInvalidRecord);
  EXPECT_EQ(CodeOfReply("ERR unknown command"), ErrorCode::kInvalidArgument);
}

TEST(RespTest, AddressesAreRead) {
  RedisServer server;
  CHECK_OK(ParseRedisUrl("redis://cache.example:6380/7", &server));
  EXPECT_EQ(server.host, "cache.example");
  EXPECT_EQ(server.port, 6380);
  EXPECT_EQ(server.database, 7);
  RedisServer plain;
  CHECK_OK(ParseRedisUrl("redis://[::1]", &plain));
  EXPECT_EQ(plain.shown(), "::1:6379");
  for (const char* url : {"redis://", "redis://:6379", "redis://h:70000", "redis://h/-1",
                          "http://h", "redis://u:s3cret@h"}) {
    Status status = ParseRedisUrl(url, &plain);
    EXPECT_FALSE(status.ok()) << url;
    EXPECT_EQ(TextOf(status).message.find("s3cret"), std::string::npos);
  }
}

}  // namespace
}  // namespace mainstem::sink
