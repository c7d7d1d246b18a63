#include "sink/opensearch/document_writer.h"

#include <numeric>

#include <absl/container/flat_hash_set.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "core/json_writer.h"
#include "core/sync.h"
#include "sink/opensearch/bulk_answer.h"

namespace mainstem::sink {

using connector::HttpAnswer;
namespace {

// In a row, of one request, before the delivery begins anew with the pauses of the engine.
constexpr int kTriesMax = 8;
constexpr size_t kIdsPerSearch = 1000;

void AppendActionLine(const DocumentChange& change, bool creates_only, std::string* out) {
  JsonWriter line;
  line.BeginObject().Key(change.is_delete ? "delete" : creates_only ? "create" : "index");
  line.BeginObject().Field("_index", change.index).Field("_id", change.id);
  if (!creates_only) line.Field("version", change.version).Field("version_type", "external");
  line.EndObject().EndObject();
  *out += line.text();
  out->push_back('\n');
}

}  // namespace

Status DocumentWriter::Encode(const DocumentChanges& changes) {
  arrow::Int64Builder written;
  for (const DocumentChange& change : changes.changes) {
    if (!change.is_delete) RETURN_IF_ERROR(written.Append(change.row));
  }
  std::shared_ptr<arrow::Array> rows;
  RETURN_IF_ERROR(written.Finish(&rows));
  ASSIGN_OR_RETURN(arrow::Datum taken, arrow::compute::Take(changes.rows, rows));
  ChangelogBatch batch{.rows = taken.record_batch(), .kinds = {}};
  ASSIGN_OR_RETURN(std::vector<std::string> documents, options_.encoder->Encode(batch));
  size_t next = 0;
  actions_.assign(changes.changes.size(), "");
  for (size_t i = 0; i < changes.changes.size(); ++i) {
    const DocumentChange& change = changes.changes[i];
    AppendActionLine(change, options_.creates_only, &actions_[i]);
    if (change.is_delete) continue;
    actions_[i] += documents[next++];
    actions_[i].push_back('\n');
  }
  return Status::OK();
}

Task<> DocumentWriter::DropExisting(const DocumentChanges& changes, Indices* indices) {
  std::map<std::string, std::vector<std::string>> ids;  // by index
  for (size_t index : *indices) {
    ids[changes.changes[index].index].push_back(changes.changes[index].id);
  }
  absl::flat_hash_set<std::string> found;  // ids of deliveries are unique in all indexes
  for (const auto& [name, all] : ids) {
    for (size_t begin = 0; begin < all.size(); begin += kIdsPerSearch) {
      std::vector<std::string> some(
          all.begin() + static_cast<std::ptrdiff_t>(begin),
          all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), begin + kIdsPerSearch)));
      CO_ASSIGN_OR_RETURN(auto hits, co_await options_.env->blocking_pool().Run(
                                         [&] { return options_.cluster->FindIds(name, some); }));
      found.insert(hits.begin(), hits.end());
    }
  }
  std::erase_if(*indices, [&](size_t index) { return found.contains(changes.changes[index].id); });
  co_return Status::OK();
}

std::vector<DocumentWriter::Indices> DocumentWriter::Split(const Indices& indices) const {
  std::vector<Indices> requests;
  size_t bytes = 0;
  for (size_t index : indices) {
    size_t size = actions_[index].size();
    bool is_full = requests.empty() || requests.back().size() >= options_.actions_max ||
                   bytes + size > options_.bytes_max;
    if (is_full) {
      requests.emplace_back();
      bytes = 0;
    }
    requests.back().push_back(index);
    bytes += size;
  }
  // Worked off from the back.
  std::reverse(requests.begin(), requests.end());
  return requests;
}

std::string DocumentWriter::BodyOf(const Indices& indices) const {
  std::string body;
  for (size_t index : indices) body += actions_[index];
  return body;
}

Task<std::vector<RefusedDocument>> DocumentWriter::Send(const DocumentChanges& changes) {
  refused_.clear();
  Indices all(changes.changes.size());
  std::iota(all.begin(), all.end(), size_t{0});
  CO_RETURN_IF_ERROR(co_await options_.env->blocking_pool().Run([&] { return Encode(changes); }));
  if (options_.skips_existing) CO_RETURN_IF_ERROR(co_await DropExisting(changes, &all));
  std::vector<Indices> left = Split(all);
  Backoff backoff(options_.pauses);
  for (int tries = 0; !left.empty();) {
    Indices next = std::move(left.back());
    left.pop_back();
    passing_problem_ = Status::OK();
    CO_RETURN_IF_ERROR(co_await SendOnce(changes, std::move(next), &left));
    if (passing_problem_.ok()) {
      tries = 0;
      backoff.Reset();
      continue;
    }
    if (++tries >= kTriesMax) co_return passing_problem_;
    CO_RETURN_IF_ERROR(co_await Sleep(backoff.Next(options_.env)));
  }
  co_return std::move(refused_);
}

Task<> DocumentWriter::SendOnce(const DocumentChanges& changes, Indices indices,
                                std::vector<Indices>* left) {
  std::string body = BodyOf(indices);
  CO_ASSIGN_OR_RETURN(HttpAnswer answer, co_await options_.env->blocking_pool().Run(
                                             [&] { return options_.cluster->Bulk(body); }));
  if (answer.status == 400 || answer.status == 413) {
    // One of them makes the whole request unwelcome: find it by halving.
    if (indices.size() == 1) {
      refused_.push_back({.change = indices[0], .problem = ProblemOfAnswer(answer.body).text});
      co_return Status::OK();
    }
    auto half = indices.begin() + static_cast<std::ptrdiff_t>(indices.size() / 2);
    left->emplace_back(half, indices.end());
    left->emplace_back(indices.begin(), half);
    co_return Status::OK();
  }
  if (answer.status != 200) {
    co_return StatusOfAnswer(answer, "the server did not take a _bulk request");
  }
  CO_ASSIGN_OR_RETURN(std::vector<ItemOutcome> outcomes,
                      ParseBulkAnswer(answer.body, indices.size()));
  Indices again;
  for (size_t i = 0; i < indices.size(); ++i) {
    CO_RETURN_IF_ERROR(Take(changes, indices[i], std::move(outcomes[i]), &again));
  }
  if (!again.empty()) left->push_back(std::move(again));
  co_return Status::OK();
}

Status DocumentWriter::Take(const DocumentChanges& changes, size_t index, ItemOutcome outcome,
                            Indices* again) {
  switch (outcome.fate) {
    case ItemFate::kDone: return Status::OK();
    case ItemFate::kConflict:
      // Ours, from before a crash, or a later one of ours; else it would be lost in silence.
      if (outcome.current_version.value_or(0) > options_.last_version && !options_.creates_only) {
        refused_.push_back({.change = index,
                            .problem = "another job or program has written this document with a "
                                       "later version: " +
                                       outcome.problem});
      }
      return Status::OK();
    case ItemFate::kRetry:
      passing_problem_ =
          MakeError(outcome.code, "the server puts off the document '" + changes.changes[index].id +
                                      "': " + outcome.problem);
      again->push_back(index);
      return Status::OK();
    case ItemFate::kRefused:
      refused_.push_back({.change = index, .problem = std::move(outcome.problem)});
      return Status::OK();
    case ItemFate::kFailed:
      return MakeError(outcome.code, {.message = "the server takes no document into the index '" +
                                                 changes.changes[index].index + "'",
                                      .detail = std::move(outcome.problem),
                                      .hint = outcome.code == ErrorCode::kPermissionDenied
                                                  ? "grant the user 'write' and 'create_index'"
                                                  : "make the index, or let it be made "
                                                    "(action.auto_create_index)"});
  }
  return Status::OK();
}

}  // namespace mainstem::sink
