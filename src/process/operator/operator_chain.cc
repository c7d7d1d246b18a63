#include "process/operator/operator_chain.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/operator/work_slice.h"

namespace mainstem::process {

void OperatorChain::Add(std::unique_ptr<Operator> op, const OperatorContext* context) {
  auto link = std::make_unique<Link>();
  link->op = std::move(op);
  link->context = context;
  link->chain = this;
  link->index = links_.size();
  links_.push_back(std::move(link));
}

bool OperatorChain::wants_time() const {
  return std::any_of(links_.begin(), links_.end(),
                     [](const auto& link) { return link->op->wants_time(); });
}

Task<> OperatorChain::Open() {
  for (auto& link : links_) {
    CO_RETURN_IF_ERROR(co_await link->op->Open(link->context));
    link->watermark_ms = link->op->restored_watermark();
  }
  co_return Status::OK();
}

Task<> OperatorChain::Push(int input, Element element) {
  return PushTo(0, input, std::move(element));
}

Task<> OperatorChain::Link::Emit(Element element) {
  if (element.kind == Element::Kind::kBatch) {
    if (element.batch.rows->num_rows() == 0) co_return Status::OK();
    context->metrics->rows_out += element.batch.rows->num_rows();
  }
  CO_RETURN_IF_ERROR(co_await chain->PushTo(index + 1, 0, std::move(element)));
  // One element may make an operator send any number of batches.
  if (IsSliceOver(*context)) co_return co_await context->slice->Rest();
  co_return Status::OK();
}

Task<> OperatorChain::PushTo(size_t index, int input, Element element) {
  if (index == links_.size()) {
    if (element.kind == Element::Kind::kTime) co_return Status::OK();
    co_return co_await final_output_->Emit(std::move(element));
  }
  Link* link = links_[index].get();
  switch (element.kind) {
    case Element::Kind::kBatch:
      link->context->metrics->rows_in += element.batch.rows->num_rows();
      co_return co_await link->op->OnBatch(input, std::move(element.batch), link);
    case Element::Kind::kWatermark:
      element.value = link->watermark_ms = std::max(link->watermark_ms, element.value);
      link->context->metrics->watermark_ms = element.value;
      CO_RETURN_IF_ERROR(co_await link->op->OnWatermark(element.value, link));
      element.value = link->op->HeldBack(element.value);
      break;
    case Element::Kind::kTime:
      CO_RETURN_IF_ERROR(co_await link->op->OnTime(element.value, link));
      break;
    case Element::Kind::kInputEnd:
      link->op->OnInputEnd(static_cast<int>(element.value));
      co_return Status::OK();
    case Element::Kind::kEnd: CO_RETURN_IF_ERROR(co_await link->op->Finish(link)); break;
    case Element::Kind::kIdle:
    case Element::Kind::kBarrier: break;
  }
  co_return co_await PushTo(index + 1, 0, std::move(element));
}

Result<ChainSnapshot> OperatorChain::Snapshot() {
  ChainSnapshot out;
  for (auto& link : links_) {
    ASSIGN_OR_RETURN(OperatorSnapshot part, link->op->Snapshot());
    out.tables.insert(out.tables.end(), part.tables.begin(), part.tables.end());
    std::move(part.appends.begin(), part.appends.end(), std::back_inserter(out.appends));
    if (!part.blob.empty())
      out.blobs.emplace_back(link->context->operator_id, std::move(part.blob));
  }
  return out;
}

}  // namespace mainstem::process
