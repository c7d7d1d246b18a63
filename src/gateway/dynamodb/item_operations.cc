// PutItem, UpdateItem, DeleteItem, GetItem.
#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_evaluation.h"
#include "gateway/dynamodb/legacy_parameters.h"
#include "gateway/dynamodb/planned_write.h"

namespace mainstem::gateway::dynamodb {
namespace {

using WriteKind = PlannedWrite::Kind;

// What ReturnValues asks for; null: nothing.
ItemPtr Returned(std::string_view wanted, const DecidedWrite& decided) {
  bool is_new = wanted == "ALL_NEW" || wanted == "UPDATED_NEW";
  const ItemPtr& item = is_new ? decided.after : decided.before;
  if (wanted.empty() || wanted == "NONE" || item == nullptr) return nullptr;
  if (wanted.starts_with("ALL")) return item;
  Item updated = Project(decided.touched, *item);
  if (updated.empty()) return nullptr;
  return std::make_shared<const Item>(std::move(updated));
}

Task<> WriteOne(const Context& context, WriteKind kind, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::string_view wanted = input["ReturnValues"].text;
  if (kind != WriteKind::kUpdate && !wanted.empty() && wanted != "NONE" && wanted != "ALL_OLD") {
    co_return Invalid("ReturnValues can only be ALL_OLD or NONE");
  }
  CO_ASSIGN_OR_RETURN(PlannedWrite plan, PlanWrite(context, kind, input));
  DecidedWrite decided;
  auto decide = [&]() -> Result<std::vector<Store::Write>> {
    ASSIGN_OR_RETURN(decided, DecideWrite(*context.store, plan));
    std::vector<Store::Write> writes;
    if (decided.changes) writes.push_back(WriteOf(plan, decided));
    return writes;
  };
  std::vector<Store::Place> places{plan.place()};
  CO_RETURN_IF_ERROR(co_await context.store->WriteItems(std::move(places), decide));
  ItemPtr returned = Returned(wanted, decided);
  if (returned != nullptr) CO_RETURN_IF_ERROR(LeaseAnswer(context, SizeOf(*returned), call));
  call->answer->BeginMap();
  if (returned != nullptr) {
    call->answer->Key("Attributes");
    WriteItem(*returned, call->answer.get());
  }
  WriteConsumed(input, {.table = plan.table, .units = UnitsOf(decided)}, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace

Task<> PutItem(const Context& context, aws::AwsCall* call) {
  return WriteOne(context, WriteKind::kPut, call);
}
Task<> UpdateItem(const Context& context, aws::AwsCall* call) {
  return WriteOne(context, WriteKind::kUpdate, call);
}
Task<> DeleteItem(const Context& context, aws::AwsCall* call) {
  return WriteOne(context, WriteKind::kDelete, call);
}

Task<> GetItem(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_RETURN_IF_ERROR(RefuseMixedParameters(input));
  CO_ASSIGN_OR_RETURN(Placeholders placeholders, Placeholders::Make(input));
  std::optional<std::vector<Path>> projection;
  if (!input["ProjectionExpression"].is_null()) {
    CO_ASSIGN_OR_RETURN(projection,
                        ParseProjection(input["ProjectionExpression"].text, &placeholders));
  } else if (!input["AttributesToGet"].is_null()) {
    projection = ProjectionOfParameter(input["AttributesToGet"]);
  }
  CO_RETURN_IF_ERROR(placeholders.CheckUse("ProjectionExpression"));
  CO_ASSIGN_OR_RETURN(Item key_item, ParseItem(input["Key"]));
  CO_ASSIGN_OR_RETURN(const Table* table, FindTable(context, input["TableName"].text));
  CO_ASSIGN_OR_RETURN(ItemKey key, table->KeyOf(key_item));
  ItemPtr item = table->Find(key);
  size_t bytes = item != nullptr ? SizeOf(*item) : 0;
  CO_RETURN_IF_ERROR(LeaseAnswer(context, bytes, call));
  call->answer->BeginMap();
  if (item != nullptr) {
    call->answer->Key("Item");
    WriteItem(projection ? Project(*projection, *item) : *item, call->answer.get());
  }
  double units = ReadUnits(bytes, input["ConsistentRead"].boolean);
  WriteConsumed(input, {.table = table->definition().name, .units = units}, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb
