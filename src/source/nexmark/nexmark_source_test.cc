#include "source/nexmark/nexmark_source.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "source/nexmark/nexmark_events.h"

namespace mainstem::source {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<arrow::DataType> Time() { return arrow::timestamp(arrow::TimeUnit::MILLI); }

arrow::FieldVector SomeColumns() {
  return {arrow::field("event_type", arrow::int32()),
          arrow::field("person", arrow::struct_({arrow::field("id", arrow::int64()),
                                                 arrow::field("emailAddress", arrow::utf8())})),
          arrow::field("auction", arrow::struct_({arrow::field("id", arrow::int64()),
                                                  arrow::field("expires", Time())})),
          arrow::field("bid", arrow::struct_({arrow::field("dateTime", Time()),
                                              arrow::field("auction", arrow::int64()),
                                              arrow::field("url", arrow::utf8())}))};
}

class NexmarkTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<connector::TableSource>> Make(std::map<std::string, std::string> options,
                                                       arrow::FieldVector fields = SomeColumns()) {
    connector::TableDescriptor descriptor{
        .name = "t", .schema = arrow::schema(std::move(fields)), .options = std::move(options)};
    return NexmarkConnector().make_source(descriptor, {.env = &env_});
  }
  std::string Refusal(std::map<std::string, std::string> options,
                      arrow::FieldVector fields = SomeColumns()) {
    return Describe(Make(std::move(options), std::move(fields)).status());
  }

  // All rows as text; each split from its own position, `stop_after` rows at most.
  struct ReadOut {
    std::vector<std::string> rows;
    std::string position;
  };
  static Task<> ReadSplit(Env* env, connector::TableSource* source, connector::SourceSplit split,
                          size_t batch_rows, size_t stop_after, ReadOut* out) {
    std::vector<int> all = {0, 1, 2, 3};
    CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(std::move(split), std::move(all)));
    for (bool is_last = false; !is_last && out->rows.size() < stop_after;) {
      CO_ASSIGN_OR_RETURN(auto batch,
                          co_await reader->Read(batch_rows, env->Now() + std::chrono::seconds(1)));
      for (int64_t row = 0; row < batch.batch.rows->num_rows(); ++row) {
        std::string& text = out->rows.emplace_back();
        for (const auto& column : batch.batch.rows->columns()) {
          text += column->GetScalar(row).ValueOrDie()->ToString() + ";";
        }
      }
      is_last = batch.end_of_split;
      out->position = batch.position;
    }
    co_return Status::OK();
  }
  ReadOut Read(connector::TableSource* source, connector::SourceSplit split, size_t batch_rows = 7,
               size_t stop_after = SIZE_MAX) {
    ReadOut out;
    CHECK_OK(env_.Run(ReadSplit(&env_, source, std::move(split), batch_rows, stop_after, &out)));
    return out;
  }
  static Task<> Discover(connector::TableSource* source, std::vector<connector::SourceSplit>* out) {
    CO_ASSIGN_OR_RETURN(*out, co_await source->DiscoverSplits());
    co_return Status::OK();
  }
  std::vector<connector::SourceSplit> SplitsOf(connector::TableSource* source) {
    std::vector<connector::SourceSplit> splits;
    CHECK_OK(env_.Run(Discover(source, &splits)));
    return splits;
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
};

TEST_F(NexmarkTest, MakesTheKindsInTheirProportions) {
  auto source = Make({{"events.num", "100"}, {"max-emit-speed", "true"}}).ValueOrDie();
  ASSERT_TRUE(source->bounded());
  ReadOut out = Read(source.get(), SplitsOf(source.get())[0]);
  ASSERT_EQ(out.rows.size(), 100u);
  for (size_t i = 0; i < out.rows.size(); ++i) {
    const size_t place = i % 50;
    EXPECT_EQ(out.rows[i][0], place == 0 ? '0' : place < 4 ? '1' : '2') << i;
  }
  EXPECT_THAT(out.rows[50], HasSubstr("1001"));  // the second person
  EXPECT_THAT(out.rows[50], HasSubstr("@"));
  EXPECT_THAT(out.rows[99], HasSubstr("2026-01-01 00:00:00.009"));
  EXPECT_THAT(out.rows[99], HasSubstr("https://www.nexmark.com/"));
}

TEST_F(NexmarkTest, TheSameSeedMakesTheSameEventsAndGoesOnWhereItStood) {
  std::map<std::string, std::string> options = {{"events.num", "1000"}, {"max-emit-speed", "true"}};
  auto source = Make(options).ValueOrDie();
  connector::SourceSplit split = SplitsOf(source.get())[0];
  ReadOut whole = Read(source.get(), split, 64);
  ReadOut first = Read(source.get(), split, 10, 300);
  split.position = first.position;
  ReadOut rest = Read(source.get(), split, 33);
  first.rows.insert(first.rows.end(), rest.rows.begin(), rest.rows.end());
  EXPECT_EQ(first.rows, whole.rows);
  options["seed"] = "8";
  auto other = Make(options).ValueOrDie();
  EXPECT_NE(Read(other.get(), SplitsOf(other.get())[0]).rows, whole.rows);
}

TEST_F(NexmarkTest, SplitsShareTheEvents) {
  auto one = Make({{"events.num", "1001"}, {"max-emit-speed", "true"}}).ValueOrDie();
  auto three = Make({{"events.num", "1001"}, {"max-emit-speed", "true"}, {"scan.parallelism", "3"}})
                   .ValueOrDie();
  std::vector<std::string> all = Read(one.get(), SplitsOf(one.get())[0]).rows;
  std::vector<std::string> shared;
  for (const auto& split : SplitsOf(three.get())) {
    ReadOut out = Read(three.get(), split);
    shared.insert(shared.end(), out.rows.begin(), out.rows.end());
  }
  std::sort(all.begin(), all.end());
  std::sort(shared.begin(), shared.end());
  EXPECT_EQ(all, shared);
}

TEST_F(NexmarkTest, KeepsThePaceOfTheClock) {
  auto source = Make({{"events.num", "50"}, {"first-event.rate", "10"}}).ValueOrDie();
  TimePoint begin = env_.Now();
  EXPECT_EQ(Read(source.get(), SplitsOf(source.get())[0]).rows.size(), 50u);
  const auto took = std::chrono::duration<double>(env_.Now() - begin).count();
  EXPECT_GE(took, 4.8);
  EXPECT_LE(took, 5.5);
}

TEST_F(NexmarkTest, BidsAreForAuctionsAndByPersonsThatExist) {
  NexmarkEvents events{NexmarkConfig{}};
  int64_t persons = 999, auctions = 999, hot = 0, bids = 0;
  for (int64_t event = 0; event < 20000; ++event) {
    switch (events.KindOf(event)) {
      case NexmarkKind::kPerson:
        EXPECT_EQ(events.Number(NexmarkNumber::kPersonId, event), ++persons);
        break;
      case NexmarkKind::kAuction: {
        EXPECT_EQ(events.Number(NexmarkNumber::kAuctionId, event), ++auctions);
        EXPECT_LE(events.Number(NexmarkNumber::kSeller, event), persons);
        EXPECT_GE(events.Number(NexmarkNumber::kReserve, event),
                  events.Number(NexmarkNumber::kInitialBid, event));
        EXPECT_GT(events.Number(NexmarkNumber::kExpires, event), events.TimeOf(event));
        break;
      }
      case NexmarkKind::kBid: {
        const int64_t auction = events.Number(NexmarkNumber::kBidAuction, event);
        EXPECT_LE(auction, auctions);
        EXPECT_GE(auction, 1000);
        EXPECT_LE(events.Number(NexmarkNumber::kBidder, event), persons);
        EXPECT_GE(events.Number(NexmarkNumber::kPrice, event), 100);
        hot += auction % 100 == 0;
        ++bids;
      }
    }
  }
  EXPECT_GT(hot * 10, bids * 4);
  EXPECT_LT(hot * 10, bids * 6);
}

TEST_F(NexmarkTest, NamesWhatATableAsksForInVain) {
  auto with = [](std::string name, std::shared_ptr<arrow::DataType> type) {
    return arrow::FieldVector{arrow::field(std::move(name), std::move(type))};
  };
  EXPECT_THAT(Refusal({}, with("seller", arrow::int64())), HasSubstr("no column seller"));
  EXPECT_THAT(Refusal({}, with("bid", arrow::utf8())), HasSubstr("it is a ROW<..>"));
  EXPECT_THAT(Refusal({}, with("bid", arrow::struct_({arrow::field("cost", arrow::int64())}))),
              HasSubstr("bid.cost"));
  EXPECT_THAT(Refusal({}, with("bid", arrow::struct_({arrow::field("price", arrow::int32())}))),
              HasSubstr("it is BIGINT"));
  EXPECT_THAT(Refusal({{"events.num", "-1"}}), HasSubstr("events.num"));
  EXPECT_THAT(Refusal({{"next-event.rate", "5"}}), HasSubstr("next-event.rate"));
}

}  // namespace
}  // namespace mainstem::source
