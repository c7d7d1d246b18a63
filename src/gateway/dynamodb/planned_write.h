// One write of an item, as PutItem, UpdateItem, DeleteItem and the parts of a transaction ask for
// it: understood first, decided when nobody else writes to the item. Pure; on the home shard.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/aws/value.h"
#include "gateway/dynamodb/expression.h"
#include "gateway/dynamodb/expression_parser.h"
#include "gateway/dynamodb/operations.h"

namespace mainstem::gateway::dynamodb {

struct PlannedWrite {
  enum class Kind : uint8_t { kPut, kUpdate, kDelete, kCheck };
  Kind kind = Kind::kPut;
  std::string table{};
  std::string table_id{};
  ItemKey key{};
  Item item{};  // of kPut; else the attributes of the key
  std::optional<Condition> condition{};
  std::optional<Update> update{};
  bool tells_item_on_failure = false;

  Store::Place place() const { return {.table_id = table_id, .key = key}; }
};

// `input`: the request, or the part of a transaction.
Result<PlannedWrite> PlanWrite(const Context& context, PlannedWrite::Kind kind,
                               const aws::Value& input);

struct DecidedWrite {
  ItemPtr before;  // null: there was none
  ItemPtr after;
  std::vector<Path> touched{};  // by an update
  bool changes = true;          // false: nothing is to be written
};
// By what the item is now. A ConditionalCheckFailedException, or what is wrong with the item that
// it would become.
Result<DecidedWrite> DecideWrite(const Store& store, const PlannedWrite& plan);
Store::Write WriteOf(const PlannedWrite& plan, const DecidedWrite& decided);
// Of what the write was and became, in units of writing.
double UnitsOf(const DecidedWrite& decided);

}  // namespace mainstem::gateway::dynamodb
