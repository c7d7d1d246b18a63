#include "gateway/firehose/stream_catalog.h"

#include <algorithm>

#include <fmt/format.h>

#include "connector/retention.h"
#include "core/backoff.h"
#include "core/sync.h"
#include "gateway/aws/aws_error.h"
#include "gateway/firehose/delivery_script.h"

namespace mainstem::gateway::firehose {
namespace {

using State = DeliveryStream::State;

constexpr std::string_view kKeyPrefix = "firehose/";
constexpr size_t kStreamsMax = 1'000;
constexpr Backoff::Bounds kRetryPauses{.first = std::chrono::seconds(1),
                                       .last = std::chrono::seconds(30)};

// A day, as long as Amazon keeps what it could not deliver; a call has at most 4 MiB.
storage::TopicConfig StreamTopicConfig() {
  return {{"retention.ms", "86400000"}, {"max.message.bytes", "4194304"}};
}

Status NoSuchStream(std::string_view name) {
  return MakeError(ErrorCode::kNotFound, fmt::format("there is no delivery stream {}", name));
}

bool IsOwnTopic(const DeliveryStream& stream) { return stream.source == SourceKind::kDirectPut; }

}  // namespace

StreamCatalog::StreamCatalog(Parts parts)
    : parts_(std::move(parts)),
      changes_(parts_.env->shard(0)),
      following_(parts_.env->shard(0), [this](const std::string& name, const Status& error) {
        parts_.logger.Warning("a delivery stream stays as it is",
                              {{"stream", name}, {"error", error}});
      }) {}

Task<std::unique_ptr<StreamCatalog>> StreamCatalog::Open(Parts parts) {
  auto catalog = std::unique_ptr<StreamCatalog>(new StreamCatalog(std::move(parts)));
  Status loaded = co_await catalog->Load();
  if (loaded.ok()) co_return catalog;
  IgnoreError(co_await catalog->Stop(), "the failure to open is what counts");
  co_return loaded;
}

Task<> StreamCatalog::Stop() { return following_.Stop(); }

Task<> StreamCatalog::Load() {
  CO_ASSIGN_OR_RETURN(auto records, co_await parts_.log->ListMeta(std::string(kKeyPrefix)));
  for (const auto& [key, text] : records) {
    const std::string name = key.substr(kKeyPrefix.size());
    Result<DeliveryStream> decoded = DecodeStream(text);
    if (!decoded.ok()) {
      parts_.logger.Warning("record of a delivery stream ignored",
                            {{"stream", name}, {"error", decoded.status()}});
      continue;
    }
    DeliveryStream stream = *std::move(decoded);
    if (stream.state != State::kActive) {
      leaving_[name] = std::move(stream);
      CO_RETURN_IF_ERROR(co_await RemoveNowOrLater(name));
      continue;
    }
    streams_[name] = std::move(stream);
    following_.Start(name, Follow(name));
  }
  co_return Status::OK();
}

const DeliveryStream* StreamCatalog::Find(std::string_view name) const {
  auto found = streams_.find(name);
  return found == streams_.end() ? nullptr : &found->second;
}

Task<> StreamCatalog::Keep(std::string name, std::string text) {
  return parts_.log->PutMeta(std::string(kKeyPrefix) + name, std::move(text));
}

Task<> StreamCatalog::Check(std::string name, DeliveryStream stream) {
  CO_ASSIGN_OR_RETURN(connector::KeptJob job, JobOf(name, stream));
  Status checked = co_await parts_.jobs->CheckJob(std::move(job));
  if (checked.ok() || IsRetriable(checked) || Is(checked, ErrorCode::kCancelled)) co_return checked;
  const ErrorText text = TextOf(checked);
  std::string message = text.message;
  if (!text.hint.empty()) message += ": " + text.hint;
  co_return aws::InvalidArgument(std::move(message));
}

Task<> StreamCatalog::Create(std::string name, DeliveryStream stream) {
  auto change = CreateHere(name, std::move(stream));
  return changes_.Run(std::move(name), std::move(change));
}

// Its record is there before anything else is, and says that it is not whole yet.
Task<> StreamCatalog::CreateHere(std::string name, DeliveryStream stream) {
  if (streams_.contains(name)) {
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("there is a delivery stream {}", name));
  }
  if (leaving_.contains(name)) {
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("the delivery stream {} is being deleted", name));
  }
  if (streams_.size() >= kStreamsMax) {
    co_return aws::MakeAwsError("LimitExceededException", "There are 1,000 delivery streams.");
  }
  stream.job = fmt::format("firehose-{}-{:08x}", name, parts_.env->Random() & 0xffffffff);
  // A point would make it the beginning of another one's topics.
  std::replace(stream.job.begin(), stream.job.end(), '.', '-');
  if (IsOwnTopic(stream)) {
    stream.topic = TopicOf(name);
    if (parts_.log->FindTopic(stream.topic)) {
      co_return MakeError(ErrorCode::kAlreadyExists,
                          fmt::format("there is a topic {}", stream.topic));
    }
  }
  CO_RETURN_IF_ERROR(co_await Check(name, stream));
  stream.state = State::kMaking;
  CO_RETURN_IF_ERROR(co_await Keep(name, EncodeStream(stream)));
  Status made = co_await Make(name, stream);
  if (made.ok()) co_return made;
  leaving_[name] = std::move(stream);
  CO_RETURN_IF_ERROR(co_await RemoveNowOrLater(std::move(name)));
  co_return made;
}

Task<> StreamCatalog::Make(std::string name, DeliveryStream stream) {
  parts_.env->CrashPoint("firehose.create");
  if (IsOwnTopic(stream)) {
    auto config = StreamTopicConfig();
    CO_ASSIGN_OR_RETURN(storage::TopicInfo topic, co_await parts_.log->CreateTopic(
                                                      stream.topic, 1, std::move(config), false));
    // The job moves it when it has read.
    const storage::TopicPartition partition{.topic_id = topic.id, .partition = PartitionId(0)};
    CO_RETURN_IF_ERROR(co_await parts_.log->PinRetention(connector::SourcesHolderOf(stream.job),
                                                         partition, Offset(0)));
    parts_.env->CrashPoint("firehose.create");
  }
  if (HasFailedRecords(stream)) {
    auto config = StreamTopicConfig();
    CO_RETURN_IF_ERROR(
        co_await parts_.log->CreateTopic(FailedTopicOf(stream), 1, std::move(config), false));
    parts_.env->CrashPoint("firehose.create");
  }
  CO_ASSIGN_OR_RETURN(connector::KeptJob job, JobOf(name, stream));
  CO_RETURN_IF_ERROR(co_await parts_.jobs->PutJob(std::move(job)));
  parts_.env->CrashPoint("firehose.create");
  stream.state = State::kActive;
  CO_RETURN_IF_ERROR(co_await Keep(name, EncodeStream(stream)));
  streams_[name] = std::move(stream);
  co_return Status::OK();
}

Task<> StreamCatalog::Delete(std::string name) {
  auto change = DeleteHere(name);
  return changes_.Run(std::move(name), std::move(change));
}

Task<> StreamCatalog::DeleteHere(std::string name) {
  auto found = streams_.find(name);
  if (found == streams_.end()) co_return NoSuchStream(name);
  DeliveryStream stream = found->second;
  stream.state = State::kDeleting;
  CO_RETURN_IF_ERROR(co_await Keep(name, EncodeStream(stream)));
  streams_.erase(name);
  leaving_[name] = std::move(stream);
  CO_RETURN_IF_ERROR(co_await following_.End(name));
  co_return co_await RemoveNowOrLater(std::move(name));
}

Task<> StreamCatalog::RemoveNowOrLater(std::string name) {
  Status removed = co_await Remove(name);
  if (removed.ok() || Is(removed, ErrorCode::kCancelled)) co_return removed;
  parts_.logger.Warning("what a delivery stream has left can't be removed yet",
                        {{"stream", name}, {"error", removed}});
  CO_RETURN_IF_ERROR(co_await following_.End(name));  // of an earlier one of that name
  following_.Start(name, RemoveLater(name));
  co_return Status::OK();
}

Task<> StreamCatalog::RemoveLater(std::string name) {
  Backoff pauses(kRetryPauses);
  for (;;) {
    CO_RETURN_IF_ERROR(co_await Sleep(pauses.Next(parts_.env)));
    Status removed = co_await Remove(name);
    if (removed.ok() || Is(removed, ErrorCode::kCancelled)) co_return removed;
  }
}

Task<> StreamCatalog::Remove(std::string name) {
  const DeliveryStream stream = leaving_.at(name);
  CO_RETURN_IF_ERROR(co_await parts_.jobs->DropJob(stream.job));
  parts_.env->CrashPoint("firehose.delete");
  if (auto failed = parts_.log->FindTopic(FailedTopicOf(stream))) {
    CO_RETURN_IF_ERROR(co_await parts_.log->DeleteTopic(failed->id));
    parts_.env->CrashPoint("firehose.delete");
  }
  auto topic = IsOwnTopic(stream) ? parts_.log->FindTopic(stream.topic) : std::nullopt;
  if (topic) CO_RETURN_IF_ERROR(co_await parts_.log->DeleteTopic(topic->id));
  parts_.env->CrashPoint("firehose.delete");
  CO_RETURN_IF_ERROR(co_await parts_.log->PutMeta(std::string(kKeyPrefix) + name, std::nullopt));
  leaving_.erase(name);
  co_return Status::OK();
}

Task<> StreamCatalog::Update(std::string name, Change change) {
  auto update = UpdateHere(name, std::move(change));
  return changes_.Run(std::move(name), std::move(update));
}

Task<> StreamCatalog::UpdateHere(std::string name, Change change) {
  auto found = streams_.find(name);
  if (found == streams_.end()) co_return NoSuchStream(name);
  DeliveryStream stream = found->second;
  CO_RETURN_IF_ERROR(change(&stream));
  const bool is_moved = stream.destination != found->second.destination;
  if (stream == found->second) co_return Status::OK();
  if (is_moved) {
    ++stream.version;
    stream.updated_ms = parts_.env->WallTime().value();
    CO_RETURN_IF_ERROR(co_await Check(name, stream));
  }
  CO_RETURN_IF_ERROR(co_await Keep(name, EncodeStream(stream)));
  streams_[name] = std::move(stream);
  if (!is_moved) co_return Status::OK();
  parts_.env->CrashPoint("firehose.update");
  CO_RETURN_IF_ERROR(co_await following_.End(name));
  following_.Start(name, Follow(name));
  co_return Status::OK();
}

Task<> StreamCatalog::Follow(std::string name) {
  Backoff pauses(kRetryPauses);
  for (bool is_first = true;; is_first = false) {
    const DeliveryStream* stream = Find(name);
    if (stream == nullptr) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(connector::KeptJob job, JobOf(name, *stream));
    CO_ASSIGN_OR_RETURN(bool is_there, co_await parts_.jobs->HasJob(job.id));
    if (!is_there) co_return MakeError(ErrorCode::kNotFound, "the job was deleted");
    Status put = co_await parts_.jobs->PutJob(std::move(job));
    if (put.ok() || Is(put, ErrorCode::kCancelled) || !IsRetriable(put)) co_return put;
    if (is_first) {
      parts_.logger.Warning("the job of a delivery stream can't be changed yet",
                            {{"stream", name}, {"error", put}});
    }
    CO_RETURN_IF_ERROR(co_await Sleep(pauses.Next(parts_.env)));
  }
}

}  // namespace mainstem::gateway::firehose
