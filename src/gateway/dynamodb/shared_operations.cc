// What several operations share.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/operations.h"

namespace mainstem::gateway::dynamodb {

TransactionTokens::Known TransactionTokens::Begin(const std::string& token, uint64_t request,
                                                  TimePoint now) {
  constexpr size_t kTokensMax = 100'000;
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.until && *entry.second.until <= now;
  });
  auto found = entries_.find(token);
  if (found != entries_.end()) {
    if (found->second.request != request) return Known::kAsOther;
    return found->second.until ? Known::kWritten : Known::kInProgress;
  }
  if (entries_.size() < kTokensMax) entries_[token] = {.request = request};
  return Known::kNot;
}

void TransactionTokens::End(const std::string& token, bool written, TimePoint now) {
  constexpr Duration kTokenTime = std::chrono::minutes(10);
  auto found = entries_.find(token);
  if (found == entries_.end()) return;  // there were too many
  if (written) {
    found->second.until = now + kTokenTime;
  } else {
    entries_.erase(found);
  }
}

// "arn:aws:dynamodb:us-east-1:000000000000:table/NAME", or with "/index/..." behind it.
std::string_view TableNameIn(std::string_view name_or_arn) {
  constexpr std::string_view kTable = ":table/";
  size_t table = name_or_arn.find(kTable);
  if (!name_or_arn.starts_with("arn:") || table == std::string_view::npos) return name_or_arn;
  std::string_view name = name_or_arn.substr(table + kTable.size());
  return name.substr(0, name.find('/'));
}

Result<const Table*> FindTable(const Context& context, std::string_view name_or_arn) {
  const Table* table = context.store->Find(TableNameIn(name_or_arn));
  if (table != nullptr) return table;
  return DynamoError("ResourceNotFoundException", "Requested resource not found");
}

std::string TableArn(const Context& context, const aws::AwsCall& call, std::string_view name) {
  return fmt::format("arn:aws:dynamodb:{}:{}:table/{}", call.region, context.account, name);
}

Task<TableChange> TableChange::Begin(const Context& context) {
  while (*context.changing) CO_RETURN_IF_ERROR(co_await context.change_ended->Wait());
  *context.changing = true;
  co_return TableChange(&context);
}

TableChange::~TableChange() {
  if (context_ == nullptr) return;
  *context_->changing = false;
  context_->change_ended->NotifyAll();
}

Status LeaseAnswer(const Context& context, size_t item_bytes, aws::AwsCall* call) {
  constexpr size_t kUnleasedBytes = 64 << 10;
  constexpr int64_t kTextFactor = 3;
  if (item_bytes <= kUnleasedBytes) return Status::OK();
  call->memory = context.budget->TryLease(static_cast<int64_t>(item_bytes) * kTextFactor);
  if (call->memory.bytes() > 0) return Status::OK();
  return MakeError(ErrorCode::kResourceExhausted, "there is no memory for this answer now");
}

void WriteConsumed(const aws::Value& input, const Consumed& consumed, aws::BodyWriter* out) {
  std::string_view wanted = input["ReturnConsumedCapacity"].text;
  if (wanted.empty() || wanted == "NONE") return;
  out->Key("ConsumedCapacity").BeginMap().Field("TableName", consumed.table);
  out->Key("CapacityUnits").Double(consumed.units);
  if (wanted == "INDEXES") {
    out->Key("Table").BeginMap().Key("CapacityUnits").Double(consumed.units).EndMap();
  }
  out->EndMap();
}

void WriteConsumedList(const aws::Value& input, const std::map<std::string, double>& units,
                       aws::BodyWriter* out) {
  std::string_view wanted = input["ReturnConsumedCapacity"].text;
  if (wanted.empty() || wanted == "NONE") return;
  out->Key("ConsumedCapacity").BeginList();
  for (const auto& [table, count] : units) {
    out->BeginMap().Field("TableName", table).Key("CapacityUnits").Double(count).EndMap();
  }
  out->EndList();
}

double ReadUnits(size_t bytes, bool consistent) {
  constexpr size_t kUnitBytes = 4096;
  auto units = static_cast<double>(std::max<size_t>(1, (bytes + kUnitBytes - 1) / kUnitBytes));
  return consistent ? units : units / 2;
}

double WriteUnits(size_t bytes) {
  constexpr size_t kUnitBytes = 1024;
  return static_cast<double>(std::max<size_t>(1, (bytes + kUnitBytes - 1) / kUnitBytes));
}

}  // namespace mainstem::gateway::dynamodb
