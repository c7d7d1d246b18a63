// Searches over a log in memory beside a plain sort of everything: events that came in any order,
// pages of any size, in both directions, with little work a page.
#include "gateway/logs/event_reader.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/batch_builder.h"
#include "storage/bytes.h"
#include "storage/crc32c.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::logs {
namespace {

constexpr int kStreamCount = 3;

struct Written {
  EventPosition position;
  int stream = 0;
};

struct SearchedGroup {
  storage::TopicInfo topic;
  LogGroupPtr group = std::make_shared<LogGroup>();
  std::vector<Written> written;  // in order of time
};

std::string StreamNumber(int stream) { return fmt::format("s{}", stream); }

// Times jump back and forth by up to `spread_ms`.
Task<> WriteEvents(storage::MemoryLog* log, uint32_t seed, int64_t spread_ms, SearchedGroup* into) {
  std::mt19937 random(seed);
  CO_ASSIGN_OR_RETURN(into->topic, co_await log->CreateTopic("logs.x", 1, {}, false));
  storage::TopicPartition partition{.topic_id = into->topic.id, .partition = PartitionId(0)};
  for (int s = 0; s < kStreamCount; ++s) into->group->streams[StreamNumber(s)] = {};
  std::string message(2000, 'm');
  int64_t index = 0;
  for (int batch = 0; batch < 80; ++batch) {
    storage::BatchBuilder builder;
    int stream = static_cast<int>(random() % kStreamCount);
    for (int i = 0; i < 60; ++i) {
      int64_t time = 1000 + batch * 10 + static_cast<int64_t>(random() % (spread_ms + 1));
      builder.Add(time, StreamNumber(stream), message);
      into->written.push_back({{time, ++index}, stream});
    }
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> bytes, builder.Build());
    CO_RETURN_IF_ERROR((co_await log->Append(partition, bytes, {})).status());
  }
  std::sort(into->written.begin(), into->written.end(),
            [](const Written& a, const Written& b) { return a.position < b.position; });
  co_return Status::OK();
}

std::vector<EventPosition> Expected(const SearchedGroup& group, const EventQuery& query) {
  std::vector<EventPosition> expected;
  for (const Written& event : group.written) {
    bool in_time =
        event.position.timestamp_ms >= query.begin_ms && event.position.timestamp_ms < query.end_ms;
    bool in_stream = query.streams.empty() || query.streams.contains(StreamNumber(event.stream));
    if (in_time && in_stream) expected.push_back(event.position);
  }
  return expected;
}

Task<> Compare(storage::MemoryLog* log, SearchedGroup* group, EventQuery query) {
  std::vector<EventPosition> found;
  for (int pages = 0;; ++pages) {
    CO_ASSIGN_OR_RETURN(EventPage page, co_await FindEvents(log, Logger::Silent(), group->topic,
                                                            group->group, query));
    EXPECT_LE(page.events.size(), query.limit);
    std::vector<EventPosition> places;
    for (const FoundEvent& event : page.events) places.push_back(event.position);
    EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
    found.insert(query.backwards ? found.begin() : found.end(), places.begin(), places.end());
    if (!page.resume) break;
    if (query.beyond) {
      bool moved = query.backwards ? *page.resume < *query.beyond : *page.resume > *query.beyond;
      EXPECT_TRUE(moved);
      if (!moved) break;
    }
    query.beyond = page.resume;
  }
  EXPECT_EQ(found, Expected(*group, query));
  co_return Status::OK();
}

Task<> SearchEverything(storage::MemoryLog* log, uint32_t seed, int64_t spread_ms) {
  SearchedGroup group;
  CO_RETURN_IF_ERROR(co_await WriteEvents(log, seed, spread_ms, &group));
  for (bool backwards : {false, true}) {
    for (size_t limit : {50, 333, 10'000}) {
      for (size_t scan_bytes : {1 << 20, 64 << 20}) {
        EventQuery query{.backwards = backwards, .limit = limit, .scan_bytes = scan_bytes};
        CO_RETURN_IF_ERROR(co_await Compare(log, &group, query));
        query.streams = {StreamNumber(1)};
        query.begin_ms = 1200;
        query.end_ms = 1500;
        CO_RETURN_IF_ERROR(co_await Compare(log, &group, query));
      }
    }
  }
  EXPECT_GT(group.group->zones.zones().size(), 5u);
  co_return Status::OK();
}

void RunSearches(uint32_t seed, int64_t spread_ms) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Status status = env.Run(SearchEverything(&log, seed, spread_ms));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST(EventReaderTest, FindsEventsThatCameInOrder) { RunSearches(1, 0); }
TEST(EventReaderTest, FindsEventsThatCameAlmostInOrder) { RunSearches(2, 40); }
TEST(EventReaderTest, FindsEventsThatCameInAnyOrder) { RunSearches(3, 2000); }

// As a Kafka client may send it: the CRC is right, what is compressed is not.
Result<std::vector<std::byte>> UndecodableBatch() {
  storage::BatchBuilder builder({.codec = storage::Codec::kZstd});
  for (int i = 0; i < 3; ++i) builder.Add(1500, StreamNumber(0), "lost");
  ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  std::fill(batch.begin() + 61, batch.end(), std::byte{0xFF});
  storage::StoreBig(batch.data() + 17, storage::Crc32c(std::span(batch).subspan(21)));
  return batch;
}

Task<> SearchAroundBrokenBatches(storage::MemoryLog* log) {
  SearchedGroup group;
  CO_ASSIGN_OR_RETURN(group.topic, co_await log->CreateTopic("logs.x", 1, {}, false));
  storage::TopicPartition partition{.topic_id = group.topic.id, .partition = PartitionId(0)};
  group.group->streams[StreamNumber(0)] = {};
  int64_t index = 0;
  for (int64_t time : {int64_t{1000}, int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{2000}}) {
    storage::BatchBuilder builder;
    builder.Add(time, StreamNumber(0), "found");
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})).status());
    group.written.push_back({{std::clamp<int64_t>(time, 0, kEventTimeMax), ++index}, 0});
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> broken, UndecodableBatch());
    CO_RETURN_IF_ERROR((co_await log->Append(partition, broken, {})).status());
    index += 3;
  }
  std::sort(group.written.begin(), group.written.end(),
            [](const Written& a, const Written& b) { return a.position < b.position; });
  for (bool backwards : {false, true}) {
    for (size_t limit : {1, 2, 100}) {
      EventQuery query{.backwards = backwards, .limit = limit};
      CO_RETURN_IF_ERROR(co_await Compare(log, &group, query));
    }
  }
  EXPECT_EQ(group.group->streams[StreamNumber(0)].times->first_ms, 0);
  EXPECT_EQ(group.group->streams[StreamNumber(0)].times->last_ms, kEventTimeMax);
  co_return Status::OK();
}

TEST(EventReaderTest, LeavesOutBatchesThatCannotBeDecodedAndBoundsTimes) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Status status = env.Run(SearchAroundBrokenBatches(&log));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

Task<> DropTheFirst(storage::MemoryLog* log, storage::TopicPartition partition, Offset before) {
  CO_RETURN_IF_ERROR((co_await log->DeleteRecords(partition, before)).status());
  co_return Status::OK();
}

// Retention runs while the group is read the first time, by several at once.
Task<> SearchWhileRetentionRuns(storage::MemoryLog* log, SimEnv* env) {
  SearchedGroup group;
  CO_RETURN_IF_ERROR(co_await WriteEvents(log, 7, 40, &group));
  constexpr int64_t kDropped = 60 * 60;
  std::erase_if(group.written, [](const Written& one) { return one.position.index <= kDropped; });
  storage::TopicPartition partition{.topic_id = group.topic.id, .partition = PartitionId(0)};
  int failures = 0;
  TaskScope scope(env->shard(0), "searches",
                  [&](const std::string&, const Status&) { ++failures; });
  for (int i = 0; i < 3; ++i) {
    scope.Spawn("catch up", CatchUp(log, Logger::Silent(), group.topic, group.group));
  }
  scope.Spawn("retention", DropTheFirst(log, partition, Offset(kDropped)));
  CO_RETURN_IF_ERROR(co_await CatchUp(log, Logger::Silent(), group.topic, group.group));
  EXPECT_EQ(group.group->catching_up, nullptr);
  EXPECT_EQ(group.group->zones.next(), Offset(80 * 60));
  EventQuery query;
  CO_RETURN_IF_ERROR(co_await Compare(log, &group, query));
  CO_RETURN_IF_ERROR(co_await scope.Close());
  EXPECT_EQ(failures, 0);
  co_return Status::OK();
}

TEST(EventReaderTest, FindsEverythingThatIsLeftWhenRetentionRunsMeanwhile) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Status status = env.Run(SearchWhileRetentionRuns(&log, &env));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

// Names and escapes count, and a Kafka client's events are longer than any that are put.
Task<> BoundPages(storage::MemoryLog* log) {
  SearchedGroup group;
  CO_ASSIGN_OR_RETURN(group.topic, co_await log->CreateTopic("logs.x", 1, {}, false));
  storage::TopicPartition partition{.topic_id = group.topic.id, .partition = PartitionId(0)};
  std::string name(512, '\x01');
  group.group->streams[name] = {};
  storage::BatchBuilder builder({.codec = storage::Codec::kZstd});
  for (int i = 0; i < 3000; ++i) builder.Add(1000 + i, name, "m");
  std::string large(3 << 20, 'x');
  large.replace(kMessageBytesMax - 1, 2, "\xC3\xB6");  // across the bound
  builder.Add(9000, name, large);
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})).status());
  EventQuery query;
  size_t found = 0;
  std::string last;
  do {
    CO_ASSIGN_OR_RETURN(EventPage page, co_await FindEvents(log, Logger::Silent(), group.topic,
                                                            group.group, query));
    EXPECT_LE(page.answer_bytes, kAnswerBytes);
    EXPECT_FALSE(page.events.empty());
    if (page.events.empty()) break;
    found += page.events.size();
    last = page.events.back().message;
    query.beyond = page.resume;
  } while (query.beyond);
  EXPECT_EQ(found, 3001u);
  EXPECT_EQ(last, std::string(kMessageBytesMax - 1, 'x'));
  co_return Status::OK();
}

TEST(EventReaderTest, PagesAreBoundedByWhatTheirAnswersTake) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  storage::MemoryLog log(&env);
  Status status = env.Run(BoundPages(&log));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST(EventZonesTest, StayBounded) {
  EventZones zones;
  for (int64_t i = 0; i < 20'000; ++i) {
    zones.OpenBatch(Offset(i), Offset(i + 1), 1 << 20);
    zones.AddEvent("s", i);
  }
  EXPECT_LE(zones.zones().size(), 4096u);
  EXPECT_EQ(zones.next(), Offset(20'000));
  EXPECT_EQ(zones.zones().front().begin, Offset(0));
  for (size_t i = 1; i < zones.zones().size(); ++i) {
    EXPECT_EQ(zones.zones()[i].begin, zones.zones()[i - 1].end);
  }
  zones.Trim(Offset(10'000));
  EXPECT_GT(zones.zones().front().end, Offset(10'000));
}

}  // namespace
}  // namespace mainstem::gateway::logs
