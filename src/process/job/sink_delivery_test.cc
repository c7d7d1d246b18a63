// How a sink is tried again, with the clock of the simulation.
#include "process/job/sink_delivery.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/operator/delivery_format.h"
#include "storage/batch_builder.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

// A destination that can be opened and takes rows, but commits them only when it may.
struct Destination {
  bool commits = false;
  int64_t position = 0;
  std::vector<TimePoint> tries;
};

class CountedWriter final : public connector::DeliveryWriter {
 public:
  CountedWriter(Env* env, Destination* destination) : env_(env), destination_(destination) {}
  Task<std::optional<Offset>> Open() override {
    std::optional<Offset> stored(destination_->position);
    co_return stored;
  }
  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    end_ = end;
    co_return Status::OK();
  }
  Task<Offset> Flush(FlushOptions options) override {
    destination_->tries.push_back(env_->Now());
    if (!destination_->commits) co_return MakeError(ErrorCode::kUnavailable, "the disk is full");
    if (end_) destination_->position = end_->value();
    co_return Offset(destination_->position);
  }

 private:
  Env* env_;
  Destination* destination_;
  std::optional<Offset> end_;
};

class CountedSink final : public connector::TableSink {
 public:
  CountedSink(Env* env, Destination* destination) : env_(env), destination_(destination) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override { return connector::SinkMode::kAppendOnly; }
  std::string guarantee() const override { return "exactly once"; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(std::string,
                                                                        PartitionId) override {
    return std::make_unique<CountedWriter>(env_, destination_);
  }

 private:
  Env* env_;
  Destination* destination_;
};

Task<> AppendRow(storage::Log* log, storage::TopicId topic) {
  ChangelogBatch batch;
  arrow::Int64Builder values;
  CO_RETURN_IF_ERROR(values.Append(1));
  CO_ASSIGN_OR_RETURN(auto column, values.Finish());
  auto schema = arrow::schema({arrow::field("v", arrow::int64())});
  batch.rows = arrow::RecordBatch::Make(schema, 1, {column});
  CO_ASSIGN_OR_RETURN(std::string value, EncodeDelivery(batch));
  storage::BatchBuilder builder;
  builder.Add(0, std::nullopt, value, {});
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, builder.Build());
  storage::AppendOptions append;
  append.trusted = true;
  storage::TopicPartition where{topic, PartitionId(0)};
  co_return (co_await log->Append(where, bytes, append)).status();
}

Task<> FailThenRecover(SimEnv* env, storage::Log* log, Destination* destination) {
  storage::TopicConfig config;
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await log->CreateTopic("changes", 1, std::move(config), false));
  CO_RETURN_IF_ERROR(co_await AppendRow(log, topic.id));
  auto sink = std::make_shared<JobSink>();
  sink->name = "o";
  sink->sink = std::make_shared<CountedSink>(env, destination);
  sink->kind = connector::SinkKind::kDelivery;
  sink->delivery_id = "job.sink-1";
  sink->retention_holder = "job.sink-1";
  sink->topic = topic.id;
  sink->quarantine.rule.policy = RejectPolicy::kFail;
  SinkDelivery delivery(env, log, sink, Logger::Silent());
  delivery.Start();
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(5)));
  EXPECT_EQ(delivery.Describe().state, "retrying");
  size_t try_count = destination->tries.size();
  EXPECT_GT(try_count, 10u);
  EXPECT_LT(try_count, 60u);  // and not one each 75 ms
  EXPECT_GE(destination->tries.back() - destination->tries[try_count - 2],
            std::chrono::seconds(15));
  destination->commits = true;
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(1)));
  EXPECT_EQ(destination->position, 1);
  EXPECT_EQ(delivery.Describe().state, "running");
  // After progress the first pause is short again.
  destination->commits = false;
  CO_RETURN_IF_ERROR(co_await AppendRow(log, topic.id));
  try_count = destination->tries.size();
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(5)));
  EXPECT_GT(destination->tries.size(), try_count + 3);
  co_return co_await delivery.Close();
}

TEST(SinkDeliveryTest, PausesGrowWhileRowsAreTakenButNotCommitted) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Destination destination;
  Status status = env.Run(FailThenRecover(&env, &log, &destination));
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace mainstem::process
