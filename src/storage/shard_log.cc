// HOT PATH: Append, Read and OnDurable. Budget: 2 us per batch beside copying and checksums.
#include "storage/shard_log.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::storage {
namespace {

Status UnknownPartition() {
  return MakeError(ErrorCode::kUnknownTopic, "this node has no such topic or partition");
}
Status Stopped() { return MakeError(ErrorCode::kUnavailable, "the log is stopped"); }

size_t SpaceOf(size_t batch_bytes) { return EntrySpace(kAppendPrefixBytes + batch_bytes); }

}  // namespace

ShardLog::ShardLog(Env* env, Journal* journal, size_t shard, std::string topics_folder,
                   Limits limits)
    : env_(env),
      journal_(journal),
      shard_(shard),
      topics_folder_(std::move(topics_folder)),
      limits_(limits),
      open_files_(&env->files(), limits.open_file_count),
      buffers_(std::make_shared<ChunkPool>(limits.buffer_bytes,
                                           kFlushTaskCount + ReadAhead::kHolderCountMax)),
      read_ahead_(env, env->shard(shard), buffers_),
      room_event_(env->shard(shard)),
      file_event_(env->shard(shard)) {}

std::vector<std::shared_ptr<Partition>> ShardLog::InOrder() const {
  std::vector<std::shared_ptr<Partition>> all;
  all.reserve(partitions_.size());
  for (const auto& [id, partition] : partitions_) all.push_back(partition);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->id < b->id; });
  return all;
}

std::shared_ptr<Partition> ShardLog::Find(TopicPartition id) const {
  auto it = partitions_.find(id);
  return it == partitions_.end() ? nullptr : it->second;
}

Result<std::shared_ptr<Partition>> ShardLog::Require(TopicPartition id) const {
  if (closed_) return Stopped();
  std::shared_ptr<Partition> partition = Find(id);
  if (!partition) return UnknownPartition();
  return partition;
}

// ---------------------------------------------------------------- durability

void ShardLog::OnDurable(LogPosition durable) {
  durable_ = std::max(durable_, durable);
  while (!pending_.empty() && pending_.front().sequence <= durable_) {
    Pending due = std::move(pending_.front());
    pending_.pop_front();
    if (due.apply) due.apply();
    if (due.partition) due.partition->SetHighWatermark(due.end);
  }
  std::erase_if(spent_events_, [](const auto& event) { return event->waiter_count() == 0; });
  while (!flush_waits_.empty() && flush_waits_.front().sequence <= durable_) {
    std::unique_ptr<Event> event = std::move(flush_waits_.front().event);
    flush_waits_.pop_front();
    event->NotifyAll();
    if (event->waiter_count() > 0) spent_events_.push_back(std::move(event));
  }
}

// Nearly always at the end; an epoch commit may come after frames that follow its own.
void ShardLog::AddPending(Pending pending) {
  auto later = [](LogPosition wanted, const Pending& other) { return wanted < other.sequence; };
  auto it = std::upper_bound(pending_.begin(), pending_.end(), pending.sequence, later);
  pending_.insert(it, std::move(pending));
}

void ShardLog::ApplyWhenDurable(LogPosition sequence, UniqueFunction apply) {
  AddPending({sequence, nullptr, Offset(0), std::move(apply)});
}

void ShardLog::OnFenced(Status status) {
  fence_ = std::move(status);
  for (FlushWait& wait : flush_waits_) wait.event->NotifyAll();
  room_event_.NotifyAll();
}

void ShardLog::OnRoom() { room_event_.NotifyAll(); }

Task<> ShardLog::Close(TimePoint flush_end) {
  closed_ = true;
  flush_end_ = flush_end;
  room_event_.NotifyAll();
  for (auto& partition : InOrder()) partition->data_waiters.FireAll();
  co_return co_await read_ahead_.Close();
}

Task<> ShardLog::WaitDurable(LogPosition sequence) {
  while (durable_ < sequence) {
    CO_RETURN_IF_ERROR(fence_);
    auto at_or_after = [](const FlushWait& wait, LogPosition wanted) {
      return wait.sequence < wanted;
    };
    auto it = std::lower_bound(flush_waits_.begin(), flush_waits_.end(), sequence, at_or_after);
    if (it == flush_waits_.end() || it->sequence != sequence) {
      auto event = std::make_unique<Event>(env_->shard(shard_));
      it = flush_waits_.insert(it, FlushWait{sequence, std::move(event)});
    }
    Event* event = it->event.get();
    CO_RETURN_IF_ERROR(co_await event->Wait());
  }
  co_return Status::OK();
}

Task<> ShardLog::WaitForRoom(size_t bytes, RoomFor what) {
  while (!journal_->HasRoom(bytes, what)) {
    CO_RETURN_IF_ERROR(journal_->room_error());
    if (closed_) co_return Stopped();
    CO_RETURN_IF_ERROR(co_await room_event_.Wait());
  }
  co_return Status::OK();
}

Task<> ShardLog::Journalled(std::vector<Change> changes, UniqueFunction apply, RoomFor what) {
  std::string payload;
  std::vector<size_t> ends;
  size_t space = 0;
  for (const Change& change : changes) {
    size_t begin = payload.size();
    EncodeChange(change, &payload);
    ends.push_back(payload.size());
    space += EntrySpace(payload.size() - begin);
  }
  if (space > journal_->body_bytes_max()) {
    co_return MakeError(ErrorCode::kRecordListTooLarge,
                        fmt::format("a change of {} bytes is too large for the journal", space));
  }
  CO_RETURN_IF_ERROR(co_await WaitForRoom(space, what));
  CO_ASSIGN_OR_RETURN(Reservation room,
                      journal_->Reserve(space, static_cast<uint32_t>(changes.size()),
                                        uint64_t{1} << (shard_ & 63)));
  size_t begin = 0;
  std::byte* entry = room.data;
  for (size_t i = 0; i < changes.size(); ++i) {
    size_t size = ends[i] - begin;
    std::memcpy(entry + kEntryHeaderBytes, payload.data() + begin, size);
    SealEntry(entry, TypeOf(changes[i]), size, room.seed);
    entry += EntrySpace(size);
    begin = ends[i];
  }
  ApplyWhenDurable(room.sequence, std::move(apply));
  journal_->Complete(room);
  co_return co_await WaitDurable(room.sequence);
}

// ---------------------------------------------------------------- append

Status ShardLog::CheckTimestamps(const EffectiveConfig& config, const BatchTimes& times) const {
  if (config.log_append_time) return Status::OK();
  int64_t now = env_->WallTime().value();
  bool too_new = times.newest_ms > now && times.newest_ms - now > config.timestamp_after_max_ms;
  bool too_old = times.oldest_ms >= 0 && times.oldest_ms < now &&
                 now - times.oldest_ms > config.timestamp_before_max_ms;
  if (!too_new && !too_old) return Status::OK();
  return MakeError(ErrorCode::kInvalidTimestamp,
                   fmt::format("record timestamps from {} to {} are too far from now ({})",
                               times.oldest_ms, times.newest_ms, now));
}

Result<std::vector<ShardLog::Checked>> ShardLog::CheckBatches(const Partition& partition,
                                                              std::span<const std::byte> batches,
                                                              const AppendOptions& options) const {
  const EffectiveConfig& config = partition.topic->config;
  BatchChecks checks{.trusted = options.trusted,
                     .require_keys = config.compact_policy,
                     .max_bytes = config.max_message_bytes};
  if (options.trusted) checks.max_bytes = SIZE_MAX;
  std::vector<Checked> result;
  if (batches.empty()) return MakeError(ErrorCode::kInvalidRecord, "there is no record batch");
  while (!batches.empty()) {
    ASSIGN_OR_RETURN(BatchHeader header, ParseBatchHeader(batches));
    std::span<const std::byte> bytes = batches.first(header.total_bytes());
    ASSIGN_OR_RETURN(BatchTimes times, ValidateBatchTimes(header, bytes, checks));
    if (static_cast<int64_t>(bytes.size()) > config.segment_bytes) {
      return MakeError(ErrorCode::kRecordListTooLarge,
                       fmt::format("record batch of {} bytes, a segment has {}", bytes.size(),
                                   config.segment_bytes));
    }
    RETURN_IF_ERROR(CheckTimestamps(config, times));
    // Retention and searches by time believe the header.
    bool has_wrong_time = times.newest_ms != header.max_timestamp;
    header.max_timestamp = times.newest_ms;
    result.push_back({header, bytes, has_wrong_time});
    batches = batches.subspan(header.total_bytes());
  }
  return result;
}

// Off the shard: it takes longer than a slice.
Task<std::vector<std::byte>> ShardLog::Recompress(std::vector<Checked> batches, Codec codec) {
  auto work = [&batches, codec]() -> Result<std::vector<std::byte>> {
    std::vector<std::byte> all;
    for (const Checked& batch : batches) {
      if (batch.header.codec() == codec || batch.header.control()) {
        all.insert(all.end(), batch.bytes.begin(), batch.bytes.end());
        continue;
      }
      ASSIGN_OR_RETURN(std::vector<std::byte> one,
                       RecompressBatch(batch.bytes, codec, kDefaultDecompressedLimit));
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  };
  co_return co_await env_->blocking_pool().Run(work);
}

// Appends to a partition are taken in the order in which they came.
class ShardLog::Place {
 public:
  Place(ShardLog* shard, std::shared_ptr<Partition> partition)
      : shard_(shard),
        partition_(std::move(partition)),
        it_(partition_->queue.insert(partition_->queue.end(), 0)) {}
  ~Place() { Leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const std::shared_ptr<Partition>& partition() const { return partition_; }
  bool IsFirst() const { return it_ == partition_->queue.begin(); }
  void Leave() {
    if (std::exchange(has_left_, true)) return;
    partition_->queue.erase(it_);
    if (!partition_->queue.empty()) shard_->room_event_.NotifyAll();
  }

 private:
  ShardLog* const shard_;
  const std::shared_ptr<Partition> partition_;
  const std::list<int>::iterator it_;
  bool has_left_ = false;
};

Task<> ShardLog::WaitForTurn(const Place& place, size_t bytes) {
  while (true) {
    if (closed_) co_return Stopped();
    if (place.partition()->deleted) co_return UnknownPartition();
    if (place.IsFirst() && !place.partition()->locked) {
      if (journal_->HasRoom(bytes)) co_return Status::OK();
      CO_RETURN_IF_ERROR(journal_->room_error());
    }
    CO_RETURN_IF_ERROR(co_await room_event_.Wait());
  }
}

Task<AppendResult> ShardLog::Append(TopicPartition id, std::span<const std::byte> batches,
                                    AppendOptions options) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  auto place = std::make_unique<Place>(this, std::move(partition));
  co_return co_await AppendAt(std::move(place), batches, options);
}

Task<AppendResult> ShardLog::AppendAt(std::unique_ptr<Place> place,
                                      std::span<const std::byte> batches, AppendOptions options) {
  std::shared_ptr<Partition> partition = place->partition();
  CO_ASSIGN_OR_RETURN(std::vector<Checked> checked, CheckBatches(*partition, batches, options));
  std::vector<std::byte> recompressed;
  if (partition->topic->config.recompress) {
    Codec codec = partition->topic->config.codec;
    CO_ASSIGN_OR_RETURN(recompressed, co_await Recompress(std::move(checked), codec));
    AppendOptions again = options;
    CO_ASSIGN_OR_RETURN(checked, CheckBatches(*partition, recompressed, again));
  }
  size_t space = SpaceOfAll(checked);
  if (space > journal_->body_bytes_max()) {
    co_return MakeError(
        ErrorCode::kMessageTooLarge,
        fmt::format("{} bytes at once, the journal takes {}", space, journal_->body_bytes_max()));
  }
  Status turn = co_await WaitForTurn(*place, space);
  if (!turn.ok()) {
    partition->producers.NoteRefused(checked.front().header, env_->WallTime().value());
    co_return turn;
  }
  // From here to the end of Accept nothing waits: offsets follow the order of the journal.
  CO_ASSIGN_OR_RETURN(Accepted accepted, Accept(partition, checked, space));
  place->Leave();
  if (options.durability == Durability::kFlushed) {
    CO_RETURN_IF_ERROR(co_await WaitDurable(accepted.sequence));
  }
  accepted.result.log_start_offset = partition->log_start;
  co_return accepted.result;
}

size_t ShardLog::SpaceOfAll(const std::vector<Checked>& batches) {
  size_t space = 0;
  for (const Checked& batch : batches) space += SpaceOf(batch.bytes.size());
  return space;
}

// Nothing when it has to wait before it is accepted.
Result<std::optional<ShardLog::Accepted>> ShardLog::AcceptAtOnce(
    const std::shared_ptr<Partition>& partition, std::span<const std::byte> batches,
    const AppendOptions& options) {
  std::optional<Accepted> accepted;
  auto must_wait = [&](size_t space) {
    return partition->locked || !partition->queue.empty() || !journal_->HasRoom(space);
  };
  // Before the batch is checked, which is more work than all the rest.
  if (partition->topic->config.recompress || must_wait(SpaceOf(batches.size()))) return accepted;
  ASSIGN_OR_RETURN(std::vector<Checked> checked, CheckBatches(*partition, batches, options));
  size_t space = SpaceOfAll(checked);
  if (space > journal_->body_bytes_max() || must_wait(space)) return accepted;
  ASSIGN_OR_RETURN(accepted, Accept(partition, checked, space));
  accepted->result.log_start_offset = partition->log_start;
  return accepted;
}

Task<> ShardLog::AppendLater(std::unique_ptr<Place> place, PartitionAppend append,
                             AppendOptions options) {
  *append.outcome = co_await AppendAt(std::move(place), append.batches, options);
  co_return Is(append.outcome->status(), ErrorCode::kCancelled) ? append.outcome->status()
                                                                : Status::OK();
}

Task<> ShardLog::AppendEach(std::vector<PartitionAppend> appends, AppendOptions options) {
  Status failure;
  TaskScope later(env_->shard(shard_), "append",
                  [&failure](const std::string&, const Status& status) { failure = status; });
  LogPosition last(0);
  std::vector<Result<AppendResult>*> accepted;
  for (const PartitionAppend& append : appends) {
    Result<std::shared_ptr<Partition>> partition = Require(append.partition);
    if (!partition.ok()) {
      *append.outcome = partition.status();
      continue;
    }
    Result<std::optional<Accepted>> at_once = AcceptAtOnce(*partition, append.batches, options);
    if (!at_once.ok()) {
      *append.outcome = at_once.status();
    } else if (at_once->has_value()) {
      *append.outcome = (*at_once)->result;
      last = std::max(last, (*at_once)->sequence);
      accepted.push_back(append.outcome);
    } else {
      // It waits at its partition, from now on; the others go ahead.
      auto place = std::make_unique<Place>(this, *partition);
      later.Spawn("append", AppendLater(std::move(place), append, options));
    }
  }
  Status durable;
  if (options.durability == Durability::kFlushed) durable = co_await WaitDurable(last);
  if (!durable.ok()) {
    for (Result<AppendResult>* outcome : accepted) *outcome = durable;
  }
  Status joined = co_await later.Join();
  if (joined.ok() && Is(durable, ErrorCode::kCancelled)) joined = durable;
  if (!joined.ok()) IgnoreError(co_await later.Close(), "the cancellation is reported");
  co_return joined.ok() ? failure : joined;
}

Result<ShardLog::Accepted> ShardLog::Accept(const std::shared_ptr<Partition>& partition,
                                            const std::vector<Checked>& batches, size_t space) {
  Accepted accepted;
  bool stamp = partition->topic->config.log_append_time;
  // Sequences are checked before anything changes; batches of one call continue each other.
  for (size_t i = 0; i < batches.size(); ++i) {
    const BatchHeader& header = batches[i].header;
    if (!header.idempotent() || header.control()) continue;
    Result<std::optional<ProducerBatch>> known(std::optional<ProducerBatch>{});
    if (i == 0) known = partition->producers.Check(header);
    bool is_repeat = known.ok() && known->has_value();
    if (!is_repeat) RETURN_IF_ERROR(partition->transactions.Check(header));
    ASSIGN_OR_RETURN(std::optional<ProducerBatch> repeat, std::move(known));
    if (!repeat) continue;
    accepted.result.base_offset = repeat->base_offset;
    if (stamp) accepted.result.log_append_time_ms = repeat->timestamp_ms;
    // The first one may still be on its way to the disk, in the newest frame at the latest.
    bool on_its_way = repeat->last_offset >= partition->high_watermark && !pending_.empty();
    accepted.sequence = on_its_way ? pending_.back().sequence : LogPosition(0);
    return accepted;
  }
  ASSIGN_OR_RETURN(Reservation room, journal_->Reserve(space, static_cast<uint32_t>(batches.size()),
                                                       uint64_t{1} << (shard_ & 63)));
  int64_t now = env_->WallTime().value();
  accepted.result.base_offset = partition->next_offset;
  if (stamp) accepted.result.log_append_time_ms = now;
  accepted.sequence = room.sequence;
  std::byte* entry = room.data;
  for (const Checked& batch : batches) {
    std::byte* payload = entry + kEntryHeaderBytes;
    EncodeAppendPrefix(partition->id, payload);
    std::span<std::byte> copy(payload + kAppendPrefixBytes, batch.bytes.size());
    std::memcpy(copy.data(), batch.bytes.data(), copy.size());
    SetBaseOffset(copy.data(), partition->next_offset, kLeaderEpoch);
    if (stamp) {
      SetLogAppendTime(copy, now);
    } else if (batch.has_wrong_time) {
      SetMaxTimestamp(copy, batch.header.max_timestamp);
    }
    SealEntry(entry, EntryType::kAppend, kAppendPrefixBytes + copy.size(), room.seed);
    BatchHeader header = batch.header;
    header.base_offset = partition->next_offset;
    if (stamp) header.max_timestamp = now;
    partition->Push(header, copy, room.sequence, room.chunk);
    if (header.idempotent() && !header.control()) {
      partition->producers.Remember(header, now, partition->high_watermark);
      partition->transactions.Remember(header);
    }
    entry += SpaceOf(copy.size());
  }
  AddPending({room.sequence, partition, partition->next_offset, UniqueFunction()});
  journal_->Complete(room);
  return accepted;
}

// ---------------------------------------------------------------- transactions

Task<> ShardLog::Admit(std::vector<TopicPartition> partitions, ProducerId id, ProducerEpoch epoch) {
  for (const TopicPartition& partition : partitions) {
    if (std::shared_ptr<Partition> found = Find(partition)) found->transactions.Admit(id, epoch);
  }
  co_return Status::OK();
}

Task<std::vector<ProducerInfo>> ShardLog::ListProducers(TopicPartition id) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  std::vector<ProducerInfo> list = partition->producers.List();
  for (ProducerInfo& info : list) info.open_from = partition->transactions.FirstOpenOf(info.id);
  co_return list;
}

// ---------------------------------------------------------------- epoch commits and the like

Task<std::vector<Offset>> ShardLog::Lock(std::vector<TopicPartition> ids) {
  std::vector<Offset> offsets;
  if (closed_) co_return Stopped();
  for (const TopicPartition& id : ids) {
    std::shared_ptr<Partition> partition = Find(id);
    offsets.push_back(partition ? partition->next_offset : Offset(-1));
    if (partition) partition->locked = true;
  }
  co_return offsets;
}

Task<> ShardLog::Install(std::vector<Installed> batches, LogPosition sequence,
                         ChunkPool::Chunk chunk) {
  int64_t now = env_->WallTime().value();
  for (const Installed& installed : batches) {
    std::shared_ptr<Partition> partition = Find(installed.partition);
    if (!partition) continue;  // deleted meanwhile
    partition->locked = false;
    if (installed.batch.empty()) continue;
    BatchHeader header = ReadBatchHeader(installed.batch.data());
    partition->Push(header, installed.batch, sequence, chunk);
    UniqueFunction apply;
    if (header.control()) {
      partition->AcceptMarker(header, now);
      std::optional<bool> committed = ReadMarker(installed.batch);
      if (committed) {
        apply = UniqueFunction([partition, header, is_commit = *committed] {
          partition->EndTransaction(header, is_commit);
        });
      }
    } else if (header.idempotent()) {
      partition->producers.Remember(header, now, partition->high_watermark);
    }
    AddPending({sequence, partition, partition->next_offset, std::move(apply)});
    if (sequence <= durable_) OnDurable(durable_);
  }
  room_event_.NotifyAll();
  co_return Status::OK();
}

}  // namespace mainstem::storage
