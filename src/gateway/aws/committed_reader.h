// A reader of a topic of one partition whose place is committed together with what was made of the
// records it has read (Log::CommitEpoch): each record counts once, through crashes. For services
// that send on what was put: log subscriptions, targets of event rules. One task at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/aws/visit_batch.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

class CommittedReader {
 public:
  // `job`: of the commits; nobody else uses it. Borrows the log.
  CommittedReader(storage::Log* log, std::string job);

  // Goes to the place of the last commit, or to `begin` when there is none. Again after every
  // failure.
  Task<> Open(storage::TopicPartition partition, Offset begin);
  Offset next() const { return next_; }
  void GoTo(Offset next) { next_ = next; }
  // What the last commit said beside its place.
  const std::string& note() const { return note_; }
  // Read and not committed yet.
  int64_t uncommitted_bytes() const { return uncommitted_bytes_; }

  struct Piece {
    size_t bytes_max = 256 << 10;
    // False: this record and those behind it are for the next piece; not with the first one.
    std::function<Result<bool>(const storage::RecordView& record)> take;
    // Of a batch that can't be decoded, with its offset; may be empty.
    std::function<void(Offset offset, const Status& broken)> skip{};
    // Of so many offsets that retention took before they were read; may be empty.
    std::function<void(int64_t count)> lost{};
  };
  // Reads on. False at the end of the topic.
  Task<bool> Read(Piece piece);
  // Nothing was taken of what the last Read has read.
  void Pass() { owes_ = false; }
  // All that was read since the last commit was passed over: the place alone is worth one, before
  // others judge what is taken.
  bool has_passed() const { return !owes_ && uncommitted_bytes_ > 0; }
  // After a Read that was false: until the topic has grown since, it is gone, or the deadline.
  Task<> Wait(TimePoint deadline);

  // What lies before `end` is done, and `appends` are there: both or nothing.
  struct Outcome {
    Offset end;
    std::vector<storage::EpochCommit::Append> appends{};
    std::string note{};
  };
  Task<> Commit(Outcome outcome);

 private:
  Status TakeBatch(const storage::SharedBytes& batch, const Piece& piece, bool* full);

  storage::Log* const log_;
  const std::string job_;
  storage::TopicPartition partition_{};
  int64_t epoch_ = 0;
  Offset next_{0};
  Offset seen_{0};  // the topic's end when there was nothing to read
  std::string note_;
  int64_t uncommitted_bytes_ = 0;
  bool owes_ = false;  // something may be taken that is not committed
};

}  // namespace mainstem::gateway::aws
