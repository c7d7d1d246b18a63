// The entrance of a subtask: takes elements from all its channels, one at a time and in turn, and
// merges the control elements: the watermark is the minimum over channels that are not idle, a
// barrier comes out when it has come in on every channel (channels that have it wait: aligned), the
// end when all have ended; before it, the end of each input but the last.
// Subtasks that are fed by the same others (behind an exchange by key) become idle, and come back,
// together but for the time that it takes. Of their channels none counts as idle before all are:
// one that is slower to come back would lose the windows that the first one's watermark closes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "core/sync.h"
#include "process/operator/channel.h"
#include "process/operator/element.h"

namespace mainstem::process {

// Where a subtask takes its elements from: a gate, or a source's feed.
class ElementInput {
 public:
  struct Item {
    int input = 0;  // which input of the operator; only batches have a meaning for it
    Element element;
  };
  virtual ~ElementInput() = default;
  virtual Task<Item> Next() = 0;
  // Next gives the time among its elements; one that it has not given yet is enough.
  virtual void Tick(int64_t now_ms) = 0;
};

// Owned by its subtask, used on its shard only.
class InputGate final : public ElementInput {
 public:
  // inputs[i]: the channels of input i. idle_together[i]: they come from subtasks that are fed by
  // the same others; absent: they don't.
  InputGate(Executor executor, std::vector<std::vector<std::shared_ptr<Channel>>> inputs,
            std::vector<bool> idle_together = {});
  ~InputGate() override;
  InputGate(const InputGate&) = delete;

  Task<Item> Next() override;
  void Tick(int64_t now_ms) override;
  void NotifyReadable() { readable_.NotifyAll(); }

 private:
  struct Port {
    int input = 0;
    std::shared_ptr<Channel> channel;
    int64_t watermark = kNoWatermark;
    bool idle = false;
    bool ended = false;
    bool has_barrier = false;

    // No row comes any more: it may have sent the end of time and not yet its end.
    bool is_over() const { return ended || watermark == kEndOfTime; }
  };
  // Whether the port does not hold the watermark.
  bool IsIdle(const Port& port) const;
  // Takes one element of a port into pending_, where it becomes 0, 1 or 2 items.
  void Accept(Port* port, Element element);
  // The last channel has fallen idle: what the highest one of its input had seen goes out, or the
  // order in which they fell idle would decide which windows close.
  void FlushIdle(const Port& last);
  void MergeWatermarks();
  void MergeBarriers();

  std::vector<Port> ports_;
  std::vector<bool> idle_together_;  // of each input
  size_t cursor_ = 0;
  Event readable_;
  std::deque<Item> pending_;
  std::optional<int64_t> tick_ms_;
  int64_t watermark_ = kNoWatermark;
  int64_t barrier_ = 0;
  bool all_idle_ = false;
};

}  // namespace mainstem::process
