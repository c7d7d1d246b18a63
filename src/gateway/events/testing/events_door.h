// For tests: EventBridge behind its door, over a log in memory, on virtual time. Streams are topics
// of their names; there are no log groups.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "gateway/aws/testing/aws_door.h"
#include "gateway/events/events_service.h"
#include "storage/read_partition.h"

namespace mainstem::gateway::events {

struct EventsDoor : aws::AwsDoor<EventsService> {
  EventsDoor(Env* env, int64_t memory_bytes)
      : AwsDoor(env, memory_bytes, {"application/x-amz-json-1.1", "AWSEvents."}) {}
  Task<> Open() {
    EventsOptions options;
    options.find_stream = [this](std::string stream, std::string) { return FindStream(stream); };
    options.find_log = [](std::string, std::string) { return NoGroup(); };
    CO_ASSIGN_OR_RETURN(auto opened, co_await EventsService::Open(env, &log, &budget, &metrics,
                                                                  Logger::Silent(), options));
    Serve(std::move(opened));
    co_return Status::OK();
  }
  Task<std::optional<aws::StreamPlace>> FindStream(std::string stream) {
    auto topic = log.FindTopic(stream);
    if (!topic) co_return std::nullopt;
    co_return aws::StreamPlace{.partition = {.topic_id = topic->id, .partition = PartitionId(0)},
                               .record_bytes_max = 1 << 20};
  }
  static Task<std::optional<aws::LogPlace>> NoGroup() { co_return std::nullopt; }

  // Over a new connection: an idle one is closed.
  Task<> Ask(std::string operation, std::string body) {
    Connect();
    CO_ASSIGN_OR_RETURN(net::RawResponse answer, co_await Call(operation, std::move(body)));
    EXPECT_THAT(answer.head, testing::HasSubstr("200")) << operation << answer.body;
    co_return Status::OK();
  }
  Task<> MakeStream(std::string name) {
    co_return (co_await log.CreateTopic(std::move(name), 1, {}, false)).status();
  }
  // A rule for everything with a target "t" of stream "s".
  Task<> MakeRule(std::string more_of_target) {
    CO_RETURN_IF_ERROR(
        co_await Ask("PutRule", R"({"Name":"r","EventPattern":"{\"source\":[\"shop\"]}"})"));
    co_return co_await Ask("PutTargets", R"({"Rule":"r","Targets":[{"Id":"t",)"
                                         R"("Arn":"arn:aws:kinesis:r:000000000000:stream/s")" +
                                             more_of_target + "}]}");
  }
  Task<> PutOne(std::string detail) {
    return Ask("PutEvents",
               R"({"Entries":[{"Source":"shop","DetailType":"d","Detail":")" + detail + "\"}]}");
  }
};

struct SeenRecord {
  std::string value;
  std::map<std::string, std::string> headers;
};

// Of a topic; none when there is no such topic.
inline Task<std::vector<SeenRecord>> RecordsOf(EventsDoor* door, std::string name) {
  std::vector<SeenRecord> records;
  auto topic = door->log.FindTopic(name);
  if (!topic) co_return records;
  auto take = [&](const storage::RecordView& record) -> Status {
    SeenRecord seen{.value = std::string(record.value.value_or(""))};
    ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(record));
    for (const storage::RecordHeader& header : headers) {
      seen.headers[std::string(header.key)] = header.value.value_or("");
    }
    records.push_back(std::move(seen));
    return Status::OK();
  };
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_RETURN_IF_ERROR(
      co_await storage::ReadPartition(&door->log, partition, take, [] { return Status::OK(); }));
  co_return records;
}

inline std::vector<std::string> ValuesOf(const std::vector<SeenRecord>& records) {
  std::vector<std::string> values;
  for (const SeenRecord& record : records) values.push_back(record.value);
  return values;
}

inline Task<size_t> CountOf(EventsDoor* door, std::string name) {
  CO_ASSIGN_OR_RETURN(auto records, co_await RecordsOf(door, std::move(name)));
  co_return records.size();
}

// As another process over the same log.
inline Task<> Restart(EventsDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->server->Stop());
  CO_RETURN_IF_ERROR(co_await door->service->Stop());
  door->server.reset();
  door->service.reset();
  co_return co_await door->Open();
}

// However it ends, the deliveries are ended before the service goes.
template <aws::DoorScenario<EventsDoor> scenario>
Task<> ThenStop(EventsDoor* door) {
  Status outcome = co_await scenario(door);
  CO_RETURN_IF_ERROR(co_await door->service->Stop());
  co_return outcome;
}

}  // namespace mainstem::gateway::events
