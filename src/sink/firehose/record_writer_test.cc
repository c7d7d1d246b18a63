// Writers over a destination of the test's, with the clock of the simulation. A delivery makes a
// new writer after each error, which is given the rows behind its position again: so does the test.
#include "sink/firehose/record_writer.h"

#include <algorithm>
#include <map>

#include <arrow/api.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "core/sync.h"

namespace mainstem::sink {
namespace {

using std::chrono::seconds;
using Texts = std::vector<std::string>;

// Takes no record before it has been tried so often; one that is bad never.
struct FakeDestination {
  int refusal_count = 0;
  bool refuses_all = false;      // for good
  std::string picky_about = {};  // the only one that it puts off
  std::string bad = {};
  Duration answers_after{};
  std::vector<std::pair<std::string, Texts>> tries = {};  // the request's id, its records
  Texts taken = {};
  std::vector<std::pair<int64_t, int64_t>> places = {};  // of what is taken: end and row
};

class FakeClient final : public RecordClient {
 public:
  explicit FakeClient(FakeDestination* destination) : destination_(destination) {}
  Task<RecordAnswer> Send(RecordRequest request, std::vector<const SentRecord*> records) override {
    Texts texts;
    for (const SentRecord* record : records) texts.push_back(record->data);
    auto& tries = destination_->tries;
    const auto refused = std::count_if(tries.begin(), tries.end(),
                                       [&](const auto& one) { return one.first == request.id; });
    tries.emplace_back(request.id, texts);
    CO_RETURN_IF_ERROR(co_await Sleep(destination_->answers_after));
    RecordAnswer answer;
    answer.problem = MakeError(ErrorCode::kUnavailable, "not now");
    for (size_t i = 0; i < texts.size(); ++i) {
      const RecordFailure failure{.index = i, .code = "C", .message = "not now"};
      const std::string& picky = destination_->picky_about;
      if (destination_->refuses_all || texts[i] == destination_->bad) {
        answer.refused.push_back(failure);
      } else if (refused < destination_->refusal_count && (picky.empty() || picky == texts[i])) {
        answer.again.push_back(failure);
      } else {
        destination_->taken.push_back(texts[i]);
        destination_->places.emplace_back(records[i]->end.value(), records[i]->row);
      }
    }
    co_return answer;
  }

  std::string FailedLine(const SentRecord& record, const RecordFailure& failure,
                         RecordTries tries) const override {
    return fmt::format("{} {} {} {}", record.data, record.arrival_ms, failure.code, tries.count);
  }

 private:
  FakeDestination* destination_;
};

class KeptRecords final : public connector::RejectHandler {
 public:
  Task<> OnRejected(std::vector<connector::RejectedRecord> records) override {
    for (connector::RejectedRecord& record : records) lines.push_back(std::move(record.raw_bytes));
    co_return Status::OK();
  }
  Texts lines;
};

ChangelogBatch RowsOf(const Texts& texts) {
  arrow::BinaryBuilder data;
  arrow::TimestampBuilder arrival(arrow::timestamp(arrow::TimeUnit::MILLI),
                                  arrow::default_memory_pool());
  for (const std::string& text : texts) {
    CHECK_OK(data.Append(text));
    CHECK_OK(arrival.Append(5));
  }
  arrow::ArrayVector columns(2);
  CHECK_OK(data.Finish(&columns[0]));
  CHECK_OK(arrival.Finish(&columns[1]));
  auto schema = arrow::schema({arrow::field("data", arrow::binary()),
                               arrow::field("arrival", arrow::timestamp(arrow::TimeUnit::MILLI))});
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::Make(schema, static_cast<int64_t>(texts.size()), columns);
  return batch;
}

// The log's deliveries from `begin` on, and the writers over them, one after the other.
struct RecordScene {
  RecordScene(SimEnv* env_of_test, Duration buffer_time) : env(env_of_test) {
    buffering.bytes = 3;
    buffering.time = buffer_time;
    buffering.retry_time = seconds(300);
  }

  Task<> Reopen() {
    writer = MakeRecordWriter({.env = env,
                               .connector = "firehose",
                               .buffering = buffering,
                               .progress = progress,
                               .client = std::make_unique<FakeClient>(&destination),
                               .delivery_id = "job.sink-1",
                               .partition = PartitionId(0)});
    writer->set_reject_handler(handler);
    CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
    read_to = stored.value_or(begin);
    EXPECT_GE(read_to, reported);
    co_return Status::OK();
  }

  Task<> DeliverTo(Offset end) {
    while (read_to < end) {
      ChangelogBatch rows = RowsOf(log[static_cast<size_t>(read_to.value() - begin.value())]);
      Offset next = read_to + 1;
      CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(rows), next));
      read_to = next;
    }
    co_return Status::OK();
  }

  Task<> Flush(bool is_final) {
    connector::DeliveryWriter::FlushOptions flush;
    flush.final = is_final;
    CO_ASSIGN_OR_RETURN(Offset now, co_await writer->Flush(flush));
    EXPECT_TRUE(now == Offset(0) || now >= reported);  // 0: nothing is sent yet
    reported = std::max(reported, now);
    co_return Status::OK();
  }

  Task<> ReopenAndDeliverAll() {
    CO_RETURN_IF_ERROR(co_await Reopen());
    CO_RETURN_IF_ERROR(co_await DeliverTo(begin + static_cast<int64_t>(log.size())));
    co_return co_await Flush(true);
  }

  SimEnv* env;
  RecordBuffering buffering;
  std::shared_ptr<RecordProgress> progress = std::make_shared<RecordProgress>();
  FakeDestination destination;
  connector::RejectHandler* handler = nullptr;
  Offset begin{7};
  std::vector<Texts> log;
  std::unique_ptr<connector::DeliveryWriter> writer;
  Offset read_to;
  Offset reported{7};
};

void RunScene(Task<> (*test)(RecordScene*), Duration buffer_time) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  RecordScene scene(&env, buffer_time);
  Status status = env.Run(test(&scene));
  EXPECT_TRUE(status.ok()) << status;
}

Task<> RefuseEachFourTimes(RecordScene* scene) {
  scene->destination.refusal_count = 4;
  scene->log = {{"a", "b"}, {"c", "d"}, {}, {"e", "f"}, {"g"}};
  int error_count = 0;
  for (;;) {
    Status status = co_await scene->ReopenAndDeliverAll();
    if (status.ok()) break;
    if (!IsRetriable(status)) co_return status;
    ++error_count;
    CO_RETURN_IF_ERROR(co_await Sleep(seconds(1)));
  }
  // None was tried twice by one writer.
  EXPECT_EQ(error_count, 12);
  std::vector<Texts> requests;
  std::map<std::string, Texts> by_id;
  for (const auto& [id, texts] : scene->destination.tries) {
    auto [found, is_new] = by_id.emplace(id, texts);
    if (is_new) requests.push_back(texts);
    EXPECT_EQ(found->second, texts) << "sent again as it was";
  }
  EXPECT_EQ(scene->destination.tries.size(), 15u);
  EXPECT_EQ(requests, (std::vector<Texts>{{"a", "b", "c"}, {"d", "e", "f"}, {"g"}}));
  EXPECT_EQ(scene->destination.taken, (Texts{"a", "b", "c", "d", "e", "f", "g"}));
  EXPECT_EQ(scene->reported, Offset(12));
  co_return Status::OK();
}

TEST(RecordWriterTest, ARequestIsSentAgainAsItWasByLaterWriters) {
  RunScene(RefuseEachFourTimes, seconds(60));
}

Task<> FlushWhatIsReadOfRequest(RecordScene* scene) {
  scene->destination.refusal_count = 1;
  scene->log = {{"a", "b"}, {"c"}};
  Status refused = co_await scene->ReopenAndDeliverAll();
  EXPECT_TRUE(IsRetriable(refused)) << refused;
  CO_RETURN_IF_ERROR(co_await scene->Reopen());
  CO_RETURN_IF_ERROR(co_await scene->DeliverTo(Offset(8)));
  CO_RETURN_IF_ERROR(co_await scene->Flush(false));
  EXPECT_EQ(scene->destination.tries.size(), 1u);
  CO_RETURN_IF_ERROR(co_await scene->DeliverTo(Offset(9)));
  EXPECT_EQ(scene->destination.taken, (Texts{"a", "b", "c"}));
  EXPECT_EQ(scene->destination.tries[0], scene->destination.tries[1]);
  co_return Status::OK();
}

TEST(RecordWriterTest, OfARequestThatIsSentAgainNoPartIsSent) {
  RunScene(FlushWhatIsReadOfRequest, seconds(0));
}

Task<> FlushBeforeAnythingIsSent(RecordScene* scene) {
  scene->log = {{"a"}, {"b"}};
  CO_RETURN_IF_ERROR(co_await scene->Reopen());
  CO_RETURN_IF_ERROR(co_await scene->Flush(false));
  EXPECT_EQ(scene->reported, Offset(7));
  CO_RETURN_IF_ERROR(co_await scene->DeliverTo(Offset(9)));
  CO_RETURN_IF_ERROR(co_await scene->Flush(false));
  EXPECT_EQ(scene->reported, Offset(7));
  CO_RETURN_IF_ERROR(co_await scene->Flush(true));
  EXPECT_EQ(scene->reported, Offset(9));
  co_return Status::OK();
}

TEST(RecordWriterTest, ThePositionIsWhereItBeganUntilSomethingIsSent) {
  RunScene(FlushBeforeAnythingIsSent, seconds(60));
}

Task<> LeaveRecordBehind(RecordScene* scene) {
  scene->destination.answers_after = seconds(30);
  scene->log = {{"a", "b"}, {"c", "d"}};
  CO_RETURN_IF_ERROR(co_await scene->Reopen());
  CO_RETURN_IF_ERROR(co_await scene->DeliverTo(Offset(9)));
  EXPECT_EQ(scene->destination.taken, (Texts{"a", "b", "c"}));
  CO_RETURN_IF_ERROR(co_await Sleep(seconds(29)));  // the fourth has waited for 59 s
  CO_RETURN_IF_ERROR(co_await scene->Flush(false));
  EXPECT_EQ(scene->destination.tries.size(), 1u);
  EXPECT_EQ(scene->reported, Offset(8));
  CO_RETURN_IF_ERROR(co_await Sleep(seconds(1)));
  CO_RETURN_IF_ERROR(co_await scene->Flush(false));
  EXPECT_EQ(scene->destination.taken, (Texts{"a", "b", "c", "d"}));
  EXPECT_EQ(scene->reported, Offset(9));
  co_return Status::OK();
}

TEST(RecordWriterTest, WhatStaysBehindAFullRequestWaitsNoLonger) {
  RunScene(LeaveRecordBehind, seconds(60));
}

Task<> RefuseForTooLong(RecordScene* scene) {
  KeptRecords kept;
  scene->handler = &kept;
  scene->destination.refusal_count = 1000;
  scene->log = {{"a", "b"}};
  for (int i = 0; i < 3; ++i) {
    Status status = co_await scene->ReopenAndDeliverAll();
    EXPECT_TRUE(IsRetriable(status)) << status;
    CO_RETURN_IF_ERROR(co_await Sleep(seconds(100)));
  }
  EXPECT_TRUE(kept.lines.empty());
  CO_RETURN_IF_ERROR(co_await scene->ReopenAndDeliverAll());
  EXPECT_EQ(scene->reported, Offset(8));
  EXPECT_EQ(kept.lines.size(), 2u);
  for (const std::string& line : kept.lines) {
    EXPECT_EQ(line.substr(1), " 5 C 4");
  }
  // What is refused for good is tried once.
  scene->destination.refuses_all = true;
  scene->log.push_back({"c"});
  CO_RETURN_IF_ERROR(co_await scene->ReopenAndDeliverAll());
  EXPECT_EQ(kept.lines.size(), 3u);
  EXPECT_EQ(scene->destination.tries.size(), 5u);
  co_return Status::OK();
}

TEST(RecordWriterTest, WhatIsRefusedForTooLongIsHandedOver) {
  RunScene(RefuseForTooLong, seconds(60));
}

Task<> PutOffOneOfFour(RecordScene* scene) {
  KeptRecords kept;
  scene->handler = &kept;
  scene->destination.refusal_count = 2;
  scene->destination.picky_about = "b";
  scene->destination.bad = "c";
  scene->log = {{"a", "b", "c"}, {"d"}};
  int error_count = 0;
  for (;;) {
    Status status = co_await scene->ReopenAndDeliverAll();
    if (status.ok()) break;
    if (!IsRetriable(status)) co_return status;
    ++error_count;
    EXPECT_EQ(scene->reported, Offset(7));
    CO_RETURN_IF_ERROR(co_await Sleep(seconds(1)));
  }
  EXPECT_EQ(error_count, 2);
  std::vector<Texts> requests;
  for (const auto& [id, texts] : scene->destination.tries) requests.push_back(texts);
  EXPECT_EQ(requests, (std::vector<Texts>{{"a", "b", "c"}, {"b"}, {"b"}, {"d"}}));
  EXPECT_EQ(scene->destination.taken, (Texts{"a", "b", "d"}));
  EXPECT_EQ(scene->destination.places,
            (std::vector<std::pair<int64_t, int64_t>>{{8, 0}, {8, 1}, {9, 0}}));
  EXPECT_EQ(kept.lines, (Texts{"c 5 C 1"}));
  EXPECT_EQ(scene->reported, Offset(9));
  co_return Status::OK();
}

TEST(RecordWriterTest, OnlyWhatIsLeftOfARequestIsSentAgain) {
  RunScene(PutOffOneOfFour, seconds(60));
}

}  // namespace
}  // namespace mainstem::sink
