#include "gateway/dynamodb/store.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/run_to_end.h"
#include "gateway/dynamodb/stored_record_format.h"
#include "storage/batch_builder.h"
#include "storage/read_partition.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kErasedTogether = 1000;
constexpr int64_t kUnreadableTold = 20;  // each; the others by their number

// Small segments: what was written over goes soon, and little is read at start.
storage::TopicConfig StoreTopicConfig() {
  return {{"cleanup.policy", "compact"},
          {"segment.bytes", "16777216"},
          {"max.message.bytes", "16777216"}};
}

Task<storage::TopicInfo> FindOrMakeTopic(storage::Log* log) {
  std::string name(kStoreTopic);
  if (auto found = log->FindTopic(name)) co_return *std::move(found);
  auto config = StoreTopicConfig();
  co_return co_await log->CreateTopic(std::move(name), 1, std::move(config), false);
}

}  // namespace

struct Store::Loaded {
  std::map<std::string, TableDefinition> definitions{};       // by table
  std::map<std::string, std::map<ItemKey, ItemPtr>> items{};  // by the table's id
  int64_t unreadable = 0;                                     // records that were passed over
  // Once they do not fit nothing is kept any more: what follows is counted, each write anew.
  bool too_large = false;
};

Store::Store(Env* env, storage::Log* log, MemoryBudget* budget)
    : env_(env), log_(log), budget_(budget), home_(env->shard(0)), unlocked_(home_) {}

Task<std::unique_ptr<Store>> Store::Open(Env* env, storage::Log* log, MemoryBudget* budget,
                                         Logger logger) {
  auto store = std::unique_ptr<Store>(new Store(env, log, budget));
  store->memory_ = budget->TryLease(0);
  auto topic = log->FindTopic(std::string(kStoreTopic));
  if (!topic) co_return store;
  store->partition_ = {.topic_id = topic->id, .partition = PartitionId(0)};
  Loaded loaded;
  CO_RETURN_IF_ERROR(co_await store->Load(&loaded, std::move(logger)));
  CO_RETURN_IF_ERROR(co_await store->TakeLoaded(&loaded));
  co_return store;
}

// One record that says nothing must not keep the node from starting.
Task<> Store::Load(Loaded* loaded, Logger logger) {
  auto take = [this, loaded, logger](const storage::RecordView& record) {
    Status taken = TakeRecord(record.key.value_or(""), record.value, loaded);
    if (taken.ok() || ++loaded->unreadable > kUnreadableTold) return Status::OK();
    logger.Error("a record of DynamoDB's tables can't be read and is passed over",
                 {{"topic", kStoreTopic}, {"offset", record.offset}, {"error", taken}});
    return Status::OK();
  };
  auto fit = [this, loaded] { return FitLoaded(loaded); };
  CO_RETURN_IF_ERROR(co_await storage::ReadPartition(log_, partition_, take, fit));
  if (loaded->unreadable > kUnreadableTold) {
    logger.Error("more records of DynamoDB's tables can't be read",
                 {{"topic", kStoreTopic}, {"records", loaded->unreadable}});
  }
  co_return Status::OK();
}

Status Store::TakeRecord(std::string_view key, std::optional<std::string_view> value,
                         Loaded* loaded) {
  ASSIGN_OR_RETURN(StoredKey stored, ParseRecordKey(key));
  if (!stored.table_name.empty()) {
    if (!value) {
      loaded->definitions.erase(stored.table_name);
      return Status::OK();
    }
    ASSIGN_OR_RETURN(loaded->definitions[stored.table_name], ParseTableRecord(*value));
    return Status::OK();
  }
  ItemPtr item;
  if (value) {
    ASSIGN_OR_RETURN(Item parsed, ParseItemRecord(*value));
    item = std::make_shared<const Item>(std::move(parsed));
  }
  auto& items = loaded->items[stored.table_id];
  auto found = items.find(stored.item);
  if (found != items.end()) {
    pending_memory_ -= MemoryOfItem(found->first, *found->second);
    items.erase(found);
  }
  if (item == nullptr) return Status::OK();
  pending_memory_ += MemoryOfItem(stored.item, *item);
  if (loaded->too_large) return Status::OK();
  items[std::move(stored.item)] = std::move(item);
  return Status::OK();
}

// Reads on when they do not fit: whoever is to give the node more must know how much.
Status Store::FitLoaded(Loaded* loaded) {
  if (!loaded->too_large && FitMemory(Share::kLoading).ok()) return Status::OK();
  loaded->too_large = true;
  loaded->items.clear();
  memory_.Release();
  return Status::OK();
}

Status Store::TooLargeToLoad() const {
  return MakeError(
      ErrorCode::kResourceExhausted,
      {.message = fmt::format("DynamoDB's tables do not fit into memory: they take about {} "
                              "bytes, and the node has {} for them",
                              pending_memory_, MostMemory(Share::kLoading)),
       .hint = "tables are kept in memory: give the node more with --memory"});
}

Task<> Store::TakeLoaded(Loaded* loaded) {
  for (auto& [name, definition] : loaded->definitions) {
    auto table = std::make_unique<Table>(std::move(definition));
    auto items = loaded->items.find(table->definition().id);
    if (items != loaded->items.end()) {
      for (const auto& [key, item] : items->second) {
        pending_memory_ += table->MemoryInIndexesOf(key, *item);
      }
    }
    tables_[name] = std::move(table);
  }
  if (loaded->too_large || !FitMemory(Share::kLoading).ok()) co_return TooLargeToLoad();
  for (auto& [name, table] : tables_) {
    auto items = loaded->items.extract(table->definition().id);
    if (items.empty()) continue;
    for (auto& [key, item] : items.mapped()) table->Apply(key, std::move(item));
  }
  pending_memory_ = 0;
  CO_RETURN_IF_ERROR(FitMemory(Share::kLoading));
  // Their table may be one of those that can't be read.
  if (loaded->unreadable > 0) co_return Status::OK();
  for (const auto& [table_id, items] : loaded->items) {
    std::vector<ItemKey> keys;
    for (const auto& [key, item] : items) keys.push_back(key);
    CO_RETURN_IF_ERROR(co_await Erase(table_id, std::move(keys)));
  }
  co_return Status::OK();
}

Task<> Store::Erase(std::string table_id, std::vector<ItemKey> keys) {
  for (size_t begin = 0; begin < keys.size(); begin += kErasedTogether) {
    Records records;
    for (size_t i = begin; i < std::min(begin + kErasedTogether, keys.size()); ++i) {
      records.emplace_back(ItemRecordKey(table_id, keys[i]), std::nullopt);
    }
    CO_RETURN_IF_ERROR(co_await Append(std::move(records)));
  }
  co_return Status::OK();
}

const Table* Store::Find(std::string_view table) const {
  auto found = tables_.find(table);
  return found == tables_.end() || found->second->deleting ? nullptr : found->second.get();
}

int64_t Store::MostMemory(Share share) const {
  return budget_->shared_bytes() / (share == Share::kWrites ? 4 : 2);
}

Status Store::FitMemory(Share share) {
  int64_t wanted = pending_memory_;
  for (const auto& [name, table] : tables_) wanted += table->memory();
  bool may_have = wanted - pending_freed_ <= std::max(memory_.bytes(), MostMemory(share));
  if (may_have && memory_.Resize(wanted)) return Status::OK();
  return MakeError(
      ErrorCode::kResourceExhausted,
      {.message = fmt::format("there is no memory for more items of DynamoDB's tables: they take "
                              "{} bytes, and may take {}",
                              memory_.bytes(), MostMemory(share)),
       .hint = "tables are kept in memory: give the node more with --memory"});
}

Task<> Store::Append(Records records) {
  storage::BatchBuilder builder;
  for (const auto& [key, value] : records) {
    std::optional<std::string_view> view;
    if (value) view = *value;
    builder.Add(env_->WallTime().value(), key, view);
  }
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  co_return (co_await log_->Append(partition_, batch, {})).status();
}

// Made with the first table: most nodes have none.
Task<> Store::MakeTopic() {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await FindOrMakeTopic(log_));
  partition_ = {.topic_id = topic.id, .partition = PartitionId(0)};
  co_return Status::OK();
}

Task<> Store::AppendAndSet(TableDefinition definition) {
  if (partition_.topic_id == storage::TopicId()) CO_RETURN_IF_ERROR(co_await MakeTopic());
  Records records;
  records.emplace_back(TableRecordKey(definition.name), TableRecordValue(definition));
  CO_RETURN_IF_ERROR(co_await Append(std::move(records)));
  auto& table = tables_[definition.name];
  if (table == nullptr) {
    table = std::make_unique<Table>(std::move(definition));
  } else {
    table->SetDefinition(std::move(definition));
  }
  co_return Status::OK();
}

Task<> Store::SetWithin(TableDefinition definition) {
  auto found = tables_.find(definition.name);
  int64_t more = found == tables_.end() ? 0 : found->second->MemoryOfNewIndexes(definition);
  pending_memory_ += more;
  Status outcome = FitMemory(Share::kWrites);
  if (outcome.ok()) outcome = co_await AppendAndSet(std::move(definition));
  pending_memory_ -= more;
  IgnoreError(FitMemory(Share::kWrites), "not more than was asked for");
  co_return outcome;
}

Task<> Store::PutTable(TableDefinition definition) {
  co_return co_await RunToEnd(home_, SetWithin(std::move(definition)));
}

Task<> Store::AppendAndErase(std::string table) {
  std::string id = tables_.find(table)->second->definition().id;
  while (HasLocks(id)) CO_RETURN_IF_ERROR(co_await unlocked_.Wait());
  Records records;
  records.emplace_back(TableRecordKey(table), std::nullopt);
  Status gone = co_await Append(std::move(records));
  auto found = tables_.find(table);
  if (!gone.ok()) {
    found->second->deleting = false;
    co_return gone;
  }
  std::vector<ItemKey> keys;
  for (const auto& [key, item] : found->second->items()) keys.push_back(key);
  tables_.erase(found);
  IgnoreError(FitMemory(Share::kWrites), "less than before");
  co_return co_await Erase(std::move(id), std::move(keys));
}

Task<> Store::DeleteTable(std::string table) {
  auto found = tables_.find(table);
  CHECK(found != tables_.end() && !found->second->deleting);
  found->second->deleting = true;
  co_return co_await RunToEnd(home_, AppendAndErase(std::move(table)));
}

bool Store::AnyLocked(const std::vector<Place>& places) const {
  return std::any_of(places.begin(), places.end(),
                     [&](const Place& place) { return locked_.contains(place); });
}

bool Store::HasLocks(const std::string& table_id) const {
  auto first = locked_.lower_bound({.table_id = table_id, .key = {}});
  return first != locked_.end() && first->table_id == table_id;
}

Task<> Store::WriteItems(std::vector<Place> places, Decide decide) {
  while (AnyLocked(places)) CO_RETURN_IF_ERROR(co_await unlocked_.Wait());
  locked_.insert(places.begin(), places.end());
  auto writes = decide();
  Status outcome = writes.status();
  if (outcome.ok() && !writes->empty()) {
    // Once it is in the log it must be in memory, whether the caller still waits or not.
    outcome = co_await RunToEnd(home_, Commit(std::move(*writes)));
  }
  for (const Place& place : places) locked_.erase(place);
  unlocked_.NotifyAll();
  co_return outcome;
}

Task<> Store::Commit(std::vector<Write> writes) {
  Records records;
  int64_t more = 0;
  int64_t less = 0;
  for (const Write& write : writes) {
    const Table& table = *tables_.find(write.table)->second;
    std::optional<std::string> value;
    if (write.item != nullptr) {
      value = ItemRecordValue(*write.item);
      more += table.MemoryOf(write.key, *write.item);
    }
    ItemPtr before = table.Find(write.key);
    if (before != nullptr) less += table.MemoryOf(write.key, *before);
    records.emplace_back(ItemRecordKey(table.definition().id, write.key), std::move(value));
  }
  pending_memory_ += more;
  pending_freed_ += less;
  Status outcome = co_await CommitWithin(std::move(writes), std::move(records));
  pending_memory_ -= more;
  pending_freed_ -= less;
  IgnoreError(FitMemory(Share::kWrites), "not more than was asked for");
  co_return outcome;
}

Task<> Store::CommitWithin(std::vector<Write> writes, Records records) {
  CO_RETURN_IF_ERROR(FitMemory(Share::kWrites));
  CO_RETURN_IF_ERROR(co_await Append(std::move(records)));
  for (Write& write : writes) {
    tables_.find(write.table)->second->Apply(write.key, std::move(write.item));
  }
  co_return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb
