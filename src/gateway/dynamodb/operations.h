// The operations behind DynamoService: functions from a call to its answer, on the home shard.
// Internal to gateway/dynamodb.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/env.h"
#include "core/memory_budget.h"
#include "core/sync.h"
#include "gateway/aws/service.h"
#include "gateway/aws/tags.h"
#include "gateway/dynamodb/store.h"

namespace mainstem::gateway::dynamodb {

// Tokens of transactions that are being written, or were lately: one that comes again is not
// written again. Not kept over a restart.
class TransactionTokens {
 public:
  enum class Known : uint8_t {
    kNot,  // the caller writes, and calls End
    kInProgress,
    kWritten,
    kAsOther,  // with another request
  };
  Known Begin(const std::string& token, uint64_t request, TimePoint now);
  void End(const std::string& token, bool written, TimePoint now);

 private:
  struct Entry {
    uint64_t request = 0;
    std::optional<TimePoint> until{};  // nothing while it is being written
  };
  std::map<std::string, Entry> entries_;
};

// What operations work with. Outlives every call.
struct Context {
  Env* env;
  MemoryBudget* budget;
  Store* store;
  std::string account;
  TransactionTokens* tokens;
  // Tables are changed one at a time.
  bool* changing;
  Event* change_ended;
};

using Operation = Task<> (*)(const Context& context, aws::AwsCall* call);

// table_operations.cc
Task<> CreateTable(const Context& context, aws::AwsCall* call);
Task<> DescribeTable(const Context& context, aws::AwsCall* call);
Task<> UpdateTable(const Context& context, aws::AwsCall* call);
Task<> DeleteTable(const Context& context, aws::AwsCall* call);
Task<> ListTables(const Context& context, aws::AwsCall* call);
// tag_operations.cc
Task<> TagResource(const Context& context, aws::AwsCall* call);
Task<> UntagResource(const Context& context, aws::AwsCall* call);
Task<> ListTagsOfResource(const Context& context, aws::AwsCall* call);
// item_operations.cc
Task<> PutItem(const Context& context, aws::AwsCall* call);
Task<> UpdateItem(const Context& context, aws::AwsCall* call);
Task<> DeleteItem(const Context& context, aws::AwsCall* call);
Task<> GetItem(const Context& context, aws::AwsCall* call);
// page_operations.cc
Task<> Query(const Context& context, aws::AwsCall* call);
Task<> Scan(const Context& context, aws::AwsCall* call);
// batch_operations.cc
Task<> BatchGetItem(const Context& context, aws::AwsCall* call);
Task<> BatchWriteItem(const Context& context, aws::AwsCall* call);
Task<> TransactGetItems(const Context& context, aws::AwsCall* call);
// transaction_operations.cc
Task<> TransactWriteItems(const Context& context, aws::AwsCall* call);

// ---------------------------------------------------------------- shared by them

// By name or ARN; a ResourceNotFoundException.
Result<const Table*> FindTable(const Context& context, std::string_view name_or_arn);
std::string_view TableNameIn(std::string_view name_or_arn);
std::string TableArn(const Context& context, const aws::AwsCall& call, std::string_view name);
// Held while a table is changed.
class TableChange {
 public:
  static Task<TableChange> Begin(const Context& context);
  TableChange(TableChange&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  ~TableChange();

 private:
  explicit TableChange(const Context* context) : context_(context) {}
  const Context* context_;
};
void WriteTableDescription(const Context& context, const aws::AwsCall& call, const Table& table,
                           std::string_view status, aws::BodyWriter* out);
// Adds those of a list; a LimitExceededException when there are too many then.
Status TakeTags(const aws::Value& list, aws::TagMap* tags);
// Leases memory for an answer of so many bytes of items; kResourceExhausted.
Status LeaseAnswer(const Context& context, size_t item_bytes, aws::AwsCall* call);
// ConsumedCapacity, when the input asks for it.
struct Consumed {
  std::string_view table;
  double units = 0;
};
void WriteConsumed(const aws::Value& input, const Consumed& consumed, aws::BodyWriter* out);
// The list of batches and transactions.
void WriteConsumedList(const aws::Value& input, const std::map<std::string, double>& units,
                       aws::BodyWriter* out);
double ReadUnits(size_t bytes, bool consistent);
double WriteUnits(size_t bytes);

}  // namespace mainstem::gateway::dynamodb
