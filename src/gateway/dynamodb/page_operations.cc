// Query and Scan: a page of items in the order of a table or of one of its indexes.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/expression_evaluation.h"
#include "gateway/dynamodb/expression_parser.h"
#include "gateway/dynamodb/key_condition.h"
#include "gateway/dynamodb/legacy_parameters.h"
#include "gateway/dynamodb/operations.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kPageBytesMax = 1 << 20;

struct Page {
  std::vector<ItemPtr> items{};
  size_t bytes = 0;
  bool has_more = false;  // behind the last item
};

struct PagePlan {
  const Table* table = nullptr;
  const IndexDefinition* index = nullptr;
  std::optional<KeyCondition> keys{};  // of a Query
  std::optional<Condition> filter{};
  std::optional<std::vector<Path>> projection{};
  std::optional<IndexKey> after{};
  bool forward = true;
  size_t limit = SIZE_MAX;
  // Of a Scan: hashes of its segment, both ends with it.
  uint64_t hash_first = 0;
  uint64_t hash_last = UINT64_MAX;
  bool counts_only = false;

  const KeySchema& schema() const {
    return index != nullptr ? index->keys : table->definition().keys;
  }
};

// A place in the order of a table's items, or of an index's.
template <typename Key>
Key KeyAt(ItemKey place) {
  if constexpr (std::is_same_v<Key, ItemKey>) {
    return place;
  } else {
    return {.key = std::move(place), .primary = {}};
  }
}

template <typename Key>
Key KeyBefore(const IndexKey& after) {
  if constexpr (std::is_same_v<Key, ItemKey>) {
    return after.primary;
  } else {
    return after;
  }
}

// An index that has not all of an item. A local one reads the rest in its table when it is asked
// for certain attributes.
bool HidesAttributes(const PagePlan& plan) {
  return plan.index != nullptr && plan.index->projection != "ALL" &&
         (plan.index->global || !plan.projection);
}

// Of an index that hides attributes.
bool IsShown(const PagePlan& plan, std::string_view name) {
  const KeySchema& keys = plan.index->keys;
  const auto& included = plan.index->included;
  return plan.table->IsKeyAttribute(name) || name == keys.hash.name ||
         (keys.range && name == keys.range->name) ||
         std::find(included.begin(), included.end(), name) != included.end();
}

Item ShownItem(const PagePlan& plan, const Item& item) {
  Item shown;
  for (const auto& [name, value] : item) {
    if (IsShown(plan, name)) shown.emplace(name, value);
  }
  return shown;
}

size_t SizeIn(const PagePlan& plan, const Item& item) {
  if (!HidesAttributes(plan)) return SizeOf(item);
  size_t size = 0;
  for (const auto& [name, value] : item) {
    if (IsShown(plan, name)) size += name.size() + SizeOf(value);
  }
  return size;
}

// Takes items until the page is full.
class PageFiller {
 public:
  explicit PageFiller(const PagePlan& plan) : plan_(plan) {}
  // False: it is full.
  bool Take(const ItemPtr& item) {
    if (page_.items.size() >= plan_.limit || page_.bytes >= kPageBytesMax) {
      page_.has_more = true;
      return false;
    }
    page_.items.push_back(item);
    page_.bytes += SizeIn(plan_, *item);
    return true;
  }
  Page Done() { return std::move(page_); }

 private:
  const PagePlan& plan_;
  Page page_;
};

// Walks items of `map`, a table's or an index's.
template <typename Map>
Page Walk(const Map& map, const PagePlan& plan) {
  using Key = typename Map::key_type;
  ItemKey place{.hash = plan.hash_first};
  if (plan.keys) place = MakeItemKey(plan.keys->partition.text, plan.keys->sort_begin);
  auto begin = map.lower_bound(KeyAt<Key>(place));
  auto end = map.end();
  if (plan.keys && plan.keys->sort_end) {
    place.sort = std::max(*plan.keys->sort_end, plan.keys->sort_begin);
    end = map.lower_bound(KeyAt<Key>(place));
  } else if (plan.keys) {
    // The next text after the partition's.
    place.partition.push_back('\0');
    place.sort.clear();
    end = map.lower_bound(KeyAt<Key>(place));
  } else if (plan.hash_last != UINT64_MAX) {
    end = map.lower_bound(KeyAt<Key>({.hash = plan.hash_last + 1}));
  }
  if (plan.after && begin != end) {
    Key after = KeyBefore<Key>(*plan.after);
    bool before_all = after < begin->first;
    bool behind_all = std::prev(end)->first < after;
    if (plan.forward && !before_all) begin = behind_all ? end : map.upper_bound(after);
    if (!plan.forward && !behind_all) end = before_all ? begin : map.lower_bound(after);
  }
  PageFiller page(plan);
  if (plan.forward) {
    while (begin != end && page.Take(begin->second)) ++begin;
  } else {
    while (begin != end && page.Take(std::prev(end)->second)) --end;
  }
  return page.Done();
}

// The attributes that a next page is begun with.
Item PageKeyOf(const PagePlan& plan, const Item& item) {
  Item key = plan.table->KeyItemOf(item);
  if (plan.index == nullptr) return key;
  key[plan.index->keys.hash.name] = item.at(plan.index->keys.hash.name);
  if (plan.index->keys.range) {
    key[plan.index->keys.range->name] = item.at(plan.index->keys.range->name);
  }
  return key;
}

// Of the pages before: within what is asked for.
Status CheckStart(const aws::Value& input, const PagePlan& plan, const ItemKey& start) {
  if (plan.keys) {
    if (start.partition != plan.keys->partition.text) {
      return Invalid(
          "The provided starting key is outside query boundaries based on provided conditions");
    }
    if (plan.keys->HasSort(start.sort)) return Status::OK();
    return Invalid("The provided starting key does not match the range key predicate");
  }
  if (start.hash >= plan.hash_first && start.hash <= plan.hash_last) return Status::OK();
  return Invalid(
      fmt::format("The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                  "ExclusiveStartKey with correct Segment. TotalSegments: {} Segment: {}",
                  aws::IntegerOf(input["TotalSegments"]).value_or(0),
                  aws::IntegerOf(input["Segment"]).value_or(0)));
}

Status TakeStart(const aws::Value& input, PagePlan* plan) {
  if (input["ExclusiveStartKey"].is_null()) return Status::OK();
  ASSIGN_OR_RETURN(Item start, ParseItem(input["ExclusiveStartKey"]));
  Status wrong = Invalid("The provided starting key is invalid");
  Item primary = start;
  std::erase_if(primary,
                [&](const auto& entry) { return !plan->table->IsKeyAttribute(entry.first); });
  auto key = plan->table->KeyOf(primary);
  if (!key.ok()) return wrong;
  IndexKey after{.key = *key, .primary = *key};
  if (plan->index != nullptr) {
    auto place = plan->table->KeyInIndex(*plan->index, start);
    if (!place) return wrong;
    after.key = *std::move(place);
    primary = PageKeyOf(*plan, start);
  }
  if (primary.size() != start.size()) return wrong;
  RETURN_IF_ERROR(CheckStart(input, *plan, after.key));
  plan->after = std::move(after);
  return Status::OK();
}

Status TakeSelect(const aws::Value& input, PagePlan* plan) {
  std::string_view select = input["Select"].text;
  plan->counts_only = select == "COUNT";
  if (plan->projection && !select.empty() && select != "SPECIFIC_ATTRIBUTES") {
    return Invalid(
        fmt::format("Cannot specify the {} when choosing to get {}",
                    input["AttributesToGet"].is_null() ? "ProjectionExpression" : "AttributesToGet",
                    plan->counts_only ? "only the Count" : select));
  }
  if (!plan->projection && select == "SPECIFIC_ATTRIBUTES") {
    return Invalid(
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
        "SPECIFIC_ATTRIBUTES");
  }
  if (select == "ALL_PROJECTED_ATTRIBUTES" && plan->index == nullptr) {
    return InvalidValue(
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  }
  bool partial = plan->index != nullptr && plan->index->global && plan->index->projection != "ALL";
  if (select == "ALL_ATTRIBUTES" && partial) {
    return InvalidValue(fmt::format(
        "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its "
        "projection type is not ALL",
        plan->index->name));
  }
  return Status::OK();
}

// What Query and Scan share. `filter`: the older parameter.
Status TakeShared(const Context& context, const aws::Value& input, std::string_view filter,
                  Placeholders* placeholders, PagePlan* plan) {
  RETURN_IF_ERROR(RefuseMixedParameters(input));
  RETURN_IF_ERROR(CheckConditionalOperator(input, input[filter]));
  if (!input["FilterExpression"].is_null()) {
    RETURN_IF_ERROR(ParseCondition("FilterExpression", input["FilterExpression"].text, placeholders)
                        .Value(&plan->filter.emplace()));
  } else if (!input[filter].is_null()) {
    bool any = input["ConditionalOperator"].text == "OR";
    RETURN_IF_ERROR(
        ConditionOfParameter(filter, input[filter], any).Value(&plan->filter.emplace()));
  }
  if (!input["ProjectionExpression"].is_null()) {
    ASSIGN_OR_RETURN(plan->projection,
                     ParseProjection(input["ProjectionExpression"].text, placeholders));
  } else if (!input["AttributesToGet"].is_null()) {
    plan->projection = ProjectionOfParameter(input["AttributesToGet"]);
  }
  ASSIGN_OR_RETURN(plan->table, FindTable(context, input["TableName"].text));
  if (!input["IndexName"].is_null()) {
    plan->index = plan->table->definition().FindIndex(input["IndexName"].text);
    if (plan->index == nullptr) {
      return Invalid(
          fmt::format("The table does not have the specified index: {}", input["IndexName"].text));
    }
    if (plan->index->global && input["ConsistentRead"].boolean) {
      return Invalid("Consistent reads are not supported on global secondary indexes");
    }
  }
  if (auto limit = aws::IntegerOf(input["Limit"])) plan->limit = static_cast<size_t>(*limit);
  return TakeSelect(input, plan);
}

Status TakeKeys(const aws::Value& input, Placeholders* placeholders, PagePlan* plan) {
  Condition condition;
  if (!input["KeyConditionExpression"].is_null()) {
    ASSIGN_OR_RETURN(condition, ParseCondition("KeyConditionExpression",
                                               input["KeyConditionExpression"].text, placeholders));
  } else if (!input["KeyConditions"].is_null()) {
    if (input["KeyConditions"].members.size() > 2) {
      return Invalid("Conditions can be of length 1 or 2 only");
    }
    ASSIGN_OR_RETURN(condition,
                     ConditionOfParameter("KeyConditions", input["KeyConditions"], false));
  } else {
    return Invalid(
        "Either the KeyConditions or KeyConditionExpression parameter must be specified "
        "in the request.");
  }
  ASSIGN_OR_RETURN(plan->keys, KeyConditionOf(condition, plan->schema()));
  return Status::OK();
}

void CollectNames(const Condition& condition, std::vector<std::string>* names) {
  for (const Condition& part : condition.parts) CollectNames(part, names);
  for (const Operand& operand : condition.operands) {
    if (!operand.path.empty()) names->push_back(operand.path[0].name);
  }
}

Status RefuseFilterOnKeys(const PagePlan& plan) {
  if (!plan.filter) return Status::OK();
  std::vector<std::string> names;
  CollectNames(*plan.filter, &names);
  const KeySchema& keys = plan.schema();
  for (const std::string& name : names) {
    if (name != keys.hash.name && !(keys.range && name == keys.range->name)) continue;
    return Invalid(fmt::format(
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: {}",
        name));
  }
  return Status::OK();
}

Status TakeSegment(const aws::Value& input, PagePlan* plan) {
  auto segment = aws::IntegerOf(input["Segment"]);
  auto total = aws::IntegerOf(input["TotalSegments"]);
  if (segment.has_value() != total.has_value()) {
    return Invalid(segment ? "The TotalSegments parameter is required but was not present in the "
                             "request when Segment parameter is present"
                           : "The Segment parameter is required but was not present in the request "
                             "when parameter TotalSegments is present");
  }
  if (!segment) return Status::OK();
  if (*segment >= *total) {
    return Invalid(
        fmt::format("The Segment parameter is zero-based and must be less than parameter "
                    "TotalSegments: Segment: {} is not less than TotalSegments: {}",
                    *segment, *total));
  }
  auto border = [&](int64_t index) {
    return static_cast<unsigned __int128>(index) * (static_cast<unsigned __int128>(1) << 64) /
           static_cast<unsigned __int128>(*total);
  };
  plan->hash_first = static_cast<uint64_t>(border(*segment));
  plan->hash_last = static_cast<uint64_t>(border(*segment + 1) - 1);
  return Status::OK();
}

Status AnswerPage(const Context& context, const PagePlan& plan, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  Page page = plan.index != nullptr ? Walk(plan.table->FindIndex(plan.index->name)->items, plan)
                                    : Walk(plan.table->items(), plan);
  RETURN_IF_ERROR(LeaseAnswer(context, plan.counts_only ? 0 : page.bytes, call));
  aws::BodyWriter* out = call->answer.get();
  out->BeginMap();
  int64_t count = 0;
  if (!plan.counts_only) out->Key("Items").BeginList();
  bool hides = HidesAttributes(plan);
  for (const ItemPtr& item : page.items) {
    Item shown;
    if (hides) shown = ShownItem(plan, *item);
    const Item& seen = hides ? shown : *item;
    // A local index reads what a filter asks for in its table.
    bool sees_all = hides && !plan.index->global;
    if (plan.filter && !Holds(*plan.filter, sees_all ? *item : seen)) continue;
    ++count;
    if (plan.counts_only) continue;
    if (plan.projection) {
      WriteItem(Project(*plan.projection, seen), out);
    } else {
      WriteItem(seen, out);
    }
  }
  if (!plan.counts_only) out->EndList();
  out->Key("Count").Integer(count);
  out->Key("ScannedCount").Integer(static_cast<int64_t>(page.items.size()));
  // As Amazon: also when the page is full and the last item happens to be the last of all.
  bool full = page.items.size() == plan.limit;
  if ((page.has_more || full) && !page.items.empty()) {
    out->Key("LastEvaluatedKey");
    WriteItem(PageKeyOf(plan, *page.items.back()), out);
  }
  double units = ReadUnits(page.bytes, input["ConsistentRead"].boolean);
  WriteConsumed(input, {.table = plan.table->definition().name, .units = units}, out);
  out->EndMap();
  return Status::OK();
}

}  // namespace

Task<> Query(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  PagePlan plan;
  CO_ASSIGN_OR_RETURN(Placeholders placeholders, Placeholders::Make(input));
  CO_RETURN_IF_ERROR(TakeShared(context, input, "QueryFilter", &placeholders, &plan));
  CO_RETURN_IF_ERROR(TakeKeys(input, &placeholders, &plan));
  CO_RETURN_IF_ERROR(TakeStart(input, &plan));
  CO_RETURN_IF_ERROR(RefuseFilterOnKeys(plan));
  CO_RETURN_IF_ERROR(placeholders.CheckUse("KeyConditionExpression and FilterExpression"));
  const aws::Value& forward = input["ScanIndexForward"];
  plan.forward = forward.is_null() || forward.boolean;
  co_return AnswerPage(context, plan, call);
}

Task<> Scan(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  PagePlan plan;
  CO_ASSIGN_OR_RETURN(Placeholders placeholders, Placeholders::Make(input));
  CO_RETURN_IF_ERROR(TakeShared(context, input, "ScanFilter", &placeholders, &plan));
  CO_RETURN_IF_ERROR(TakeSegment(input, &plan));
  CO_RETURN_IF_ERROR(TakeStart(input, &plan));
  CO_RETURN_IF_ERROR(placeholders.CheckUse("FilterExpression"));
  co_return AnswerPage(context, plan, call);
}

}  // namespace mainstem::gateway::dynamodb
