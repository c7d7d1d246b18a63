#include "process/operator/input_gate.h"

#include <algorithm>

namespace mainstem::process {

InputGate::InputGate(Executor executor, std::vector<std::vector<std::shared_ptr<Channel>>> inputs,
                     std::vector<bool> idle_together)
    : idle_together_(std::move(idle_together)), readable_(executor) {
  idle_together_.resize(inputs.size());
  for (size_t input = 0; input < inputs.size(); ++input) {
    for (auto& channel : inputs[input]) {
      channel->SetGate(this);
      ports_.push_back({.input = static_cast<int>(input), .channel = std::move(channel)});
    }
  }
}

InputGate::~InputGate() {
  for (Port& port : ports_) port.channel->SetGate(nullptr);
}

Task<InputGate::Item> InputGate::Next() {
  for (;;) {
    if (!pending_.empty()) {
      Item item = std::move(pending_.front());
      pending_.pop_front();
      co_return item;
    }
    if (tick_ms_) {
      Item item{0, Element::Time(*std::exchange(tick_ms_, std::nullopt))};
      co_return item;
    }
    bool took = false;
    for (size_t i = 0; i < ports_.size() && !took; ++i) {
      Port& port = ports_[cursor_];
      cursor_ = (cursor_ + 1) % ports_.size();
      if (port.has_barrier || port.ended || port.channel->empty()) continue;
      Accept(&port, port.channel->Pop());
      took = true;
    }
    if (!took) CO_RETURN_IF_ERROR(co_await readable_.Wait());
  }
}

void InputGate::Tick(int64_t now_ms) {
  tick_ms_ = now_ms;
  readable_.NotifyAll();
}

void InputGate::Accept(Port* port, Element element) {
  switch (element.kind) {
    case Element::Kind::kBatch:
      if (std::exchange(port->idle, false)) MergeWatermarks();
      pending_.push_back({port->input, std::move(element)});
      return;
    case Element::Kind::kWatermark:
      port->idle = false;
      port->watermark = std::max(port->watermark, element.value);
      MergeWatermarks();
      return;
    case Element::Kind::kIdle:
      port->idle = true;
      FlushIdle(*port);
      MergeWatermarks();
      return;
    case Element::Kind::kBarrier:
      CHECK(barrier_ == 0 || barrier_ == element.value);
      barrier_ = element.value;
      port->has_barrier = true;
      MergeBarriers();
      return;
    case Element::Kind::kTime: return;      // never leaves a chain
    case Element::Kind::kInputEnd: return;  // nor does this
    case Element::Kind::kEnd:
      port->ended = true;
      MergeBarriers();
      MergeWatermarks();
      if (std::all_of(ports_.begin(), ports_.end(), [](const Port& p) { return p.ended; })) {
        pending_.push_back({0, Element::End()});
      } else if (std::all_of(ports_.begin(), ports_.end(),
                             [&](const Port& p) { return p.ended || p.input != port->input; })) {
        pending_.push_back({port->input, Element::InputEnd(port->input)});
      }
      return;
  }
}

void InputGate::FlushIdle(const Port& last) {
  if (last.watermark != watermark_) return;  // it held nobody back
  int64_t highest = last.watermark;
  for (const Port& port : ports_) {
    if (port.is_over()) continue;
    if (!port.idle) return;
    if (port.input == last.input) highest = std::max(highest, port.watermark);
  }
  if (highest == watermark_) return;
  watermark_ = highest;
  pending_.push_back({0, Element::Watermark(highest)});
}

bool InputGate::IsIdle(const Port& port) const {
  if (!port.idle || !idle_together_[static_cast<size_t>(port.input)]) return port.idle;
  return std::all_of(ports_.begin(), ports_.end(), [&](const Port& other) {
    return other.input != port.input || other.idle || other.is_over();
  });
}

void InputGate::MergeWatermarks() {
  int64_t lowest = kEndOfTime;
  bool any_live = false;
  for (const Port& port : ports_) {
    if (port.is_over() || IsIdle(port)) continue;
    any_live = true;
    lowest = std::min(lowest, port.watermark);
  }
  if (!any_live) {
    // All that is left is idle: so are we. Ports that are over have sent the end of time, which may
    // go out only when no idle one can come back.
    bool all_over =
        std::all_of(ports_.begin(), ports_.end(), [](const Port& p) { return p.is_over(); });
    if (!all_over) {
      if (!all_idle_) pending_.push_back({0, Element::Idle()});
      all_idle_ = true;
      return;
    }
    if (std::all_of(ports_.begin(), ports_.end(), [](const Port& p) { return p.ended; })) {
      for (const Port& port : ports_) lowest = std::min(lowest, port.watermark);
    }
  }
  const bool is_back = std::exchange(all_idle_, false);
  if (lowest > watermark_) {
    watermark_ = lowest;
  } else if (!is_back || watermark_ == kNoWatermark) {
    return;
  }
  pending_.push_back({0, Element::Watermark(watermark_)});
}

void InputGate::MergeBarriers() {
  if (barrier_ == 0) return;
  for (const Port& port : ports_) {
    if (!port.ended && !port.has_barrier) return;
  }
  for (Port& port : ports_) port.has_barrier = false;
  pending_.push_back({0, Element::Barrier(barrier_)});
  barrier_ = 0;
}

}  // namespace mainstem::process
