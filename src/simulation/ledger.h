// What the clients of a simulated run know, and the rules that must hold whatever fails. It lives
// outside every process, so crashes don't touch it. Each rule is checked as soon as there is
// something to check it against; what breaks it first is kept, with its virtual time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/sim/sim_world.h"

namespace mainstem::simulation {

// A partition of a topic that is never made anew under its name.
using PartitionKey = std::pair<std::string, int32_t>;

std::string NameOf(const PartitionKey& key);

struct SeenRecord {
  int64_t offset = 0;
  std::string key;
  std::optional<std::string> value;
  bool operator==(const SeenRecord&) const = default;
};

class Ledger {
 public:
  // `world` outlives it.
  explicit Ledger(SimWorld* world) : world_(world) {}

  void Violated(const std::string& what);
  const std::string& violation() const { return violation_; }

  // ---- records
  // Acknowledged with acks=all: it must be there for ever, at this offset.
  void Acknowledge(const PartitionKey& key, SeenRecord record);
  // A reader got it: it was durable, so it must be there for ever, too. With `may_lack` (compacted
  // topics) records may be missing, but never differ.
  void See(const PartitionKey& key, const SeenRecord& record);
  // Of a fetch answer. None of them ever goes back: they are no less than what was known when the
  // request was sent. (Answers over several connections may overtake each other.)
  struct Marks {
    int64_t log_start = 0;
    int64_t last_stable = 0;
    int64_t high_watermark = 0;
  };
  void SeeMarks(const PartitionKey& key, const Marks& at_sending, const Marks& marks);
  // Acknowledged: what lies before is deleted for ever.
  void AcknowledgeLogStart(const PartitionKey& key, int64_t offset);
  Marks MarksOf(const PartitionKey& key) const;
  // Everything that is there at the end, from the log start: what was acknowledged and seen must be
  // among it.
  void CheckAll(const PartitionKey& key, const std::vector<SeenRecord>& records, int64_t log_start,
                bool is_compacted);
  const std::map<int64_t, SeenRecord>& acknowledged(const PartitionKey& key) {
    return partitions_[key].acknowledged;
  }

  // ---- offsets of groups
  void AcknowledgeCommit(const std::string& group, const PartitionKey& key, int64_t offset);
  // What an answer said; `at_sending` is what CommittedOf gave when the request was sent.
  void SeeCommitted(const std::string& group, const PartitionKey& key, int64_t at_sending,
                    int64_t offset);
  // The greatest that was acknowledged or seen; -1: none.
  int64_t CommittedOf(const std::string& group, const PartitionKey& key) const;

  // Where the disk fails or is full, the node hands out assignments that it could not keep, rather
  // than none: then a generation may come twice.
  bool may_forget_generations() const {
    return counts_.contains("disk errors") || counts_.contains("full disks");
  }
  // A member of a group was given a partition in a generation: nobody else is.
  void TakePartition(const std::string& group, int32_t generation, const PartitionKey& key,
                     const std::string& member);

  // How often something happened, so that a run shows that it tested something.
  void Count(const std::string& what, int64_t by = 1) { counts_[what] += by; }
  const std::map<std::string, int64_t>& counts() const { return counts_; }

 private:
  struct Partition {
    std::map<int64_t, SeenRecord> acknowledged;
    std::map<int64_t, SeenRecord> seen;
    Marks marks;
  };
  void Compare(const PartitionKey& key, const SeenRecord& known, const SeenRecord& now,
               const char* what);

  SimWorld* const world_;
  std::string violation_;
  std::map<PartitionKey, Partition> partitions_;
  std::map<std::pair<std::string, PartitionKey>, int64_t> committed_;
  std::map<std::tuple<std::string, int32_t, PartitionKey>, std::string> owners_;
  std::map<std::string, int64_t> counts_;
};

}  // namespace mainstem::simulation
