#include "gateway/http/event_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::gateway::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Values(std::string_view body, BodyKind kind) {
  EventBodyParser parser;
  auto events = parser.Parse(body, {.kind = kind, .key_field = {}});
  EXPECT_TRUE(events.ok()) << events.status().ToString();
  std::vector<std::string> values;
  if (!events.ok()) return values;
  for (const Event& event : *events) values.emplace_back(event.value);
  return values;
}

Status Failure(std::string_view body, BodyKind kind, std::string key_field = {}) {
  EventBodyParser parser;
  return parser.Parse(body, {.kind = kind, .key_field = std::move(key_field), .event_limit = 3})
      .status();
}

TEST(EventBody, KeepsAnEventExactlyAsSent) {
  EXPECT_THAT(Values(" {\"a\" : 1.50}\n", BodyKind::kJson), ElementsAre("{\"a\" : 1.50}"));
  EXPECT_THAT(Values("\"text\"", BodyKind::kJson), ElementsAre("\"text\""));
  EXPECT_THAT(Values("123456789012345678901234567890", BodyKind::kJson),
              ElementsAre("123456789012345678901234567890"));
  EXPECT_THAT(Values("null", BodyKind::kJson), ElementsAre("null"));
  EXPECT_THAT(Values("{\"big\": 123456789012345678901234567890, \"b\": 1}", BodyKind::kJson),
              ElementsAre("{\"big\": 123456789012345678901234567890, \"b\": 1}"));
}

TEST(EventBody, SplitsAnArray) {
  EXPECT_THAT(Values("[ {\"a\":[1,2]} ,\n3 , \"x,]\", [] , null, {} ]", BodyKind::kJson),
              ElementsAre("{\"a\":[1,2]}", "3", "\"x,]\"", "[]", "null", "{}"));
  EXPECT_THAT(Values("[]", BodyKind::kJson), ElementsAre());
}

TEST(EventBody, SplitsLines) {
  EXPECT_THAT(Values("{\"a\":1}\r\n\n  [1,2]\n\"b\"", BodyKind::kJsonLines),
              ElementsAre("{\"a\":1}", "[1,2]", "\"b\""));
}

TEST(EventBody, TakesRawBytesWhole) {
  std::string_view bytes("\x00\xff{", 3);
  EXPECT_THAT(Values(bytes, BodyKind::kRaw), ElementsAre(bytes));
}

TEST(EventBody, TakesTheKeyFromAField) {
  EventBodyParser parser;
  auto events = parser.Parse(R"([{"u":"a\"b"},{"x":{"u":"no"},"u": 42 },{"u":true,"z":[]}])",
                             {.kind = BodyKind::kJson, .key_field = "u"});
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].key, "a\"b");
  EXPECT_EQ((*events)[1].key, "42");
  EXPECT_EQ((*events)[2].key, "true");
  EXPECT_THAT(Failure(R"([{"u":1},{"v":1}])", BodyKind::kJson, "u").ToString(),
              HasSubstr("no key field 'u'"));
  EXPECT_FALSE(Failure(R"({"u":null})", BodyKind::kJson, "u").ok());
  EXPECT_FALSE(Failure("7", BodyKind::kJson, "u").ok());
  EXPECT_FALSE(Failure(R"([{"u":1}])", BodyKind::kJsonLines, "u").ok());  // one event, an array
}

TEST(EventBody, NamesLineAndColumnOfWhatIsBroken) {
  EXPECT_EQ(TextOf(Failure("{\"a\":1,\n \"b\":tru}", BodyKind::kJson)).message,
            "broken JSON in line 2, column 6");
  EXPECT_EQ(TextOf(Failure("{\"a\":1}\n{\"a\":}\n", BodyKind::kJsonLines)).message,
            "broken JSON in line 2, column 6");
  EXPECT_THAT(TextOf(Failure("{}\n{\"a\":\"\xff\"}", BodyKind::kJsonLines)).message,
              HasSubstr("line 2"));
}

TEST(EventBody, RefusesWhatIsNotJson) {
  for (std::string_view body : {"",           " ",
                                "{",          "[1,]",
                                "[1 2]",      "{\"a\" 1}",
                                "{a:1}",      "1 2",
                                "1],[2",      "01",
                                "nul",        "nulls",
                                "\"abc",      "\"\\x\"",
                                "-",          "+1",
                                "1.",         "{\"a\":1}}",
                                "]",          "[1]]",
                                "\"a\tb\"",   "trueish",
                                "{\"a\":1,}", "-01",
                                "12a",        "{\"a\":012345678901234567890123}",
                                "null\f5Z",   "[null\f]"}) {
    EXPECT_TRUE(Is(Failure(body, BodyKind::kJson), ErrorCode::kDecodeError)) << body;
  }
  EXPECT_TRUE(Is(Failure(std::string(2000, '['), BodyKind::kJson), ErrorCode::kDecodeError));
}

TEST(EventBody, LimitsTheNumberOfEvents) {
  EXPECT_TRUE(Failure("[1,2,3]", BodyKind::kJson).ok());
  EXPECT_TRUE(Is(Failure("[1,2,3,4]", BodyKind::kJson), ErrorCode::kRecordListTooLarge));
  EXPECT_TRUE(Is(Failure("1\n2\n3\n4", BodyKind::kJsonLines), ErrorCode::kRecordListTooLarge));
}

}  // namespace
}  // namespace mainstem::gateway::http
