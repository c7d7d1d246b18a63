// Event-time temporal joins: each left row meets the version of its key that was valid at the row's
// time. Left rows wait for the watermark of both sides. Versions begin at their own event time
// (inclusive) and end where the next one of the key begins; a deletion begins a time without one.
// State tables: the waiting left rows; (key) -> its versions, of which those are dropped that ended
// before the watermark.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "process/operator/event_time_buffer.h"
#include "process/operator/join_pairs.h"

namespace mainstem::process {

struct RowVersion {
  int64_t time_ms = 0;
  bool is_deleted = false;
  std::string row;  // encoded; of a deletion: empty
};

// The versions of one key, by time ascending. Stored form, version 1:
//   u8 version | (i64 time | u8 is deleted | u32 length, row)*
class RowVersionsCodec final : public ValueCodec {
 public:
  using Versions = std::vector<RowVersion>;
  static Versions& Of(StateEntry* entry) { return *reinterpret_cast<Versions*>(entry->value()); }
  size_t value_bytes() const override { return sizeof(Versions); }
  void Init(std::byte* value) const override { new (value) Versions(); }
  void Destroy(std::byte* value) const override { reinterpret_cast<Versions*>(value)->~vector(); }
  void Serialize(const std::byte* value, std::string* out) const override;
  Status Deserialize(std::string_view bytes, std::byte* value) const override;
  size_t HeapBytes(const std::byte* value) const override;
};

class TemporalJoinOperator final : public Operator {
 public:
  explicit TemporalJoinOperator(const plan::JoinNode& node) : node_(node) {}
  std::string name() const override { return "TemporalJoin"; }
  Task<> Open(const OperatorContext* context) override;
  Task<> OnBatch(int input, ChangelogBatch batch, Output* out) override;
  int64_t restored_watermark() const override { return watermark_ms_; }
  Task<> OnWatermark(int64_t watermark_ms, Output* out) override;
  Result<OperatorSnapshot> Snapshot() override;

 private:
  Task<> AddVersions(const ChangelogBatch& batch);
  // Drops what ended before the watermark.
  void Forget(RowVersionsCodec::Versions* versions) const;
  Task<> Join(const ColumnVector& left, const std::vector<int64_t>& times, Output* out);
  void UpdateMetrics();

  plan::JoinNode node_;
  const OperatorContext* context_ = nullptr;
  EvalContext eval_;
  std::unique_ptr<RowCodec> key_codec_;
  std::unique_ptr<RowCodec> right_codec_;
  JoinPairs pairs_;
  RowVersionsCodec versions_codec_;
  std::unique_ptr<EventTimeBuffer> waiting_;
  std::unique_ptr<StateTable> versions_;
  int64_t watermark_ms_ = kNoWatermark;
};

}  // namespace mainstem::process
