// A connection in a simulated world: clients that go while they wait, and clients that promise more
// than they send. Time is virtual.
#include "gateway/kafka/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "gateway/kafka/server.h"
#include "gateway/kafka/testing/frames.h"
#include "storage/batch_builder.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::kafka {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr uint16_t kSessionPort = 9092;

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    KafkaSettings settings;
    settings.port = kSessionPort;
    server_ = std::make_unique<KafkaServer>(&node_, &log_, &log_, &budget_, &metrics_,
                                            Logger::Silent(), settings);
    CHECK_OK(node_.Run(server_->Start()));
  }
  ~SessionTest() override {
    CHECK_OK(node_.Run(server_->Stop()));
    streams_.clear();
    while (world_.Step()) {  // what is left by connections that have ended
    }
  }
  void Run(Task<> body) {
    Status status = clients_.Run(std::move(body), 1h);
    EXPECT_TRUE(status.ok()) << Describe(status);
  }

  // Valid until the fixture ends.
  Task<Stream*> Connect() {
    CO_ASSIGN_OR_RETURN(auto stream, co_await clients_.network().Connect("127.0.0.1", kSessionPort,
                                                                         clients_.Now() + 10s));
    streams_.push_back(std::move(stream));
    co_return streams_.back().get();
  }
  Task<> Send(Stream* stream, std::string bytes) {
    std::vector<std::span<const std::byte>> pieces;
    pieces.push_back(std::as_bytes(std::span(bytes)));
    co_return co_await stream->Write(std::move(pieces), clients_.Now() + 60s);
  }
  template <typename Response, typename Request>
  Task<Response> Call(Stream* stream, int16_t version, Request request) {
    CO_RETURN_IF_ERROR(co_await Send(stream, EncodeCall("test", version, 1, request)));
    CO_ASSIGN_OR_RETURN(std::string frame, co_await ReadFrame(stream, clients_.Now() + 60s));
    Result<Response> response = DecodeAnswer<Response>(version, 1, frame);
    co_return response;
  }
  Task<> MakeTopic(Stream* stream) {
    CreateTopicsRequest request;
    request.topics.push_back({.name = "t", .partition_count = 1, .replication_factor = 1});
    co_return (co_await Call<CreateTopicsResponse>(stream, 7, std::move(request))).status();
  }
  static std::string FetchForEver() {
    FetchRequest request;
    request.max_wait_ms = INT32_MAX;
    request.min_bytes = 1;
    request.topics.push_back({.name = "t"});
    request.topics[0].partitions.push_back({.max_bytes = 1 << 20});
    return EncodeCall("test", 12, 1, request);
  }
  static JoinGroupRequest Join() {
    JoinGroupRequest join;
    join.group_id = "g";
    join.session_timeout_ms = 1'800'000;
    join.rebalance_timeout_ms = INT32_MAX;
    join.protocol_type = "consumer";
    join.protocols.push_back({.name = "range"});
    return join;
  }
  // A frame's length, and nothing of it.
  static std::string Announce(int32_t bytes) {
    std::string frame;
    for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(bytes >> shift & 0xff);
    return frame;
  }
  std::string OpenConnections(int count) {
    return fmt::format("mainstem_kafka_connections {}\n", count);
  }

  Task<> LeaveWhileWaiting();
  Task<> LeaveBehindRecords();
  Task<> AnnounceMuch();
  Task<> SendSlowly();

  SimWorld world_{SimWorldOptions{}};
  SimDisk node_disk_{1};
  SimDisk clients_disk_{2};
  SimEnv node_{&world_, &node_disk_, {.shard_count = 2}};
  SimEnv clients_{&world_, &clients_disk_, {.shard_count = 1}};
  storage::MemoryLog log_{&node_};
  MemoryBudget budget_{int64_t{64} << 20};
  Metrics metrics_;
  std::unique_ptr<KafkaServer> server_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

Task<> SessionTest::LeaveWhileWaiting() {
  CO_ASSIGN_OR_RETURN(Stream * lasting, co_await Connect());
  CO_RETURN_IF_ERROR(co_await MakeTopic(lasting));
  CO_ASSIGN_OR_RETURN(Stream * leader, co_await Connect());
  CO_ASSIGN_OR_RETURN(auto joined, co_await Call<JoinGroupResponse>(leader, 3, Join()));
  EXPECT_EQ(joined.error_code, 0);
  std::vector<Stream*> waiting;
  for (int i = 0; i < 8; ++i) {
    CO_ASSIGN_OR_RETURN(Stream * stream, co_await Connect());
    std::string call = i % 2 == 0 ? FetchForEver() : EncodeCall("test", 3, 1, Join());
    CO_RETURN_IF_ERROR(co_await Send(stream, std::move(call)));
    waiting.push_back(stream);
  }
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  EXPECT_THAT(metrics_.Text(), HasSubstr(OpenConnections(10)));
  for (Stream* stream : waiting) stream->Close();
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  EXPECT_THAT(metrics_.Text(), HasSubstr(OpenConnections(2)));
  // The members stay until their sessions end.
  DescribeGroupsRequest describe;
  describe.groups.push_back("g");
  CO_ASSIGN_OR_RETURN(auto groups,
                      co_await Call<DescribeGroupsResponse>(lasting, 5, std::move(describe)));
  EXPECT_EQ(groups.groups.at(0).members.size(), 5u);
  co_return Status::OK();
}

TEST_F(SessionTest, NothingWaitsForAClientThatHasGone) { Run(LeaveWhileWaiting()); }

Task<> SessionTest::LeaveBehindRecords() {
  CO_ASSIGN_OR_RETURN(Stream * lasting, co_await Connect());
  CO_RETURN_IF_ERROR(co_await MakeTopic(lasting));
  CO_ASSIGN_OR_RETURN(Stream * stream, co_await Connect());
  storage::BatchBuilder builder;
  builder.Add(1, std::nullopt, "value");
  std::vector<std::byte> batch = builder.Build().ValueOrDie();
  ProduceRequest produce;
  produce.timeout_ms = 1000;
  produce.topics.push_back({.name = "t"});
  produce.topics[0].partitions.push_back({.index = 0, .records = std::span(batch)});
  // Nothing comes to the fetch, as it waits at the end of another partition.
  FetchRequest fetch;
  fetch.max_wait_ms = INT32_MAX;
  fetch.min_bytes = 1 << 20;
  fetch.topics.push_back({.name = "t"});
  fetch.topics[0].partitions.push_back({.max_bytes = 1 << 20});
  std::string both = EncodeCall("test", 12, 1, fetch) + EncodeCall("test", 9, 2, produce);
  CO_RETURN_IF_ERROR(co_await Send(stream, std::move(both)));
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  stream->Close();
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  ListOffsetsRequest list;
  list.topics.push_back({.name = "t"});
  list.topics[0].partitions.push_back({.timestamp = -1});
  CO_ASSIGN_OR_RETURN(auto listed, co_await Call<ListOffsetsResponse>(lasting, 5, std::move(list)));
  EXPECT_EQ(listed.topics.at(0).partitions.at(0).offset, 1);
  EXPECT_THAT(metrics_.Text(), HasSubstr(OpenConnections(1)));
  co_return Status::OK();
}

TEST_F(SessionTest, RecordsBehindACallThatWaitedAreStored) { Run(LeaveBehindRecords()); }

Task<> SessionTest::AnnounceMuch() {
  for (int i = 0; i < 50; ++i) {
    CO_ASSIGN_OR_RETURN(Stream * stream, co_await Connect());
    CO_RETURN_IF_ERROR(co_await Send(stream, Announce(16 << 20)));
  }
  CO_RETURN_IF_ERROR(co_await Sleep(1s));
  EXPECT_LE(budget_.used_bytes(), 50 * (64 << 10));
  CO_ASSIGN_OR_RETURN(Stream * honest, co_await Connect());
  CO_RETURN_IF_ERROR(co_await MakeTopic(honest));
  CO_RETURN_IF_ERROR(co_await Sleep(40s));
  EXPECT_THAT(metrics_.Text(), HasSubstr(OpenConnections(1)));
  EXPECT_EQ(budget_.used_bytes(), 0);
  co_return Status::OK();
}

TEST_F(SessionTest, ALengthAloneTakesLittleMemoryAndNotForLong) { Run(AnnounceMuch()); }

Task<> SessionTest::SendSlowly() {
  CO_ASSIGN_OR_RETURN(Stream * stream, co_await Connect());
  CreateTopicsRequest request;
  request.topics.push_back({.name = "t", .partition_count = 1, .replication_factor = 1});
  std::string call = EncodeCall("test", 7, 1, request);
  const size_t half = call.size() / 2;
  CO_RETURN_IF_ERROR(co_await Send(stream, call.substr(0, half)));
  CO_RETURN_IF_ERROR(co_await Sleep(25s));
  CO_RETURN_IF_ERROR(co_await Send(stream, call.substr(half, 1)));
  CO_RETURN_IF_ERROR(co_await Sleep(25s));
  CO_RETURN_IF_ERROR(co_await Send(stream, call.substr(half + 1)));
  CO_ASSIGN_OR_RETURN(std::string frame, co_await ReadFrame(stream, clients_.Now() + 60s));
  EXPECT_TRUE(DecodeAnswer<CreateTopicsResponse>(7, 1, frame).ok());
  co_return Status::OK();
}

TEST_F(SessionTest, ASlowClientIsWaitedForAsLongAsSomethingComes) { Run(SendSlowly()); }

}  // namespace
}  // namespace mainstem::gateway::kafka
