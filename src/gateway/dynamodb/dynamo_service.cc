#include "gateway/dynamodb/dynamo_service.h"

#include <map>

#include "gateway/dynamodb/operations.h"
#include "gateway/dynamodb/shapes.h"

namespace mainstem::gateway::dynamodb {
namespace {

const std::map<std::string, Operation, std::less<>>& OperationTable() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CreateTable", CreateTable},
      {"DescribeTable", DescribeTable},
      {"UpdateTable", UpdateTable},
      {"DeleteTable", DeleteTable},
      {"ListTables", ListTables},
      {"TagResource", TagResource},
      {"UntagResource", UntagResource},
      {"ListTagsOfResource", ListTagsOfResource},
      {"PutItem", PutItem},
      {"UpdateItem", UpdateItem},
      {"DeleteItem", DeleteItem},
      {"GetItem", GetItem},
      {"Query", Query},
      {"Scan", Scan},
      {"BatchGetItem", BatchGetItem},
      {"BatchWriteItem", BatchWriteItem},
      {"TransactGetItems", TransactGetItems},
      {"TransactWriteItems", TransactWriteItems},
  };
  return table;
}

Task<> Refuse(Status why) { co_return why; }

}  // namespace

struct DynamoService::Impl {
  Impl(Env* env, MemoryBudget* budget, std::unique_ptr<Store> given, DynamoOptions options)
      : home(env->shard(0)),
        store(std::move(given)),
        change_ended(home),
        context{.env = env,
                .budget = budget,
                .store = store.get(),
                .account = std::move(options.account),
                .tokens = &tokens,
                .changing = &changing,
                .change_ended = &change_ended} {}

  const Executor home;
  const std::unique_ptr<Store> store;  // null: `unavailable` says why
  Status unavailable;
  TransactionTokens tokens;
  bool changing = false;
  Event change_ended;
  const Context context;
};

DynamoService::DynamoService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DynamoService::~DynamoService() = default;

Task<std::unique_ptr<DynamoService>> DynamoService::Open(Env* env, storage::Log* log,
                                                         MemoryBudget* budget, Logger logger,
                                                         DynamoOptions options) {
  auto store = co_await Store::Open(env, log, budget, logger);
  Status unavailable;
  if (Is(store.status(), ErrorCode::kResourceExhausted)) {
    unavailable = store.status();
    logger.Warning("DynamoDB's operations are refused", {{"error", unavailable}});
    store = std::unique_ptr<Store>();
  }
  CO_RETURN_IF_ERROR(store);
  auto impl = std::make_unique<Impl>(env, budget, *std::move(store), std::move(options));
  impl->unavailable = std::move(unavailable);
  co_return std::unique_ptr<DynamoService>(new DynamoService(std::move(impl)));
}

const aws::Shape* DynamoService::FindOperation(std::string_view name) const {
  return OperationTable().count(name) > 0 ? FindShape(name) : nullptr;
}

Task<> DynamoService::Run(aws::AwsCall* call) {
  auto it = OperationTable().find(call->operation);
  CHECK(it != OperationTable().end());
  if (impl_->store == nullptr) return Refuse(impl_->unavailable);
  return RunOn(impl_->home, it->second(impl_->context, call));
}

}  // namespace mainstem::gateway::dynamodb
