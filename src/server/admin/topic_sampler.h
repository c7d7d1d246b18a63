// Sizes and rates of all topics: one look at every partition when somebody asks, at most once in
// 900 ms, and every few seconds besides; rates are the change since the look before. What the looks
// of the last ten minutes found is kept. Shard 0 only.
#pragma once

#include <deque>
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

// Of one look, for those who come later.
struct PastSample {
  TimePoint taken_at;
  int64_t time_ms = 0;
  double records_in_per_second = 0;
  double bytes_in_per_second = 0;
  double bytes_out_per_second = 0;
  std::map<std::string, double> topics;  // the busiest: records in per second
};

class TopicSampler {
 public:
  explicit TopicSampler(const AdminDependencies* dependencies);
  ~TopicSampler();
  Task<NodeSample> Sample();
  // Looks again and again, for the history's sake, until it is cancelled.
  Task<> Watch();
  // Oldest first.
  const std::deque<PastSample>& history() const { return history_; }

 private:
  Task<TopicSample> Look(storage::TopicInfo topic);
  void AddRates(NodeSample* sample, Duration elapsed) const;
  void Keep(const NodeSample& sample);

  const AdminDependencies* dependencies_;
  NodeSample last_;
  int64_t last_bytes_out_ = 0;
  TimePoint taken_at_;
  bool has_sample_ = false;
  bool sampling_ = false;
  Event sampled_;
  std::deque<PastSample> history_;
};

// An object of arrays, a place in each for every look: times in ms since 1970, rates per second.
std::string WriteHistory(const std::deque<PastSample>& history);
void WriteTopic(const TopicSample& sample, JsonWriter* json);  // the members, without braces
std::string TopicIdText(const storage::TopicId& id);

}  // namespace mainstem::server
