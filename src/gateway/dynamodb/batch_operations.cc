// BatchGetItem, BatchWriteItem, TransactGetItems.
#include <set>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_evaluation.h"
#include "gateway/dynamodb/legacy_parameters.h"
#include "gateway/dynamodb/planned_write.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kBatchGetMax = 100;
constexpr size_t kBatchWriteMax = 25;
constexpr size_t kBatchGetBytesMax = 16 << 20;

struct GetPart {
  const Table* table = nullptr;
  std::optional<std::vector<Path>> projection{};
  std::vector<Item> keys{};
  std::vector<ItemPtr> items{};  // of the keys; null where there is none
  size_t done = 0;               // keys that were looked at
};

Status ReadProjection(const aws::Value& input, std::optional<std::vector<Path>>* out) {
  RETURN_IF_ERROR(RefuseMixedParameters(input));
  ASSIGN_OR_RETURN(Placeholders placeholders, Placeholders::Make(input));
  if (!input["ProjectionExpression"].is_null()) {
    ASSIGN_OR_RETURN(*out, ParseProjection(input["ProjectionExpression"].text, &placeholders));
  } else if (!input["AttributesToGet"].is_null()) {
    *out = ProjectionOfParameter(input["AttributesToGet"]);
  }
  return placeholders.CheckUse("ProjectionExpression");
}

Result<GetPart> PlanGet(const Context& context, std::string_view table, const aws::Value& input) {
  GetPart part;
  RETURN_IF_ERROR(ReadProjection(input, &part.projection));
  ASSIGN_OR_RETURN(part.table, FindTable(context, table));
  std::set<ItemKey> seen;
  for (const aws::Member& member : input["Keys"].members) {
    ASSIGN_OR_RETURN(Item item, ParseItem(member.value));
    ASSIGN_OR_RETURN(ItemKey key, part.table->KeyOf(item));
    if (!seen.insert(std::move(key)).second) {
      return Invalid("Provided list of item keys contains duplicates");
    }
    part.keys.push_back(std::move(item));
  }
  return part;
}

void WriteUnprocessed(std::string_view name, const aws::Value& input, const GetPart& part,
                      aws::BodyWriter* out) {
  out->Key(name).BeginMap().Key("Keys").BeginList();
  for (size_t i = part.done; i < part.keys.size(); ++i) WriteItem(part.keys[i], out);
  out->EndList();
  const aws::Value& projection = input["ProjectionExpression"];
  if (!projection.is_null()) out->Field("ProjectionExpression", projection.text);
  if (input["ConsistentRead"].boolean) out->Key("ConsistentRead").Boolean(true);
  if (!input["ExpressionAttributeNames"].is_null()) {
    out->Key("ExpressionAttributeNames").BeginMap();
    for (const aws::Member& member : input["ExpressionAttributeNames"].members) {
      out->Field(member.name, member.value.text);
    }
    out->EndMap();
  }
  if (!input["AttributesToGet"].is_null()) {
    out->Key("AttributesToGet").BeginList();
    for (const aws::Member& member : input["AttributesToGet"].members) {
      out->String(member.value.text);
    }
    out->EndList();
  }
  out->EndMap();
}

void WriteParts(const aws::Value& requests, const std::vector<GetPart>& parts,
                aws::BodyWriter* out) {
  out->Key("Responses").BeginMap();
  for (size_t i = 0; i < parts.size(); ++i) {
    out->Key(requests.members[i].name).BeginList();
    for (const ItemPtr& item : parts[i].items) {
      if (item != nullptr) {
        WriteItem(parts[i].projection ? Project(*parts[i].projection, *item) : *item, out);
      }
    }
    out->EndList();
  }
  out->EndMap().Key("UnprocessedKeys").BeginMap();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].done == parts[i].keys.size()) continue;
    WriteUnprocessed(requests.members[i].name, requests.members[i].value, parts[i], out);
  }
  out->EndMap();
}

Result<PlannedWrite> PlanBatchWrite(const Context& context, std::string_view table,
                                    const aws::Value& request) {
  const aws::Value& put = request["PutRequest"];
  const aws::Value& gone = request["DeleteRequest"];
  if (put.is_null() == gone.is_null()) {
    return InvalidValue("A batch write's item must be one of PutRequest and DeleteRequest");
  }
  PlannedWrite plan{.kind = put.is_null() ? PlannedWrite::Kind::kDelete : PlannedWrite::Kind::kPut};
  ASSIGN_OR_RETURN(plan.item, ParseItem(put.is_null() ? gone["Key"] : put["Item"]));
  ASSIGN_OR_RETURN(const Table* found, FindTable(context, table));
  if (put.is_null()) {
    ASSIGN_OR_RETURN(plan.key, found->KeyOf(plan.item));
  } else {
    ASSIGN_OR_RETURN(plan.key, found->CheckItem(plan.item));
  }
  plan.table = found->definition().name;
  plan.table_id = found->definition().id;
  return plan;
}

}  // namespace

Task<> BatchGetItem(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  const aws::Value& requests = input["RequestItems"];
  std::vector<GetPart> parts;
  size_t count = 0;
  for (const aws::Member& member : requests.members) {
    CO_ASSIGN_OR_RETURN(GetPart part, PlanGet(context, member.name, member.value));
    count += part.keys.size();
    parts.push_back(std::move(part));
  }
  if (count > kBatchGetMax) {
    co_return Invalid("Too many items requested for the BatchGetItem call");
  }
  size_t bytes = 0;
  std::map<std::string, double> units;
  for (size_t i = 0; i < parts.size(); ++i) {
    GetPart& part = parts[i];
    bool consistent = requests.members[i].value["ConsistentRead"].boolean;
    for (; part.done < part.keys.size() && bytes < kBatchGetBytesMax; ++part.done) {
      CO_ASSIGN_OR_RETURN(ItemKey key, part.table->KeyOf(part.keys[part.done]));
      ItemPtr item = part.table->Find(key);
      size_t size = item != nullptr ? SizeOf(*item) : 0;
      bytes += size;
      units[part.table->definition().name] += ReadUnits(size, consistent);
      part.items.push_back(std::move(item));
    }
  }
  CO_RETURN_IF_ERROR(LeaseAnswer(context, bytes, call));
  call->answer->BeginMap();
  WriteParts(requests, parts, call->answer.get());
  WriteConsumedList(input, units, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> BatchWriteItem(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  std::vector<PlannedWrite> plans;
  std::vector<Store::Place> places;
  std::set<Store::Place> seen;
  for (const aws::Member& table : input["RequestItems"].members) {
    for (const aws::Member& request : table.value.members) {
      CO_ASSIGN_OR_RETURN(PlannedWrite plan, PlanBatchWrite(context, table.name, request.value));
      if (!seen.insert(plan.place()).second) {
        co_return Invalid("Provided list of item keys contains duplicates");
      }
      places.push_back(plan.place());
      plans.push_back(std::move(plan));
    }
  }
  if (plans.size() > kBatchWriteMax) {
    co_return Invalid("Too many items requested for the BatchWriteItem call");
  }
  std::map<std::string, double> units;
  auto decide = [&]() -> Result<std::vector<Store::Write>> {
    std::vector<Store::Write> writes;
    for (const PlannedWrite& plan : plans) {
      ASSIGN_OR_RETURN(DecidedWrite decided, DecideWrite(*context.store, plan));
      units[plan.table] += UnitsOf(decided);
      if (decided.changes) writes.push_back(WriteOf(plan, decided));
    }
    return writes;
  };
  CO_RETURN_IF_ERROR(co_await context.store->WriteItems(std::move(places), decide));
  call->answer->BeginMap().Key("UnprocessedItems").BeginMap().EndMap();
  WriteConsumedList(input, units, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

Task<> TransactGetItems(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  size_t bytes = 0;
  std::vector<std::optional<Item>> items;
  std::map<std::string, double> units;
  for (const aws::Member& member : input["TransactItems"].members) {
    const aws::Value& get = member.value["Get"];
    std::optional<std::vector<Path>> projection;
    CO_RETURN_IF_ERROR(ReadProjection(get, &projection));
    CO_ASSIGN_OR_RETURN(Item key_item, ParseItem(get["Key"]));
    CO_ASSIGN_OR_RETURN(const Table* table, FindTable(context, get["TableName"].text));
    CO_ASSIGN_OR_RETURN(ItemKey key, table->KeyOf(key_item));
    ItemPtr found = table->Find(key);
    size_t size = found != nullptr ? SizeOf(*found) : 0;
    bytes += size;
    units[table->definition().name] += 2 * ReadUnits(size, true);
    std::optional<Item>& item = items.emplace_back();
    if (found != nullptr) item = projection ? Project(*projection, *found) : *found;
  }
  CO_RETURN_IF_ERROR(LeaseAnswer(context, bytes, call));
  call->answer->BeginMap().Key("Responses").BeginList();
  for (const auto& item : items) {
    call->answer->BeginMap();
    if (item) {
      call->answer->Key("Item");
      WriteItem(*item, call->answer.get());
    }
    call->answer->EndMap();
  }
  call->answer->EndList();
  WriteConsumedList(input, units, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb
