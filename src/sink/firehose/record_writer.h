// Gathers the records of one partition and sends them: see record_sink.h. Private to this folder.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/table.h"
#include "sink/firehose/record_client.h"

namespace mainstem::sink {

struct RecordBuffering {
  size_t bytes = 0;  // a request is sent when so much waits,
  Duration time{};   // or its first record has waited so long
  Duration retry_time{};
};

// What is kept from one writer to the next while the process lives: the destination cannot be
// asked. Thread-safe.
class RecordProgress {
 public:
  // A request that has not been taken as a whole yet: what is left of it is sent again.
  struct Attempt {
    RecordRequest request;
    size_t record_count = 0;
    std::vector<size_t> left = {};  // of its records: neither taken nor handed over
    int64_t attempt_count = 0;
    TimePoint began;
  };
  struct Place {
    std::optional<Offset> position;  // all records before it are sent or handed over
    size_t sent_count = 0;           // of those behind it, so many are, too
    std::optional<Attempt> attempt;
  };
  Place Find(const std::string& id) const;
  void Set(const std::string& id, Place place);

 private:
  mutable std::mutex mutex_;  // guards places_
  std::map<std::string, Place> places_;
};

// Says a failed try at once: its caller makes a new writer after a while, which goes on with the
// same request.
struct RecordWriterParts {
  Env* env;
  std::string connector;  // its name, for messages
  RecordBuffering buffering;
  std::shared_ptr<RecordProgress> progress;
  std::unique_ptr<RecordClient> client;
  std::string delivery_id;
  PartitionId partition;
};
std::unique_ptr<connector::DeliveryWriter> MakeRecordWriter(RecordWriterParts parts);

}  // namespace mainstem::sink
