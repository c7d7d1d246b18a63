#include "gateway/logs/event_reader.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace mainstem::gateway::logs {
namespace {

constexpr size_t kVisitBytes = 256 << 10;
// Of an event in an answer: the names of its members, two times, the 56 digits of its id.
constexpr int64_t kAnswerOverhead = 220;

// To at most `limit` bytes, without half a character at the end.
std::string_view CutText(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

// A place in the query's direction: the later ones are greater.
struct SearchKey {
  int64_t time = 0;
  int64_t index = 0;
  auto operator<=>(const SearchKey&) const = default;
};

SearchKey KeyOfPosition(const EventPosition& position, bool backwards) {
  if (backwards) return {-position.timestamp_ms, -position.index};
  return {position.timestamp_ms, position.index};
}

int64_t Negated(int64_t time) { return time == INT64_MIN ? INT64_MAX : -time; }

// The place just before, as a position. Events' indexes are from 1 to below INT64_MAX.
EventPosition PositionBefore(SearchKey key, bool backwards) {
  if (!backwards) {
    if (key.index > 0) return {key.time, key.index - 1};
    return {key.time - 1, INT64_MAX};
  }
  if (key.index > -INT64_MAX) return {-key.time, -(key.index - 1)};
  return {-key.time + 1, 0};
}

// The first events of a query among those that are offered in any order.
class PageInMaking {
 public:
  explicit PageInMaking(const EventQuery& query) : query_(query) {}

  bool IsWanted(const EventPosition& position) const {
    if (position.timestamp_ms < query_.begin_ms || position.timestamp_ms >= query_.end_ms) {
      return false;
    }
    SearchKey key = KeyOfPosition(position, query_.backwards);
    if (query_.beyond && key <= KeyOfPosition(*query_.beyond, query_.backwards)) return false;
    return !bound_ || key < *bound_;
  }

  void Add(FoundEvent event) {
    SearchKey key = KeyOfPosition(event.position, query_.backwards);
    int64_t answer_bytes =
        kAnswerOverhead + JsonBytesBound(event.stream) + JsonBytesBound(event.message);
    bytes_ += BytesOf(event);
    answer_bytes_ += answer_bytes;
    events_.emplace(key, Entry{.event = std::move(event), .answer_bytes = answer_bytes});
    while (events_.size() > query_.limit || (IsFull() && events_.size() > 1)) {
      EndBefore(std::prev(events_.end())->first);
    }
  }

  // What follows from `key` on is for the next page.
  void EndBefore(SearchKey key) {
    bound_ = key;
    while (!events_.empty() && std::prev(events_.end())->first >= key) {
      auto last = std::prev(events_.end());
      bytes_ -= BytesOf(last->second.event);
      answer_bytes_ -= last->second.answer_bytes;
      events_.erase(last);
    }
  }
  const std::optional<SearchKey>& bound() const { return bound_; }

  EventPage Take() {
    EventPage page;
    if (bound_) page.resume = PositionBefore(*bound_, query_.backwards);
    page.answer_bytes = answer_bytes_;
    for (auto& [key, entry] : events_) page.events.push_back(std::move(entry.event));
    if (query_.backwards) std::reverse(page.events.begin(), page.events.end());
    return page;
  }

 private:
  struct Entry {
    FoundEvent event;
    int64_t answer_bytes = 0;
  };
  bool IsFull() const { return bytes_ > kPageBytes || answer_bytes_ > kAnswerBytes; }
  static int64_t BytesOf(const FoundEvent& event) {
    return static_cast<int64_t>(event.message.size()) + kEventOverhead;
  }

  const EventQuery& query_;
  std::map<SearchKey, Entry> events_;
  int64_t bytes_ = 0;
  int64_t answer_bytes_ = 0;
  std::optional<SearchKey> bound_;
};

class EventSearch {
 public:
  EventSearch(storage::Log* log, storage::TopicPartition partition, LogGroupPtr group,
              EventQuery query)
      : log_(log),
        partition_(partition),
        group_(std::move(group)),
        query_(std::move(query)),
        page_(query_) {}

  Task<EventPage> Run() {
    std::vector<EventZone> zones = ChooseZones();
    size_t scanned = 0;
    for (const EventZone& zone : zones) {
      SearchKey first = FirstKey(zone);
      if (page_.bound() && *page_.bound() <= first) break;
      // The next page must begin behind this one's beginning.
      EventPosition resume = PositionBefore(first, query_.backwards);
      bool moves = !query_.beyond || KeyOfPosition(*query_.beyond, query_.backwards) <
                                         KeyOfPosition(resume, query_.backwards);
      if (scanned >= query_.scan_bytes && moves) {
        page_.EndBefore(first);
        break;
      }
      RecordVisitor visitor;
      visitor.take = [this](const storage::RecordView& record) { return Take(record); };
      CO_RETURN_IF_ERROR(
          co_await VisitRecords(log_, partition_, zone.begin, zone.end, std::move(visitor)));
      scanned += zone.bytes;
    }
    co_return page_.Take();
  }

 private:
  SearchKey FirstKey(const EventZone& zone) const {
    if (query_.backwards) return {Negated(zone.max_ms), -INT64_MAX};
    return {zone.min_ms, 0};
  }

  std::vector<EventZone> ChooseZones() const {
    std::bitset<256> streams;
    for (const std::string& stream : query_.streams) streams.set(StreamBit(stream));
    std::vector<EventZone> chosen;
    for (const EventZone& zone : group_->zones.zones()) {
      if (zone.empty() || zone.max_ms < query_.begin_ms || zone.min_ms >= query_.end_ms) continue;
      if (streams.any() && (zone.streams & streams).none()) continue;
      if (query_.beyond) {
        int64_t time = query_.beyond->timestamp_ms;
        if (query_.backwards ? zone.min_ms > time : zone.max_ms < time) continue;
      }
      chosen.push_back(zone);
    }
    std::stable_sort(chosen.begin(), chosen.end(), [&](const EventZone& a, const EventZone& b) {
      return FirstKey(a) < FirstKey(b);
    });
    return chosen;
  }

  bool IsStreamWanted(std::string_view name) const {
    if (!query_.streams.empty()) return query_.streams.contains(name);
    return name.starts_with(query_.stream_prefix);
  }

  Status Take(const storage::RecordView& record) {  // HOT PATH
    EventPosition position = PositionOf(record);
    if (!page_.IsWanted(position)) return Status::OK();
    std::string_view name = record.key.value_or("");
    if (!IsStreamWanted(name)) return Status::OK();
    const LogStream* stream = group_->FindStream(name);
    if (stream == nullptr || record.offset < stream->begin) return Status::OK();
    std::string_view message = CutText(record.value.value_or(""), kMessageBytesMax);
    if (query_.pattern != nullptr && !query_.pattern->Matches(message)) return Status::OK();
    FoundEvent event{.position = position, .stream = std::string(name)};
    event.ingestion_ms = IngestionTimeOf(record);
    event.message = message;
    page_.Add(std::move(event));
    return Status::OK();
  }

  storage::Log* const log_;
  const storage::TopicPartition partition_;
  const LogGroupPtr group_;
  const EventQuery query_;
  PageInMaking page_;
};

}  // namespace

Task<> VisitRecords(storage::Log* log, storage::TopicPartition partition, Offset from, Offset to,
                    RecordVisitor visitor) {
  Offset next = from;
  while (next < to) {
    storage::ReadOptions options{.max_bytes = kVisitBytes, .read_committed = true};
    auto read = co_await log->Read(partition, next, options);
    if (Is(read.status(), ErrorCode::kOffsetOutOfRange)) {  // retention went past it
      CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(partition));
      if (offsets.log_start <= next) co_return Status::OK();
      next = offsets.log_start;
      if (visitor.jump) visitor.jump(next);
      continue;
    }
    CO_RETURN_IF_ERROR(read);
    if (read->batches.empty()) break;
    for (const storage::SharedBytes& batch : read->batches) {
      CO_ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(batch.bytes));
      Offset end = header.next_offset();
      if (visitor.open_batch) {
        visitor.open_batch({.begin = next, .end = end, .bytes = batch.bytes.size()});
      }
      CO_ASSIGN_OR_RETURN(VisitedBatch visited, VisitBatch(batch.bytes, next, to, visitor.take));
      if (!visited.broken.ok() && visitor.skip) visitor.skip(visited.broken);
      next = std::max(next, end);
      if (next >= to) break;
      CO_RETURN_IF_ERROR(co_await Yield());
    }
  }
  co_return Status::OK();
}

namespace {

// While it lives, others who want to catch up with the group wait.
class CatchingUp {
 public:
  CatchingUp(Executor home, LogGroupPtr group) : group_(std::move(group)) {
    group_->catching_up = std::make_shared<Event>(home);
  }
  ~CatchingUp() { std::exchange(group_->catching_up, nullptr)->NotifyAll(); }
  CatchingUp(const CatchingUp&) = delete;
  CatchingUp& operator=(const CatchingUp&) = delete;

 private:
  const LogGroupPtr group_;
};

}  // namespace

Task<> CatchUp(storage::Log* log, Logger logger, storage::TopicInfo topic, LogGroupPtr group) {
  Executor home = co_await boost::asio::this_coro::executor;
  while (group->catching_up != nullptr) {
    std::shared_ptr<Event> ended = group->catching_up;
    CO_RETURN_IF_ERROR(co_await ended->Wait());
  }
  CatchingUp catching_up(home, group);
  storage::TopicPartition partition{.topic_id = topic.id, .partition = PartitionId(0)};
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(partition));
  if (group->zones.topic_id() != topic.id) group->zones.Reset(topic.id);
  group->zones.Trim(offsets.log_start);
  RecordVisitor visitor;
  bool is_mine = false;
  int64_t batch_begin = 0;
  // The topic may be another meanwhile.
  visitor.open_batch = [&](const BatchExtent& batch) {
    is_mine = group->zones.topic_id() == topic.id && batch.begin == group->zones.next();
    batch_begin = batch.begin.value();
    if (is_mine) group->zones.OpenBatch(batch.begin, batch.end, batch.bytes);
  };
  visitor.take = [&](const storage::RecordView& record) {
    if (!is_mine) return Status::OK();
    std::string_view name = record.key.value_or("");
    int64_t time = PositionOf(record).timestamp_ms;
    group->zones.AddEvent(name, time);
    auto stream = group->streams.find(name);
    if (stream == group->streams.end() || record.offset < stream->second.begin) return Status::OK();
    auto& times = stream->second.times;
    if (!times) times = EventTimes{.first_ms = time, .last_ms = time};
    times->first_ms = std::min(times->first_ms, time);
    times->last_ms = std::max(times->last_ms, time);
    times->last_ingestion_ms = std::max(times->last_ingestion_ms, IngestionTimeOf(record));
    return Status::OK();
  };
  visitor.jump = [&](Offset log_start) {
    if (group->zones.topic_id() == topic.id) group->zones.Trim(log_start);
  };
  visitor.skip = [&](const Status& broken) {
    if (!is_mine) return;
    logger.Warning("batch of a log group left out, it can't be decoded",
                   {{"group", group->name}, {"offset", batch_begin}, {"error", broken}});
  };
  Offset from = group->zones.next();
  co_return co_await VisitRecords(log, partition, from, offsets.last_stable_offset,
                                  std::move(visitor));
}

Task<EventPage> FindEvents(storage::Log* log, Logger logger, storage::TopicInfo topic,
                           LogGroupPtr group, EventQuery query) {
  CO_RETURN_IF_ERROR(co_await CatchUp(log, std::move(logger), topic, group));
  storage::TopicPartition partition{.topic_id = topic.id, .partition = PartitionId(0)};
  EventSearch search(log, partition, std::move(group), std::move(query));
  co_return co_await search.Run();
}

}  // namespace mainstem::gateway::logs
