// What targets get: the rules of Amazon's guide to input transformation, one by one.
#include "gateway/events/rules/target_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::events {
namespace {

using testing::HasSubstr;

const char* const kShopEvent =
    R"({"version":"0","id":"e1","source":"shop","time":"2024-02-29T12:00:00Z",)"
    R"("resources":["a","b"],"detail":{"state":"paid","price":12.5,"n":3,)"
    R"("items":[{"sku":"x y"},{"sku":"z"}],"say":"a \"b\"","a b":true,"none":null}})";

Result<std::string> Made(std::string_view target) {
  auto definition = aws::DecodeBody(aws::BodyCodec::kJson, std::string(target));
  auto event = aws::DecodeBody(aws::BodyCodec::kJson, kShopEvent);
  CHECK(definition.ok() && event.ok());
  ASSIGN_OR_RETURN(TargetInput input, TargetInput::Parse(definition->root));
  EventView view{.text = kShopEvent, .root = event->root, .ingestion_ms = 1'709'208'000'123};
  return input.Make(view, {.arn = "arn:aws:events:r:1:rule/r", .name = "r"});
}

std::string MadeBy(std::string_view target) {
  auto made = Made(target);
  EXPECT_TRUE(made.ok()) << target << ": " << made.status().ToString();
  return made.ValueOr("");
}

std::string PartAt(std::string_view path) {
  return MadeBy(R"({"Id":"t","InputPath":")" + std::string(path) + "\"}");
}

std::string Transformed(std::string_view paths, std::string_view template_json) {
  return MadeBy(R"({"Id":"t","InputTransformer":{"InputPathsMap":)" + std::string(paths) +
                R"(,"InputTemplate":)" + std::string(template_json) + "}}");
}

std::string Refusal(std::string_view target) {
  auto made = Made(target);
  EXPECT_TRUE(Is(made.status(), ErrorCode::kInvalidArgument)) << target;
  return made.ok() ? "" : TextOf(made.status()).message;
}

TEST(TargetInputTest, IsTheEventAsItLiesOnTheBusOrAConstant) {
  EXPECT_EQ(MadeBy(R"({"Id":"t"})"), kShopEvent);
  EXPECT_EQ(MadeBy(R"({"Id":"t","Input":"{\"a\": 1}"})"), R"({"a": 1})");
  EXPECT_EQ(Refusal(R"({"Id":"t","Input":"{a"})"), "JSON syntax error in input for target t.");
  EXPECT_THAT(Refusal(R"({"Id":"t","Input":"1","InputPath":"$"})"), HasSubstr("Only one of"));
}

TEST(TargetInputTest, IsAPartOfTheEventAsJson) {
  EXPECT_EQ(PartAt("$.source"), R"("shop")");
  EXPECT_EQ(PartAt("$.detail.price"), "12.5");
  EXPECT_EQ(PartAt("$.detail.items[1]"), R"({"sku":"z"})");
  EXPECT_EQ(PartAt("$.detail.items[*].sku"), R"(["x y","z"])");
  EXPECT_EQ(PartAt("$['detail']['a b']"), "true");
  EXPECT_EQ(PartAt("$.detail.none"), "null");
  EXPECT_EQ(PartAt("$.detail.absent"), "null");
  EXPECT_EQ(PartAt("$.resources[7]"), "null");
  for (const char* path : {"detail", "$.", "$detail", "$.a[", "$.a[x]", "$.a..b", "$['a"}) {
    EXPECT_THAT(Refusal(R"({"Id":"t","InputPath":")" + std::string(path) + "\"}"),
                HasSubstr("Invalid InputPath for target t."))
        << path;
  }
}

TEST(TargetInputTest, TemplatesTakeValuesWithAndWithoutQuotes) {
  EXPECT_EQ(
      Transformed(R"({"s":"$.detail.state","p":"$.detail.price"})", R"("\"It is <s> for <p>\"")"),
      R"("It is paid for 12.5")");
  EXPECT_EQ(Transformed(R"({"s":"$.detail.state","p":"$.detail.price","i":"$.detail.items"})",
                        R"("{\"s\": <s>, \"q\": \"<s>\", \"p\": <p>, \"i\": <i>}")"),
            R"({"s": "paid", "q": "paid", "p": 12.5, "i": [{"sku":"x y"},{"sku":"z"}]})");
  EXPECT_EQ(Transformed(R"({"i":"$.detail.items[1]"})", R"("\"item <i>\"")"), R"("item {sku:z}")");
  EXPECT_EQ(
      Transformed(R"({"d":"$.detail"})", R"("\"<d>\"")"),
      R"("{state:paid,price:12.5,n:3,items:[{sku:x y},{sku:z}],say:a b,a b:true,none:null}")");
  EXPECT_EQ(Transformed(R"({"s":"$.detail.state"})", R"("{\"a\": \"\\\"<s>\\\" is it\"}")"),
            R"({"a": "\"paid\" is it"})");
  EXPECT_EQ(Transformed(R"({"say":"$.detail.say"})", R"("{\"a\": \"<say>\", \"b\": <say>}")"),
            R"({"a": "a \"b\"", "b": "a \"b\""})");
  EXPECT_EQ(Transformed(R"({"s":"$.source","t":"$.time"})", R"("\"<s>\"\n\"<t>\"")"),
            "\"shop\"\n\"2024-02-29T12:00:00Z\"");
}

TEST(TargetInputTest, VariablesWithoutAValueAreEmpty) {
  EXPECT_EQ(Transformed(R"({"x":"$.detail.absent"})", R"("{\"a\": <x>, \"b\": \"-<x>-\"}")"),
            R"({"a": "", "b": "--"})");
  EXPECT_EQ(Transformed("{}", R"("{\"a\": <unknown>, \"b\": \"1 < 2 > 0\"}")"),
            R"({"a": "", "b": "1 < 2 > 0"})");
}

TEST(TargetInputTest, PredefinedVariablesAreAmazons) {
  EXPECT_EQ(
      Transformed("{}", R"("{\"a\": <aws.events.rule-arn>, \"n\": \"<aws.events.rule-name>\"}")"),
      R"({"a": "arn:aws:events:r:1:rule/r", "n": "r"})");
  EXPECT_EQ(Transformed("{}", R"("{\"t\": <aws.events.event.ingestion-time>}")"),
            R"({"t": "2024-02-29T12:00:00.123Z"})");
  EXPECT_EQ(Transformed("{}", R"("{\"e\": <aws.events.event.json>}")"),
            R"({"e": )" + std::string(kShopEvent) + "}");
  EXPECT_EQ(Transformed("{}", R"("<aws.events.event>")"),
            R"({"version":"0","id":"e1","source":"shop","time":"2024-02-29T12:00:00Z",)"
            R"("resources":["a","b"]})");
}

TEST(TargetInputTest, BrokenTransformersAreRefused) {
  EXPECT_THAT(Refusal(R"({"Id":"t","InputTransformer":{"InputTemplate":"{\"a\": <x>"}})"),
              HasSubstr("Invalid InputTemplate for target t"));
  EXPECT_THAT(Refusal(R"({"Id":"t","InputTransformer":{"InputTemplate":"plain <x> text"}})"),
              HasSubstr("Invalid InputTemplate for target t"));
  EXPECT_THAT(Refusal(R"({"Id":"t","InputTransformer":{"InputPathsMap":{"x":"a"},)"
                      R"("InputTemplate":"<x>"}})"),
              HasSubstr("Invalid InputPathsMap for target t"));
  EXPECT_THAT(Refusal(R"({"Id":"t","InputTransformer":{"InputPathsMap":{"AWSx":"$"},)"
                      R"("InputTemplate":"<x>"}})"),
              HasSubstr("must not begin with AWS"));
}

TEST(TargetInputTest, NoMoreThanAMebibyteIsMade) {
  std::string large(200 << 10, 'x');
  std::string event = R"({"detail":")" + large + "\"}";
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, event);
  auto definition = aws::DecodeBody(aws::BodyCodec::kJson,
                                    R"({"InputTransformer":{"InputPathsMap":{"d":"$.detail"},)"
                                    R"("InputTemplate":"\"<d><d><d><d><d><d>\""}})");
  ASSERT_TRUE(document.ok() && definition.ok());
  auto input = TargetInput::Parse(definition->root);
  ASSERT_TRUE(input.ok());
  auto made = input->Make({.text = event, .root = document->root}, {});
  EXPECT_TRUE(Is(made.status(), ErrorCode::kMessageTooLarge));
}

}  // namespace
}  // namespace mainstem::gateway::events
