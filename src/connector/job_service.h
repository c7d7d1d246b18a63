// Jobs that somebody else than a user keeps: a gateway whose definitions are carried out by SQL, as
// Amazon's delivery streams are. Implemented by process (JobManager), handed in by server.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/executor.h"
#include "core/status.h"

namespace mainstem::connector {

// In 'properties.bootstrap.servers': the node itself, whatever its address.
inline constexpr std::string_view kThisNode = "this-node";

struct KeptJob {
  std::string id;      // chosen by its keeper: the same for all versions of the job
  std::string name;    // as users see it
  std::string script;  // with exactly one INSERT or STATEMENT SET
  std::map<std::string, std::string> settings = {};  // as if SET before the script
};

// Any shard. Calls end what they have begun, whether the caller waits or not; after a crash they
// are made again. Those for one job, and what users command it, come one after the other.
class JobService {
 public:
  virtual ~JobService() = default;
  // Whether PutJob would take its script, as far as that can be told without doing anything.
  virtual Task<> CheckJob(KeptJob job) = 0;
  // Makes the job. One of that id goes on from where it is, with what it has not delivered yet, as
  // the script says now; nothing happens when it says so already, whatever has become of the job.
  // The new script has the sinks of the old one, in other places or with other options: else
  // kUnsupported, before anything has changed. Durable when it returns; when it fails, the job
  // goes on as it was. May take the 10 seconds for which an old destination that does not answer is
  // asked how far it is: then what it took last may be delivered to the new one, too.
  virtual Task<> PutJob(KeptJob job) = 0;
  // Ends and forgets it, with what it has not delivered. Of one that is not there: removes what may
  // be left of it.
  virtual Task<> DropJob(std::string id) = 0;
  virtual Task<bool> HasJob(std::string id) = 0;
};

}  // namespace mainstem::connector
