#include "gateway/http/event_page.h"

#include <algorithm>
#include <tuple>

namespace mainstem::gateway::http {
namespace {

// One page looks at so much at most, then says where to go on.
constexpr int64_t kScanRecords = 200'000;
constexpr int64_t kScanBytes = 128 << 20;
constexpr size_t kVisitBytes = 1 << 20;

// A record's place in a page: time, then partition and offset.
using Place = std::tuple<int64_t, PartitionId, Offset>;

class PageBuilder {
 public:
  PageBuilder(storage::Log* log, PageOptions options, RecordShow show)
      : log_(log), options_(options), show_(std::move(show)) {}

  // Reads one partition from *next on, to its end or as far as the page reaches.
  Task<> Read(storage::TopicPartition id, Offset* next) {
    std::optional<int64_t> newest_ms;
    RecordVisitor visit = [&](const storage::RecordView& record) {
      return Visit(id.partition, record, &newest_ms);
    };
    bool more = !exhausted();
    while (more) {
      CO_ASSIGN_OR_RETURN(VisitResult visited,
                          co_await VisitRecords(log_, id, *next, kVisitBytes, visit));
      if (visited.begin != *next) page_.gaps.push_back({id.partition, *next, visited.begin});
      more = visited.next != *next && !visited.stopped;
      *next = visited.next;
      CO_RETURN_IF_ERROR(co_await Yield());
    }
    co_return Status::OK();
  }

  Page Take(Positions next) {
    for (const auto& [partition, offset] : left_) {
      next[partition] = std::min(next[partition], offset);
    }
    for (auto& [place, json] : found_) page_.records.push_back(std::move(json));
    page_.next = std::move(next);
    page_.complete &= !exhausted();
    return std::move(page_);
  }

 private:
  bool exhausted() const { return page_.scanned >= kScanRecords || scanned_bytes_ >= kScanBytes; }

  // False: nothing that comes after it in its partition belongs to the page.
  Result<bool> Visit(PartitionId partition, const storage::RecordView& record,
                     std::optional<int64_t>* newest_ms) {
    ++page_.scanned;
    scanned_bytes_ += static_cast<int64_t>(record.value ? record.value->size() : 0);
    Place place{std::max(newest_ms->value_or(record.timestamp_ms), record.timestamp_ms), partition,
                record.offset};
    if (HasRoomFor(place)) {
      ASSIGN_OR_RETURN(std::optional<std::string> json, show_(partition, record));
      if (json) {
        *newest_ms = std::get<int64_t>(place);
        Add(place, *std::move(json));
      }
    } else if (!options_.newest) {
      left_[partition] = record.offset;
    }
    return !left_.contains(partition) && !exhausted();
  }

  bool HasRoomFor(const Place& place) const {
    if (std::ssize(found_) < options_.limit) return true;
    return options_.newest ? found_.begin()->first < place : place < found_.rbegin()->first;
  }

  void Add(const Place& place, std::string json) {
    bytes_ += json.size();
    found_.emplace(place, std::move(json));
    while (found_.size() > 1 &&
           (std::ssize(found_) > options_.limit || bytes_ > options_.bytes_max)) {
      page_.complete &= bytes_ <= options_.bytes_max;
      auto dropped = options_.newest ? found_.begin() : std::prev(found_.end());
      bytes_ -= dropped->second.size();
      const auto& [time, partition, offset] = dropped->first;
      if (!options_.newest) left_[partition] = offset;
      found_.erase(dropped);
    }
  }

  storage::Log* const log_;
  const PageOptions options_;
  const RecordShow show_;
  std::map<Place, std::string> found_;
  size_t bytes_ = 0;  // of what is found
  Positions left_;    // the first record that was found and is left for the next page
  int64_t scanned_bytes_ = 0;
  Page page_;
};

}  // namespace

Task<Page> ReadPage(storage::Log* log, storage::TopicId topic, Positions from, PageOptions options,
                    RecordShow show) {
  PageBuilder builder(log, options, std::move(show));
  for (auto& [partition, next] : from) {
    storage::TopicPartition id{.topic_id = topic, .partition = partition};
    CO_RETURN_IF_ERROR(co_await builder.Read(id, &next));
  }
  co_return builder.Take(std::move(from));
}

void WriteGaps(const std::vector<Gap>& gaps, JsonWriter* json) {
  if (gaps.empty()) return;
  json->Key("gaps").BeginArray();
  for (const Gap& gap : gaps) WriteGap(gap, json);
  json->EndArray();
}

}  // namespace mainstem::gateway::http
