#include "gateway/aws/body_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::gateway::aws {
namespace {

using namespace std::string_literals;
using Kind = Value::Kind;
using testing::HasSubstr;

TEST(Base64Test, GoesBothWaysForEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    AppendBase64(bytes, &text);
    std::string back;
    ASSERT_TRUE(DecodeBase64(text, &back)) << text;
    EXPECT_EQ(back, bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
  std::string text;
  AppendBase64("Man is d", &text);
  EXPECT_EQ(text, "TWFuIGlzIGQ=");
}

TEST(Base64Test, RefusesWhatIsNotTheOneTextOfABlob) {
  std::string out;
  for (const char* text : {"A", "AA", "AAA", "A===", "====", "AB==", "AAB=", "AA=A", "AAAA=AAA",
                           "AA\nA", "AA-_", "=AAA"}) {
    EXPECT_FALSE(DecodeBase64(text, &out)) << text;
  }
}

TEST(CborBodyTest, WritesTextThatIsNotUtf8AsJsonDoes) {
  const std::string key = "a\xFF\xC3z\xE2\x82";
  for (BodyCodec codec : {BodyCodec::kJson, BodyCodec::kCbor}) {
    auto writer = MakeBodyWriter(codec);
    writer->BeginMap().Field("PartitionKey", key).EndMap();
    auto document = DecodeBody(codec, writer->Take());
    ASSERT_TRUE(document.ok()) << document.status().ToString();
    EXPECT_EQ(document->root["PartitionKey"].text, "a\uFFFD\uFFFDz\uFFFD\uFFFD");
  }
}

TEST(JsonBodyTest, ReadsAllKindsOfValues) {
  auto document = DecodeBody(
      BodyCodec::kJson, R"({"s":"a\u00e9","i":-3,"d":1.5,"b":true,"n":null,"l":[1,{}],"s":"2"})");
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  const Value& root = document->root;
  EXPECT_EQ(root["s"].text, "2");
  EXPECT_EQ(root["i"].integer, -3);
  EXPECT_EQ(root["d"].number, 1.5);
  EXPECT_TRUE(root["b"].boolean);
  EXPECT_TRUE(root["n"].is_null() && root["absent"].is_null());
  EXPECT_EQ(root["l"].members.size(), 2u);
}

TEST(JsonBodyTest, RefusesWhatIsBrokenOrTooMuch) {
  for (std::string text :
       {"{"s, "{} x"s, ""s, std::string(kDepthMax + 8, '[') + std::string(kDepthMax + 8, ']'),
        "{\"a\":\"\xff\"}"s}) {
    EXPECT_FALSE(DecodeBody(BodyCodec::kJson, text).ok()) << text;
  }
  std::string many = "[0";
  for (size_t i = 0; i < kMembersMax; ++i) many += ",0";
  EXPECT_FALSE(DecodeBody(BodyCodec::kJson, many + "]").ok());
  EXPECT_FALSE(DecodeBody(BodyCodec::kJson, "[" + std::string(kMembersMax * 6, ',') + "]").ok());
}

TEST(CborBodyTest, ReadsWhatJacksonWrites) {
  // {_ "Data": h'0102', "At": 1(1500), "List": [_ 1, -2, "a"], "F": 1(1.5), "H": 1.5 (half)}
  std::string body =
      "\xbf\x64"s
      "Data\x42\x01\x02\x62"s
      "At\xc1\x19\x05\xdc\x64"s
      "List\x9f\x01\x21\x61"s
      "a\xff"s
      "\x61"s
      "F\xc1\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00\x61"s
      "H\xf9\x3e\x00\xff"s;
  auto document = DecodeBody(BodyCodec::kCbor, body);
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  const Value& root = document->root;
  EXPECT_EQ(root["Data"].kind, Kind::kBytes);
  EXPECT_EQ(root["Data"].text, "\x01\x02");
  EXPECT_EQ(root["At"].kind, Kind::kTime);
  EXPECT_EQ(root["At"].integer, 1500);
  ASSERT_EQ(root["List"].members.size(), 3u);
  EXPECT_EQ(root["List"].members[1].value.integer, -2);
  EXPECT_EQ(root["F"].integer, 1500);
  EXPECT_EQ(root["H"].number, 1.5);
}

TEST(CborBodyTest, JoinsStringsThatComeInChunks) {
  auto document = DecodeBody(BodyCodec::kCbor,
                             "\xa1\x61"s
                             "k\x7f\x61"s
                             "a\x62"s
                             "bc\xff"s);
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  EXPECT_EQ(document->root["k"].text, "abc");
}

TEST(CborBodyTest, RefusesWhatIsCutOffOrLies) {
  for (std::string text :
       {""s, "\xa1"s, "\xbf\x61"s, "\x5b\xff\xff\xff\xff\xff\xff\xff\xff"s, "\x9b\x7f\xff\xff\xff"s,
        "\x9a\x7f\xff\xff\xff\x01"s, "\x1c"s, "\x61\xff"s, "\xff"s, "\xa1\x01\x01"s, "\x01\x01"s,
        "\x7f\x42\x01\x02\xff"s, std::string(kDepthMax + 8, '\x81') + "\x01"s,
        "\xc1\x61"s
        "a"s}) {
    EXPECT_FALSE(DecodeBody(BodyCodec::kCbor, text).ok()) << testing::PrintToString(text);
  }
  EXPECT_FALSE(
      DecodeBody(BodyCodec::kCbor, "\x9f" + std::string(kMembersMax + 1, '\x01') + "\xff").ok());
}

std::string WriteSample(BodyCodec codec) {
  auto writer = MakeBodyWriter(codec);
  writer->BeginMap().Field("Name", "a\"b").Key("Data").Bytes(std::string("\0\1\2", 3));
  writer->Key("At").Time(1'700'000'000'123).Key("Count").Integer(-500);
  writer->Key("More").Boolean(false).Key("List").BeginList().Integer(1).String("x").EndList();
  writer->EndMap();
  return writer->Take();
}

TEST(BodyWriterTest, WritesJson) {
  EXPECT_EQ(WriteSample(BodyCodec::kJson),
            R"({"Name":"a\"b","Data":"AAEC","At":1700000000.123,"Count":-500,"More":false,)"
            R"("List":[1,"x"]})");
}

TEST(BodyWriterTest, WritesCborThatReadsBack) {
  auto document = DecodeBody(BodyCodec::kCbor, WriteSample(BodyCodec::kCbor));
  ASSERT_TRUE(document.ok()) << document.status().ToString();
  const Value& root = document->root;
  EXPECT_EQ(root["Name"].text, "a\"b");
  EXPECT_EQ(root["Data"].text, std::string_view("\0\1\2", 3));
  EXPECT_EQ(root["At"].integer, 1'700'000'000'123);
  EXPECT_EQ(root["Count"].integer, -500);
  EXPECT_FALSE(root["More"].boolean);
  EXPECT_EQ(root["List"].members.size(), 2u);
}

}  // namespace
}  // namespace mainstem::gateway::aws
