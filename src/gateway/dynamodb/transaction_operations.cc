// TransactWriteItems: all writes or none, if all conditions hold.
#include <set>

#include <fmt/format.h>

#include "core/fnv1a.h"
#include "gateway/dynamodb/errors.h"
#include "gateway/dynamodb/planned_write.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kTransactionBytesMax = 4 << 20;

Result<PlannedWrite> PlanPart(const Context& context, const aws::Value& part) {
  struct Known {
    std::string_view name;
    PlannedWrite::Kind kind;
  };
  static constexpr Known kKnown[] = {{"ConditionCheck", PlannedWrite::Kind::kCheck},
                                     {"Put", PlannedWrite::Kind::kPut},
                                     {"Delete", PlannedWrite::Kind::kDelete},
                                     {"Update", PlannedWrite::Kind::kUpdate}};
  const Known* found = nullptr;
  for (const Known& known : kKnown) {
    if (part[known.name].is_null()) continue;
    if (found != nullptr) {
      return Invalid("TransactItems can only contain one of Check, Put, Update or Delete");
    }
    found = &known;
  }
  if (found == nullptr) {
    return Invalid(
        "Invalid Request: TransactWriteRequest should contain Delete or Put or Update "
        "request");
  }
  if (found->kind == PlannedWrite::Kind::kUpdate && part["Update"]["UpdateExpression"].is_null()) {
    return Invalid("The UpdateExpression parameter must be specified in an Update");
  }
  return PlanWrite(context, found->kind, part[found->name]);
}

// Why each part was not written; "None" for those whose condition holds.
struct Reason {
  std::string code = "None";
  aws::AwsError error{};
};

Status Cancelled(std::vector<Reason> reasons) {
  std::string codes;
  for (const Reason& reason : reasons) codes += (codes.empty() ? "" : ", ") + reason.code;
  aws::AwsError error{.name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"};
  error.message = fmt::format(
      "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes);
  error.write_more = [reasons = std::move(reasons)](aws::BodyWriter* out) {
    out->Key("CancellationReasons").BeginList();
    for (const Reason& reason : reasons) {
      out->BeginMap().Field("Code", reason.code);
      if (reason.code != "None") out->Field("Message", reason.error.message);
      if (reason.error.write_more) reason.error.write_more(out);
      out->EndMap();
    }
    out->EndList();
  };
  return aws::MakeAwsError(std::move(error));
}

// ConditionalCheckFailedException is told as ConditionalCheckFailed; nothing: it is no reason of
// one part.
std::optional<Reason> ReasonOf(const Status& status) {
  Reason reason{.error = aws::ToAwsError(status)};
  if (reason.error.name.ends_with("#ConditionalCheckFailedException")) {
    reason.code = "ConditionalCheckFailed";
  } else if (reason.error.name.ends_with("#ValidationException")) {
    reason.code = "ValidationError";
  } else {
    return std::nullopt;
  }
  return reason;
}

struct Transaction {
  std::vector<PlannedWrite> plans{};
  std::map<std::string, double> units{};

  Result<std::vector<Store::Write>> Decide(const Store& store);
  // Of one that was written before: reading is what it costs now.
  void CountReads(const Store& store);
};

void Transaction::CountReads(const Store& store) {
  for (const PlannedWrite& plan : plans) {
    const Table* table = store.Find(plan.table);
    ItemPtr item = table == nullptr ? nullptr : table->Find(plan.key);
    units[plan.table] += 2 * ReadUnits(item == nullptr ? 0 : SizeOf(*item), true);
  }
}

Result<std::vector<Store::Write>> Transaction::Decide(const Store& store) {
  std::vector<Store::Write> writes;
  std::vector<Reason> reasons(plans.size());
  bool good = true;
  size_t bytes = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    auto decided = DecideWrite(store, plans[i]);
    if (!decided.ok()) {
      auto reason = ReasonOf(decided.status());
      if (!reason) return decided.status();
      reasons[i] = *std::move(reason);
      good = false;
      continue;
    }
    units[plans[i].table] += 2 * UnitsOf(*decided);
    if (decided->after != nullptr) bytes += SizeOf(*decided->after);
    if (decided->changes) writes.push_back(WriteOf(plans[i], *decided));
  }
  if (!good) return Cancelled(std::move(reasons));
  if (bytes > kTransactionBytesMax) {
    return Invalid("Transaction request exceeds the maximum size of 4 MB");
  }
  return writes;
}

// The same for the same items, whatever the JSON looks like around them.
uint64_t FingerprintOf(const aws::Value& value) {
  uint64_t hash = Fnv1a(value.text) ^ static_cast<uint64_t>(value.integer) ^
                  (value.boolean ? 0x9E3779B97F4A7C15ull : 0);
  for (const aws::Member& member : value.members) {
    hash = hash * 1099511628211ull ^ Fnv1a(member.name);
    hash = hash * 1099511628211ull ^ FingerprintOf(member.value);
  }
  return hash;
}

// What a token says before anything is done: false: it was written already.
Result<bool> BeginWithToken(const Context& context, const std::string& token, uint64_t request) {
  using Known = TransactionTokens::Known;
  if (token.empty()) return true;
  switch (context.tokens->Begin(token, request, context.env->Now())) {
    case Known::kNot: return true;
    case Known::kWritten: return false;
    case Known::kInProgress:
      return DynamoError("TransactionInProgressException",
                         "The transaction with the given request token is already in progress.");
    case Known::kAsOther: break;
  }
  return DynamoError("IdempotentParameterMismatchException",
                     "Request parameters do not match those of an earlier request with the same "
                     "client token");
}

}  // namespace

Task<> TransactWriteItems(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  Transaction transaction;
  std::vector<Store::Place> places;
  std::set<Store::Place> seen;
  for (const aws::Member& member : input["TransactItems"].members) {
    CO_ASSIGN_OR_RETURN(PlannedWrite plan, PlanPart(context, member.value));
    if (!seen.insert(plan.place()).second) {
      co_return Invalid("Transaction request cannot include multiple operations on one item");
    }
    places.push_back(plan.place());
    transaction.plans.push_back(std::move(plan));
  }
  std::string token(input["ClientRequestToken"].text);
  uint64_t request = FingerprintOf(input["TransactItems"]);
  CO_ASSIGN_OR_RETURN(bool is_new, BeginWithToken(context, token, request));
  if (is_new) {
    auto decide = [&] { return transaction.Decide(*context.store); };
    Status written = co_await context.store->WriteItems(std::move(places), decide);
    if (!token.empty()) context.tokens->End(token, written.ok(), context.env->Now());
    CO_RETURN_IF_ERROR(written);
  } else {
    transaction.CountReads(*context.store);
  }
  call->answer->BeginMap();
  WriteConsumedList(input, transaction.units, call->answer.get());
  call->answer->EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::dynamodb
