#include "gateway/aws/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {
namespace {

bool IsLower(std::string_view text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
}
constexpr Pattern kLower{"[a-z]+", IsLower};

Shape TestShape() {
  Shape item{.type = ShapeType::kStructure};
  item.fields.push_back({"Key", {.type = ShapeType::kString, .required = true, .minimum = 1}});
  item.fields.push_back({"Data", {.type = ShapeType::kBlob, .maximum = 3}});
  Shape list{.type = ShapeType::kList, .maximum = 2};
  list.item_text = "Item@1";
  list.element.push_back(item);
  Shape tags{.type = ShapeType::kMap, .minimum = 1};
  tags.key_lengths = {1, 3};
  tags.element.push_back({.type = ShapeType::kString, .maximum = 2});
  Shape shape{.type = ShapeType::kStructure};
  shape.fields.push_back({"Name", {.required = true, .maximum = 4, .pattern = &kLower}});
  shape.fields.push_back({"Count", {.type = ShapeType::kInteger, .minimum = 1, .maximum = 9}});
  shape.fields.push_back({"Mode", {.values = {"ON", "OFF"}}});
  shape.fields.push_back({"Flag", {.type = ShapeType::kBoolean}});
  shape.fields.push_back({"At", {.type = ShapeType::kTimestamp}});
  shape.fields.push_back({"Items", list});
  shape.fields.push_back({"Tags", tags});
  return shape;
}

AwsError Outcome(std::string json) {
  auto document = DecodeBody(BodyCodec::kJson, std::move(json));
  EXPECT_TRUE(document.ok());
  Status status = CheckShape(TestShape(), &*document);
  return status.ok() ? AwsError{.name = "OK", .message = ""} : ToAwsError(status);
}

std::string Broken(std::string json) {
  AwsError error = Outcome(std::move(json));
  EXPECT_EQ(error.name, "ValidationException");
  return error.message;
}

TEST(ShapeTest, TakesWhatFitsAndDecodesBlobs) {
  auto document = DecodeBody(BodyCodec::kJson,
                             R"({"Name":"ab","Count":9,"Mode":"ON","At":1.5,"Tags":{"a":"b"},)"
                             R"("Items":[{"Key":"k","Data":"AAEC"}],"Unknown":[1]})");
  ASSERT_TRUE(document.ok());
  ASSERT_TRUE(CheckShape(TestShape(), &*document).ok());
  const Value& data = document->root["Items"].members[0].value["Data"];
  EXPECT_EQ(data.kind, Value::Kind::kBytes);
  EXPECT_EQ(data.text, std::string_view("\0\1\2", 3));
  EXPECT_EQ(TimeOf(document->root["At"]), 1500);
}

TEST(ShapeTest, TellsTypesAsAmazonDoes) {
  auto message = [](std::string json) {
    AwsError error = Outcome(std::move(json));
    EXPECT_EQ(error.name, "SerializationException");
    EXPECT_TRUE(error.capital_message);
    return error.message;
  };
  EXPECT_EQ(message(R"({"Name":true})"),
            "class java.lang.Boolean can not be converted to an String");
  EXPECT_EQ(message(R"({"Name":1})"),
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to "
            "an String");
  EXPECT_EQ(message(R"({"Name":[]})"), "Start of list found where not expected");
  EXPECT_EQ(message(R"({"Name":{}})"), "Start of structure or map found where not expected.");
  EXPECT_EQ(message(R"({"Count":"1"})"),
            "class java.lang.String can not be converted to an Integer");
  EXPECT_EQ(message(R"({"Flag":"yes"})"), "'YES' can not be converted to an Boolean");
  EXPECT_EQ(message(R"({"Items":"a"})"), "Expected list or null");
  EXPECT_EQ(message(R"({"Tags":1})"), "Expected map or null");
  EXPECT_EQ(message(R"({"Items":[1]})"), "Expected null");
  EXPECT_EQ(message(R"({"At":"x"})"),
            "class java.lang.String can not be converted to milliseconds since epoch");
  EXPECT_EQ(message(R"({"Items":[{"Data":"abc"}]})"),
            "'abc' can not be converted to a Blob: Base64 encoded length is expected a multiple of "
            "4 bytes but found: 3");
  EXPECT_EQ(message(R"({"Items":[{"Data":"=+/="}]})"),
            "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='");
  EXPECT_EQ(
      message(R"({"Items":[{"Data":"AB=="}]})"),
      "'AB==' can not be converted to a Blob: Invalid last non-pad Base64 character dectected");
}

TEST(ShapeTest, ListsEveryBrokenConstraint) {
  EXPECT_EQ(
      Broken("{}"),
      "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member "
      "must not be null");
  EXPECT_EQ(
      Broken(R"({"Name":"ABCDE","Count":0,"Mode":"x"})"),
      "4 validation errors detected: Value 'ABCDE' at 'name' failed to satisfy constraint: "
      "Member must satisfy regular expression pattern: [a-z]+; Value 'ABCDE' at 'name' failed "
      "to satisfy constraint: Member must have length less than or equal to 4; Value '0' at "
      "'count' failed to satisfy constraint: Member must have value greater than or equal to "
      "1; Value 'x' at 'mode' failed to satisfy constraint: Member must satisfy enum value "
      "set: [ON, OFF]");
}

TEST(ShapeTest, NamesThePlaceInListsAndMaps) {
  EXPECT_EQ(
      Broken(R"({"Name":"a","Items":[{"Key":"k"},{"Key":"","Data":"AAAAAA=="},{"Key":"k"}]})"),
      "3 validation errors detected: Value '[Item@1, Item@1, Item@1]' at 'items' failed to "
      "satisfy constraint: Member must have length less than or equal to 2; Value '' at "
      "'items.2.member.key' failed to satisfy constraint: Member must have length greater "
      "than or equal to 1; Value 'java.nio.HeapByteBuffer[pos=0 lim=4 cap=4]' at "
      "'items.2.member.data' failed to satisfy constraint: Member must have length less than "
      "or equal to 3");
  EXPECT_EQ(Broken(R"({"Name":"a","Tags":{"long":"abc"}})"),
            "2 validation errors detected: Value '{long=abc}' at 'tags' failed to satisfy "
            "constraint: Map keys must satisfy constraint: [Member must have length less than or "
            "equal to 3, Member must have length greater than or equal to 1]; Value 'abc' at "
            "'tags.long.member' failed to satisfy constraint: Member must have length less than or "
            "equal to 2");
}

TEST(ShapeTest, TellsAtMostTenErrors) {
  std::string items;
  for (int i = 0; i < 20; ++i) items += std::string(i > 0 ? "," : "") + R"({"Key":""})";
  EXPECT_THAT(Broken(R"({"Name":"a","Items":[)" + items + "]}"),
              testing::StartsWith("10 validation errors detected: "));
}

TEST(ShapeTest, CountsCharactersAsJavaDoes) {
  EXPECT_EQ(TextLength("aä€"), 3);
  EXPECT_EQ(TextLength("\xf0\x9f\x98\x80"), 2);
}

}  // namespace
}  // namespace mainstem::gateway::aws
