#include "storage/metadata.h"

#include <fmt/format.h>

#include "storage/bytes.h"

namespace mainstem::storage {
namespace {

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}
  template <typename T>
  requires std::is_integral_v<T>
  void Put(T value) {
    size_t at = out_->size();
    out_->resize(at + sizeof(T));
    StoreLittle(reinterpret_cast<std::byte*>(out_->data() + at), value);
  }
  template <typename Tag, typename T>
  void Put(StrongId<Tag, T> id) {
    Put(id.value());
  }
  void Put(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    out_->append(text);
  }
  void Put(const TopicId& id) { out_->append(reinterpret_cast<const char*>(id.data()), id.size()); }
  void Put(const TopicPartition& partition) {
    Put(partition.topic_id);
    Put(partition.partition);
  }
  void PutCount(size_t count) { Put(static_cast<uint32_t>(count)); }
  // Whether a value follows.
  bool PutPresence(bool present) {
    Put(static_cast<uint8_t>(present));
    return present;
  }

 private:
  std::string* out_;
};

// Reads what Writer wrote; after the first lack of bytes all values are zero and ok() is false.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}
  template <typename T>
  requires std::is_integral_v<T> T Get() {
    if (!Has(sizeof(T))) return T{};
    T value = LoadLittle<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  template <typename T>
  void Get(T* value) {
    if constexpr (std::is_integral_v<T>) {
      *value = Get<T>();
    } else {
      *value = T(Get<typename T::ValueType>());
    }
  }
  void Get(std::string* text) {
    size_t size = Get<uint32_t>();
    if (!Has(size)) return;
    text->assign(reinterpret_cast<const char*>(rest_.data()), size);
    rest_ = rest_.subspan(size);
  }
  void Get(TopicId* id) {
    if (!Has(id->size())) return;
    std::memcpy(id->data(), rest_.data(), id->size());
    rest_ = rest_.subspan(id->size());
  }
  void Get(TopicPartition* partition) {
    Get(&partition->topic_id);
    Get(&partition->partition);
  }
  // A count of things that take at least `each` bytes.
  size_t GetCount(size_t each) {
    size_t count = Get<uint32_t>();
    if (count > rest_.size() / each) ok_ = false;
    return ok_ ? count : 0;
  }
  bool GetPresence() { return Get<uint8_t>() != 0; }
  bool complete() const { return ok_ && rest_.empty(); }

 private:
  bool Has(size_t size) {
    if (size > rest_.size()) ok_ = false;
    return ok_;
  }
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

void Encode(const TopicChange& change, Writer* out) {
  const TopicInfo& topic = change.topic;
  out->Put(topic.id);
  out->Put(topic.name);
  out->Put(topic.partition_count);
  out->Put(static_cast<uint8_t>(topic.internal));
  out->PutCount(topic.config.size());
  for (const auto& [key, value] : topic.config) {
    out->Put(key);
    out->Put(value);
  }
}
void Decode(Reader* in, TopicChange* change) {
  TopicInfo& topic = change->topic;
  in->Get(&topic.id);
  in->Get(&topic.name);
  in->Get(&topic.partition_count);
  topic.internal = in->GetPresence();
  for (size_t count = in->GetCount(8); count > 0; --count) {
    std::string key;
    in->Get(&key);
    in->Get(&topic.config[key]);
  }
}

void Encode(const TopicDeletion& change, Writer* out) {
  out->Put(change.id);
  out->Put(change.name);
}
void Decode(Reader* in, TopicDeletion* change) {
  in->Get(&change->id);
  in->Get(&change->name);
}

void Encode(const ProducerIdBlock& change, Writer* out) { out->Put(change.end); }
void Decode(Reader* in, ProducerIdBlock* change) { in->Get(&change->end); }

void PutKey(const Log::OffsetKey& key, Writer* out) {
  out->Put(key.group);
  out->Put(key.topic);
  out->Put(key.partition);
}
void GetKey(Reader* in, Log::OffsetKey* key) {
  in->Get(&key->group);
  in->Get(&key->topic);
  in->Get(&key->partition);
}
void PutOffset(const CommittedOffset& offset, Writer* out) {
  out->Put(offset.offset);
  out->Put(offset.leader_epoch);
  out->Put(offset.metadata);
  out->Put(offset.commit_time_ms);
}
void GetOffset(Reader* in, CommittedOffset* offset) {
  in->Get(&offset->offset);
  in->Get(&offset->leader_epoch);
  in->Get(&offset->metadata);
  in->Get(&offset->commit_time_ms);
}

void Encode(const GroupOffsetsChange& change, Writer* out) {
  out->PutCount(change.offsets.size());
  for (const auto& [key, offset] : change.offsets) {
    PutKey(key, out);
    if (out->PutPresence(offset.has_value())) PutOffset(*offset, out);
  }
}
void Decode(Reader* in, GroupOffsetsChange* change) {
  for (size_t count = in->GetCount(13); count > 0; --count) {
    auto& [key, offset] = change->offsets.emplace_back();
    GetKey(in, &key);
    if (in->GetPresence()) GetOffset(in, &offset.emplace());
  }
}

void Encode(const JobEpochChange& change, Writer* out) {
  out->Put(change.job_id);
  if (!out->PutPresence(change.epoch.has_value())) return;
  out->Put(change.epoch->epoch);
  out->Put(change.epoch->metadata);
}
void Decode(Reader* in, JobEpochChange* change) {
  in->Get(&change->job_id);
  if (!in->GetPresence()) return;
  change->epoch.emplace();
  in->Get(&change->epoch->epoch);
  in->Get(&change->epoch->metadata);
}

void Encode(const MetaChange& change, Writer* out) {
  out->Put(change.key);
  if (out->PutPresence(change.value.has_value())) out->Put(*change.value);
}
void Decode(Reader* in, MetaChange* change) {
  in->Get(&change->key);
  if (in->GetPresence()) in->Get(&change->value.emplace());
}

void Encode(const LogStartChange& change, Writer* out) {
  out->Put(change.partition);
  out->Put(change.log_start);
}
void Decode(Reader* in, LogStartChange* change) {
  in->Get(&change->partition);
  in->Get(&change->log_start);
}

void Encode(const PinChange& change, Writer* out) {
  out->Put(change.holder);
  out->Put(change.partition);
  if (out->PutPresence(change.from.has_value())) out->Put(*change.from);
}
void Decode(Reader* in, PinChange* change) {
  in->Get(&change->holder);
  in->Get(&change->partition);
  if (in->GetPresence()) in->Get(&change->from.emplace());
}

// Without the generation, which kPartitionCompaction tells.
void EncodeSegment(const SegmentInfo& segment, Writer* out) {
  out->Put(segment.base_offset);
  out->Put(segment.next_offset);
  out->Put(segment.bytes);
  out->Put(segment.max_timestamp);
  out->Put(segment.max_timestamp_offset);
  out->Put(segment.created_ms);
}
void DecodeSegment(Reader* in, SegmentInfo* segment) {
  in->Get(&segment->base_offset);
  in->Get(&segment->next_offset);
  in->Get(&segment->bytes);
  in->Get(&segment->max_timestamp);
  in->Get(&segment->max_timestamp_offset);
  in->Get(&segment->created_ms);
}

void Encode(const TransactionChange& change, Writer* out) {
  out->Put(change.id);
  if (!out->PutPresence(change.transaction.has_value())) return;
  const Transaction& transaction = *change.transaction;
  out->Put(transaction.producer_id);
  out->Put(transaction.producer_epoch);
  out->Put(transaction.last_producer_id);
  out->Put(transaction.last_producer_epoch);
  out->Put(transaction.timeout_ms);
  out->Put(static_cast<uint8_t>(transaction.state));
  out->Put(transaction.started_ms);
  out->Put(transaction.updated_ms);
  out->PutCount(transaction.partitions.size());
  for (const TopicPartition& partition : transaction.partitions) out->Put(partition);
  out->PutCount(transaction.groups.size());
  for (const std::string& group : transaction.groups) out->Put(group);
}
void Decode(Reader* in, TransactionChange* change) {
  in->Get(&change->id);
  if (!in->GetPresence()) return;
  Transaction& transaction = change->transaction.emplace();
  transaction.id = change->id;
  in->Get(&transaction.producer_id);
  in->Get(&transaction.producer_epoch);
  in->Get(&transaction.last_producer_id);
  in->Get(&transaction.last_producer_epoch);
  in->Get(&transaction.timeout_ms);
  transaction.state = static_cast<TransactionState>(in->Get<uint8_t>());
  in->Get(&transaction.started_ms);
  in->Get(&transaction.updated_ms);
  for (size_t count = in->GetCount(20); count > 0; --count) {
    TopicPartition partition;
    in->Get(&partition);
    transaction.partitions.insert(partition);
  }
  for (size_t count = in->GetCount(4); count > 0; --count) {
    std::string group;
    in->Get(&group);
    transaction.groups.insert(std::move(group));
  }
}

void Encode(const PendingOffsetsChange& change, Writer* out) {
  out->Put(change.transactional_id);
  out->PutCount(change.offsets.size());
  for (const auto& [key, offset] : change.offsets) {
    PutKey(key, out);
    PutOffset(offset, out);
  }
}
void Decode(Reader* in, PendingOffsetsChange* change) {
  in->Get(&change->transactional_id);
  for (size_t count = in->GetCount(36); count > 0; --count) {
    auto& [key, offset] = change->offsets.emplace_back();
    GetKey(in, &key);
    GetOffset(in, &offset);
  }
}

void Encode(const PartitionTransactionsState& state, Writer* out) {
  out->Put(state.partition);
  out->Put(state.end);
  out->PutCount(state.open.size());
  for (const OpenTransaction& open : state.open) {
    out->Put(open.producer_id);
    out->Put(open.first_offset);
  }
  out->PutCount(state.aborted.size());
  for (const AbortedTransaction& aborted : state.aborted) {
    out->Put(aborted.producer_id);
    out->Put(aborted.first_offset);
    out->Put(aborted.last_offset);
    out->Put(aborted.last_stable_offset);
  }
}
void Decode(Reader* in, PartitionTransactionsState* state) {
  in->Get(&state->partition);
  in->Get(&state->end);
  for (size_t count = in->GetCount(16); count > 0; --count) {
    OpenTransaction& open = state->open.emplace_back();
    in->Get(&open.producer_id);
    in->Get(&open.first_offset);
  }
  for (size_t count = in->GetCount(32); count > 0; --count) {
    AbortedTransaction& aborted = state->aborted.emplace_back();
    in->Get(&aborted.producer_id);
    in->Get(&aborted.first_offset);
    in->Get(&aborted.last_offset);
    in->Get(&aborted.last_stable_offset);
  }
}

void Encode(const PartitionState& change, Writer* out) {
  out->Put(change.partition);
  out->Put(change.log_start);
  out->Put(change.flushed);
  out->PutCount(change.segments.size());
  for (const SegmentInfo& segment : change.segments) EncodeSegment(segment, out);
  out->PutCount(change.producers.size());
  for (const ProducerSnapshot& producer : change.producers) {
    out->Put(producer.id);
    out->Put(producer.epoch);
    out->Put(producer.last_seen_ms);
    out->PutCount(producer.batches.size());
    for (const ProducerBatch& batch : producer.batches) {
      out->Put(batch.first_sequence);
      out->Put(batch.last_sequence);
      out->Put(batch.base_offset);
      out->Put(batch.last_offset);
      out->Put(batch.timestamp_ms);
    }
  }
}
void Decode(Reader* in, PartitionState* change) {
  in->Get(&change->partition);
  in->Get(&change->log_start);
  in->Get(&change->flushed);
  for (size_t count = in->GetCount(48); count > 0; --count) {
    DecodeSegment(in, &change->segments.emplace_back());
  }
  for (size_t count = in->GetCount(22); count > 0; --count) {
    ProducerSnapshot& producer = change->producers.emplace_back();
    in->Get(&producer.id);
    in->Get(&producer.epoch);
    in->Get(&producer.last_seen_ms);
    for (size_t batches = in->GetCount(32); batches > 0; --batches) {
      ProducerBatch& batch = producer.batches.emplace_back();
      in->Get(&batch.first_sequence);
      in->Get(&batch.last_sequence);
      in->Get(&batch.base_offset);
      in->Get(&batch.last_offset);
      in->Get(&batch.timestamp_ms);
    }
  }
}

void Encode(const CompactionChange& change, Writer* out) {
  out->Put(change.partition);
  out->Put(change.generation);
  out->Put(change.begin);
  out->Put(change.end);
  EncodeSegment(change.segment, out);
  out->Put(change.cleaned_to);
  out->Put(change.delete_horizon_ms);
}
void Decode(Reader* in, CompactionChange* change) {
  in->Get(&change->partition);
  in->Get(&change->generation);
  in->Get(&change->begin);
  in->Get(&change->end);
  DecodeSegment(in, &change->segment);
  change->segment.generation = change->generation;
  in->Get(&change->cleaned_to);
  in->Get(&change->delete_horizon_ms);
}

void Encode(const PartitionCompactionState& change, Writer* out) {
  out->Put(change.partition);
  out->Put(change.generation);
  out->Put(change.cleaned_to);
  out->Put(change.delete_horizon_ms);
  out->PutCount(change.segments.size());
  for (const auto& [base_offset, generation] : change.segments) {
    out->Put(base_offset);
    out->Put(generation);
  }
}
void Decode(Reader* in, PartitionCompactionState* change) {
  in->Get(&change->partition);
  in->Get(&change->generation);
  in->Get(&change->cleaned_to);
  in->Get(&change->delete_horizon_ms);
  for (size_t count = in->GetCount(16); count > 0; --count) {
    auto& [base_offset, generation] = change->segments.emplace_back();
    in->Get(&base_offset);
    in->Get(&generation);
  }
}

template <typename T>
Result<Change> DecodeAs(std::span<const std::byte> payload) {
  Reader reader(payload);
  T change;
  Decode(&reader, &change);
  if (!reader.complete()) {
    return MakeError(ErrorCode::kCorruptStorage, "a metadata entry has a wrong length");
  }
  return Change(std::move(change));
}

}  // namespace

EntryType TypeOf(const Change& change) {
  constexpr std::array kTypes = {EntryType::kTopic,       EntryType::kTopicDeleted,
                                 EntryType::kProducerIds, EntryType::kGroupOffsets,
                                 EntryType::kJobEpoch,    EntryType::kMeta,
                                 EntryType::kLogStart,    EntryType::kPin,
                                 EntryType::kTransaction, EntryType::kPendingOffsets,
                                 EntryType::kPartition,   EntryType::kPartitionTransactions,
                                 EntryType::kCompaction,  EntryType::kPartitionCompaction};
  static_assert(kTypes.size() == std::variant_size_v<Change>);
  return kTypes[change.index()];
}

void EncodeChange(const Change& change, std::string* out) {
  Writer writer(out);
  std::visit([&writer](const auto& alternative) { Encode(alternative, &writer); }, change);
}

Result<Change> DecodeChange(EntryType type, std::span<const std::byte> payload) {
  switch (type) {
    case EntryType::kTopic: return DecodeAs<TopicChange>(payload);
    case EntryType::kTopicDeleted: return DecodeAs<TopicDeletion>(payload);
    case EntryType::kProducerIds: return DecodeAs<ProducerIdBlock>(payload);
    case EntryType::kGroupOffsets: return DecodeAs<GroupOffsetsChange>(payload);
    case EntryType::kJobEpoch: return DecodeAs<JobEpochChange>(payload);
    case EntryType::kMeta: return DecodeAs<MetaChange>(payload);
    case EntryType::kLogStart: return DecodeAs<LogStartChange>(payload);
    case EntryType::kPin: return DecodeAs<PinChange>(payload);
    case EntryType::kTransaction: return DecodeAs<TransactionChange>(payload);
    case EntryType::kPendingOffsets: return DecodeAs<PendingOffsetsChange>(payload);
    case EntryType::kPartition: return DecodeAs<PartitionState>(payload);
    case EntryType::kPartitionTransactions: return DecodeAs<PartitionTransactionsState>(payload);
    case EntryType::kCompaction: return DecodeAs<CompactionChange>(payload);
    case EntryType::kPartitionCompaction: return DecodeAs<PartitionCompactionState>(payload);
    case EntryType::kAppend: break;
  }
  return MakeError(ErrorCode::kCorruptStorage,
                   fmt::format("unknown metadata entry type {}", static_cast<int>(type)));
}

}  // namespace mainstem::storage
