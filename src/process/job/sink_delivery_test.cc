// How a sink is tried again, with the clock of the simulation.
#include "process/job/sink_delivery.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "connector/blind_writer.h"
#include "connector/resuming_writer.h"
#include "core/sim/sim_env.h"
#include "process/operator/delivery_format.h"
#include "storage/batch_builder.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

// A destination that can be opened and takes rows, but commits them only when it may.
struct Destination {
  bool commits = false;
  bool is_blind = false;  // its writers neither ask it, nor know at first where they are
  bool gathers = false;   // a blind writer's rows, for now
  int64_t position = 0;
  Offset begun_to{0};  // of a group that an earlier writer has begun
  std::vector<TimePoint> tries = {};
};

class CountedWriter final : public connector::DeliveryWriter, public connector::ResumingWriter {
 public:
  CountedWriter(Env* env, Destination* destination) : env_(env), destination_(destination) {}
  Task<std::optional<Offset>> Open() override {
    std::optional<Offset> stored(destination_->position);
    co_return stored;
  }
  Offset begun_to() const override { return destination_->begun_to; }
  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    end_ = end;
    co_return Status::OK();
  }
  Task<Offset> Flush(FlushOptions options) override {
    destination_->tries.push_back(env_->Now());
    if (!destination_->commits) co_return MakeError(ErrorCode::kUnavailable, "the disk is full");
    if (end_ && *end_ < destination_->begun_to) {
      co_return MakeError(ErrorCode::kInvalidArgument, "the log was restored");
    }
    if (end_) destination_->position = end_->value();
    co_return Offset(destination_->position);
  }

 private:
  Env* env_;
  Destination* destination_;
  std::optional<Offset> end_;
};

class BlindCountedWriter final : public connector::DeliveryWriter, public connector::BlindWriter {
 public:
  explicit BlindCountedWriter(Destination* destination) : destination_(destination) {}
  Task<std::optional<Offset>> Open() override { co_return std::nullopt; }
  bool has_delivered() const override { return end_ && !destination_->gathers; }
  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    // As long as an endpoint may take that says nothing.
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(20)));
    if (!destination_->commits) co_return MakeError(ErrorCode::kUnavailable, "it says nothing");
    end_ = end;
    co_return Status::OK();
  }
  Task<Offset> Flush(FlushOptions options) override {
    co_return destination_->gathers ? Offset(0) : end_.value_or(Offset(0));
  }

 private:
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
    if (destination_->is_blind) return std::make_unique<BlindCountedWriter>(destination_);
    return std::make_unique<CountedWriter>(env_, destination_);
  }

 private:
  Env* env_;
  Destination* destination_;
};

Task<> AppendRow(storage::Log* log, storage::TopicId topic, size_t length = 1) {
  ChangelogBatch batch;
  arrow::StringBuilder values;
  CO_RETURN_IF_ERROR(values.Append(std::string(length, 'v')));
  CO_ASSIGN_OR_RETURN(auto column, values.Finish());
  auto schema = arrow::schema({arrow::field("v", arrow::utf8())});
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

std::shared_ptr<JobSink> CountedJobSink(Env* env, storage::TopicId topic,
                                        Destination* destination) {
  auto sink = std::make_shared<JobSink>();
  sink->name = "o";
  sink->sink = std::make_shared<CountedSink>(env, destination);
  sink->kind = connector::SinkKind::kDelivery;
  sink->delivery_id = "job.sink-1";
  sink->retention_holder = "job.sink-1";
  sink->topic = topic;
  sink->quarantine.rule.policy = RejectPolicy::kFail;
  return sink;
}

void RunOverLog(Task<> (*test)(SimEnv*, storage::Log*, Destination*), Destination* destination) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Status status = env.Run(test(&env, &log, destination));
  EXPECT_TRUE(status.ok()) << status;
}

Task<> FailThenRecover(SimEnv* env, storage::Log* log, Destination* destination) {
  storage::TopicConfig config;
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await log->CreateTopic("changes", 1, std::move(config), false));
  CO_RETURN_IF_ERROR(co_await AppendRow(log, topic.id));
  SinkDelivery delivery(env, log, CountedJobSink(env, topic.id, destination), Logger::Silent());
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
  Destination destination;
  RunOverLog(FailThenRecover, &destination);
}

Task<> FailBlindlyThenRecover(SimEnv* env, storage::Log* log, Destination* destination) {
  storage::TopicConfig config;
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await log->CreateTopic("changes", 1, std::move(config), false));
  storage::TopicPartition where{topic.id, PartitionId(0)};
  for (int i = 0; i < 3; ++i) CO_RETURN_IF_ERROR(co_await AppendRow(log, topic.id));
  CO_RETURN_IF_ERROR((co_await log->DeleteRecords(where, Offset(2))).status());
  destination->position = 2;
  SinkDelivery delivery(env, log, CountedJobSink(env, topic.id, destination), Logger::Silent());
  delivery.Start();
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(30)));
  // Also while a try goes on.
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(delivery.Describe().state, "retrying") << i;
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(1)));
  }
  EXPECT_GT(delivery.Describe().retry_count, 5);
  destination->commits = true;
  destination->gathers = true;
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(2)));
  SinkDescription gathering = delivery.Describe();
  EXPECT_EQ(gathering.positions, std::vector<int64_t>{2});
  EXPECT_EQ(gathering.lag_records, 1);
  EXPECT_EQ(gathering.state, "retrying");  // nothing has come through
  destination->gathers = false;
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(5)));
  SinkDescription described = delivery.Describe();
  EXPECT_EQ(described.state, "running");
  EXPECT_EQ(described.positions, std::vector<int64_t>{3});
  co_return co_await delivery.Close();
}

TEST(SinkDeliveryTest, AnErrorStaysUntilSomethingIsDeliveredWhereOpeningAsksNothing) {
  Destination destination;
  destination.is_blind = true;
  RunOverLog(FailBlindlyThenRecover, &destination);
}

Task<> CatchUpWithinGroup(SimEnv* env, storage::Log* log, Destination* destination) {
  storage::TopicConfig config;
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await log->CreateTopic("changes", 1, std::move(config), false));
  // So long that each is read alone.
  constexpr size_t kRowBytes = 800'000;
  CO_RETURN_IF_ERROR(co_await AppendRow(log, topic.id, kRowBytes));
  SinkDelivery delivery(env, log, CountedJobSink(env, topic.id, destination), Logger::Silent());
  CO_RETURN_IF_ERROR(co_await delivery.AskToCatchUp());
  CO_RETURN_IF_ERROR(co_await AppendRow(log, topic.id, kRowBytes));
  delivery.Start();
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(5)));
  SinkDescription described = delivery.Describe();
  EXPECT_EQ(described.state, "running") << described.last_error;
  EXPECT_EQ(destination->position, 2);
  EXPECT_TRUE(delivery.HasCaughtUp());
  co_return co_await delivery.Close();
}

TEST(SinkDeliveryTest, ASavepointWaitsForTheEndOfAGroupThatWasBegun) {
  Destination destination;
  destination.commits = true;
  destination.begun_to = Offset(2);
  RunOverLog(CatchUpWithinGroup, &destination);
}

}  // namespace
}  // namespace mainstem::process
