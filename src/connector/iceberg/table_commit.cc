#include "connector/iceberg/table_commit.h"

#include "core/backoff.h"
#include "core/sync.h"

namespace mainstem::connector::iceberg {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCommitTime = 60s;

}  // namespace

TableCommitter::TableCommitter(Env* env, std::unique_ptr<Catalog> catalog,
                               std::shared_ptr<LakeFiles> files)
    : env_(env), catalog_(std::move(catalog)), files_(std::move(files)), freed_(env->shard(0)) {
  context_ = {.env = env_, .files = files_, .lists = std::make_shared<ManifestLists>(files_)};
}

Task<std::optional<MetadataPtr>> TableCommitter::Load() {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->LoadHere());
}

Task<MetadataPtr> TableCommitter::Create(NewTable table) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->CreateHere(std::move(table)));
}

Task<MetadataPtr> TableCommitter::ChangeSchema(MetadataPtr base, Schema schema,
                                               int32_t last_column_id) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->ChangeSchemaHere(
                                               std::move(base), std::move(schema), last_column_id));
}

Task<> TableCommitter::Append(AppendRequest request) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->AppendHere(std::move(request)));
}

Task<TableView> TableCommitter::View() {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->ViewHere());
}

Task<> TableCommitter::OpenKeys(std::shared_ptr<KeyReader> reader) {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->OpenKeysHere(std::move(reader)));
}

Task<> TableCommitter::Rewrite(RewriteRequest request) {
  auto keep_alive = shared_from_this();
  std::shared_ptr<Proposal> proposal = ProposeRewrite(context_, std::move(request));
  co_return co_await RunOn(env_->shard(0), keep_alive->CommitAlone(std::move(proposal)));
}

Task<TableCommitter::Expiry> TableCommitter::ExpireSnapshots() {
  auto keep_alive = shared_from_this();
  co_return co_await RunOn(env_->shard(0), keep_alive->ExpireHere());
}

Task<> TableCommitter::SetProperty(PropertyRequest request) {
  auto keep_alive = shared_from_this();
  std::shared_ptr<Proposal> proposal = ProposeProperty(std::move(request));
  co_return co_await RunOn(env_->shard(0), keep_alive->CommitAlone(std::move(proposal)));
}

Task<> TableCommitter::Lock() {
  int64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  // In the order of asking: who commits all the time does not keep out who wants to look.
  while (is_busy_ || queue_.front() != ticket) {
    Status waited = (co_await freed_.Wait()).status();
    if (waited.ok()) continue;
    std::erase(queue_, ticket);
    freed_.NotifyAll();
    co_return waited;
  }
  queue_.pop_front();
  is_busy_ = true;
  co_return Status::OK();
}

void TableCommitter::Unlock() {
  is_busy_ = false;
  freed_.NotifyAll();
}

void TableCommitter::Remember(MetadataPtr metadata) {
  files_->UseConfig(metadata->config);
  current_ = std::move(metadata);
}

Task<std::optional<MetadataPtr>> TableCommitter::LoadHere() {
  CO_RETURN_IF_ERROR(co_await Lock());
  auto loaded = co_await catalog_->Load();
  Unlock();
  CO_RETURN_IF_ERROR(loaded);
  if (*loaded) Remember(**loaded);
  co_return std::move(*loaded);
}

Task<MetadataPtr> TableCommitter::CreateHere(NewTable table) {
  CO_RETURN_IF_ERROR(co_await Lock());
  Result<MetadataPtr> made = co_await catalog_->Create(std::move(table));
  Unlock();
  if (Is(made.status(), ErrorCode::kAlreadyExists)) {
    CO_ASSIGN_OR_RETURN(std::optional<MetadataPtr> loaded, co_await LoadHere());
    if (loaded) co_return *loaded;
  }
  CO_RETURN_IF_ERROR(made);
  Remember(*made);
  co_return made;
}

Task<MetadataPtr> TableCommitter::ChangeSchemaHere(MetadataPtr base, Schema schema,
                                                   int32_t last_column_id) {
  TableChange change;
  change.schema = std::move(schema);
  change.last_column_id = last_column_id;
  CO_RETURN_IF_ERROR(co_await Lock());
  Result<MetadataPtr> changed = co_await catalog_->Commit(std::move(base), std::move(change));
  Unlock();
  if (Is(changed.status(), ErrorCode::kAlreadyExists)) {
    co_return MakeError(ErrorCode::kUnavailable,
                        "table " + TableName() + " was changed while columns were added to it");
  }
  CO_RETURN_IF_ERROR(changed);
  Remember(*changed);
  co_return changed;
}

Task<> TableCommitter::AppendHere(AppendRequest request) {
  auto mine = std::make_shared<Waiting>();
  mine->request = std::move(request);
  waiting_.push_back(mine);
  Status locked = co_await Lock();
  if (mine->is_done) {
    if (locked.ok()) Unlock();
    co_return mine->status;
  }
  if (!locked.ok()) {
    std::erase(waiting_, mine);
    co_return locked;
  }
  std::vector<std::shared_ptr<Waiting>> batch(waiting_.begin(), waiting_.end());
  waiting_.clear();
  std::vector<AppendRequest> requests;
  for (const auto& waiting : batch) requests.push_back(std::move(waiting->request));
  Status status = co_await Commit(ProposeAppend(context_, std::move(requests)));
  for (const auto& done : batch) {
    done->is_done = true;
    done->status = status;
    // Who is cancelled is this one, not those whose commit it has done.
    if (done != mine && Is(status, ErrorCode::kCancelled)) {
      done->status = MakeError(ErrorCode::kUnavailable, "the commit was given up");
    }
  }
  Unlock();
  co_return status;
}

Task<TableView> TableCommitter::ViewHere() {
  CO_RETURN_IF_ERROR(co_await Lock());
  TableView view;
  view.metadata = current_;
  CHECK(current_ != nullptr);
  view.has_keys = context_.keys != nullptr && context_.keys->index != nullptr;
  if (view.has_keys) {
    for (const auto& [file, vector] : context_.keys->index->vectors()) {
      view.vectors[file] = vector.positions;
    }
  }
  auto manifests = co_await context_.lists->Of(view.metadata->current_snapshot());
  Unlock();
  CO_ASSIGN_OR_RETURN(view.manifests, std::move(manifests));
  co_return view;
}

Task<> TableCommitter::OpenKeysHere(std::shared_ptr<KeyReader> reader) {
  CO_RETURN_IF_ERROR(co_await Lock());
  CHECK(current_ != nullptr);
  if (context_.keys == nullptr) context_.keys = std::make_shared<KeyIndexSlot>();
  KeyIndexSlot& slot = *context_.keys;
  Status made;
  if (slot.index == nullptr || !slot.index->IsAbout(*current_)) {
    auto index = co_await ReadIndex(std::move(reader));
    made = index.status();
    if (index.ok()) slot.index = std::move(*index);
  }
  Unlock();
  co_return made;
}

Task<std::unique_ptr<KeyIndex>> TableCommitter::ReadIndex(std::shared_ptr<KeyReader> reader) {
  MetadataPtr base = current_;
  auto index = std::make_unique<KeyIndex>(*base);
  CO_ASSIGN_OR_RETURN(std::vector<ManifestEntry> entries,
                      co_await context_.lists->Of(base->current_snapshot()));
  for (const ManifestEntry& entry : entries) {
    if (entry.spec_id != base->spec.id) {
      co_return MakeError(ErrorCode::kUnsupported,
                          {.message = "the table has files of other partitions than its own",
                           .hint = "rewrite them with another engine, or upsert to a new table"});
    }
    if (entry.content != 0) CO_RETURN_IF_ERROR(co_await ReadVectors(entry, index.get()));
  }
  for (const ManifestEntry& entry : entries) {
    if (entry.content != 0) continue;
    CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(entry.path));
    CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows,
                        ReadManifest(bytes, entry, base->schema, base->spec));
    for (const ManifestRow& row : rows) {
      if (!row.is_live()) continue;
      std::string path = row.file.path;
      index->AddFile(KeyIndex::KnownFile::Of(row.file, entry.path));
      CO_ASSIGN_OR_RETURN(std::vector<RowKey> keys, co_await reader->ReadKeys(base, row.file));
      auto vector = index->vectors().find(path);
      for (size_t i = 0; i < keys.size(); ++i) {
        bool is_deleted = vector != index->vectors().end() &&
                          vector->second.positions.contains(static_cast<uint64_t>(i));
        if (!is_deleted) index->Put(keys[i], path, static_cast<int64_t>(i));
      }
    }
  }
  co_return index;
}

Task<> TableCommitter::ReadVectors(ManifestEntry entry, KeyIndex* index) {
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await files_->Read(entry.path));
  CO_ASSIGN_OR_RETURN(std::vector<ManifestRow> rows,
                      ReadManifest(bytes, entry, current_->schema, current_->spec));
  std::string path, file;  // vectors of one file stand together
  for (ManifestRow& row : rows) {
    if (!row.is_live()) continue;
    const DataFile& deletes = row.file;
    bool is_vector = deletes.content == 1 && deletes.referenced_file && deletes.content_offset &&
                     deletes.content_size;
    if (!is_vector) {
      co_return MakeError(ErrorCode::kUnsupported,
                          {.message = "the table has delete files that are no deletion vectors: '" +
                                      deletes.path + "'",
                           .hint = "let another engine rewrite its data files, then upsert to it"});
    }
    if (deletes.path != path) {
      path = deletes.path;
      CO_ASSIGN_OR_RETURN(file, co_await files_->Read(path));
    }
    auto offset = static_cast<size_t>(*deletes.content_offset);
    if (offset > file.size()) co_return DamagedMetadata("'" + path + "' is too short");
    std::string_view blob(file);
    blob = blob.substr(offset, static_cast<size_t>(*deletes.content_size));
    CO_ASSIGN_OR_RETURN(Positions positions, ParseDeletionVectorBlob(blob));
    std::string data_file = *deletes.referenced_file;
    index->SetVector(data_file, {.row = std::move(row), .positions = std::move(positions)});
  }
  co_return Status::OK();
}

Task<TableCommitter::Expiry> TableCommitter::ExpireHere() {
  auto last = std::make_shared<std::vector<Snapshot>>();
  CO_RETURN_IF_ERROR(co_await Lock());
  Status done = co_await Commit(ProposeExpiry(context_, last));
  Expiry expiry;
  expiry.metadata = current_;
  Unlock();
  CO_RETURN_IF_ERROR(done);
  expiry.expired = std::move(*last);
  co_return expiry;
}

Task<> TableCommitter::CommitAlone(std::shared_ptr<Proposal> proposal) {
  CO_RETURN_IF_ERROR(co_await Lock());
  Status done = co_await Commit(std::move(proposal));
  Unlock();
  co_return done;
}

Task<> TableCommitter::Commit(std::shared_ptr<Proposal> proposal) {
  MetadataPtr base = current_;
  CHECK(base != nullptr);
  Status prepared = proposal->Check(*base);
  if (prepared.ok()) prepared = co_await proposal->Prepare(base);
  if (!prepared.ok()) {
    // The catalog was not asked for it: nothing will ever name these.
    IgnoreError(co_await RemoveAll(proposal->WrittenFiles()), "orphans are looked for later");
    co_return prepared;
  }
  env_->CrashPoint("sink.commit");
  co_return co_await TryUntilDone(std::move(proposal), std::move(base));
}

Task<> TableCommitter::RemoveAll(std::vector<std::string> files) {
  for (std::string& file : files) CO_RETURN_IF_ERROR(co_await files_->Remove(std::move(file)));
  co_return Status::OK();
}

Task<> TableCommitter::TryUntilDone(std::shared_ptr<Proposal> proposal, MetadataPtr base) {
  Backoff backoff({.first = 50ms, .last = 5s});
  TimePoint give_up = env_->Now() + kCommitTime;
  for (int attempt = 0;; ++attempt) {
    CO_ASSIGN_OR_RETURN(TableChange change, co_await proposal->Make(base, attempt));
    env_->CrashPoint("sink.commit");
    Result<MetadataPtr> committed = co_await catalog_->Commit(base, std::move(change));
    env_->CrashPoint("sink.committed");
    if (committed.ok()) {
      Remember(*committed);
      proposal->OnDone();
      co_return Status::OK();
    }
    Status failed = committed.status();
    bool is_conflict = Is(failed, ErrorCode::kAlreadyExists);
    if (!is_conflict && !IsRetriable(failed)) co_return failed;
    if (is_conflict) {
      failed = MakeError(ErrorCode::kUnavailable,
                         "table " + TableName() + ": other commits always came first");
    }
    // What was asked for without an answer may still come: but not after another commit.
    Duration pause = backoff.Next(env_);
    if (env_->Now() + pause > give_up) co_return failed;
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
    Result<std::optional<MetadataPtr>> loaded = co_await catalog_->Load();
    if (!loaded.ok()) co_return IsRetriable(loaded.status()) ? failed : loaded.status();
    if (!*loaded) {
      co_return MakeError(ErrorCode::kUnavailable, "table " + TableName() + " was dropped");
    }
    base = **loaded;
    Remember(base);
    if (proposal->IsDone(*base)) {
      proposal->OnDone();
      co_return Status::OK();
    }
    CO_RETURN_IF_ERROR(proposal->Check(*base));
  }
}

}  // namespace mainstem::connector::iceberg
