// KIP-227 as a client sees it: what may be left out of requests and answers, and when to begin
// anew.
#include "gateway/kafka/fetch_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/sim/sim_env.h"

namespace mainstem::gateway::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FetchSessionTest : public ::testing::Test {
 protected:
  static FetchRequest Request(int32_t id, int32_t epoch, std::vector<int32_t> partitions = {}) {
    FetchRequest request;
    request.session_id = id;
    request.session_epoch = epoch;
    if (partitions.empty()) return request;
    FetchRequest::Topic& topic = request.topics.emplace_back();
    topic.name = "t";
    for (int32_t index : partitions) {
      FetchRequest::Partition& partition = topic.partitions.emplace_back();
      partition.index = index;
      partition.max_bytes = 100;
    }
    return request;
  }
  // What the log has: the same for each partition but those with news.
  FetchResponse Answer(const FetchRequest& request) {
    FetchResponse response;
    for (const FetchRequest::Topic& topic : request.topics) {
      FetchResponse::Topic& target = response.topics.emplace_back();
      target.name = topic.name;
      for (const FetchRequest::Partition& partition : topic.partitions) {
        FetchResponse::Partition& answer = target.partitions.emplace_back();
        answer.index = partition.index;
        answer.error_code = errors_[partition.index];
        answer.high_watermark = answer.error_code == 0 ? ends_[partition.index] : -1;
        answer.log_start_offset = answer.error_code == 0 ? 0 : -1;
        if (with_records_.contains(partition.index)) {
          auto bytes = std::make_shared<const std::vector<std::byte>>(10);
          answer.records.push_back({bytes, std::span<const std::byte>(*bytes)});
        }
      }
    }
    return response;
  }
  // The partitions in the answer; its session goes to id_.
  std::vector<int32_t> Call(const FetchRequest& request) {
    EXPECT_EQ(session_.Begin(request, false), KafkaError::kNone);
    FetchResponse response = Answer(session_.is_incremental() ? session_.Whole(request) : request);
    session_.End(&response);
    id_ = response.session_id;
    std::vector<int32_t> told;
    for (const FetchResponse::Topic& topic : response.topics) {
      EXPECT_EQ(topic.name, "t");
      for (const FetchResponse::Partition& partition : topic.partitions) {
        told.push_back(partition.index);
      }
    }
    return told;
  }
  std::vector<int32_t> WholeOrder() {
    std::vector<int32_t> order;
    for (const FetchRequest::Topic& topic : session_.Whole({}).topics) {
      for (const auto& partition : topic.partitions) order.push_back(partition.index);
    }
    return order;
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
  MemoryBudget budget_{40'000};
  FetchSession session_{&env_, &budget_};
  int32_t id_ = 0;
  std::map<int32_t, int64_t> ends_;
  std::map<int32_t, int16_t> errors_;
  std::set<int32_t> with_records_;
};

TEST_F(FetchSessionTest, OnlyNewsAreTold) {
  EXPECT_THAT(Call(Request(0, 0, {0, 1, 2})), ElementsAre(0, 1, 2));
  ASSERT_GT(id_, 0);
  EXPECT_THAT(Call(Request(id_, 1)), IsEmpty());
  ends_[1] = 5;
  EXPECT_THAT(Call(Request(id_, 2)), ElementsAre(1));
  EXPECT_THAT(Call(Request(id_, 3)), IsEmpty());
}

TEST_F(FetchSessionTest, AnErrorIsToldEachTimeAndItsEndOnce) {
  Call(Request(0, 0, {0, 1}));
  errors_[0] = 3;
  EXPECT_THAT(Call(Request(id_, 1)), ElementsAre(0));
  EXPECT_THAT(Call(Request(id_, 2)), ElementsAre(0));
  errors_[0] = 0;
  EXPECT_THAT(Call(Request(id_, 3)), ElementsAre(0));
  EXPECT_THAT(Call(Request(id_, 4)), IsEmpty());
}

TEST_F(FetchSessionTest, PartitionsAreAddedChangedAndForgotten) {
  Call(Request(0, 0, {0, 1}));
  FetchRequest request = Request(id_, 1, {1, 2});
  request.topics[0].partitions[0].fetch_offset = 7;
  request.forgotten_topics.push_back({.name = "t", .partitions = {0, 9}});
  EXPECT_THAT(Call(request), ElementsAre(2));
  FetchRequest whole = session_.Whole({});
  ASSERT_EQ(whole.topics.size(), 1u);
  EXPECT_EQ(whole.topics[0].partitions[0].index, 1);
  EXPECT_EQ(whole.topics[0].partitions[0].fetch_offset, 7);
  EXPECT_EQ(whole.topics[0].partitions[1].index, 2);
}

TEST_F(FetchSessionTest, WhatBroughtRecordsIsReadLastNextTime) {
  Call(Request(0, 0, {0, 1, 2}));
  with_records_ = {0, 1};
  EXPECT_THAT(Call(Request(id_, 1)), ElementsAre(0, 1));
  EXPECT_THAT(WholeOrder(), ElementsAre(2, 0, 1));
}

TEST_F(FetchSessionTest, AStrangeIdOrEpochIsRefused) {
  EXPECT_EQ(session_.Begin(Request(5, 1), false), KafkaError::kFetchSessionIdNotFound);
  Call(Request(0, 0, {0}));
  EXPECT_EQ(session_.Begin(Request(id_ + 1, 1), false), KafkaError::kFetchSessionIdNotFound);
  EXPECT_EQ(session_.Begin(Request(id_, 2), false), KafkaError::kInvalidFetchSessionEpoch);
  EXPECT_EQ(session_.Begin(Request(id_, -7), false), KafkaError::kInvalidFetchSessionEpoch);
  EXPECT_EQ(session_.Begin(Request(id_, 1), true), KafkaError::kFetchSessionTopicIdError);
  EXPECT_THAT(Call(Request(id_, 1)), IsEmpty());  // it is still there
}

TEST_F(FetchSessionTest, TheNextWholeRequestReplacesAndTheFinalEpochEndsIt) {
  Call(Request(0, 0, {0, 1}));
  int32_t first = id_;
  Call(Request(first, 0, {2}));
  EXPECT_NE(id_, first);
  EXPECT_EQ(session_.Begin(Request(first, 1), false), KafkaError::kFetchSessionIdNotFound);
  EXPECT_THAT(WholeOrder(), ElementsAre(2));
  int32_t second = id_;
  EXPECT_THAT(Call(Request(second, -1, {2})), ElementsAre(2));
  EXPECT_EQ(id_, 0);
  EXPECT_EQ(session_.partition_count(), 0u);
}

TEST_F(FetchSessionTest, ARequestWithoutSessionLeavesTheSessionAlone) {
  Call(Request(0, 0, {0}));
  int32_t session = id_;
  EXPECT_THAT(Call(Request(0, -1, {3})), ElementsAre(3));
  EXPECT_EQ(id_, 0);
  EXPECT_THAT(Call(Request(session, 1)), IsEmpty());
}

// Whatever is added, forgotten and written: what the client has been told is what is true.
TEST_F(FetchSessionTest, TheClientAlwaysKnowsTheEndOfWhatItWants) {
  std::mt19937_64 random(7);
  std::map<int32_t, int64_t> known;  // partition -> high watermark, by what the client was told
  int32_t epoch = 0;
  for (int step = 0; step < 5000; ++step) {
    for (uint64_t i = random() % 3; i > 0; --i) ends_[static_cast<int32_t>(random() % 12)] += 1;
    with_records_.clear();
    if (random() % 4 == 0) with_records_.insert(static_cast<int32_t>(random() % 12));
    std::vector<int32_t> wanted;
    for (uint64_t i = random() % 3; i > 0; --i) {
      int32_t index = static_cast<int32_t>(random() % 12);
      if (std::find(wanted.begin(), wanted.end(), index) == wanted.end()) wanted.push_back(index);
    }
    if (random() % 100 == 0) epoch = 0;
    FetchRequest request = Request(epoch == 0 ? 0 : id_, epoch, wanted);
    if (epoch == 0) known.clear();
    for (int32_t index : wanted) known.try_emplace(index, -1);
    if (epoch > 0 && random() % 4 == 0) {
      int32_t index = static_cast<int32_t>(random() % 12);
      request.forgotten_topics.push_back({.name = "t", .partitions = {index}});
      known.erase(index);
    }
    for (int32_t index : Call(request)) {
      ASSERT_TRUE(known.contains(index));
      known[index] = ends_[index];
    }
    ++epoch;
    ASSERT_EQ(session_.partition_count(), known.size());
    for (const auto& [index, end] : known) ASSERT_EQ(end, ends_[index]) << index << " at " << step;
  }
}

TEST_F(FetchSessionTest, ThereIsNoneForAPartitionThatIsNamedTwice) {
  EXPECT_THAT(Call(Request(0, 0, {0, 0})), ElementsAre(0, 0));
  EXPECT_EQ(id_, 0);
}

TEST_F(FetchSessionTest, ThereIsNoneWithoutMemory) {
  std::vector<int32_t> many(200);
  for (int32_t i = 0; i < 200; ++i) many[static_cast<size_t>(i)] = i;
  EXPECT_EQ(Call(Request(0, 0, many)).size(), 200u);
  EXPECT_EQ(id_, 0);
  EXPECT_EQ(budget_.used_bytes(), 0);
  Call(Request(0, 0, {0}));
  EXPECT_GT(id_, 0);
  EXPECT_GT(budget_.used_bytes(), 0);
  EXPECT_EQ(session_.Begin(Request(id_, 1, many), false), KafkaError::kFetchSessionIdNotFound);
  EXPECT_EQ(budget_.used_bytes(), 0);
}

}  // namespace
}  // namespace mainstem::gateway::kafka
