// Gathers the records of one partition and sends them: see endpoint_sink.h. Private to this folder.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/table.h"
#include "sink/http/endpoint_client.h"

namespace mainstem::sink {

struct EndpointOptions {
  EndpointTarget target;
  size_t buffer_bytes = 0;
  Duration buffer_time{};
  Duration retry_time{};
};

// What is kept from one writer to the next while the process lives: the endpoint cannot be asked.
// Thread-safe.
class EndpointProgress {
 public:
  // A request that has not been taken yet: it is sent again as it was.
  struct Attempt {
    EndpointRequest request;
    size_t record_count = 0;
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
std::unique_ptr<connector::DeliveryWriter> MakeEndpointWriter(
    Env* env, std::shared_ptr<const EndpointOptions> options,
    std::shared_ptr<EndpointProgress> progress, std::unique_ptr<EndpointClient> client,
    std::string delivery_id, PartitionId partition);

}  // namespace mainstem::sink
