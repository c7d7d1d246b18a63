// Sends changes of documents by _bulk until each of them has its outcome: done, or refused for
// good. What may pass (overload, a shard that moves) is sent again, alone, with growing pauses.
#pragma once

#include <string>
#include <vector>

#include "core/backoff.h"
#include "core/env.h"
#include "format/format.h"
#include "sink/opensearch/bulk_answer.h"
#include "sink/opensearch/document_changes.h"
#include "sink/opensearch/search_cluster.h"

namespace mainstem::sink {

struct RefusedDocument {
  size_t change = 0;  // index into DocumentChanges::changes
  std::string problem;
};

// Borrows everything for its life. One Send at a time.
class DocumentWriter {
 public:
  struct Options {
    Env* env = nullptr;
    SearchCluster* cluster = nullptr;
    format::Encoder* encoder = nullptr;
    size_t actions_max = 1000;  // of one request
    size_t bytes_max = 2u << 20;
    Backoff::Bounds pauses;
    // A data stream: documents are only ever created.
    bool creates_only = false;
    // Look first which ids are there: those of a data stream may be in an older backing index.
    bool skips_existing = false;
    // No version that this delivery has ever sent is greater. A document with a greater one has
    // been written by somebody else.
    int64_t last_version = 0;
  };
  explicit DocumentWriter(Options options) : options_(std::move(options)) {}

  // Returns those that were refused. Retriable when the server is away or stays overloaded: some
  // may be in then, and all may be sent again.
  Task<std::vector<RefusedDocument>> Send(const DocumentChanges& changes);

 private:
  using Indices = std::vector<size_t>;  // into changes

  Status Encode(const DocumentChanges& changes);
  Task<> DropExisting(const DocumentChanges& changes, Indices* indices);
  std::vector<Indices> Split(const Indices& indices) const;
  std::string BodyOf(const Indices& indices) const;
  // Sends one request; what is left to send of it goes to `left`.
  Task<> SendOnce(const DocumentChanges& changes, Indices indices, std::vector<Indices>* left);
  Status Take(const DocumentChanges& changes, size_t index, ItemOutcome outcome, Indices* again);

  Options options_;
  std::vector<std::string> actions_;  // by change: its lines in the body
  std::vector<RefusedDocument> refused_;
  Status passing_problem_;  // of the last item that is sent again
};

}  // namespace mainstem::sink
