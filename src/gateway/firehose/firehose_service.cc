#include "gateway/firehose/firehose_service.h"

#include <map>

#include "gateway/aws/unavailable.h"
#include "gateway/firehose/operations.h"
#include "gateway/firehose/shapes.h"

namespace mainstem::gateway::firehose {
namespace {

const std::map<std::string, Operation, std::less<>>& FirehoseOperations() {
  static const std::map<std::string, Operation, std::less<>> table = {
      {"CreateDeliveryStream", CreateDeliveryStream},
      {"DeleteDeliveryStream", DeleteDeliveryStream},
      {"DescribeDeliveryStream", DescribeDeliveryStream},
      {"ListDeliveryStreams", ListDeliveryStreams},
      {"UpdateDestination", UpdateDestination},
      {"TagDeliveryStream", TagDeliveryStream},
      {"UntagDeliveryStream", UntagDeliveryStream},
      {"ListTagsForDeliveryStream", ListTagsForDeliveryStream},
      {"PutRecord", PutRecord},
      {"PutRecordBatch", PutRecordBatch},
  };
  return table;
}

FirehoseCounters MakeFirehoseCounters(Metrics* metrics) {
  return {.records_in = &metrics->AddCounter({.name = "mainstem_firehose_records_in_total",
                                              .help = "records put into delivery streams"}),
          .bytes_in = &metrics->AddCounter(
              {.name = "mainstem_firehose_bytes_in_total", .help = "their data"})};
}

Task<> RunFirehose(Operation operation, const Context& context, aws::AwsCall* call) {
  co_return aws::UnavailableAs("ServiceUnavailableException", co_await operation(context, call));
}

Task<std::optional<aws::StreamPlace>> FindPlaceHere(const Context& context, std::string name) {
  const DeliveryStream* stream = context.catalog->Find(name);
  if (stream == nullptr || stream->source != SourceKind::kDirectPut) co_return std::nullopt;
  auto topic = context.log->FindTopic(stream->topic);
  if (!topic) co_return std::nullopt;
  co_return aws::StreamPlace{.partition = {.topic_id = topic->id, .partition = PartitionId(0)},
                             .record_bytes_max = kRecordBytesMax};
}

}  // namespace

struct FirehoseService::Impl {
  Executor home;
  std::unique_ptr<StreamCatalog> catalog;
  Context context;
};

FirehoseService::FirehoseService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FirehoseService::~FirehoseService() = default;

Task<std::unique_ptr<FirehoseService>> FirehoseService::Open(Env* env, storage::Log* log,
                                                             connector::JobService* jobs,
                                                             MemoryBudget* budget, Metrics* metrics,
                                                             Logger logger,
                                                             FirehoseOptions options) {
  StreamCatalog::Parts parts{.env = env, .log = log, .jobs = jobs, .logger = std::move(logger)};
  CO_ASSIGN_OR_RETURN(auto catalog, co_await StreamCatalog::Open(std::move(parts)));
  Context context{.env = env,
                  .log = log,
                  .budget = budget,
                  .catalog = catalog.get(),
                  .account = std::move(options.account),
                  .counters = MakeFirehoseCounters(metrics)};
  auto impl = std::make_unique<Impl>(
      Impl{.home = env->shard(0), .catalog = std::move(catalog), .context = std::move(context)});
  co_return std::unique_ptr<FirehoseService>(new FirehoseService(std::move(impl)));
}

Task<> FirehoseService::Stop() { return RunOn(impl_->home, impl_->catalog->Stop()); }

Task<std::optional<aws::StreamPlace>> FirehoseService::FindPlace(std::string stream) {
  return RunOn(impl_->home, FindPlaceHere(impl_->context, std::move(stream)));
}

const aws::Shape* FirehoseService::FindOperation(std::string_view name) const {
  return FirehoseOperations().count(name) > 0 ? FindShape(name) : nullptr;
}

Task<> FirehoseService::Run(aws::AwsCall* call) {
  auto it = FirehoseOperations().find(call->operation);
  CHECK(it != FirehoseOperations().end());
  return RunOn(impl_->home, RunFirehose(it->second, impl_->context, call));
}

}  // namespace mainstem::gateway::firehose
