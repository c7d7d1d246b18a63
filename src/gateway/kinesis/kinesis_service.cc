#include "gateway/kinesis/kinesis_service.h"

#include <map>

#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/shapes.h"

namespace mainstem::gateway::kinesis {
namespace {

const std::map<std::string, Operation, std::less<>>& Operations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CreateStream", CreateStream},
      {"DeleteStream", DeleteStream},
      {"DescribeStream", DescribeStream},
      {"DescribeStreamSummary", DescribeStreamSummary},
      {"ListStreams", ListStreams},
      {"ListShards", ListShards},
      {"PutRecord", PutRecord},
      {"PutRecords", PutRecords},
      {"GetShardIterator", GetShardIterator},
      {"GetRecords", GetRecords},
      {"SplitShard", SplitShard},
      {"MergeShards", MergeShards},
      {"UpdateShardCount", UpdateShardCount},
      {"IncreaseStreamRetentionPeriod", IncreaseStreamRetentionPeriod},
      {"DecreaseStreamRetentionPeriod", DecreaseStreamRetentionPeriod},
      {"AddTagsToStream", ChangeTagsOfStream},
      {"RemoveTagsFromStream", ChangeTagsOfStream},
      {"TagResource", ChangeTagsOfStream},
      {"UntagResource", ChangeTagsOfStream},
      {"ListTagsForStream", ListTagsForStream},
      {"ListTagsForResource", ListTagsForResource},
      {"UpdateStreamMode", UpdateStreamMode},
      {"UpdateMaxRecordSize", UpdateMaxRecordSize},
      {"DescribeLimits", DescribeLimits},
      {"RegisterStreamConsumer", RegisterStreamConsumer},
      {"DescribeStreamConsumer", DescribeStreamConsumer},
      {"ListStreamConsumers", ListStreamConsumers},
      {"DeregisterStreamConsumer", DeregisterStreamConsumer},
      {"SubscribeToShard", SubscribeToShard},
  };
  return table;
}

KinesisCounters MakeCounters(Metrics* metrics) {
  return {
      .records_in = &metrics->AddCounter(
          {.name = "mainstem_kinesis_records_in_total", .help = "records put through Kinesis"}),
      .bytes_in = &metrics->AddCounter(
          {.name = "mainstem_kinesis_record_bytes_in_total", .help = "their keys and data"}),
      .records_out = &metrics->AddCounter({.name = "mainstem_kinesis_records_out_total",
                                           .help = "records handed out through Kinesis"}),
      .bytes_out = &metrics->AddCounter(
          {.name = "mainstem_kinesis_record_bytes_out_total", .help = "their keys and data"}),
  };
}

}  // namespace

struct KinesisService::Impl {
  Impl(Env* env, storage::Log* log, MemoryBudget* budget, Metrics* metrics, Logger given_logger,
       KinesisOptions options, aws::TokenSealer given_sealer)
      : logger(std::move(given_logger)),
        sealer(std::move(given_sealer)),
        catalog(env, log, logger),
        context{.env = env,
                .log = log,
                .budget = budget,
                .catalog = &catalog,
                .logger = &logger,
                .sealer = &sealer,
                .subscriptions = &subscriptions,
                .limits = options.limits ? &limits : nullptr,
                .find_owner = std::move(options.find_owner),
                .account = std::move(options.account),
                .counters = MakeCounters(metrics)} {}

  const Logger logger;
  const aws::TokenSealer sealer;
  StreamCatalog catalog;
  Subscriptions subscriptions;
  ShardLimits limits;
  const Context context;
};

KinesisService::KinesisService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KinesisService::~KinesisService() = default;

Task<std::unique_ptr<KinesisService>> KinesisService::Open(Env* env, storage::Log* log,
                                                           MemoryBudget* budget, Metrics* metrics,
                                                           Logger logger, KinesisOptions options) {
  CO_ASSIGN_OR_RETURN(aws::TokenSealer sealer, co_await aws::TokenSealer::Open(env, log));
  auto impl = std::make_unique<Impl>(env, log, budget, metrics, std::move(logger),
                                     std::move(options), std::move(sealer));
  CO_RETURN_IF_ERROR(co_await impl->catalog.Start());
  co_return std::unique_ptr<KinesisService>(new KinesisService(std::move(impl)));
}

const aws::Shape* KinesisService::FindOperation(std::string_view name) const {
  return Operations().count(name) > 0 ? FindShape(name) : nullptr;
}

Task<> KinesisService::Run(aws::AwsCall* call) {
  auto it = Operations().find(call->operation);
  CHECK(it != Operations().end());
  return it->second(impl_->context, call);
}

Task<std::optional<aws::StreamPlace>> KinesisService::FindPlace(std::string stream,
                                                                std::string partition_key) {
  CO_ASSIGN_OR_RETURN(StreamPtr found, co_await impl_->catalog.Find(std::move(stream)));
  if (!found) co_return std::nullopt;
  PartitionId shard(found->Route(HashKeyOf(partition_key)).index);
  aws::StreamPlace place{.partition = {.topic_id = found->topic().id, .partition = shard},
                         .record_bytes_max = found->record_bytes_max()};
  place.held = std::move(found);
  co_return place;
}

}  // namespace mainstem::gateway::kinesis
