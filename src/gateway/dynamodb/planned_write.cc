#include "gateway/dynamodb/planned_write.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_evaluation.h"
#include "gateway/dynamodb/legacy_parameters.h"

namespace mainstem::gateway::dynamodb {
namespace {

using WriteKind = PlannedWrite::Kind;

Status ConditionFailed(const PlannedWrite& plan, const ItemPtr& before) {
  aws::AwsError error{.name = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                      .message = "The conditional request failed"};
  if (plan.tells_item_on_failure && before != nullptr) {
    error.write_more = [before](aws::BodyWriter* out) {
      out->Key("Item");
      WriteItem(*before, out);
    };
  }
  return aws::MakeAwsError(std::move(error));
}

Status TakeCondition(const aws::Value& input, Placeholders* placeholders, PlannedWrite* plan) {
  RETURN_IF_ERROR(CheckConditionalOperator(input, input["Expected"]));
  const aws::Value& text = input["ConditionExpression"];
  if (!text.is_null()) {
    return ParseCondition("ConditionExpression", text.text, placeholders)
        .Value(&plan->condition.emplace());
  }
  if (plan->kind == WriteKind::kCheck) {
    return Invalid("The ConditionExpression parameter must be specified in a ConditionCheck");
  }
  if (input["Expected"].is_null()) return Status::OK();
  bool any = input["ConditionalOperator"].text == "OR";
  return ConditionOfParameter("Expected", input["Expected"], any).Value(&plan->condition.emplace());
}

Status TakeUpdate(const Table& table, const aws::Value& input, Placeholders* placeholders,
                  PlannedWrite* plan) {
  const aws::Value& text = input["UpdateExpression"];
  if (!text.is_null()) {
    RETURN_IF_ERROR(ParseUpdate(text.text, placeholders).Value(&plan->update.emplace()));
  } else {
    RETURN_IF_ERROR(UpdateOfParameter(input["AttributeUpdates"]).Value(&plan->update.emplace()));
  }
  std::vector<Path> paths = plan->update->removes;
  for (const auto& set : plan->update->sets) paths.push_back(set.path);
  for (const auto& add : plan->update->adds) paths.push_back(add.path);
  for (const auto& change : plan->update->deletes) paths.push_back(change.path);
  for (const Path& path : paths) {
    if (!table.IsKeyAttribute(path[0].name)) continue;
    return InvalidValue(
        fmt::format("Cannot update attribute {}. This attribute is part of the key", path[0].name));
  }
  return Status::OK();
}

// By AttributeUpdates: an item that is not there is not made by taking attributes away.
bool OnlyTakesAway(const Update& update) {
  return update.adds_to_lists && update.sets.empty() && update.adds.empty() &&
         !(update.removes.empty() && update.deletes.empty());
}

Result<DecidedWrite> DecideUpdate(const Table& table, const PlannedWrite& plan,
                                  DecidedWrite decided) {
  if (decided.before == nullptr && OnlyTakesAway(*plan.update)) {
    decided.changes = false;
    return decided;
  }
  const Item& begin = decided.before != nullptr ? *decided.before : plan.item;
  ASSIGN_OR_RETURN(UpdateOutcome outcome, ApplyUpdate(*plan.update, begin));
  if (SizeOf(outcome.item) > kItemBytesMax) {
    return Invalid("Item size to update has exceeded the maximum allowed size");
  }
  RETURN_IF_ERROR(table.CheckItem(outcome.item));
  decided.touched = std::move(outcome.touched);
  decided.after = std::make_shared<const Item>(std::move(outcome.item));
  return decided;
}

}  // namespace

Result<PlannedWrite> PlanWrite(const Context& context, WriteKind kind, const aws::Value& input) {
  PlannedWrite plan{.kind = kind};
  RETURN_IF_ERROR(RefuseMixedParameters(input));
  ASSIGN_OR_RETURN(Placeholders placeholders, Placeholders::Make(input));
  RETURN_IF_ERROR(TakeCondition(input, &placeholders, &plan));
  ASSIGN_OR_RETURN(plan.item, ParseItem(input[kind == WriteKind::kPut ? "Item" : "Key"]));
  ASSIGN_OR_RETURN(const Table* table, FindTable(context, input["TableName"].text));
  if (kind == WriteKind::kUpdate) RETURN_IF_ERROR(TakeUpdate(*table, input, &placeholders, &plan));
  RETURN_IF_ERROR(placeholders.CheckUse(kind == WriteKind::kUpdate
                                            ? "UpdateExpression and ConditionExpression"
                                            : "ConditionExpression"));
  plan.table = table->definition().name;
  plan.table_id = table->definition().id;
  if (kind == WriteKind::kPut) {
    ASSIGN_OR_RETURN(plan.key, table->CheckItem(plan.item));
  } else {
    ASSIGN_OR_RETURN(plan.key, table->KeyOf(plan.item));
  }
  plan.tells_item_on_failure = input["ReturnValuesOnConditionCheckFailure"].text == "ALL_OLD";
  return plan;
}

Result<DecidedWrite> DecideWrite(const Store& store, const PlannedWrite& plan) {
  const Table* table = store.Find(plan.table);
  if (table == nullptr || table->definition().id != plan.table_id) {
    return DynamoError("ResourceNotFoundException", "Requested resource not found");
  }
  DecidedWrite decided;
  decided.before = table->Find(plan.key);
  static const Item kNoItem;
  const Item& before = decided.before != nullptr ? *decided.before : kNoItem;
  if (plan.condition && !Holds(*plan.condition, before)) {
    return ConditionFailed(plan, decided.before);
  }
  switch (plan.kind) {
    case WriteKind::kCheck:
      decided.changes = false;
      decided.after = decided.before;
      return decided;
    case WriteKind::kDelete: decided.changes = decided.before != nullptr; return decided;
    case WriteKind::kUpdate: return DecideUpdate(*table, plan, std::move(decided));
    case WriteKind::kPut: break;
  }
  // An index may have come since.
  RETURN_IF_ERROR(table->CheckItem(plan.item));
  decided.after = std::make_shared<const Item>(plan.item);
  return decided;
}

Store::Write WriteOf(const PlannedWrite& plan, const DecidedWrite& decided) {
  return {.table = plan.table, .key = plan.key, .item = decided.after};
}

double UnitsOf(const DecidedWrite& decided) {
  size_t before = decided.before != nullptr ? SizeOf(*decided.before) : 0;
  size_t after = decided.after != nullptr ? SizeOf(*decided.after) : 0;
  return WriteUnits(std::max(before, after));
}

}  // namespace mainstem::gateway::dynamodb
