#include "sink/filesystem/local_target.h"

namespace mainstem::sink {

class LocalTarget::LocalFile final : public PendingFile {
 public:
  LocalFile(LocalTarget* target, NewFile what, std::string hidden_path, std::unique_ptr<File> file)
      : target_(target),
        what_(std::move(what)),
        hidden_path_(std::move(hidden_path)),
        file_(std::move(file)) {}

  Task<> Append(std::string bytes) override {
    auto piece = std::as_bytes(std::span(bytes.data(), bytes.size()));
    CO_RETURN_IF_ERROR(co_await file_->WriteAt(size_, piece));
    size_ += static_cast<int64_t>(bytes.size());
    co_return Status::OK();
  }

  Task<> Finish(Offset end) override {
    CO_RETURN_IF_ERROR(co_await file_->Sync());
    if (what_.name.empty()) {
      what_.name = fmt::format("part-{}-{}-{}{}", target_->committer_.tag(), what_.start.value(),
                               end.value(), what_.suffix);
    }
    target_->finished_.push_back({.from = hidden_path_, .to = what_.folder + what_.name});
    co_return Status::OK();
  }

 private:
  LocalTarget* target_;
  NewFile what_;
  std::string hidden_path_;  // relative to the table's folder
  std::unique_ptr<File> file_;
  int64_t size_ = 0;
};

LocalTarget::LocalTarget(Env* env, std::string root, std::string delivery_id, PartitionId partition,
                         std::string success_file)
    : env_(env),
      root_(root),
      committer_(env, std::move(root), std::move(delivery_id), partition, std::move(success_file)) {
}

Task<std::unique_ptr<PendingFile>> LocalTarget::Start(NewFile file) {
  std::string hidden_path = fmt::format("{}{}{}-{}", file.folder, committer_.hidden_prefix(),
                                        file.start.value(), next_file_++);
  const std::string path = file.folder + file.name;
  if (path.find('/') != std::string::npos) {
    CO_RETURN_IF_ERROR(co_await committer_.MakeFolder(path.substr(0, path.rfind('/'))));
  }
  CO_ASSIGN_OR_RETURN(
      auto opened, co_await env_->files().Open(root_ + "/" + hidden_path,
                                               {.write = true, .create = true, .truncate = true}));
  co_return std::make_unique<LocalFile>(this, std::move(file), std::move(hidden_path),
                                        std::move(opened));
}

Task<> LocalTarget::Replace(Offset position, std::vector<std::string> folders) {
  std::vector<FinishedFile> finished = std::exchange(finished_, {});
  co_return co_await committer_.Replace(std::move(finished), position, std::move(folders));
}

Task<> LocalTarget::Commit(Offset position) {
  std::vector<FinishedFile> finished = std::exchange(finished_, {});
  co_return co_await committer_.Commit(std::move(finished), position);
}

}  // namespace mainstem::sink
