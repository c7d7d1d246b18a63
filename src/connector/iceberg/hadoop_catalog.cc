#include "connector/iceberg/hadoop_catalog.h"

#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

namespace mainstem::connector::iceberg {
namespace {

// Well below the age from which metadata files are deleted (table_metadata.cc).
constexpr int64_t kLongAgoMs = 10 * 60 * 1000;
constexpr std::string_view kVersionEnd = ".metadata.json";

// "v12.metadata.json" and "v12.gz.metadata.json"; 0 for other names.
int64_t VersionOf(std::string_view name) {
  int64_t version = 0;
  if (!name.starts_with("v") || !name.ends_with(kVersionEnd)) return 0;
  name = name.substr(1, name.size() - 1 - kVersionEnd.size());
  if (name.ends_with(".gz")) name.remove_suffix(3);
  return absl::SimpleAtoi(std::string(name), &version) ? version : 0;
}

class HadoopCatalog final : public Catalog {
 public:
  HadoopCatalog(Env* env, std::shared_ptr<LakeFiles> files, HadoopCatalogOptions options)
      : env_(env), files_(std::move(files)), name_(options.database + "." + options.table) {
    location_ = options.warehouse;
    while (location_.size() > 1 && location_.back() == '/') location_.pop_back();
    location_ += "/" + absl::StrReplaceAll(options.database, {{".", "/"}}) + "/" + options.table;
  }

  std::string TableName() const override { return name_ + " in " + location_; }

  Task<std::optional<MetadataPtr>> Load() override {
    int64_t begun_ms = env_->WallTime().value();
    CO_ASSIGN_OR_RETURN(int64_t hint, co_await FindHint());
    int64_t version = hint;
    // Without a hint, or with one that is behind: what is there counts.
    if (version == 0) {
      CO_ASSIGN_OR_RETURN(version, co_await FindGreatest());
    }
    if (version == 0) co_return std::nullopt;
    std::optional<std::string> newest;
    CO_RETURN_IF_ERROR(co_await ReadFrom(&version, &newest));
    if (!newest && hint != 0) {
      // The hint is so far behind that its file was deleted.
      CO_ASSIGN_OR_RETURN(int64_t greatest, co_await FindGreatest());
      if (greatest > version) version = greatest;
      CO_RETURN_IF_ERROR(co_await ReadFrom(&version, &newest));
    }
    if (!newest) co_return Unreadable(version);
    // Who wrote the newest version died before the hint, and some readers look no further.
    if (hint != version - 1) co_await WriteHint(version - 1);
    CO_ASSIGN_OR_RETURN(TableMetadata metadata, ParseTableMetadata(*newest));
    metadata.metadata_location = FileOf(version - 1);
    seen_ms_ = begun_ms;
    co_return std::make_shared<const TableMetadata>(std::move(metadata));
  }

  Task<MetadataPtr> Create(NewTable table) override {
    table.location = location_;
    uint64_t high = env_->Random();
    TableMetadata metadata =
        MakeTableMetadata(table, UuidText(high, env_->Random()), env_->WallTime().value());
    seen_ms_ = env_->WallTime().value();
    co_return co_await Publish(std::move(metadata), 1);
  }

  Task<MetadataPtr> Commit(MetadataPtr base, TableChange change) override {
    // The version that `base` came from: the name alone tells it.
    std::string_view name = base->metadata_location;
    int64_t version = VersionOf(name.substr(name.rfind('/') + 1));
    CHECK(version > 0);
    // Names of versions are free again when their files have been deleted: what follows a base that
    // was seen long ago may have been there before.
    if (IsLongAgo(seen_ms_)) {
      co_return MakeError(ErrorCode::kAlreadyExists,
                          "table " + TableName() + " has to be looked at again");
    }
    TableMetadata metadata = ApplyChange(*base, change, env_->WallTime().value());
    CO_ASSIGN_OR_RETURN(MetadataPtr published, co_await Publish(std::move(metadata), version + 1));
    if (DeletesOldMetadata(*published)) co_await DeleteOld(*base, *published);
    co_return published;
  }

 private:
  std::string FileOf(int64_t version) const {
    return fmt::format("{}/metadata/v{}{}", location_, version, kVersionEnd);
  }
  std::string HintFile() const { return location_ + "/metadata/version-hint.text"; }

  Status Unreadable(int64_t version) const {
    return MakeError(
        ErrorCode::kNotFound,
        {.message = fmt::format("table {}: there is no '{}'", TableName(), FileOf(version)),
         .detail = "'" + HintFile() + "' names it",
         .hint = "metadata that is compressed (v1.gz.metadata.json) is not read: set "
                 "'write.metadata.compression-codec' to 'none'"});
  }

  Task<int64_t> FindHint() {
    Result<std::string> hint = co_await files_->Read(HintFile());
    if (Is(hint.status(), ErrorCode::kNotFound)) co_return 0;
    CO_RETURN_IF_ERROR(hint);
    int64_t version = 0;
    if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(*hint), &version)) co_return 0;
    co_return version;
  }

  // Reads the file of `version` and those that follow as long as there are any; `version` is then
  // the first that is not there.
  Task<> ReadFrom(int64_t* version, std::optional<std::string>* newest) {
    for (;; ++*version) {
      Result<std::string> text = co_await files_->Read(FileOf(*version));
      if (Is(text.status(), ErrorCode::kNotFound)) co_return Status::OK();
      CO_RETURN_IF_ERROR(text);
      *newest = std::move(*text);
    }
  }

  // Files that have left the log with this commit.
  asio::awaitable<void, Executor> DeleteOld(const TableMetadata& base,
                                            const TableMetadata& published) {
    std::set<std::string> kept = {published.metadata_location};
    for (MetadataVersion& old : PreviousVersions(published)) kept.insert(std::move(old.location));
    for (const MetadataVersion& old : PreviousVersions(base)) {
      if (kept.count(old.location) > 0) continue;
      IgnoreError(co_await files_->Remove(old.location), "the clean-up of orphans finds it");
    }
  }

  // Only a place to begin the search: the version counts already.
  asio::awaitable<void, Executor> WriteHint(int64_t version) {
    IgnoreError(co_await files_->Write(HintFile(), std::to_string(version)),
                "the next one who looks writes it");
  }

  Task<int64_t> FindGreatest() {
    int64_t greatest = 0;
    CO_ASSIGN_OR_RETURN(std::vector<std::string> names,
                        co_await files_->List(location_ + "/metadata"));
    for (const std::string& name : names) greatest = std::max(greatest, VersionOf(name));
    co_return greatest;
  }

  bool IsLongAgo(int64_t time_ms) const { return env_->WallTime().value() - time_ms > kLongAgoMs; }

  // The process has slept in the middle of a commit, whose name may have been free again: it counts
  // for nobody then, as all begin to look behind it.
  Task<> TakeBackIfStale(int64_t version) {
    CO_ASSIGN_OR_RETURN(int64_t hint, co_await FindHint());
    if (hint <= version) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await files_->Remove(FileOf(version)));
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("table {}: version {} came first", TableName(), hint));
  }

  Task<MetadataPtr> Publish(TableMetadata metadata, int64_t version) {
    std::string text = TableMetadataText(metadata);
    Status written = co_await files_->WriteNew(FileOf(version), text);
    if (Is(written, ErrorCode::kAlreadyExists)) {
      // It may be this very one: an answer was lost, and the store asked again.
      CO_ASSIGN_OR_RETURN(std::string there, co_await files_->Read(FileOf(version)));
      if (there == text) written = Status::OK();
    }
    CO_RETURN_IF_ERROR(written);
    env_->CrashPoint("sink.committed");
    if (IsLongAgo(seen_ms_)) CO_RETURN_IF_ERROR(co_await TakeBackIfStale(version));
    co_await WriteHint(version);
    seen_ms_ = env_->WallTime().value();
    metadata.metadata_location = FileOf(version);
    co_return std::make_shared<const TableMetadata>(std::move(metadata));
  }

  Env* env_;
  std::shared_ptr<LakeFiles> files_;
  std::string name_;
  std::string location_;
  int64_t seen_ms_ = 0;  // when the newest version was last looked for, or made
};

}  // namespace

std::unique_ptr<Catalog> MakeHadoopCatalog(Env* env, std::shared_ptr<LakeFiles> files,
                                           HadoopCatalogOptions options) {
  return std::make_unique<HadoopCatalog>(env, std::move(files), std::move(options));
}

}  // namespace mainstem::connector::iceberg
