// The delivery streams of the node: finds them, makes, changes and deletes them, and sees to it
// that each has its topic and its job. Definitions lie in the log's small values (Log::PutMeta),
// where no Kafka client reads the keys of endpoints. Home shard only; changes of one stream come
// one after the other, are ended once begun, and are durable when they return.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "connector/job_service.h"
#include "core/env.h"
#include "core/logging.h"
#include "gateway/aws/named_tasks.h"
#include "gateway/firehose/delivery_stream.h"
#include "storage/changes_by_name.h"
#include "storage/log.h"

namespace mainstem::gateway::firehose {

class StreamCatalog {
 public:
  struct Parts {
    Env* env;
    storage::Log* log;
    connector::JobService* jobs;  // has been started, and stops after the catalog
    Logger logger;
  };
  // Ends what a crash cut off.
  static Task<std::unique_ptr<StreamCatalog>> Open(Parts parts);
  Task<> Stop();

  using Streams = std::map<std::string, DeliveryStream, std::less<>>;
  const Streams& streams() const { return streams_; }
  const DeliveryStream* Find(std::string_view name) const;

  // `stream`: without job, and of DirectPut without topic. kAlreadyExists, also for a topic in its
  // place; an InvalidArgumentException for a destination that can't be; a LimitExceededException
  // beyond 1,000.
  Task<> Create(std::string name, DeliveryStream stream);
  // With what is not delivered. What can't be removed at once is removed later; until then the name
  // is taken. kNotFound.
  Task<> Delete(std::string name);
  // Applies `change` to the newest definition. A changed destination gets the next version, and its
  // job follows soon. kNotFound; an InvalidArgumentException.
  using Change = std::function<Status(DeliveryStream* stream)>;
  Task<> Update(std::string name, Change change);

 private:
  explicit StreamCatalog(Parts parts);
  Task<> Load();
  Task<> CreateHere(std::string name, DeliveryStream stream);
  Task<> Make(std::string name, DeliveryStream stream);
  Task<> DeleteHere(std::string name);
  Task<> UpdateHere(std::string name, Change change);
  Task<> Keep(std::string name, std::string text);
  // Removes job, topic and record of one that is leaving, as far as they are there.
  Task<> Remove(std::string name);
  // The same, or goes on with it in the background.
  Task<> RemoveNowOrLater(std::string name);
  Task<> RemoveLater(std::string name);
  // Whether a job of it can be; its errors are told to the caller.
  Task<> Check(std::string name, DeliveryStream stream);
  // Until the stream's job is as the definition says.
  Task<> Follow(std::string name);

  const Parts parts_;
  Streams streams_;
  Streams leaving_;  // not whole, or deleted: their records are still there
  storage::ChangesByName changes_;
  aws::NamedTasks following_;  // by the stream's name; of those that leave: their removal
};

}  // namespace mainstem::gateway::firehose
