// Sizes and rates of all topics: one look at every partition, at most once in 900 ms and only when
// somebody asks; rates are the change since the look before. Shard 0 only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json_writer.h"
#include "server/admin/admin_api.h"
#include "storage/log.h"

namespace mainstem::server {

struct TopicSample {
  storage::TopicInfo topic;
  int64_t size_bytes = 0;
  int64_t records = 0;      // high watermarks minus log starts
  int64_t records_end = 0;  // sum of the high watermarks: grows by what comes in
  double records_in_per_second = 0;
  double bytes_in_per_second = 0;
};

struct NodeSample {
  std::vector<TopicSample> topics;  // sorted by name
  double records_in_per_second = 0;
  double bytes_in_per_second = 0;
  double bytes_out_per_second = 0;
};

class TopicSampler {
 public:
  explicit TopicSampler(const AdminDependencies* dependencies);
  ~TopicSampler();
  Task<NodeSample> Sample();

 private:
  Task<TopicSample> Look(storage::TopicInfo topic);
  void AddRates(NodeSample* sample, Duration elapsed) const;

  const AdminDependencies* dependencies_;
  NodeSample last_;
  int64_t last_bytes_out_ = 0;
  TimePoint taken_at_;
  bool has_sample_ = false;
  bool sampling_ = false;
  Event sampled_;
};

void WriteTopic(const TopicSample& sample, JsonWriter* json);  // the members, without braces
std::string TopicIdText(const storage::TopicId& id);

}  // namespace mainstem::server
