#include "process/operator/key_timers.h"

namespace mainstem::process {
namespace {

constexpr char kTimersVersion = 1;

StateTable::Options TimerOptions(const OperatorContext* context, int table_index) {
  StateTable::Options table = context->TableOptions(table_index, "timers");
  table.indexed_by_namespace = true;
  return table;
}

}  // namespace

void KeyTimers::NoValueCodec::Serialize(const std::byte*, std::string* out) const {
  out->push_back(kTimersVersion);
}

Status KeyTimers::NoValueCodec::Deserialize(std::string_view bytes, std::byte*) const {
  if (bytes.size() == 1 && bytes[0] == kTimersVersion) return Status::OK();
  return MakeError(ErrorCode::kCorruptStorage, "a stored timer is damaged");
}

KeyTimers::KeyTimers(const OperatorContext* context, int table_index)
    : table_(TimerOptions(context, table_index), &codec_, context->backend,
             &context->env->blocking_pool()) {}

Task<> KeyTimers::Set(const std::vector<StateEntry*>& entries,
                      const std::vector<int64_t>& times_ms) {
  const EncodedRows keys = KeysOf(entries);
  std::vector<StateEntry*> timers;
  CO_RETURN_IF_ERROR(co_await table_.Resolve(keys, times_ms, &timers));
  for (StateEntry* timer : timers) {
    if (timer->is_new) table_.MarkDirty(timer);
  }
  table_.Evict();
  co_return Status::OK();
}

Task<> KeyTimers::TakeDue(int64_t watermark_ms, int64_t* time_ms, EncodedRows* keys) {
  *keys = EncodedRows();
  std::vector<StateEntry*> timers;
  // A namespace whose entries were all deleted may still be listed: it goes when it is looked at.
  while (timers.empty() && table_.HasNamespaceUpTo(watermark_ms)) {
    *time_ms = table_.NamespacesUpTo(watermark_ms, 1)[0];
    CO_RETURN_IF_ERROR(co_await table_.ResolveNamespace(*time_ms, &timers));
  }
  *keys = KeysOf(timers);
  for (StateEntry* timer : timers) table_.Delete(timer);
  co_return Status::OK();
}

}  // namespace mainstem::process
