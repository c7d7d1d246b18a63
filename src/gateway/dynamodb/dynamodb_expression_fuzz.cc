// Feeds bytes to the readers of expressions and of attribute values; what is understood is
// evaluated over an item, which must stay one that can be written and read again.
#include <cstdlib>

#include "gateway/dynamodb/expression_evaluation.h"
#include "gateway/dynamodb/expression_parser.h"
#include "gateway/dynamodb/stored_record_format.h"

namespace {

using namespace mainstem::gateway;  // NOLINT: a test program
using namespace mainstem::gateway::dynamodb;

constexpr std::string_view kPlaceholders =
    R"({"ExpressionAttributeNames":{"#a":"a","#b":"b"},"ExpressionAttributeValues":{
    ":n":{"N":"1.5"},":s":{"S":"x"},":l":{"L":[{"N":"1"}]},":m":{"M":{"a":{"N":"2"}}},
    ":ss":{"SS":["x","y"]}}})";

Item MakeItem() {
  auto text = aws::DecodeBody(
      aws::BodyCodec::kJson,
      R"({"a":{"N":"1"},"b":{"M":{"a":{"L":[{"N":"1"},{"S":"x"}]}}},"c":{"SS":["x"]},
      "d":{"S":"x"}})");
  return ParseItem(text->root).ValueOrDie();
}

void CheckRound(const Item& item) {
  auto again = ParseItemRecord(ItemRecordValue(item));
  if (!again.ok() || !(*again == item)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  char kind = input[0];
  input.remove_prefix(1);
  auto given = aws::DecodeBody(aws::BodyCodec::kJson, std::string(kPlaceholders));
  Placeholders placeholders = Placeholders::Make(given->root).ValueOrDie();
  Item item = MakeItem();
  switch (kind % 4) {
    case 0: {
      auto condition = ParseCondition("ConditionExpression", input, &placeholders);
      if (condition.ok()) Holds(*condition, item);
      break;
    }
    case 1: {
      auto update = ParseUpdate(input, &placeholders);
      if (!update.ok()) break;
      auto outcome = ApplyUpdate(*update, item);
      if (outcome.ok()) CheckRound(outcome->item);
      break;
    }
    case 2: {
      auto paths = ParseProjection(input, &placeholders);
      if (paths.ok()) CheckRound(Project(*paths, item));
      break;
    }
    default: {
      auto body = aws::DecodeBody(aws::BodyCodec::kJson, std::string(input));
      if (!body.ok()) break;
      auto parsed = ParseItem(body->root);
      if (parsed.ok()) CheckRound(*parsed);
      auto key = ParseRecordKey(input);
      if (key.ok() && !key->table_id.empty() && ItemRecordKey(key->table_id, key->item) != input) {
        std::abort();
      }
    }
  }
  return 0;
}
