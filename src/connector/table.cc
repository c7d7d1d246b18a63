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

Result<std::unique_ptr<InlineWriter>> TableSink::MakeInlineWriter(int) {
  return NoWriter("inline writer");
}

Task<std::unique_ptr<LogWriter>> TableSink::MakeLogWriter() { co_return NoWriter("log writer"); }

Result<std::unique_ptr<DeliveryWriter>> TableSink::MakeDeliveryWriter(std::string, PartitionId) {
  return NoWriter("delivery writer");
}

}  // namespace mainstem::connector
