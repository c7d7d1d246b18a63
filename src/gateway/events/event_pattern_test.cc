// The rules of Amazon's guide and of event-ruler's documentation, one by one.
#include "gateway/events/event_pattern.h"

#include <gtest/gtest.h>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::events {
namespace {

bool Takes(std::string_view pattern, std::string_view event) {
  auto parsed = EventPattern::Parse(pattern);
  EXPECT_TRUE(parsed.ok()) << pattern << ": " << parsed.status().ToString();
  auto decoded = aws::DecodeBody(aws::BodyCodec::kJson, std::string(event));
  EXPECT_TRUE(decoded.ok()) << event;
  return parsed.ok() && decoded.ok() && parsed->Matches(decoded->root);
}

TEST(EventPatternTest, ValuesAreEqualByType) {
  EXPECT_TRUE(Takes(R"({"a": ["x", 1]})", R"({"a": "x", "b": 2})"));
  EXPECT_TRUE(Takes(R"({"a": ["x", 1]})", R"({"a": 1})"));
  EXPECT_TRUE(Takes(R"({"a": [300]})", R"({"a": 3.0e2})"));
  EXPECT_FALSE(Takes(R"({"a": [42]})", R"({"a": "42"})"));
  EXPECT_FALSE(Takes(R"({"a": ["true"]})", R"({"a": true})"));
  EXPECT_TRUE(Takes(R"({"a": [true]})", R"({"a": true})"));
  EXPECT_TRUE(Takes(R"({"a": [null]})", R"({"a": null})"));
  EXPECT_FALSE(Takes(R"({"a": [null]})", R"({})"));
  EXPECT_TRUE(Takes(R"({"a": [""]})", R"({"a": ""})"));
  EXPECT_FALSE(Takes(R"({"a": ["x"]})", R"({"A": "x"})"));
}

TEST(EventPatternTest, FieldsMustAllMatch) {
  const char* const event = R"({"source": "shop", "detail": {"state": "paid", "price": 12}})";
  EXPECT_TRUE(Takes(R"({"source": ["shop"], "detail": {"state": ["paid", "sent"]}})", event));
  EXPECT_FALSE(Takes(R"({"source": ["shop"], "detail": {"state": ["sent"]}})", event));
  EXPECT_FALSE(Takes(R"({"source": ["shop"], "detail": {"absent": ["x"]}})", event));
  EXPECT_FALSE(Takes(R"({"source": {"deep": ["x"]}})", event));
  EXPECT_FALSE(Takes(R"({"detail": ["paid"]})", event));
}

TEST(EventPatternTest, OneElementOfAListIsEnough) {
  EXPECT_TRUE(Takes(R"({"a": ["y"]})", R"({"a": ["x", "y"]})"));
  EXPECT_TRUE(Takes(R"({"a": ["y"]})", R"({"a": [["x"], [["y"]]]})"));
  EXPECT_FALSE(Takes(R"({"a": ["z"]})", R"({"a": ["x", "y"]})"));
  EXPECT_FALSE(Takes(R"({"a": ["z"]})", R"({"a": []})"));
  // Fields of one pattern belong to one element.
  const char* const event = R"({"users": [{"name": "a", "age": 1}, {"name": "b", "age": 2}]})";
  EXPECT_TRUE(Takes(R"({"users": {"name": ["b"], "age": [2]}})", event));
  EXPECT_FALSE(Takes(R"({"users": {"name": ["a"], "age": [2]}})", event));
}

TEST(EventPatternTest, TextsByTheirEnds) {
  EXPECT_TRUE(Takes(R"({"a": [{"prefix": "eu-"}]})", R"({"a": "eu-west"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"prefix": "eu-"}]})", R"({"a": "EU-west"})"));
  EXPECT_TRUE(
      Takes(R"({"a": [{"prefix": {"equals-ignore-case": "eu-"}}]})", R"({"a": "EU-west"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"suffix": ".png"}]})", R"({"a": "x.png"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"suffix": {"equals-ignore-case": ".PNG"}}]})", R"({"a": "x.png"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"suffix": ".png"}]})", R"({"a": "png"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"equals-ignore-case": "Alice"}]})", R"({"a": "aLICE"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"equals-ignore-case": "Alice"}]})", R"({"a": "Alicia"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"wildcard": "d*/x*.png"}]})", R"({"a": "dir/xy.png"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"wildcard": "*b*b*"}]})", R"({"a": "abcb"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"wildcard": "a*a"}]})", R"({"a": "a"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"wildcard": "5\\*\\\\*"}]})", R"({"a": "5*\\5"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"wildcard": "5\\*5"}]})", R"({"a": "5x5"})"));
}

TEST(EventPatternTest, AnythingBut) {
  EXPECT_TRUE(Takes(R"({"a": [{"anything-but": "x"}]})", R"({"a": "y"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": "x"}]})", R"({"a": "x"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": "x"}]})", R"({"b": "y"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": ["x", "y"]}]})", R"({"a": "y"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"anything-but": [1, 2]}]})", R"({"a": 3})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": {"prefix": "in"}}]})", R"({"a": "init"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": {"prefix": ["x", "in"]}}]})", R"({"a": "init"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": {"suffix": "it"}}]})", R"({"a": "init"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": {"wildcard": "*ni*"}}]})", R"({"a": "init"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"anything-but": {"equals-ignore-case": ["INIT", "z"]}}]})",
                     R"({"a": "init"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"anything-but": {"suffix": "x"}}]})", R"({"a": 5})"));
}

TEST(EventPatternTest, Numbers) {
  EXPECT_TRUE(Takes(R"({"a": [{"numeric": [">", 0, "<=", 5]}]})", R"({"a": 5})"));
  EXPECT_FALSE(Takes(R"({"a": [{"numeric": [">", 0, "<", 5]}]})", R"({"a": 5})"));
  EXPECT_TRUE(Takes(R"({"a": [{"numeric": ["=", 3.018e2]}]})", R"({"a": 301.8})"));
  EXPECT_TRUE(Takes(R"({"a": [{"numeric": ["<", 10]}]})", R"({"a": -1e9})"));
  EXPECT_FALSE(Takes(R"({"a": [{"numeric": ["<", 10]}]})", R"({"a": "5"})"));
}

TEST(EventPatternTest, Addresses) {
  EXPECT_TRUE(Takes(R"({"a": [{"cidr": "10.0.0.0/24"}]})", R"({"a": "10.0.0.255"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"cidr": "10.0.0.0/24"}]})", R"({"a": "10.0.1.0"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"cidr": "10.0.0.128/25"}]})", R"({"a": "10.0.0.200"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"cidr": "2001:db8::/32"}]})", R"({"a": "2001:db8::1"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"cidr": "2001:db8::/32"}]})", R"({"a": "10.0.0.1"})"));
  EXPECT_FALSE(Takes(R"({"a": [{"cidr": "0.0.0.0/0"}]})", R"({"a": "no address"})"));
  EXPECT_TRUE(Takes(R"({"a": [{"cidr": "0.0.0.0/0"}]})", R"({"a": "1.2.3.4"})"));
}

TEST(EventPatternTest, PresenceOfLeaves) {
  EXPECT_TRUE(Takes(R"({"d": {"a": [{"exists": true}]}})", R"({"d": {"a": null}})"));
  EXPECT_FALSE(Takes(R"({"d": {"a": [{"exists": true}]}})", R"({"d": {"b": 1}})"));
  EXPECT_FALSE(Takes(R"({"d": {"a": [{"exists": true}]}})", R"({"d": {"a": {"b": 1}}})"));
  EXPECT_TRUE(Takes(R"({"d": {"a": [{"exists": false}]}})", R"({"d": {"b": 1}})"));
  EXPECT_TRUE(Takes(R"({"d": {"a": [{"exists": false}]}})", R"({})"));
  EXPECT_FALSE(Takes(R"({"d": {"a": [{"exists": false}]}})", R"({"d": {"a": ""}})"));
  // Nowhere, not only in one element.
  EXPECT_FALSE(Takes(R"({"d": {"a": [{"exists": false}]}})", R"({"d": [{"b": 1}, {"a": 1}]})"));
  EXPECT_TRUE(Takes(R"({"d": {"a": ["x", {"exists": false}]}})", R"({"d": {"b": 1}})"));
}

TEST(EventPatternTest, AnyOfSeveralPatterns) {
  const char* const pattern =
      R"({"source": ["s"], "detail": {"$or": [{"c": [{"numeric": [">", 10]}]}, {"d": ["x"]}]}})";
  EXPECT_TRUE(Takes(pattern, R"({"source": "s", "detail": {"c": 11}})"));
  EXPECT_TRUE(Takes(pattern, R"({"source": "s", "detail": {"c": 1, "d": "x"}})"));
  EXPECT_FALSE(Takes(pattern, R"({"source": "s", "detail": {"c": 1}})"));
  EXPECT_FALSE(Takes(pattern, R"({"source": "t", "detail": {"c": 11}})"));
  // What $or adds belongs to the same element of a list.
  const char* const joined = R"({"l": {"a": [1]}, "$or": [{"l": {"b": [2]}}, {"z": [0]}]})";
  EXPECT_TRUE(Takes(joined, R"({"l": [{"a": 1, "b": 2}]})"));
  EXPECT_FALSE(Takes(joined, R"({"l": [{"a": 1}, {"b": 2}]})"));
  // Of two lists for one field the later one counts; a list and an object must both hold.
  const char* const later = R"({"s": [3], "$or": [{"s": [4]}, {"t": [1]}]})";
  EXPECT_TRUE(Takes(later, R"({"s": 4})"));
  EXPECT_FALSE(Takes(later, R"({"s": 3})"));
  EXPECT_TRUE(Takes(later, R"({"s": 3, "t": 1})"));
  EXPECT_FALSE(Takes(R"({"s": [3], "$or": [{"s": {"t": [1]}}, {"u": [1]}]})", R"({"s": 3})"));
  // With less than two objects it is a field like others.
  EXPECT_TRUE(Takes(R"({"$or": ["x"]})", R"({"$or": "x"})"));
}

TEST(EventPatternTest, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"",
                              "[]",
                              "3",
                              "{}",
                              R"({"a": "x"})",
                              R"({"a": 1})",
                              R"({"a": []})",
                              R"({"a": {}})",
                              R"({"a": [["x"]]})",
                              R"({"a": [{}]})",
                              R"({"a": [{"prefix": "a", "suffix": "b"}]})",
                              R"({"a": [{"prefix": 1}]})",
                              R"({"a": [{"prefix": {"x": "y"}}]})",
                              R"({"a": [{"unknown": "x"}]})",
                              R"({"a": [{"wildcard": "a**b"}]})",
                              R"({"a": [{"wildcard": "a\\b"}]})",
                              R"({"a": [{"numeric": []}]})",
                              R"({"a": [{"numeric": ["<"]}]})",
                              R"({"a": [{"numeric": ["!", 1]}]})",
                              R"({"a": [{"numeric": ["<", "1"]}]})",
                              R"({"a": [{"numeric": ["<", 1, ">", 0]}]})",
                              R"({"a": [{"numeric": [">", 5, "<", 5]}]})",
                              R"({"a": [{"cidr": "10.0.0.0"}]})",
                              R"({"a": [{"cidr": "10.0.0.0/33"}]})",
                              R"({"a": [{"cidr": "x/8"}]})",
                              R"({"a": [{"exists": "yes"}]})",
                              R"({"a": [{"anything-but": []}]})",
                              R"({"a": [{"anything-but": [1, "x"]}]})",
                              R"({"a": [{"anything-but": {"cidr": "x"}}]})",
                              R"({"a": [{"anything-but": true}]})"}) {
    EXPECT_TRUE(Is(EventPattern::Parse(pattern).status(), ErrorCode::kInvalidArgument)) << pattern;
  }
  std::string wide = R"({"k": ["v"])";
  for (int i = 0; i < 10; ++i) {
    std::string key = "f" + std::to_string(i);
    wide += ", \"" + key + "\": {\"$or\": [{\"a\": [1]}, {\"b\": [2]}]}";
  }
  EXPECT_FALSE(EventPattern::Parse(wide + "}").ok());
}

}  // namespace
}  // namespace mainstem::gateway::events
