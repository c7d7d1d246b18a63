// Expressions over parts, as texts: what holds, what an update makes, which errors come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/aws_error.h"
#include "gateway/dynamodb/expression_evaluation.h"
#include "gateway/dynamodb/expression_parser.h"
#include "gateway/dynamodb/legacy_parameters.h"

namespace mainstem::gateway::dynamodb {
namespace {

using testing::HasSubstr;

constexpr std::string_view kItemText = R"({"id":{"S":"k1"},"n":{"N":"5"},"s":{"S":"hello"},
  "tags":{"SS":["a","b"]},"parts":{"L":[{"N":"1"},{"S":"two"},{"M":{"x":{"N":"3"}}}]},
  "doc":{"M":{"core":{"S":"deep"},"parts":{"L":[{"N":"9"}]}}},"flag":{"BOOL":true},
  "none":{"NULL":true}})";

constexpr std::string_view kValues = R"({"ExpressionAttributeNames":{"#s":"s","#odd":"no such"},
  "ExpressionAttributeValues":{":5":{"N":"5.0"},":6":{"N":"6"},":1":{"N":"1"},
  ":hello":{"S":"hello"},":he":{"S":"he"},":a":{"S":"a"},":S":{"S":"S"},":set":{"SS":["b","c"]},
  ":list":{"L":[{"S":"new"}]},":true":{"BOOL":true},":two":{"S":"two"}}})";

aws::Document Json(std::string_view text) {
  return aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)).ValueOrDie();
}

Item ItemOf(std::string_view text) { return ParseItem(Json(text).root).ValueOrDie(); }

std::string TextOfItem(const Item& item) {
  auto out = aws::MakeBodyWriter(aws::BodyCodec::kJson);
  WriteItem(item, out.get());
  return out->Take();
}

std::string ErrorOf(const Status& status) { return aws::ToAwsError(status).message; }

// "true", "false", or the error.
std::string Check(std::string_view text) {
  aws::Document input = Json(kValues);
  Placeholders placeholders = Placeholders::Make(input.root).ValueOrDie();
  auto condition = ParseCondition("ConditionExpression", text, &placeholders);
  if (!condition.ok()) return ErrorOf(condition.status());
  return Holds(*condition, ItemOf(kItemText)) ? "true" : "false";
}

// What changed of the item, or the error.
std::string Change(std::string_view text, std::string_view item = R"({"id":{"S":"k"}})") {
  aws::Document input = Json(kValues);
  Placeholders placeholders = Placeholders::Make(input.root).ValueOrDie();
  auto update = ParseUpdate(text, &placeholders);
  if (!update.ok()) return ErrorOf(update.status());
  auto outcome = ApplyUpdate(*update, ItemOf(item));
  return outcome.ok() ? TextOfItem(outcome->item) : ErrorOf(outcome.status());
}

TEST(ExpressionTest, ConditionsThatHold) {
  for (const char* text : {
           "n = :5",
           "n <> :6",
           "gone <> :6",
           "n < :6 AND n >= :5",
           "n = :6 OR #s = :hello",
           "NOT n = :6",
           "not (n = :6 or n = :1)",
           "n BETWEEN :1 AND :6",
           "n IN (:1, :5)",
           "attribute_exists(doc.core) and attribute_not_exists(doc.gone)",
           "attribute_not_exists(#odd)",
           "attribute_type(s, :S)",
           "begins_with(s, :he)",
           "contains(s, :he) and contains(tags, :a) and contains(parts, :two)",
           "size(s) = :5",
           "size(tags) > :1",
           "flag = :true",
           "parts[0] = :1",
           "parts[2].x < :5",
           "doc.parts[0] > :6",
           "n=:5",
           "n = :6 OR n = :5 AND flag = :true",
       }) {
    EXPECT_EQ(Check(text), "true") << text;
  }
}

TEST(ExpressionTest, ConditionsThatDoNot) {
  for (const char* text : {"n = :6", "s < :5", "gone = :5", "gone < :5", "parts[7] = :1",
                           "size(n) = :1", "begins_with(n, :he)", "contains(n, :5)",
                           "attribute_exists(s.t)", "gone BETWEEN :1 AND :6", "NOT n = :5"}) {
    EXPECT_EQ(Check(text), "false") << text;
  }
}

TEST(ExpressionTest, SaysWhatIsWrongAsAmazonDoes) {
  EXPECT_EQ(Check("n = "),
            "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"= \"");
  EXPECT_EQ(Check("n == :5"),
            "Invalid ConditionExpression: Syntax error; token: \"=\", near: \"== :5\"");
  EXPECT_EQ(Check(""), "Invalid ConditionExpression: The expression can not be empty;");
  EXPECT_THAT(Check("n = :x"), HasSubstr("is not defined; attribute value: :x"));
  EXPECT_THAT(Check("#x = :5"), HasSubstr("is not defined; attribute name: #x"));
  EXPECT_THAT(Check("name = :5"), HasSubstr("reserved keyword; reserved keyword: name"));
  EXPECT_THAT(Check("foo(n)"), HasSubstr("Invalid function name; function: foo"));
  EXPECT_THAT(Check("begins_with(s)"), HasSubstr("number of operands: 1"));
  EXPECT_THAT(Check("begins_with(s, :5)"), HasSubstr("operand type: N"));
  EXPECT_THAT(Check("attribute_exists(:5)"), HasSubstr("requires a document path"));
  EXPECT_THAT(Check("n BETWEEN :6 AND :1"), HasSubstr("upper bound to be greater"));
  EXPECT_THAT(Check("n < :true"), HasSubstr("operator or function: <, operand type: BOOL"));
  EXPECT_THAT(Check("n = :5 n"), HasSubstr("token: \"n\""));
  EXPECT_THAT(Check("n ! :5"), HasSubstr("token: \"!\""));
  EXPECT_THAT(Check(std::string(200, '(') + "n = :5" + std::string(200, ')')),
              HasSubstr("too deeply"));
  EXPECT_THAT(Check("n = :5 AND " + std::string(5000, ' ')), HasSubstr("expression size: 5011"));
}

TEST(ExpressionTest, UpdatesTakeValuesFromTheItemAsItWas) {
  constexpr std::string_view kPair = R"({"a":{"N":"1"},"b":{"N":"2"},"id":{"S":"k"}})";
  EXPECT_EQ(Change("SET a = b, b = a", kPair), R"({"a":{"N":"2"},"b":{"N":"1"},"id":{"S":"k"}})");
  EXPECT_EQ(Change("SET a = a + :5, b = :6 - b", kPair),
            R"({"a":{"N":"6"},"b":{"N":"4"},"id":{"S":"k"}})");
  EXPECT_EQ(Change("set n = if_not_exists(n, :1) + :1"), R"({"id":{"S":"k"},"n":{"N":"2"}})");
  EXPECT_EQ(Change("SET l = list_append(if_not_exists(l, :list), :list)"),
            R"({"id":{"S":"k"},"l":{"L":[{"S":"new"},{"S":"new"}]}})");
  EXPECT_EQ(Change("ADD n :5, tags :set"),
            R"({"id":{"S":"k"},"n":{"N":"5"},"tags":{"SS":["b","c"]}})");
  EXPECT_EQ(Change("DELETE t :set", R"({"t":{"SS":["a","b"]}})"), R"({"t":{"SS":["a"]}})");
  EXPECT_EQ(Change("DELETE t :set", R"({"t":{"SS":["b"]}})"), "{}");
  EXPECT_EQ(Change("REMOVE l[0], l[2]", R"({"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}})"),
            R"({"l":{"L":[{"N":"1"}]}})");
  EXPECT_EQ(Change("SET l[9] = :5", R"({"l":{"L":[{"N":"0"}]}})"),
            R"({"l":{"L":[{"N":"0"},{"N":"5"}]}})");
  EXPECT_EQ(Change("SET m.x = :5 REMOVE m.y", R"({"m":{"M":{"y":{"N":"1"}}}})"),
            R"({"m":{"M":{"x":{"N":"5"}}}})");
  EXPECT_EQ(Change("REMOVE nothing"), R"({"id":{"S":"k"}})");
}

TEST(ExpressionTest, ListsAreTakenFromAtThePlacesOfBefore) {
  constexpr std::string_view kMixed =
      R"({"a":{"N":"1"},"b":{"N":"2"},"l":{"L":[{"S":"x"},{"S":"y"},{"S":"z"}]}})";
  EXPECT_EQ(Change("REMOVE a, l[0], b, l[1]", kMixed), R"({"l":{"L":[{"S":"z"}]}})");
  constexpr std::string_view kMaps =
      R"({"l":{"L":[{"M":{"k":{"N":"1"}}},{"M":{"k":{"N":"2"},"j":{"N":"3"}}}]}})";
  EXPECT_EQ(Change("REMOVE l[0], l[1].k", kMaps), R"({"l":{"L":[{"M":{"j":{"N":"3"}}}]}})");
  constexpr std::string_view kSets = R"({"l":{"L":[{"SS":["b"]},{"S":"y"},{"S":"z"}]}})";
  EXPECT_EQ(Change("DELETE l[0] :set REMOVE l[1]", kSets), R"({"l":{"L":[{"S":"z"}]}})");
}

// Of one element each.
std::string NestedLists(int levels) {
  std::string text = R"({"S":"x"})";
  for (int i = 0; i < levels; ++i) text = R"({"L":[)" + text + "]}";
  return text;
}

TEST(ExpressionTest, UpdatesNestNoDeeperThanItemsMay) {
  auto nested = [](int levels) {
    std::string path = "l";
    for (int i = 0; i < levels; ++i) path += "[0]";
    return Change("SET " + path + " = l", "{\"l\":" + NestedLists(levels) + "}");
  };
  EXPECT_EQ(nested(16), "{\"l\":" + NestedLists(32) + "}");
  EXPECT_EQ(nested(17), "Nesting Levels have exceeded supported limits");
}

TEST(ExpressionTest, UpdatesThatCannotBe) {
  EXPECT_THAT(Change("SET a = b"), HasSubstr("does not exist in the item"));
  EXPECT_THAT(Change("SET m.x = :5"), HasSubstr("invalid for update"));
  EXPECT_THAT(Change("SET id = id + :5"), HasSubstr("incorrect data type"));
  EXPECT_THAT(Change("SET a = :hello + :5"), HasSubstr("operand type: S"));
  EXPECT_THAT(Change("ADD a :hello"), HasSubstr("operator or function: ADD, operand type: S"));
  EXPECT_THAT(Change("SET a = :5 SET b = :5"), HasSubstr("\"SET\" section can only be used once"));
  EXPECT_THAT(Change("SET a = :5, a = :6"), HasSubstr("overlap with each other"));
  EXPECT_THAT(Change("SET a = :5 REMOVE a.b"), HasSubstr("overlap with each other"));
  EXPECT_THAT(Change("PUT a = :5"), HasSubstr("token: \"PUT\""));
}

TEST(ExpressionTest, ProjectsWhatLiesAtThePaths) {
  aws::Document none = Json("{}");
  Placeholders placeholders = Placeholders::Make(none.root).ValueOrDie();
  auto paths = ParseProjection("id, doc.core, parts[2].x, parts[0], gone.x", &placeholders);
  ASSERT_TRUE(paths.ok());
  EXPECT_EQ(TextOfItem(Project(*paths, ItemOf(kItemText))),
            R"({"doc":{"M":{"core":{"S":"deep"}}},"id":{"S":"k1"},)"
            R"("parts":{"L":[{"N":"1"},{"M":{"x":{"N":"3"}}}]}})");
}

TEST(ExpressionTest, TellsUnusedPlaceholders) {
  aws::Document input = Json(R"({"ExpressionAttributeValues":{":a":{"N":"1"},":b":{"N":"1"}}})");
  Placeholders placeholders = Placeholders::Make(input.root).ValueOrDie();
  EXPECT_THAT(ErrorOf(placeholders.CheckUse("FilterExpression")),
              HasSubstr("FilterExpression is null"));
  ASSERT_TRUE(ParseCondition("FilterExpression", "n = :a", &placeholders).ok());
  EXPECT_EQ(ErrorOf(placeholders.CheckUse("FilterExpression")),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}");
}

TEST(ExpressionTest, OlderParametersSayTheSame) {
  auto holds = [](std::string_view text, bool any) {
    aws::Document expected = Json(text);
    auto condition = ConditionOfParameter("Expected", expected.root, any);
    return condition.ok() ? Holds(*condition, ItemOf(kItemText)) ? "true" : "false" : "error";
  };
  EXPECT_STREQ(holds(R"({"n":{"Value":{"N":"5"}},"gone":{"Exists":false}})", false), "true");
  EXPECT_STREQ(holds(R"({"n":{"Value":{"N":"6"}},"gone":{"Exists":false}})", false), "false");
  EXPECT_STREQ(holds(R"({"n":{"Value":{"N":"6"}},"gone":{"Exists":false}})", true), "true");
  EXPECT_STREQ(
      holds(R"({"n":{"ComparisonOperator":"BETWEEN","AttributeValueList":[{"N":"1"},{"N":"9"}]},
                         "s":{"ComparisonOperator":"NOT_CONTAINS","AttributeValueList":[{"S":"z"}]},
                         "gone":{"ComparisonOperator":"NULL"}})",
            false),
      "true");
  EXPECT_STREQ(holds(R"({"n":{"Exists":true}})", false), "error");
  aws::Document updates = Json(R"({"n":{"Action":"ADD","Value":{"N":"1"}},"s":{"Action":"DELETE"},
                                   "x":{"Value":{"S":"put"}},
                                   "list":{"Action":"ADD","Value":{"L":[{"N":"4"}]}}})");
  auto outcome = ApplyUpdate(UpdateOfParameter(updates.root).ValueOrDie(),
                             ItemOf(R"({"n":{"N":"5"},"s":{"S":"a"},"list":{"L":[]}})"));
  EXPECT_EQ(TextOfItem(outcome->item),
            R"({"list":{"L":[{"N":"4"}]},"n":{"N":"6"},"x":{"S":"put"}})");
}

}  // namespace
}  // namespace mainstem::gateway::dynamodb
