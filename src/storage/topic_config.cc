#include "storage/topic_config.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/suggest.h"

namespace mainstem::storage {
namespace {

constexpr int64_t kSegmentBytesMin = 1 << 20;
constexpr size_t kTopicNameLengthMax = 249;
// Of one value: what a string of Kafka's older versions can hold.
constexpr size_t kValueBytesMax = 32767;
constexpr size_t kShownBytesMax = 100;

Status Invalid(const std::string& key, const std::string& value, std::string_view why) {
  bool is_long = value.size() > kShownBytesMax;
  return MakeError(ErrorCode::kInvalidConfig,
                   fmt::format("invalid value '{}{}' for '{}': {}", value.substr(0, kShownBytesMax),
                               is_long ? "..." : "", key, why));
}

std::vector<ConfigKey> MakeKeys() {
  using enum ConfigKind;
  const std::string no_limit = "9223372036854775807";
  std::vector<ConfigKey> keys = {
      {"cleanup.policy", kList, "delete",
       "delete drops old segments by time and size, compact keeps the newest value of each key.",
       true},
      {"compression.gzip.level", kInt, "-1", "Level used when compression.type is gzip.", false},
      {"compression.lz4.level", kInt, "9", "Level used when compression.type is lz4.", false},
      {"compression.type", kString, "producer",
       "producer keeps batches as they were sent; a codec's name compresses them anew.", true},
      {"compression.zstd.level", kInt, "3", "Level used when compression.type is zstd.", false},
      {"delete.retention.ms", kLong, "86400000",
       "How long a tombstone stays after the first compaction that sees it.", true},
      {"file.delete.delay.ms", kLong, "60000", "Files go as soon as nobody reads them.", false},
      {"flush.messages", kLong, no_limit, "Every acknowledged record is flushed.", false},
      {"flush.ms", kLong, no_limit, "Every acknowledged record is flushed.", false},
      {"follower.replication.throttled.replicas", kList, "", "There is one node.", false},
      {"index.interval.bytes", kInt, "4096", "Bytes of records between index entries.", true},
      {"internal.segment.bytes", kInt, "", "For Kafka's own tests.", false},
      {"leader.replication.throttled.replicas", kList, "", "There is one node.", false},
      {"local.retention.bytes", kLong, "-2", "For tiered storage.", false},
      {"local.retention.ms", kLong, "-2", "For tiered storage.", false},
      {"max.compaction.lag.ms", kLong, no_limit,
       "Compaction is due when its oldest record waits longer.", true},
      {"max.message.bytes", kInt, "1048588",
       "The largest record batch, as stored, header included.", true},
      {"message.timestamp.after.max.ms", kLong, "3600000",
       "How far a record's timestamp may lie after the node's clock.", true},
      {"message.timestamp.before.max.ms", kLong, no_limit,
       "How far a record's timestamp may lie before the node's clock.", true},
      {"message.timestamp.type", kString, "CreateTime",
       "CreateTime keeps the producer's timestamps, LogAppendTime sets the time of the append.",
       true},
      {"min.cleanable.dirty.ratio", kDouble, "0.5",
       "Compaction is due when more than this share of the closed segments is not compacted.",
       true},
      {"min.compaction.lag.ms", kLong, "0", "Compaction leaves younger records alone.", true},
      {"min.insync.replicas", kInt, "1", "There is one node.", false},
      {"preallocate", kBoolean, "false", "Segments grow as they are written.", false},
      {"remote.log.copy.disable", kBoolean, "false", "For tiered storage.", false},
      {"remote.log.delete.on.disable", kBoolean, "false", "For tiered storage.", false},
      {"remote.storage.enable", kBoolean, "false", "For tiered storage.", false},
      {"retention.bytes", kLong, "-1", "Greatest size of a partition; -1 has no limit.", true},
      {"retention.ms", kLong, "604800000",
       "Segments whose newest record is older are deleted; -1 has no limit.", true},
      {"segment.bytes", kInt, "1073741824", "A segment file ends at this size.", true},
      {"segment.index.bytes", kInt, "10485760", "Indexes grow with their segment.", false},
      {"segment.jitter.ms", kLong, "0", "Segments end one at a time anyway.", false},
      {"segment.ms", kLong, "604800000", "A segment file ends at this age.", true},
      {"unclean.leader.election.enable", kBoolean, "false", "There is one node.", false},
  };
  CHECK(std::is_sorted(keys.begin(), keys.end(),
                       [](const ConfigKey& a, const ConfigKey& b) { return a.name < b.name; }));
  return keys;
}

const ConfigKey* FindKey(const std::string& name) {
  for (const ConfigKey& key : TopicConfigKeys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

Status CheckKind(const ConfigKey& key, const std::string& value) {
  int32_t small = 0;
  int64_t large = 0;
  double real = 0;
  bool flag = value == "true" || value == "false";
  switch (key.kind) {
    case ConfigKind::kInt:
      return absl::SimpleAtoi(value, &small) ? Status::OK()
                                             : Invalid(key.name, value, "not an integer");
    case ConfigKind::kLong:
      return absl::SimpleAtoi(value, &large) ? Status::OK()
                                             : Invalid(key.name, value, "not an integer");
    case ConfigKind::kDouble:
      return absl::SimpleAtod(value, &real) ? Status::OK()
                                            : Invalid(key.name, value, "not a number");
    case ConfigKind::kBoolean:
      return flag ? Status::OK() : Invalid(key.name, value, "use true or false");
    case ConfigKind::kString:
    case ConfigKind::kList: return Status::OK();
  }
  return Status::OK();
}

// Keys that have no effect here: what they may be all the same.
struct Bounds {
  std::string_view name;
  int64_t least;
  int64_t most;
  std::string_view why;  // not beyond
};
constexpr Bounds kBounds[] = {
    {"compression.gzip.level", -1, -1, "gzip's usual level is used"},
    {"compression.lz4.level", 9, 9, "one level of lz4 is used"},
    {"compression.zstd.level", 3, 3, "one level of zstd is used"},
    {"file.delete.delay.ms", 0, INT64_MAX, "it is a time"},
    {"flush.messages", 1, INT64_MAX, "it is a number of records"},
    {"flush.ms", 0, INT64_MAX, "it is a time"},
    {"local.retention.bytes", -2, INT64_MAX, "it is a size, -1 or -2"},
    {"local.retention.ms", -2, INT64_MAX, "it is a time, -1 or -2"},
    {"min.insync.replicas", 1, 1, "there is one node, and a record has one replica"},
    {"segment.index.bytes", 4, INT64_MAX, "it is a size"},
    {"segment.jitter.ms", 0, INT64_MAX, "it is a time"},
};
constexpr std::string_view kTiering[] = {"remote.log.copy.disable", "remote.log.delete.on.disable",
                                         "remote.storage.enable"};

// Reads the values that are set; kinds were checked.
class Values {
 public:
  explicit Values(const TopicConfig& config) : config_(config) {}
  const std::string* Find(const std::string& key) const {
    auto it = config_.find(key);
    return it == config_.end() ? nullptr : &it->second;
  }
  Status Number(const std::string& key, int64_t minimum, int64_t* value) const {
    const std::string* text = Find(key);
    if (text == nullptr) return Status::OK();
    CHECK(absl::SimpleAtoi(*text, value));
    if (*value >= minimum) return Status::OK();
    return Invalid(key, *text, fmt::format("the least is {}", minimum));
  }
  Status Share(const std::string& key, double* value) const {
    const std::string* text = Find(key);
    if (text == nullptr) return Status::OK();
    CHECK(absl::SimpleAtod(*text, value));
    if (*value >= 0 && *value <= 1) return Status::OK();
    return Invalid(key, *text, "it lies from 0 to 1");
  }

 private:
  const TopicConfig& config_;
};

Status ParsePolicy(const std::string* text, EffectiveConfig* result) {
  if (text == nullptr) return Status::OK();
  result->delete_policy = result->compact_policy = false;
  for (absl::string_view part : absl::StrSplit(*text, ',', absl::SkipWhitespace())) {
    part = absl::StripAsciiWhitespace(part);
    if (part == "delete") {
      result->delete_policy = true;
    } else if (part == "compact") {
      result->compact_policy = true;
    } else {
      return Invalid("cleanup.policy", *text, "use delete, compact or both");
    }
  }
  return Status::OK();
}

Status ParseTimestampType(const std::string* text, EffectiveConfig* result) {
  if (text == nullptr) return Status::OK();
  if (*text != "CreateTime" && *text != "LogAppendTime") {
    return Invalid("message.timestamp.type", *text, "use CreateTime or LogAppendTime");
  }
  result->log_append_time = *text == "LogAppendTime";
  return Status::OK();
}

}  // namespace

const std::vector<ConfigKey>& TopicConfigKeys() {
  static const std::vector<ConfigKey> keys = MakeKeys();
  return keys;
}

Result<EffectiveConfig> ParseTopicConfig(const TopicConfig& config) {
  for (const auto& [name, value] : config) {
    const ConfigKey* key = FindKey(name);
    if (key == nullptr) {
      std::vector<std::string> known;
      for (const ConfigKey& each : TopicConfigKeys()) known.push_back(each.name);
      return MakeError(ErrorCode::kInvalidConfig,
                       {.message = fmt::format("unknown topic configuration '{}'", name),
                        .hint = SuggestionFor(name, known)});
    }
    RETURN_IF_ERROR(CheckKind(*key, value));
  }
  EffectiveConfig result;
  Values values(config);
  int64_t message_bytes = static_cast<int64_t>(result.max_message_bytes);
  RETURN_IF_ERROR(values.Number("retention.ms", -1, &result.retention_ms));
  RETURN_IF_ERROR(values.Number("retention.bytes", -1, &result.retention_bytes));
  RETURN_IF_ERROR(values.Number("segment.bytes", kSegmentBytesMin, &result.segment_bytes));
  RETURN_IF_ERROR(values.Number("segment.ms", 1, &result.segment_ms));
  RETURN_IF_ERROR(values.Number("index.interval.bytes", 0, &result.index_interval_bytes));
  RETURN_IF_ERROR(values.Number("max.message.bytes", 0, &message_bytes));
  RETURN_IF_ERROR(
      values.Number("message.timestamp.before.max.ms", 0, &result.timestamp_before_max_ms));
  RETURN_IF_ERROR(
      values.Number("message.timestamp.after.max.ms", 0, &result.timestamp_after_max_ms));
  RETURN_IF_ERROR(values.Number("delete.retention.ms", 0, &result.delete_retention_ms));
  RETURN_IF_ERROR(values.Number("min.compaction.lag.ms", 0, &result.compaction_lag_min_ms));
  RETURN_IF_ERROR(values.Number("max.compaction.lag.ms", 1, &result.compaction_lag_max_ms));
  RETURN_IF_ERROR(values.Share("min.cleanable.dirty.ratio", &result.cleanable_dirty_ratio_min));
  int64_t ignored = 0;
  RETURN_IF_ERROR(values.Number("min.insync.replicas", 1, &ignored));
  result.max_message_bytes = static_cast<size_t>(message_bytes);
  RETURN_IF_ERROR(ParsePolicy(values.Find("cleanup.policy"), &result));
  if (result.compaction_lag_min_ms > result.compaction_lag_max_ms) {
    return MakeError(ErrorCode::kInvalidConfig,
                     fmt::format("min.compaction.lag.ms {} is more than max.compaction.lag.ms {}",
                                 result.compaction_lag_min_ms, result.compaction_lag_max_ms));
  }
  // A segment that is still written is not compacted: it must end in time.
  if (result.compact_policy) {
    result.segment_ms = std::min(result.segment_ms, result.compaction_lag_max_ms);
  }
  RETURN_IF_ERROR(ParseTimestampType(values.Find("message.timestamp.type"), &result));
  const std::string* codec = values.Find("compression.type");
  if (codec != nullptr && *codec != "producer") {
    ASSIGN_OR_RETURN(result.codec, CodecFromName(*codec));
    result.recompress = true;
  }
  return result;
}

Status CheckNewTopicConfig(const TopicConfig& config, const TopicConfig& before) {
  RETURN_IF_ERROR(ParseTopicConfig(config));
  for (const auto& [name, value] : config) {
    auto had = before.find(name);
    if (had != before.end() && had->second == value) continue;
    if (value.size() > kValueBytesMax) {
      return Invalid(name, value, fmt::format("it is longer than {} bytes", kValueBytesMax));
    }
    for (const Bounds& bounds : kBounds) {
      if (bounds.name != name) continue;
      int64_t number = 0;
      CHECK(absl::SimpleAtoi(value, &number));
      bool fits = number >= bounds.least && number <= bounds.most;
      if (!fits) return Invalid(name, value, bounds.why);
    }
    if (name == "internal.segment.bytes") {
      return Invalid(name, value, "it is for Kafka's own tests; use segment.bytes");
    }
    bool is_tiering =
        std::find(std::begin(kTiering), std::end(kTiering), name) != std::end(kTiering);
    if (is_tiering && value == "true") return Invalid(name, value, "there is no tiered storage");
  }
  return Status::OK();
}

Status CheckTopicName(const std::string& name) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  std::string_view why;
  if (name.empty()) why = "is empty";
  if (name == "." || name == "..") why = "is '.' or '..'";
  if (name.size() > kTopicNameLengthMax) why = "is longer than 249 characters";
  if (!std::all_of(name.begin(), name.end(), allowed)) {
    why = "has characters other than a-z, A-Z, 0-9, '.', '_' and '-'";
  }
  if (why.empty()) return Status::OK();
  return MakeError(ErrorCode::kInvalidTopic, fmt::format("the topic name '{}' {}", name, why));
}

Status CheckClientUse(std::string_view topic, ClientUse use) {
  bool is_open = use == ClientUse::kChange && topic.starts_with(kQuarantineTopicPrefix);
  if (is_open || !topic.starts_with(kInternalTopicPrefix)) return Status::OK();
  if (use == ClientUse::kCreate) {
    return MakeError(ErrorCode::kInvalidTopic,
                     fmt::format("the topic name '{}' is reserved: names that begin with {} are "
                                 "Mainstem's own",
                                 topic, kInternalTopicPrefix));
  }
  return MakeError(
      ErrorCode::kInvalidTopic,
      fmt::format("topic '{}' is kept by Mainstem itself: clients only read it", topic));
}

}  // namespace mainstem::storage
