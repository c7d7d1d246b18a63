// The examples of Amazon's guide, and what stands between them.
#include "gateway/logs/filter_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::gateway::logs {
namespace {

using testing::Pair;
using testing::UnorderedElementsAre;

bool Takes(std::string_view pattern, std::string_view message) {
  auto parsed = FilterPattern::Parse(pattern);
  EXPECT_TRUE(parsed.ok()) << pattern << ": " << parsed.status().ToString();
  return parsed.ok() && parsed->Matches(message);
}

TEST(FilterPatternTest, TermsStandAnywhereInTheMessage) {
  EXPECT_TRUE(Takes("", "anything"));
  EXPECT_TRUE(Takes("ERROR", "[ERROR] A fatal exception has occurred"));
  EXPECT_TRUE(Takes("ERROR", "Exiting with ERRORCODE: -1"));
  EXPECT_FALSE(Takes("ERROR", "error"));
  EXPECT_FALSE(Takes(R"("ERROR" -"Exiting")", "Exiting with ERRORCODE: -1"));
  EXPECT_TRUE(Takes("ERROR Exception", "[ERROR] Caught IllegalArgumentException"));
  EXPECT_FALSE(Takes("ERROR Exception", "[ERROR] Caught it"));
  EXPECT_TRUE(Takes(R"("INTERNAL SERVER ERROR")", "[500] INTERNAL SERVER ERROR"));
  EXPECT_FALSE(Takes(R"("INTERNAL SERVER ERROR")", "INTERNAL ERROR, SERVER"));
  EXPECT_TRUE(Takes(R"("say \"hi\"")", R"(they say "hi" now)"));
}

TEST(FilterPatternTest, AnyOfSeveralTerms) {
  for (const char* message : {"ERROR WARN message", "ERROR message", "WARN message"}) {
    EXPECT_TRUE(Takes("?ERROR ?WARN", message));
  }
  EXPECT_FALSE(Takes("?ERROR ?WARN", "INFO message"));
  EXPECT_FALSE(Takes("ERROR WARN", "ERROR message"));
  EXPECT_TRUE(Takes("ERROR -WARN", "ERROR message"));
  EXPECT_FALSE(Takes("ERROR -WARN", "ERROR WARN message"));
  EXPECT_TRUE(Takes("-WARN", "ERROR message"));
  // Beside others the optional ones are ignored.
  EXPECT_TRUE(Takes("ERROR ?WARN", "ERROR message"));
  EXPECT_FALSE(Takes("ERROR ?WARN", "WARN message"));
}

TEST(FilterPatternTest, RegularExpressions) {
  EXPECT_TRUE(Takes("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST"));
  EXPECT_TRUE(Takes(R"(%10\.10\.0\.1%)", "from 10.10.0.1"));
  EXPECT_FALSE(Takes(R"(%10\.10\.0\.1%)", "from 10310.0.1"));
  EXPECT_TRUE(Takes("%^[hc]at%", "hat off"));
  EXPECT_FALSE(Takes("%^[hc]at%", "a hat"));
  EXPECT_TRUE(Takes(R"({ $.ip = %^10\.\d{1,3}% })", R"({"ip": "10.22.0.1"})"));
  EXPECT_TRUE(Takes("[w1 = %4[0-9]{2}%, w2]", "404 x"));
}

const char* const kTrail = R"({"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111",
  "arrayKey": ["value", "another value"],
  "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
  "SomeObject": null, "ThisFlag": true, "big": 1e3, "text": "12"})";

TEST(FilterPatternTest, ConditionsOnJson) {
  for (const char* pattern : {R"({ $.eventType = "UpdateTrail" })",
                              "{$.eventType=UpdateTrail}",
                              "{ $.sourceIPAddress != 123.123.* }",
                              R"({ $.arrayKey[0] = "value" })",
                              "{ $.objectList[1].id = 2 }",
                              "{ $.SomeObject IS NULL }",
                              "{ $.SomeOtherObject NOT EXISTS }",
                              "{ $.ThisFlag IS TRUE }",
                              "{ $.eventType = Update* }",
                              "{ $.eventType = *Trail }",
                              "{ $.eventType = *date* }",
                              "{ $.eventType = * }",
                              "{ $.ThisFlag = * }",
                              "{ $['eventType'] = \"UpdateTrail\" }",
                              "{ $.objectList[*].name = \"b\" }",
                              "{ $.*[1] = \"another value\" }",
                              "{ $.big >= 1000 }",
                              "{ $.big < 10e3 }",
                              "{ $.big > 10e-3 }",
                              "{ $.big > +999 }",
                              "{ $.text > 11 }",
                              "{ $.objectList[0].id = 1* }"}) {
    EXPECT_TRUE(Takes(pattern, kTrail)) << pattern;
  }
  for (const char* pattern :
       {"{ $.eventType = Trail }", "{ $.eventType = Up*Trail }", "{ $.objectList = 1 }",
        "{ $.objectList != 1 }", "{ $.eventType IS NULL }", "{ $.eventType NOT EXISTS }",
        "{ $.ThisFlag IS FALSE }", "{ $.absent = * }", "{ $.absent != 1 }", "{ $.eventType > 3 }",
        "{ $.arrayKey[2] = * }", "{ $.SomeObject = * }", "{ $.text = \"12.0\" }"}) {
    EXPECT_FALSE(Takes(pattern, kTrail)) << pattern;
  }
  EXPECT_FALSE(Takes("{ $.a NOT EXISTS }", "no JSON"));
  EXPECT_TRUE(Takes("{ $[0] = 1 }", "[1, 2]"));
}

TEST(FilterPatternTest, ConditionsAreJoined) {
  const char* const message = R"({"user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"},
    {"id": 3, "email": "Jane.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]})";
  EXPECT_TRUE(
      Takes(R"({ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") })", message));
  EXPECT_FALSE(Takes(
      R"({ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" })", message));
  // && binds closer than ||.
  EXPECT_TRUE(Takes(R"({ $.user.email = "John.Stiles@example.com" || )"
                    R"($.coordinates[0][1] = nonmatch && $.actions[2] = nomatch })",
                    message));
  EXPECT_FALSE(Takes(R"({ ($.user.email = "John.Stiles@example.com" || )"
                     R"($.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch })",
                     message));
}

const char* const kAccess =
    R"(127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534)";

TEST(FilterPatternTest, FieldsBetweenBlanks) {
  for (const char* pattern :
       {"[ip, user, username, timestamp, request, status_code, bytes]", "[..., status_code, bytes]",
        "[ip, user, ..., status_code, bytes]", "[ip, user, ...]",
        "[ip, user, username, timestamp, request, status_code, bytes > 1000]",
        "[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]",
        "[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]",
        "[..., request = *.html*, status_code = 4*,]", "[ip = 10.* || ip = 127.*, ...]",
        R"([..., request = "GET /index.html HTTP/1.0", s, b])", "[...]"}) {
    EXPECT_TRUE(Takes(pattern, kAccess)) << pattern;
  }
  for (const char* pattern :
       {"[ip, user]", "[ip, user, username, timestamp, request, status_code = 2*, bytes]",
        "[a, b, c, d, e, f, g, h, ...]", "[..., bytes < 1000]", "[ip = *x, ...]"}) {
    EXPECT_FALSE(Takes(pattern, kAccess)) << pattern;
  }
  EXPECT_TRUE(Takes("[w1=ERROR || w1=WARN, w2]", "WARN message"));
  EXPECT_FALSE(Takes("[w1!=ERROR&&w1!=WARN, w2]", "WARN message"));
  EXPECT_TRUE(Takes("[w1!=ERROR&&w1!=WARN, w2]", "INFO message"));
  EXPECT_TRUE(Takes("[w1=!ERROR&&w1=!WARN, w2]", "INFO message"));
}

TEST(FilterPatternTest, ExtractsWhatAPatternNames) {
  auto fields = FilterPattern::Parse("[..., request=*.html*, status_code=4*,]");
  ASSERT_TRUE(fields.ok());
  EXPECT_THAT(fields->Extract(kAccess),
              UnorderedElementsAre(Pair("$1", "127.0.0.1"), Pair("$2", "-"), Pair("$3", "frank"),
                                   Pair("$4", "10/Oct/2000:13:25:15 -0700"),
                                   Pair("$request", "GET /index.html HTTP/1.0"),
                                   Pair("$status_code", "404"), Pair("$7", "1534")));
  auto json = FilterPattern::Parse("{ $.a.b > 1 || $.c IS NULL }");
  ASSERT_TRUE(json.ok());
  EXPECT_THAT(json->Extract(R"({"a": {"b": 2.5}, "c": null})"),
              UnorderedElementsAre(Pair("$.a.b", "2.5")));
}

// A quadratic cut would take minutes here, and the test its time limit.
TEST(FilterPatternTest, ALongMessageIsCutOnce) {
  std::string open;
  std::string words;
  for (int i = 0; i < 2'000'000; ++i) {
    open += "[ ";
    words += "a ";
  }
  EXPECT_TRUE(Takes("[a, ...]", open));
  EXPECT_TRUE(Takes("[..., b = \"[\"]", open));
  EXPECT_FALSE(Takes("[a, b]", words));
  EXPECT_TRUE(Takes("[..., last = x]", words + "x"));
  auto fields = FilterPattern::Parse("[first, ..., last]");
  ASSERT_TRUE(fields.ok());
  auto values = fields->Extract(words + "x");
  EXPECT_EQ(values.size(), 1001u);
  EXPECT_EQ(values["$first"], "a");
  EXPECT_EQ(values["$1000"], "a");
  EXPECT_EQ(values["$last"], "x");
}

TEST(FilterPatternTest, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"a.b",
                              "\"open",
                              "%open",
                              "%a(b)%",
                              "%a b%",
                              "%[%",
                              "-",
                              "?",
                              "{",
                              "{ $.a }",
                              "{ $.a = }",
                              "{ a = 1 }",
                              "{ $.a > x }",
                              "{ $.a > \"1\" }",
                              "{ $.a = 1 } x",
                              "{ ($.a = 1 }",
                              "{ $ = 1 }",
                              "{ $.a[x] = 1 }",
                              "{ $.*.* = 1 }",
                              "[",
                              "[a",
                              "[a, ..., b, ...]",
                              "[a = ]",
                              "[a b]",
                              "[a = 1 && b = 2, c]",
                              "{ $.a = %1% || $.a = %2% || $.a = %3% }",
                              "%a% %b%",
                              "{ $.a[99999999999999999999] = 1 }"}) {
    EXPECT_TRUE(Is(FilterPattern::Parse(pattern).status(), ErrorCode::kInvalidArgument)) << pattern;
  }
  // A program that would cost seconds a message.
  EXPECT_FALSE(FilterPattern::Parse("%a[ab]{1000}[ab]{1000}c%").ok());
  EXPECT_TRUE(FilterPattern::Parse("%[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}%").ok());
  std::string deep = "{ " + std::string(40, '(') + "$.a = 1" + std::string(40, ')') + " }";
  EXPECT_FALSE(FilterPattern::Parse(deep).ok());
}

}  // namespace
}  // namespace mainstem::gateway::logs
