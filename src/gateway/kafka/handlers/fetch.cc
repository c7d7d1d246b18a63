// HOT PATH: record batches go from the log's cache to the socket without a copy.
#include "gateway/kafka/handlers/handlers.h"
#include "gateway/kafka/handlers/partitions.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int16_t kFetchByTopicId = 13;
constexpr Duration kWaitMax = std::chrono::minutes(5);
// With more partitions than can be waited for, until all are looked at again.
constexpr Duration kUnwatchedWait = std::chrono::milliseconds(100);

// A partition of the request that can be read, and where its answer stands.
struct Source {
  storage::TopicPartition partition;
  Offset from;
  int32_t max_bytes;
  size_t topic_index;
  size_t partition_index;
  Offset seen_end;  // the high watermark at the last read
};

struct ReadOutcome {
  size_t total_bytes = 0;
  bool answer_now = false;  // an error that the client should hear without waiting
};

void SetError(FetchResponse::Partition* answer, int16_t code) {
  answer->error_code = code;
  answer->high_watermark = -1;
  answer->last_stable_offset = -1;
  answer->log_start_offset = -1;
  answer->records.clear();
}

void ListAborted(const std::vector<storage::AbortedTransaction>& aborted,
                 FetchResponse::Partition* answer) {
  answer->aborted_transactions.emplace();
  for (const storage::AbortedTransaction& transaction : aborted) {
    answer->aborted_transactions->push_back(
        {transaction.producer_id.value(), transaction.first_offset.value()});
  }
}

// Asking again does not help against what is broken on the disk: clients stop at this one, and say
// where. Those for trouble with a disk they retry for ever.
int16_t FetchErrorOf(const Status& status) {
  if (Is(status, ErrorCode::kCorruptStorage)) return Code(KafkaError::kCorruptMessage);
  return KafkaCode(status);
}

class Fetch {
 public:
  Fetch(const RequestContext& context, const FetchRequest& request)
      : context_(context), request_(request) {}

  void Resolve() {
    for (const FetchRequest::Topic& topic : request_.topics) {
      FoundTopic found = context_.version >= kFetchByTopicId
                             ? FindTopicById(*context_.services.log, topic.topic_id)
                             : FindTopicByName(*context_.services.log, topic.name);
      FetchResponse::Topic& topic_answer = response_.topics.emplace_back();
      topic_answer.name = topic.name;
      topic_answer.topic_id = topic.topic_id;
      for (const FetchRequest::Partition& partition : topic.partitions) {
        FetchResponse::Partition& answer = topic_answer.partitions.emplace_back();
        answer.index = partition.index;
        if (request_.isolation_level == kReadCommitted) answer.aborted_transactions.emplace();
        KafkaError error = found.CheckPartition(partition.index);
        if (error == KafkaError::kNone) error = CheckLeaderEpoch(partition.current_leader_epoch);
        if (error != KafkaError::kNone) {
          SetError(&answer, Code(error));
          continue;
        }
        sources_.push_back({found.Partition(partition.index), Offset(partition.fetch_offset),
                            partition.max_bytes, response_.topics.size() - 1,
                            topic_answer.partitions.size() - 1, Offset(partition.fetch_offset)});
      }
    }
  }

  // Reads every partition in the request's order. The first one that has data gives at least one
  // batch, whatever the limits say, else a consumer could never get past a big batch.
  Task<ReadOutcome> ReadAll() {
    ReadOutcome outcome;
    CO_ASSIGN_OR_RETURN(int64_t left, co_await context_.answer_memory->Lease(WantedBytes()));
    for (Source& source : sources_) {
      FetchResponse::Partition& answer =
          response_.topics[source.topic_index].partitions[source.partition_index];
      int64_t limit = std::max<int64_t>(0, std::min<int64_t>(source.max_bytes, left));
      if (outcome.total_bytes > 0 && limit == 0) {  // not even read
        Result<storage::PartitionOffsets> offsets =
            co_await context_.services.log->Offsets(source.partition);
        if (Is(offsets.status(), ErrorCode::kCancelled)) co_return offsets.status();
        if (offsets.ok()) {
          TakeOffsets(*offsets, &source, &answer);
        } else {
          SetError(&answer, FetchErrorOf(offsets.status()));
        }
        continue;
      }
      storage::ReadOptions options;
      options.max_bytes = static_cast<size_t>(limit);
      options.read_committed = request_.isolation_level == kReadCommitted;
      options.keep_aborted = true;  // the client leaves them out by the list
      Result<storage::ReadResult> read =
          co_await context_.services.log->Read(source.partition, source.from, options);
      if (!read.ok()) {
        if (Is(read.status(), ErrorCode::kCancelled)) co_return read.status();
        SetError(&answer, FetchErrorOf(read.status()));
        outcome.answer_now = true;
        continue;
      }
      bool fits = outcome.total_bytes == 0 || read->total_bytes <= static_cast<size_t>(limit);
      TakeOffsets({.log_start = read->log_start_offset,
                   .high_watermark = read->high_watermark,
                   .last_stable_offset = read->last_stable_offset},
                  &source, &answer);
      answer.records = fits ? std::move(read->batches) : Records();
      if (fits && options.read_committed) ListAborted(read->aborted, &answer);
      if (!fits) continue;
      outcome.total_bytes += read->total_bytes;
      left -= static_cast<int64_t>(read->total_bytes);
    }
    context_.answer_memory->Settle(static_cast<int64_t>(outcome.total_bytes));
    co_return outcome;
  }

  static void TakeOffsets(const storage::PartitionOffsets& offsets, Source* source,
                          FetchResponse::Partition* answer) {
    answer->error_code = 0;
    answer->high_watermark = offsets.high_watermark.value();
    answer->last_stable_offset = offsets.last_stable_offset.value();
    answer->log_start_offset = offsets.log_start.value();
    source->seen_end = std::max(source->from, offsets.high_watermark);
  }

  int64_t WantedBytes() const {
    int64_t partitions = 0;
    for (const Source& source : sources_) partitions += std::max(0, source.max_bytes);
    int64_t limit = context_.services.settings->fetch_bytes_max;
    return std::max<int64_t>(1, std::min({partitions, int64_t{request_.max_bytes}, limit}));
  }

  // False when the deadline passed.
  Task<bool> WaitForMore(TimePoint deadline) {
    // A cancellation that came before the wait does not reach what waits on another shard.
    bool is_cancelled = co_await IsCancelled();
    if (is_cancelled) co_return MakeError(ErrorCode::kCancelled, "cancelled");
    std::vector<std::pair<storage::TopicPartition, Offset>> beyond;
    size_t count = sources_.size();
    if (count > storage::kWaitedPartitionsMax) {  // of the others it hears a little later
      count = storage::kWaitedPartitionsMax;
      deadline = std::min(deadline, context_.services.env->Now() + kUnwatchedWait);
    }
    beyond.reserve(count);
    for (const Source& source : std::span(sources_).first(count)) {
      beyond.emplace_back(source.partition, source.seen_end);
    }
    co_return co_await context_.services.log->WaitForData(std::move(beyond), deadline);
  }

  bool has_sources() const { return !sources_.empty(); }
  FetchResponse TakeResponse() { return std::move(response_); }

 private:
  const RequestContext& context_;
  const FetchRequest& request_;
  FetchResponse response_;
  std::vector<Source> sources_;
};

}  // namespace

Task<FetchResponse> HandleFetch(const RequestContext& context, const FetchRequest& request) {
  FetchSession& session = *context.fetch_session;
  KafkaError refused = session.Begin(request, context.version >= kFetchByTopicId);
  if (refused != KafkaError::kNone) {
    FetchResponse refusal;
    refusal.error_code = Code(refused);
    co_return refusal;
  }
  FetchRequest whole;
  if (session.is_incremental()) whole = session.Whole(request);
  Duration wait =
      std::min<Duration>(std::chrono::milliseconds(std::max(0, request.max_wait_ms)), kWaitMax);
  TimePoint deadline = context.services.env->Now() + wait;
  auto min_bytes = static_cast<size_t>(std::max(0, request.min_bytes));
  Fetch fetch(context, session.is_incremental() ? whole : request);
  fetch.Resolve();
  for (bool in_time = true; fetch.has_sources();) {
    CO_ASSIGN_OR_RETURN(ReadOutcome outcome, co_await fetch.ReadAll());
    if (outcome.answer_now || outcome.total_bytes >= min_bytes || !in_time) break;
    CO_ASSIGN_OR_RETURN(in_time, co_await fetch.WaitForMore(deadline));
  }
  FetchResponse response = fetch.TakeResponse();
  session.End(&response);
  co_return response;
}

}  // namespace mainstem::gateway::kafka
