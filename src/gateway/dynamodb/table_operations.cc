// CreateTable, DescribeTable, UpdateTable, DeleteTable, ListTables.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/operations.h"

namespace mainstem::gateway::dynamodb {
namespace {

using aws::Value;

constexpr size_t kGlobalIndexesMax = 20;
constexpr size_t kLocalIndexesMax = 5;
constexpr size_t kTablesMax = 2500;
constexpr int64_t kListMax = 100;

std::string MakeUuid(Env* env) {
  uint64_t high = env->Random();
  uint64_t low = env->Random();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF,
                     high & 0xFFF, 0x8000 | (low >> 48 & 0x3FFF), low & 0xFFFFFFFFFFFF);
}

Status CheckTableName(std::string_view name) {
  constexpr size_t kShortest = 3;
  constexpr size_t kLongest = 255;
  if (name.size() >= kShortest && name.size() <= kLongest) return Status::OK();
  return Invalid("TableName must be at least 3 characters long and at most 255 characters long");
}

Result<std::map<std::string, ValueType>> ReadAttributes(const Value& list) {
  std::map<std::string, ValueType> attributes;
  for (const aws::Member& member : list.members) {
    std::string name(member.value["AttributeName"].text);
    std::string_view type = member.value["AttributeType"].text;
    ValueType value = type == "S"   ? ValueType::kString
                      : type == "N" ? ValueType::kNumber
                                    : ValueType::kBinary;
    auto [at, is_new] = attributes.emplace(std::move(name), value);
    if (!is_new && at->second != value) {
      return InvalidValue("Cannot redefine an existing attribute with a different type");
    }
    if (!is_new) return InvalidValue("Duplicate AttributeName in AttributeDefinitions");
  }
  return attributes;
}

Result<KeySchema> ReadKeySchema(const Value& list,
                                const std::map<std::string, ValueType>& attributes) {
  if (list.members.empty()) {
    return InvalidValue(
        "No defined key schema.  A key schema containing at least a hash key must "
        "be defined for all tables");
  }
  if (list.members.size() > 2) {
    return Invalid(
        fmt::format("1 validation error detected: Value '[...]' at 'keySchema' failed to "
                    "satisfy constraint: Member must have length less than or equal to "
                    "2"));
  }
  KeySchema keys;
  for (size_t i = 0; i < list.members.size(); ++i) {
    const Value& element = list.members[i].value;
    bool is_hash = element["KeyType"].text == "HASH";
    if (is_hash != (i == 0)) {
      return InvalidValue(i == 0 ? "The first KeySchemaElement is not a HASH key type"
                                 : "The second KeySchemaElement is not a RANGE key type");
    }
    std::string name(element["AttributeName"].text);
    auto found = attributes.find(name);
    if (found == attributes.end()) {
      std::vector<std::string> names;
      for (const auto& [known, type] : attributes) names.push_back(known);
      return InvalidValue(
          fmt::format("Some index key attributes are not defined in "
                      "AttributeDefinitions. Keys: [{}], AttributeDefinitions: "
                      "[{}]",
                      name, fmt::join(names, ", ")));
    }
    if (i == 0) {
      keys.hash = {.name = name, .type = found->second};
    } else {
      keys.range = KeyAttribute{.name = name, .type = found->second};
    }
  }
  if (keys.range && keys.range->name == keys.hash.name) {
    return InvalidValue(
        "Both the Hash Key and the Range Key element in the KeySchema have the same "
        "name");
  }
  return keys;
}

Throughput ReadThroughput(const Value& value) {
  return {.read = aws::IntegerOf(value["ReadCapacityUnits"]).value_or(0),
          .write = aws::IntegerOf(value["WriteCapacityUnits"]).value_or(0)};
}

Result<IndexDefinition> ReadIndex(const Value& value,
                                  const std::map<std::string, ValueType>& attributes, bool global) {
  IndexDefinition index{.name = std::string(value["IndexName"].text)};
  index.global = global;
  ASSIGN_OR_RETURN(index.keys, ReadKeySchema(value["KeySchema"], attributes));
  const Value& projection = value["Projection"];
  if (projection["ProjectionType"].is_null()) {
    return InvalidValue("Unknown ProjectionType: null");
  }
  index.projection = projection["ProjectionType"].text;
  for (const aws::Member& member : projection["NonKeyAttributes"].members) {
    index.included.emplace_back(member.value.text);
  }
  bool includes = index.projection == "INCLUDE";
  if (includes == index.included.empty()) {
    return InvalidValue(includes
                            ? "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
                            : fmt::format("ProjectionType is {}, but NonKeyAttributes is specified",
                                          index.projection));
  }
  index.throughput = ReadThroughput(value["ProvisionedThroughput"]);
  return index;
}

Status CheckIndexes(const TableDefinition& table) {
  std::set<std::string> names;
  size_t global_count = 0;
  for (const IndexDefinition& index : table.indexes) {
    if (!names.insert(index.name).second) {
      return InvalidValue("Duplicate index name: " + index.name);
    }
    if (index.global) {
      ++global_count;
    } else if (!table.keys.range || !index.keys.range) {
      return InvalidValue(
          "Table KeySchema does not have a range key, which is required when "
          "specifying a LocalSecondaryIndex");
    } else if (index.keys.hash.name != table.keys.hash.name) {
      return InvalidValue(
          fmt::format("Index KeySchema does not have the same leading hash key as table KeySchema "
                      "for index: {}. index hash key: {}, table hash key: {}",
                      index.name, index.keys.hash.name, table.keys.hash.name));
    }
  }
  if (global_count > kGlobalIndexesMax) {
    return InvalidValue("GlobalSecondaryIndex count exceeds the per-table limit of 20");
  }
  if (table.indexes.size() - global_count > kLocalIndexesMax) {
    return InvalidValue("Number of LocalSecondaryIndexes exceeds per-table limit of 5");
  }
  return Status::OK();
}

// Attributes are defined for keys only.
Status CheckAttributesUsed(const TableDefinition& table) {
  std::set<std::string> used;
  auto use = [&](const KeySchema& keys) {
    used.insert(keys.hash.name);
    if (keys.range) used.insert(keys.range->name);
  };
  use(table.keys);
  for (const IndexDefinition& index : table.indexes) use(index.keys);
  if (used.size() == table.attributes.size()) return Status::OK();
  return InvalidValue(
      "Number of attributes in KeySchema does not exactly match number of attributes defined in "
      "AttributeDefinitions");
}

Status CheckBilling(const Value& input, bool on_demand) {
  bool has_throughput = !input["ProvisionedThroughput"].is_null();
  if (on_demand && has_throughput) {
    return InvalidValue(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
        "BillingMode is PAY_PER_REQUEST");
  }
  if (!on_demand && !has_throughput) {
    return InvalidValue(
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
        "BillingMode is PROVISIONED");
  }
  return Status::OK();
}

Status RefuseStreams(const Value& input) {
  if (!input["StreamSpecification"]["StreamEnabled"].boolean) return Status::OK();
  return InvalidValue("This node has no DynamoDB streams");
}

Result<TableDefinition> ReadTable(const Context& context, const Value& input) {
  TableDefinition table{.name = std::string(input["TableName"].text)};
  RETURN_IF_ERROR(CheckTableName(table.name));
  table.id = MakeUuid(context.env);
  table.created_ms = context.env->WallTime().value();
  ASSIGN_OR_RETURN(table.attributes, ReadAttributes(input["AttributeDefinitions"]));
  ASSIGN_OR_RETURN(table.keys, ReadKeySchema(input["KeySchema"], table.attributes));
  table.on_demand = input["BillingMode"].text == "PAY_PER_REQUEST";
  RETURN_IF_ERROR(CheckBilling(input, table.on_demand));
  RETURN_IF_ERROR(RefuseStreams(input));
  table.throughput = ReadThroughput(input["ProvisionedThroughput"]);
  for (bool global : {true, false}) {
    const Value& list = input[global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes"];
    for (const aws::Member& member : list.members) {
      ASSIGN_OR_RETURN(IndexDefinition index, ReadIndex(member.value, table.attributes, global));
      table.indexes.push_back(std::move(index));
    }
  }
  RETURN_IF_ERROR(CheckIndexes(table));
  RETURN_IF_ERROR(CheckAttributesUsed(table));
  RETURN_IF_ERROR(TakeTags(input["Tags"], &table.tags));
  table.deletion_protection = input["DeletionProtectionEnabled"].boolean;
  table.table_class = input["TableClass"].text;
  return table;
}

void WriteKeySchema(const KeySchema& keys, aws::BodyWriter* out) {
  out->Key("KeySchema").BeginList();
  out->BeginMap().Field("AttributeName", keys.hash.name).Field("KeyType", "HASH").EndMap();
  if (keys.range) {
    out->BeginMap().Field("AttributeName", keys.range->name).Field("KeyType", "RANGE").EndMap();
  }
  out->EndList();
}

void WriteThroughput(const Throughput& throughput, aws::BodyWriter* out) {
  out->Key("ProvisionedThroughput").BeginMap().Key("NumberOfDecreasesToday").Integer(0);
  out->Key("ReadCapacityUnits").Integer(throughput.read);
  out->Key("WriteCapacityUnits").Integer(throughput.write).EndMap();
}

void WriteIndex(const Table& table, const IndexDefinition& index, const std::string& table_arn,
                aws::BodyWriter* out) {
  const Table::Index& entries = *table.FindIndex(index.name);
  out->BeginMap().Field("IndexName", index.name);
  out->Field("IndexArn", table_arn + "/index/" + index.name);
  WriteKeySchema(index.keys, out);
  out->Key("Projection").BeginMap().Field("ProjectionType", index.projection);
  if (!index.included.empty()) {
    out->Key("NonKeyAttributes").BeginList();
    for (const std::string& name : index.included) out->String(name);
    out->EndList();
  }
  out->EndMap().Key("ItemCount").Integer(static_cast<int64_t>(entries.items.size()));
  out->Key("IndexSizeBytes").Integer(entries.bytes);
  if (index.global) {
    out->Field("IndexStatus", "ACTIVE");
    WriteThroughput(index.throughput, out);
  }
  out->EndMap();
}

void WriteIndexes(const Table& table, bool global, const std::string& table_arn,
                  aws::BodyWriter* out) {
  const auto& indexes = table.definition().indexes;
  auto is_kind = [&](const IndexDefinition& index) { return index.global == global; };
  if (std::none_of(indexes.begin(), indexes.end(), is_kind)) return;
  out->Key(global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes").BeginList();
  for (const IndexDefinition& index : indexes) {
    if (is_kind(index)) WriteIndex(table, index, table_arn, out);
  }
  out->EndList();
}

// One of GlobalSecondaryIndexUpdates.
Status ChangeIndex(const Value& update, TableDefinition* table) {
  const Value& create = update["Create"];
  if (!create.is_null()) {
    if (table->FindIndex(create["IndexName"].text) != nullptr) {
      return Invalid(fmt::format("Attempting to create an index which already exists"));
    }
    ASSIGN_OR_RETURN(IndexDefinition index, ReadIndex(create, table->attributes, true));
    table->indexes.push_back(std::move(index));
    return Status::OK();
  }
  const Value& named = update["Delete"].is_null() ? update["Update"] : update["Delete"];
  auto found =
      std::find_if(table->indexes.begin(), table->indexes.end(), [&](const IndexDefinition& index) {
        return index.global && index.name == named["IndexName"].text;
      });
  if (named.is_null()) {
    return InvalidValue("One of Create, Update and Delete must be given for an index");
  }
  if (found == table->indexes.end()) {
    return DynamoError(
        "ResourceNotFoundException",
        fmt::format("Requested resource not found: Index: {} not found", named["IndexName"].text));
  }
  if (update["Delete"].is_null()) {
    found->throughput = ReadThroughput(named["ProvisionedThroughput"]);
  } else {
    table->indexes.erase(found);
  }
  return Status::OK();
}

// Attributes that no key uses any more go, too.
void DropUnusedAttributes(TableDefinition* table) {
  std::erase_if(table->attributes, [&](const auto& attribute) {
    auto uses = [&](const KeySchema& keys) {
      return keys.hash.name == attribute.first ||
             (keys.range && keys.range->name == attribute.first);
    };
    return !uses(table->keys) &&
           std::none_of(table->indexes.begin(), table->indexes.end(),
                        [&](const IndexDefinition& index) { return uses(index.keys); });
  });
}

Result<TableDefinition> ChangedTable(const Value& input, TableDefinition table) {
  TableDefinition before = table;
  ASSIGN_OR_RETURN(auto attributes, ReadAttributes(input["AttributeDefinitions"]));
  for (const auto& [name, type] : attributes) {
    auto [at, is_new] = table.attributes.emplace(name, type);
    if (!is_new && at->second != type) {
      return InvalidValue("Cannot redefine an existing attribute with a different type");
    }
  }
  RETURN_IF_ERROR(RefuseStreams(input));
  for (const aws::Member& update : input["GlobalSecondaryIndexUpdates"].members) {
    RETURN_IF_ERROR(ChangeIndex(update.value, &table));
  }
  RETURN_IF_ERROR(CheckIndexes(table));
  DropUnusedAttributes(&table);
  if (!input["BillingMode"].is_null()) {
    table.on_demand = input["BillingMode"].text == "PAY_PER_REQUEST";
    RETURN_IF_ERROR(CheckBilling(input, table.on_demand));
    if (table.on_demand) table.throughput = {};
  }
  if (!input["ProvisionedThroughput"].is_null()) {
    if (table.on_demand) RETURN_IF_ERROR(CheckBilling(input, true));
    table.throughput = ReadThroughput(input["ProvisionedThroughput"]);
    if (table.throughput == before.throughput && !before.on_demand &&
        input["GlobalSecondaryIndexUpdates"].is_null() &&
        input["DeletionProtectionEnabled"].is_null() && input["TableClass"].is_null()) {
      return Invalid(fmt::format(
          "The provisioned throughput for the table will not change. The requested value equals "
          "the "
          "current value. Current ReadCapacityUnits provisioned for the table: {}. Requested "
          "ReadCapacityUnits: {}. Current WriteCapacityUnits provisioned for the table: {}. "
          "Requested WriteCapacityUnits: {}. Refer to the Amazon DynamoDB Developer Guide for "
          "current limits and how to request higher limits.",
          before.throughput.read, table.throughput.read, before.throughput.write,
          table.throughput.write));
    }
  }
  if (!input["DeletionProtectionEnabled"].is_null()) {
    table.deletion_protection = input["DeletionProtectionEnabled"].boolean;
  }
  if (!input["TableClass"].is_null()) table.table_class = input["TableClass"].text;
  return table;
}

Result<const Table*> FindNamedTable(const Context& context, std::string_view name_or_arn) {
  std::string_view name = TableNameIn(name_or_arn);
  const Table* table = context.store->Find(name);
  if (table != nullptr) return table;
  return DynamoError("ResourceNotFoundException",
                     fmt::format("Requested resource not found: Table: {} not found", name));
}

void AnswerDescription(const Context& context, std::string_view member, const Table& table,
                       std::string_view status, aws::AwsCall* call) {
  call->answer->BeginMap().Key(member);
  WriteTableDescription(context, *call, table, status, call->answer.get());
  call->answer->EndMap();
}

}  // namespace

void WriteTableDescription(const Context& context, const aws::AwsCall& call, const Table& table,
                           std::string_view status, aws::BodyWriter* out) {
  const TableDefinition& definition = table.definition();
  std::string arn = TableArn(context, call, definition.name);
  out->BeginMap().Key("AttributeDefinitions").BeginList();
  for (const auto& [name, type] : definition.attributes) {
    out->BeginMap().Field("AttributeName", name).Field("AttributeType", NameOf(type)).EndMap();
  }
  out->EndList().Field("TableName", definition.name).Field("TableStatus", status);
  WriteKeySchema(definition.keys, out);
  out->Key("CreationDateTime").Time(definition.created_ms);
  WriteThroughput(definition.throughput, out);
  out->Key("TableSizeBytes").Integer(table.bytes());
  out->Key("ItemCount").Integer(static_cast<int64_t>(table.items().size()));
  out->Field("TableArn", arn).Field("TableId", definition.id);
  if (definition.on_demand) {
    out->Key("BillingModeSummary").BeginMap().Field("BillingMode", "PAY_PER_REQUEST");
    out->Key("LastUpdateToPayPerRequestDateTime").Time(definition.created_ms).EndMap();
  }
  WriteIndexes(table, true, arn, out);
  WriteIndexes(table, false, arn, out);
  if (!definition.table_class.empty()) {
    out->Key("TableClassSummary").BeginMap().Field("TableClass", definition.table_class).EndMap();
  }
  out->Key("DeletionProtectionEnabled").Boolean(definition.deletion_protection).EndMap();
}

Task<> CreateTable(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(TableDefinition table, ReadTable(context, input));
  CO_ASSIGN_OR_RETURN(TableChange change, co_await TableChange::Begin(context));
  std::string name = table.name;
  if (context.store->tables().contains(name)) {
    co_return DynamoError("ResourceInUseException", fmt::format("Table already exists: {}", name));
  }
  if (context.store->tables().size() >= kTablesMax) {
    co_return DynamoError("LimitExceededException",
                          "Subscriber limit exceeded: there is a limit of 2500 tables");
  }
  CO_RETURN_IF_ERROR(co_await context.store->PutTable(std::move(table)));
  AnswerDescription(context, "TableDescription", *context.store->Find(name), "ACTIVE", call);
  co_return Status::OK();
}

Task<> DescribeTable(const Context& context, aws::AwsCall* call) {
  CO_ASSIGN_OR_RETURN(const Table* table,
                      FindNamedTable(context, call->input.root["TableName"].text));
  AnswerDescription(context, "Table", *table, "ACTIVE", call);
  co_return Status::OK();
}

Task<> UpdateTable(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(TableChange change, co_await TableChange::Begin(context));
  CO_ASSIGN_OR_RETURN(const Table* table, FindNamedTable(context, input["TableName"].text));
  CO_ASSIGN_OR_RETURN(TableDefinition definition, ChangedTable(input, table->definition()));
  std::string name = definition.name;
  if (!(definition == table->definition())) {
    CO_RETURN_IF_ERROR(co_await context.store->PutTable(std::move(definition)));
  }
  AnswerDescription(context, "TableDescription", *context.store->Find(name), "ACTIVE", call);
  co_return Status::OK();
}

Task<> DeleteTable(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(TableChange change, co_await TableChange::Begin(context));
  CO_ASSIGN_OR_RETURN(const Table* table, FindNamedTable(context, input["TableName"].text));
  if (table->definition().deletion_protection) {
    co_return Invalid(
        "Resource cannot be deleted as it is currently protected against deletion. Disable "
        "deletion protection first.");
  }
  AnswerDescription(context, "TableDescription", *table, "DELETING", call);
  std::string name = table->definition().name;
  co_return co_await context.store->DeleteTable(std::move(name));
}

Task<> ListTables(const Context& context, aws::AwsCall* call) {
  const Value& input = call->input.root;
  int64_t limit = aws::IntegerOf(input["Limit"]).value_or(kListMax);
  const auto& tables = context.store->tables();
  auto at = input["ExclusiveStartTableName"].is_null()
                ? tables.begin()
                : tables.upper_bound(input["ExclusiveStartTableName"].text);
  call->answer->BeginMap().Key("TableNames").BeginList();
  std::string last;
  for (; at != tables.end() && limit > 0; ++at) {
    if (at->second->deleting) continue;
    last = at->first;
    call->answer->String(last);
    --limit;
  }
  call->answer->EndList();
  if (at != tables.end()) call->answer->Field("LastEvaluatedTableName", last);
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb
