// The exits of a subtask: to one channel, to the subtask that owns the row's key group, or to all
// in turn. Control elements go to every channel.
#pragma once

#include <memory>
#include <vector>

#include "process/operator/channel.h"
#include "process/operator/operator.h"
#include "process/state/row_codec.h"

namespace mainstem::process {

enum class ExchangeKind : uint8_t {
  kForward,  // subtask i to subtask i
  kHash,     // by key
  kGather,   // all to subtask 0
};

// All rows to one channel.
class ForwardOutput final : public Output {
 public:
  explicit ForwardOutput(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
  Task<> Emit(Element element) override { return channel_->Send(std::move(element)); }

 private:
  std::shared_ptr<Channel> channel_;
};

// Rows by the hash of their key columns; channels[i] leads to subtask i. Order within a key is
// kept.
class HashOutput final : public Output {
 public:
  HashOutput(std::vector<std::shared_ptr<Channel>> channels, std::vector<int> key_columns,
             RowCodec codec);
  Task<> Emit(Element element) override;

 private:
  std::vector<std::shared_ptr<Channel>> channels_;
  std::vector<int> key_columns_;
  RowCodec codec_;
  EncodedRows keys_;
};

// The same elements to several outputs (a shared source).
class BroadcastOutput final : public Output {
 public:
  explicit BroadcastOutput(std::vector<std::unique_ptr<Output>> outputs)
      : outputs_(std::move(outputs)) {}
  Task<> Emit(Element element) override;

 private:
  std::vector<std::unique_ptr<Output>> outputs_;
};

// The rows `indexes` of a batch.
Result<ChangelogBatch> TakeFromBatch(const ChangelogBatch& batch,
                                     const std::vector<int32_t>& indexes);

}  // namespace mainstem::process
