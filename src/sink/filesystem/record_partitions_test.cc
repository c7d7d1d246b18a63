// Rows of JSON by the values of a query, and what becomes of those that have none.
#include "sink/filesystem/record_partitions.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

using Texts = std::vector<std::string>;

ChangelogBatch BatchOf(const Texts& texts) {
  arrow::BinaryBuilder data;
  arrow::Int64Builder number;
  for (size_t i = 0; i < texts.size(); ++i) {
    CHECK_OK(data.Append(texts[i]));
    CHECK_OK(number.Append(static_cast<int64_t>(i)));
  }
  arrow::ArrayVector columns(2);
  CHECK_OK(data.Finish(&columns[0]));
  CHECK_OK(number.Finish(&columns[1]));
  auto schema =
      arrow::schema({arrow::field("data", arrow::binary()), arrow::field("n", arrow::int64())});
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::Make(schema, static_cast<int64_t>(texts.size()), columns);
  return batch;
}

// "value,value: row/bytes row/bytes" of each part, "! row/bytes" of what failed.
Texts SplitOf(const std::string& query, bool splits_json, const Texts& texts) {
  auto compiled = format::RecordQuery::Compile(query);
  CHECK_OK(compiled);
  auto names = FileNamePattern::Compile("!{partitionKeyFromQuery:a}/!{random:uuid}",
                                        {.keys = compiled->keys()});
  CHECK_OK(names);
  const RecordPartitions partitions(*compiled, {.splits_json = splits_json});
  auto split = partitions.Run(BatchOf(texts), *names);
  CHECK_OK(split);
  Texts told;
  for (const RecordPartitions::Part& part : split->parts) {
    std::string text;
    for (const std::string& value : part.values) text += (text.empty() ? "" : ",") + value;
    text += ":";
    const auto& data = static_cast<const arrow::BinaryArray&>(*part.rows.rows->column(0));
    const auto& number = static_cast<const arrow::Int64Array&>(*part.rows.rows->column(1));
    for (int64_t i = 0; i < data.length(); ++i) {
      text += " " + std::to_string(number.Value(i)) + "/" + data.GetString(i);
    }
    told.push_back(text);
  }
  for (const RecordPartitions::Failed& failed : split->failed) {
    EXPECT_FALSE(failed.problem.empty());
    told.push_back("! " + std::to_string(failed.row) + "/" + failed.data);
  }
  return told;
}

TEST(RecordPartitionsTest, RowsKeepTheirOrderWithinTheirValues) {
  EXPECT_EQ(SplitOf("{a: .a, b: .b}", false,
                    {R"({"a":1,"b":"x"})", R"({"a":2,"b":"x"})", R"({"b":"x","a":"1"})",
                     R"({"a":1,"b":"y"})"}),
            (Texts{R"(1,x: 0/{"a":1,"b":"x"} 2/{"b":"x","a":"1"})", R"(2,x: 1/{"a":2,"b":"x"})",
                   R"(1,y: 3/{"a":1,"b":"y"})"}));
  EXPECT_EQ(SplitOf("{a}", false, {}), Texts());
}

TEST(RecordPartitionsTest, WhatHasNoValueOrMakesNoNameFails) {
  EXPECT_EQ(SplitOf("{a: .a}", false,
                    {"text", "", R"({"a":null})", R"({"a":"../x"})", R"({"a":1}{"a":1})",
                     R"({"a":[1]})", R"({"a":7})"}),
            (Texts{R"(7: 6/{"a":7})", "! 0/text", "! 1/", R"(! 2/{"a":null})",
                   R"(! 3/{"a":"../x"})", R"(! 4/{"a":1}{"a":1})", R"(! 5/{"a":[1]})"}));
}

TEST(RecordPartitionsTest, ARowMayHoldSeveralObjects) {
  EXPECT_EQ(
      SplitOf("{a: .a}", true,
              {R"({"a":1}{"a":2,"s":"}{\""} )", "\n{\"a\":1}\r\n", R"({"a":1} {"b":1})",
               R"({"a":1}{"a":)", "", "[{\"a\":1}]", R"({"a":1},{"a":2})"}),
      (Texts{R"(1: 0/{"a":1} 1/{"a":1} 2/{"a":1})", R"(2: 0/{"a":2,"s":"}{\""})", R"(! 2/{"b":1})",
             R"(! 3/{"a":1}{"a":)", "! 4/", "! 5/[{\"a\":1}]", R"(! 6/{"a":1},{"a":2})"}));
}

}  // namespace
}  // namespace mainstem::sink
