#include "simulation/ledger.h"

#include <fmt/format.h>

namespace mainstem::simulation {
namespace {

std::string Shown(const std::optional<std::string>& value) {
  return value ? value->substr(0, 24) : "null";
}

}  // namespace

std::string NameOf(const PartitionKey& key) { return fmt::format("{}/{}", key.first, key.second); }

void Ledger::Violated(const std::string& what) {
  if (!violation_.empty()) return;
  double seconds = std::chrono::duration<double>(world_->Now() - SimWorld::kBegin).count();
  violation_ = fmt::format("{} (at {:.6f} s, step {})", what, seconds, world_->step_count());
}

void Ledger::Compare(const PartitionKey& key, const SeenRecord& known, const SeenRecord& now,
                     const char* what) {
  if (known == now) return;
  Violated(fmt::format("{}: offset {} was {} as {}, and is {} now", NameOf(key), known.offset, what,
                       Shown(known.value), Shown(now.value)));
}

void Ledger::Acknowledge(const PartitionKey& key, SeenRecord record) {
  Partition& partition = partitions_[key];
  Count("acknowledged");
  auto seen = partition.seen.find(record.offset);
  if (seen != partition.seen.end()) Compare(key, seen->second, record, "seen");
  auto [known, is_new] = partition.acknowledged.emplace(record.offset, record);
  if (!is_new) Compare(key, known->second, record, "acknowledged");
}

void Ledger::See(const PartitionKey& key, const SeenRecord& record) {
  Partition& partition = partitions_[key];
  Count("seen");
  auto [known, is_new] = partition.seen.emplace(record.offset, record);
  if (!is_new) return Compare(key, known->second, record, "seen");
  auto acknowledged = partition.acknowledged.find(record.offset);
  if (acknowledged != partition.acknowledged.end()) {
    Compare(key, acknowledged->second, record, "acknowledged");
  }
}

void Ledger::SeeMarks(const PartitionKey& key, const Marks& at_sending, const Marks& marks) {
  auto check = [&](const char* name, int64_t before, int64_t now) {
    if (now < before) {
      Violated(fmt::format("{}: {} went back from {} to {}", NameOf(key), name, before, now));
    }
  };
  check("the log start", at_sending.log_start, marks.log_start);
  check("the last stable offset", at_sending.last_stable, marks.last_stable);
  check("the high watermark", at_sending.high_watermark, marks.high_watermark);
  if (marks.last_stable > marks.high_watermark || marks.log_start > marks.high_watermark) {
    Violated(fmt::format("{}: log start {}, last stable offset {}, high watermark {}", NameOf(key),
                         marks.log_start, marks.last_stable, marks.high_watermark));
  }
  Marks& known = partitions_[key].marks;
  known.log_start = std::max(known.log_start, marks.log_start);
  known.last_stable = std::max(known.last_stable, marks.last_stable);
  known.high_watermark = std::max(known.high_watermark, marks.high_watermark);
}

void Ledger::AcknowledgeLogStart(const PartitionKey& key, int64_t offset) {
  Marks& marks = partitions_[key].marks;
  marks.log_start = std::max(marks.log_start, offset);
  marks.high_watermark = std::max(marks.high_watermark, offset);  // it never lies before that
}

Ledger::Marks Ledger::MarksOf(const PartitionKey& key) const {
  auto found = partitions_.find(key);
  return found == partitions_.end() ? Marks{} : found->second.marks;
}

void Ledger::CheckAll(const PartitionKey& key, const std::vector<SeenRecord>& records,
                      int64_t log_start, bool is_compacted) {
  std::map<int64_t, const SeenRecord*> there;
  for (const SeenRecord& record : records) there[record.offset] = &record;
  Partition& partition = partitions_[key];
  auto check = [&](const std::map<int64_t, SeenRecord>& known, const char* what) {
    for (const auto& [offset, record] : known) {
      if (offset < log_start) continue;
      auto found = there.find(offset);
      if (found != there.end()) {
        Compare(key, record, *found->second, what);
      } else if (!is_compacted) {
        Violated(fmt::format("{}: offset {} ({}) was {} and is lost", NameOf(key), offset,
                             Shown(record.value), what));
      }
    }
  };
  check(partition.acknowledged, "acknowledged");
  check(partition.seen, "seen");
}

void Ledger::AcknowledgeCommit(const std::string& group, const PartitionKey& key, int64_t offset) {
  Count("commits");
  auto [known, is_new] = committed_.try_emplace({group, key}, offset);
  known->second = std::max(known->second, offset);
}

void Ledger::SeeCommitted(const std::string& group, const PartitionKey& key, int64_t at_sending,
                          int64_t offset) {
  if (offset < at_sending) {
    Violated(fmt::format("group {}: the offset of {} went back from {} to {}", group, NameOf(key),
                         at_sending, offset));
  }
  auto [known, is_new] = committed_.try_emplace({group, key}, offset);
  known->second = std::max(known->second, offset);
}

void Ledger::TakePartition(const std::string& group, int32_t generation, const PartitionKey& key,
                           const std::string& member) {
  auto [owner, is_new] = owners_.try_emplace({group, generation, key}, member);
  if (is_new || owner->second == member || may_forget_generations()) return;
  Violated(fmt::format("group {}: {} belongs to {} and to {} in generation {}", group, NameOf(key),
                       owner->second, member, generation));
}

int64_t Ledger::CommittedOf(const std::string& group, const PartitionKey& key) const {
  auto found = committed_.find({group, key});
  return found == committed_.end() ? -1 : found->second;
}

}  // namespace mainstem::simulation
