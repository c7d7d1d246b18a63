// What the queries give of records; each case but those of "not available" was compared with
// jq 1.6.
#include "format/record_query.h"

#include <gtest/gtest.h>

namespace mainstem::format {
namespace {

using Texts = std::vector<std::string>;

// The values, or the message of what fails.
std::string ResultOf(const std::string& query, const std::string& json) {
  Result<RecordQuery> compiled = RecordQuery::Compile(query);
  if (!compiled.ok()) return "bad: " + TextOf(compiled.status()).message;
  simdjson::dom::parser parser;
  simdjson::dom::element record;
  CHECK(!parser.parse(json).get(record));
  Result<Texts> values = compiled->Run(record);
  if (!values.ok()) {
    EXPECT_TRUE(Is(values.status(), ErrorCode::kInvalidRecord)) << values.status();
    return "fails: " + TextOf(values.status()).message;
  }
  std::string joined;
  for (const std::string& value : *values) joined += (joined.empty() ? "" : ",") + value;
  return joined;
}

constexpr const char* kRecord =
    R"({"id": "C-17", "n": 42, "half": 0.5, "tenth": 0.1,
        "big": 9007199254740993, "yes": true, "none": null,
        "deep": {"a b": {"c": "X"}, "list": [1, ["two"], {"three": 3}]}, "ts": 1565382027,
        "at": "2019-08-09T20:20:27Z", "path": "eu/west/1", "ms": 1565382027123, "empty": ""})";

TEST(RecordQueryTest, FindsScalars) {
  EXPECT_EQ(ResultOf("{k: .id}", kRecord), "C-17");
  EXPECT_EQ(ResultOf("{id, n}", kRecord), "C-17,42");
  EXPECT_EQ(ResultOf(R"({ "a" : .n ,b:.half, c:.yes, d:.tenth })", kRecord), "42,0.5,true,0.1");
  EXPECT_EQ(ResultOf(R"({k: .deep."a b".c})", kRecord), "X");
  EXPECT_EQ(ResultOf(R"({k: .["deep"]["a b"].c})", kRecord), "X");
  EXPECT_EQ(ResultOf("{k: .deep.list[0], l: .deep.list[1][0], m: .deep.list[-1].three}", kRecord),
            "1,two,3");
  EXPECT_EQ(ResultOf(R"({k: "fixed", l: 3, m: -1.5, n: false})", kRecord), "fixed,3,-1.5,false");
}

TEST(RecordQueryTest, AppliesFunctions) {
  EXPECT_EQ(
      ResultOf(R"({y: .ts | strftime("%Y"), m: .ts|strftime("%m/%d"), h: .ts | todate})", kRecord),
      "2019,08/09,2019-08-09T20:20:27Z");
  EXPECT_EQ(ResultOf(R"({y: .at | fromdate | strftime("%Y-%m-%dT%H:%M:%S")})", kRecord),
            "2019-08-09T20:20:27");
  EXPECT_EQ(ResultOf("{k: .id | ascii_downcase, l: .deep[\"a b\"].c|ascii_downcase|ascii_upcase}",
                     kRecord),
            "c-17,X");
  EXPECT_EQ(
      ResultOf(R"({k: .path | split("/")[1], l: (.path | split("/"))[-1], m: .path | length})",
               kRecord),
      "west,1,9");
  EXPECT_EQ(ResultOf(R"({k: .id | ltrimstr("C-"), l: .id | rtrimstr("7"), m: .id | ltrimstr("x")})",
                     kRecord),
            "17,C-1,C-17");
  EXPECT_EQ(ResultOf(R"({k: .id | ltrimstr("C-") | tonumber, l: .n | tostring, m: .half | floor})",
                     kRecord),
            "17,42,0");
  EXPECT_EQ(
      ResultOf("{k: .deep.list | length, l: .deep | length, m: .none | length, n: .n | length}",
               kRecord),
      "3,2,0,42");
  EXPECT_EQ(ResultOf("{k: .deep.list | tostring}", kRecord), R"([1,["two"],{"three":3}])");
}

TEST(RecordQueryTest, TakesWhatElseThereIs) {
  EXPECT_EQ(
      ResultOf(R"({k: (.none // .id), l: (.absent // .none // "x"), m: (.id // .n)})", kRecord),
      "C-17,x,C-17");
  EXPECT_EQ(ResultOf(R"({k: (.absent.deeper // "x" | ascii_upcase), l: (.n.no? // "y")})", kRecord),
            "X,y");
}

TEST(RecordQueryTest, FailsForRecordsWithoutAValue) {
  const std::string empty = "k: partitionKeys values must not be null or empty";
  for (const char* query : {"{k: .absent}", "{k: .none}", "{k: .empty}", "{k: .absent.more[3]}",
                            "{k: .deep.list[7]}", "{k: .n.no?}", "{k: null}"}) {
    EXPECT_EQ(ResultOf(query, kRecord), "fails: " + empty) << query;
  }
  EXPECT_EQ(ResultOf("{k: .deep}", kRecord), "fails: k: the value is an object");
  EXPECT_EQ(ResultOf("{k: .deep.list}", kRecord), "fails: k: the value is an array");
  EXPECT_EQ(ResultOf("{k: .n.no}", kRecord), "fails: k: cannot index number with \"no\"");
  EXPECT_EQ(ResultOf("{k: .id[0]}", kRecord), "fails: k: cannot index string with a number");
  EXPECT_EQ(ResultOf("{k: .id | tonumber}", kRecord),
            "fails: k: string cannot be parsed as a number");
  EXPECT_EQ(ResultOf("{k: .id | strftime(\"%Y\")}", kRecord),
            "fails: k: strftime needs a number of seconds");
  EXPECT_EQ(ResultOf("{k: .n | ascii_downcase}", kRecord),
            "fails: k: a string is needed, not number");
  EXPECT_EQ(ResultOf("{k: .yes | length}", kRecord), "fails: k: boolean has no length");
  EXPECT_EQ(ResultOf("{k: .id}", "[1]"), "fails: k: cannot index array with \"id\"");
}

TEST(RecordQueryTest, RefusesWhatMoreJqHas) {
  for (const char* query : {"",
                            ".id",
                            "{",
                            "{}",
                            "{k:}",
                            "{k: .id",
                            "{k: .id} | .k",
                            "{k: .id,}",
                            "{1k: .id}",
                            "{k: .a[]}",
                            "{k: .a[1:2]}",
                            "{k: ..}",
                            "{k: .deep.[0]}",
                            "{k: .n + 1}",
                            "{k: 1-2}",
                            "{k: -inf}",
                            "{k: .a == 1}",
                            "{k: .a // .b}",
                            "{k: \"a\\(.b)\"}",
                            "{k: now}",
                            "{k: map(.a)}",
                            "{k: if .a then 1 else 2 end}",
                            "{k: .a as $x | $x}",
                            "{(.k): 1}",
                            "{k: [.a]}",
                            "{k: {a: 1}}",
                            "{k: strftime(.f)}",
                            "{k: \"a}",
                            "{k: .id, k: .n}"}) {
    EXPECT_TRUE(ResultOf(query, kRecord).starts_with("bad: "))
        << query << ": " << ResultOf(query, kRecord);
  }
  EXPECT_EQ(ResultOf("{k: .ts | now}", kRecord), "bad: has 'now': that is not available");
  std::string deep = "{k: ";
  for (int i = 0; i < 100; ++i) deep += "(";
  EXPECT_EQ(ResultOf(deep, kRecord), "bad: is nested too deeply");
}

}  // namespace
}  // namespace mainstem::format
