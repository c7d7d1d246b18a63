#include "process/operator/channel.h"

#include "process/operator/input_gate.h"

namespace mainstem::process {

Channel::Channel(Executor sender, Executor receiver)
    : sender_(sender), receiver_(receiver), credit_returned_(sender) {}

Task<> Channel::Send(Element element) {
  if (credits_ == 0) {
    TimePoint began = sender_.scheduler()->Now();
    while (credits_ == 0) CO_RETURN_IF_ERROR(co_await credit_returned_.Wait());
    blocked_ += sender_.scheduler()->Now() - began;
  }
  --credits_;
  if (sender_.scheduler() == receiver_.scheduler()) {
    Deliver(std::move(element));
  } else {
    receiver_.scheduler()->Post(
        UniqueFunction([self = shared_from_this(), element = std::move(element)]() mutable {
          self->Deliver(std::move(element));
        }));
  }
  co_return Status::OK();
}

void Channel::Deliver(Element element) {
  if (!gate_) return;
  queue_.push_back(std::move(element));
  gate_->NotifyReadable();
}

Element Channel::Pop() {
  Element element = std::move(queue_.front());
  queue_.pop_front();
  if (sender_.scheduler() == receiver_.scheduler()) {
    ReturnCredit();
  } else {
    sender_.scheduler()->Post(
        UniqueFunction([self = shared_from_this()]() mutable { self->ReturnCredit(); }));
  }
  return element;
}

void Channel::ReturnCredit() {
  ++credits_;
  credit_returned_.NotifyAll();
}

}  // namespace mainstem::process
