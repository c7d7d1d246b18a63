// Values of items: DynamoDB's types, from and to their JSON ({"S": "text"}), with Amazon's checks
// and sizes. Plain values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/aws/body_codec.h"
#include "gateway/aws/value.h"
#include "gateway/dynamodb/decimal_number.h"

namespace mainstem::gateway::dynamodb {

enum class ValueType : uint8_t {
  kString,
  kNumber,
  kBinary,
  kBoolean,
  kNull,
  kMap,
  kList,
  kStringSet,
  kNumberSet,
  kBinarySet,
};
// "S", "N", "SS" ...
std::string_view NameOf(ValueType type);

struct AttributeValue {
  ValueType type = ValueType::kNull;
  bool boolean = false;
  std::string text{};              // of strings, binaries; numbers as DecimalNumber writes them
  std::vector<std::string> set{};  // sorted by bytes, each once; numbers as above
  std::map<std::string, AttributeValue, std::less<>> map{};
  std::vector<AttributeValue> list{};

  static AttributeValue OfString(std::string text);
  static AttributeValue OfNumber(const DecimalNumber& number);
  bool operator==(const AttributeValue&) const = default;
  bool is_set() const { return type >= ValueType::kStringSet; }
  DecimalNumber number() const;  // of kNumber
};

using Item = std::map<std::string, AttributeValue, std::less<>>;

// Lists and maps within each other, of one attribute.
inline constexpr int kNestingMax = 32;
int NestingOf(const AttributeValue& value);  // 0 of what holds nothing
Status NestsTooDeeply();

// An AwsError when it is none.
Result<AttributeValue> ParseAttributeValue(const aws::Value& value);
Result<Item> ParseItem(const aws::Value& value, int nesting_max = kNestingMax);
void WriteAttributeValue(const AttributeValue& value, aws::BodyWriter* out);
void WriteItem(const Item& item, aws::BodyWriter* out);

// As Amazon counts them, for the limit of 400 KB and for capacity.
size_t SizeOf(const AttributeValue& value);
size_t SizeOf(const Item& item);
inline constexpr size_t kItemBytesMax = 400 * 1024;

// "{S:text}", in messages.
std::string Shown(const AttributeValue& value);

}  // namespace mainstem::gateway::dynamodb
