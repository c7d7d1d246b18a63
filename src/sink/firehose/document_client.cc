#include "sink/firehose/document_client.h"

#include <fmt/format.h>

#include "connector/http/call_apart.h"
#include "sink/opensearch/bulk_answer.h"

namespace mainstem::sink {
namespace {

// Of one request, unless one document is longer.
constexpr size_t kBulkBytesMax = 8 << 20;
constexpr size_t kActionLineBytes = 200;  // about
constexpr const char* kMalformed = "OS.MalformedData";
constexpr const char* kNoAnswer = "OS.ServiceException";

// One call of DocumentClient::Send, on a thread that may block.
class DocumentSending {
 public:
  DocumentSending(SearchCluster* cluster, const DocumentNames& names,
                  const std::vector<const SentRecord*>& records, RecordAnswer* answer)
      : cluster_(cluster), names_(names), records_(records), answer_(answer) {}

  // Fails only when it is cancelled.
  Status Run() {
    Split();
    while (!parts_.empty()) {
      Indices part = std::move(parts_.back());
      parts_.pop_back();
      std::string body;
      for (size_t index : part) AppendIndexAction(names_, *records_[index], &body);
      Result<connector::HttpAnswer> answered = cluster_->Bulk(body);
      if (Is(answered.status(), ErrorCode::kCancelled)) return answered.status();
      if (!answered.ok()) {
        PutOffAll(std::move(part), kNoAnswer, answered.status());
      } else {
        Take(std::move(part), *answered);
      }
    }
    return Status::OK();
  }

 private:
  using Indices = std::vector<size_t>;  // into records_

  // What is no document is refused here: it would spoil the request. Worked off from the back.
  void Split() {
    size_t bytes = 0;
    for (size_t i = 0; i < records_.size(); ++i) {
      Status checked = CheckDocument(records_[i]->data);
      if (!checked.ok()) {
        Refuse(i, kMalformed, TextOf(checked));
        continue;
      }
      const size_t size = records_[i]->data.size() + kActionLineBytes;
      if (parts_.empty() || bytes + size > kBulkBytesMax) {
        parts_.emplace_back();
        bytes = 0;
      }
      parts_.back().push_back(i);
      bytes += size;
    }
    std::reverse(parts_.begin(), parts_.end());
  }

  void Refuse(size_t index, std::string code, const ErrorText& text) {
    std::string message = text.message;
    if (!text.detail.empty()) message += ": " + text.detail;
    answer_->refused.push_back(
        {.index = index, .code = std::move(code), .message = std::move(message)});
  }

  void PutOff(size_t index, const std::string& code, const Status& problem) {
    RecordFailure failure = FailuresOfAll(1, code, problem)[0];
    failure.index = index;
    answer_->again.push_back(std::move(failure));
    if (answer_->problem.ok()) answer_->problem = PassingProblem(problem);
  }

  // And all that would be sent after them: the server is away, or has too much to do.
  void PutOffAll(Indices part, const std::string& code, const Status& problem) {
    parts_.push_back(std::move(part));
    while (!parts_.empty()) {
      for (size_t index : parts_.back()) PutOff(index, code, problem);
      parts_.pop_back();
    }
  }

  void Take(Indices part, const connector::HttpAnswer& answered) {
    const std::string code = std::to_string(answered.status);
    if (answered.status == 400 || answered.status == 413) {
      // One of them makes the whole request unwelcome: find it by halving.
      if (part.size() == 1) {
        return Refuse(part[0], code, {.message = ProblemOfAnswer(answered.body).text});
      }
      auto half = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
      parts_.emplace_back(half, part.end());
      parts_.emplace_back(part.begin(), half);
      return;
    }
    if (answered.status != 200) {
      return PutOffAll(std::move(part), code,
                       StatusOfAnswer(answered, "the server did not take a _bulk request"));
    }
    Result<std::vector<ItemOutcome>> outcomes = ParseBulkAnswer(answered.body, part.size());
    if (!outcomes.ok()) return PutOffAll(std::move(part), kNoAnswer, outcomes.status());
    for (size_t i = 0; i < part.size(); ++i) TakeItem(part[i], (*outcomes)[i]);
  }

  void TakeItem(size_t index, const ItemOutcome& outcome) {
    const std::string code = std::to_string(outcome.status);
    if (outcome.fate == ItemFate::kDone) return;
    if (outcome.fate == ItemFate::kRefused)
      return Refuse(index, code, {.message = outcome.problem});
    // Rights and indexes that are missing may come, too.
    const std::string name = IndexOf(names_, *records_[index]);
    PutOff(index, code,
           MakeError(ErrorCode::kUnavailable,
                     {.message = "the server takes no document into the index '" + name + "'",
                      .detail = outcome.problem}));
  }

  SearchCluster* cluster_;
  const DocumentNames& names_;
  const std::vector<const SentRecord*>& records_;
  RecordAnswer* answer_;
  std::vector<Indices> parts_;
};

class DocumentClient final : public RecordClient {
 public:
  DocumentClient(ClusterOptions cluster, DocumentNames names)
      : options_(std::move(cluster)), names_(std::move(names)) {}

  Task<RecordAnswer> Send(RecordRequest, std::vector<const SentRecord*> records) override {
    RecordAnswer answer;
    connector::BlockingCall call = [&]() -> Result<connector::HttpAnswer> {
      if (cluster_ == nullptr) {
        ASSIGN_OR_RETURN(cluster_, SearchCluster::Open(options_));
      }
      RETURN_IF_ERROR(DocumentSending(cluster_.get(), names_, records, &answer).Run());
      return connector::HttpAnswer();
    };
    auto ended = co_await connector::CallApart(std::move(call));
    CO_RETURN_IF_ERROR(ended.status());
    co_return answer;
  }

  std::string FailedLine(const SentRecord& record, const RecordFailure& failure,
                         RecordTries tries) const override {
    return FailedDocumentLine(names_, record, failure, tries);
  }

 private:
  ClusterOptions options_;
  DocumentNames names_;
  std::unique_ptr<SearchCluster> cluster_;
};

}  // namespace

std::unique_ptr<RecordClient> MakeDocumentClient(ClusterOptions cluster, DocumentNames names) {
  return std::make_unique<DocumentClient>(std::move(cluster), std::move(names));
}

}  // namespace mainstem::sink
