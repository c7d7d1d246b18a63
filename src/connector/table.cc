#include "connector/table.h"

namespace mainstem::connector {
namespace {

Status NoWriter(const char* what) {
  return MakeError(ErrorCode::kInternal, std::string("this sink has no ") + what);
}

}  // namespace

Result<std::unique_ptr<TableLookup>> TableSource::MakeLookup(std::vector<int>, std::vector<int>) {
  return MakeError(ErrorCode::kInternal, "this source finds no rows by key");
}

Task<> DeliveryWriter::KeepRefused(std::vector<RejectedRecord> refused) {
  if (refused.empty()) co_return Status::OK();
  if (reject_handler_ == nullptr) co_return refused[0].cause;
  co_return co_await reject_handler_->OnRejected(std::move(refused));
}

Result<std::unique_ptr<InlineWriter>> TableSink::MakeInlineWriter(int) {
  return NoWriter("inline writer");
}

Task<std::unique_ptr<LogWriter>> TableSink::MakeLogWriter() { co_return NoWriter("log writer"); }

Result<std::unique_ptr<DeliveryWriter>> TableSink::MakeDeliveryWriter(std::string, PartitionId) {
  return NoWriter("delivery writer");
}

}  // namespace mainstem::connector
