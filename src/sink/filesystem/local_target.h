// Files of the local disk: hidden names, renamed at the commit (file_commit.h). Private to
// filesystem.
#pragma once

#include "sink/filesystem/file_commit.h"
#include "sink/filesystem/file_target.h"

namespace mainstem::sink {

class LocalTarget final : public FileTarget {
 public:
  LocalTarget(Env* env, std::string root, std::string delivery_id, PartitionId partition,
              std::string success_file);
  Task<std::optional<Offset>> Recover() override { return committer_.Recover(); }
  Task<std::unique_ptr<PendingFile>> Start(NewFile file) override;
  Task<> Commit(Offset position) override;
  Task<> Replace(Offset position, std::vector<std::string> folders) override;

 private:
  class LocalFile;
  Env* env_;
  std::string root_;
  FileCommitter committer_;
  std::vector<FinishedFile> finished_;  // complete and synced, not yet committed
  int64_t next_file_ = 0;
};

}  // namespace mainstem::sink
