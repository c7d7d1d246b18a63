#include "gateway/kinesis/stream_meta.h"

#include <absl/strings/escaping.h>
#include <simdjson.h>

#include "core/json_writer.h"

namespace mainstem::gateway::kinesis {
namespace {

namespace dom = simdjson::dom;

constexpr int64_t kMetaVersion = 1;

Status BadMeta(std::string_view why) {
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "the metadata of a stream is broken", .detail = std::string(why)});
}

// Reads members; the first one that is missing or of another type is remembered.
class MetaReader {
 public:
  explicit MetaReader(dom::element element) : element_(element) {}

  int64_t Integer(std::string_view name, int64_t least, int64_t most) {
    int64_t value = 0;
    auto error = element_[name].get_int64().get(value);
    if (error != simdjson::SUCCESS || value < least || value > most) failed_ = name;
    return value;
  }
  std::string Text(std::string_view name) {
    std::string_view value;
    if (element_[name].get_string().get(value) != simdjson::SUCCESS) failed_ = name;
    return std::string(value);
  }
  HashKey Key(std::string_view name) {
    auto key = ParseHashKey(Text(name));
    if (!key) failed_ = name;
    return key.value_or(0);
  }
  // Nothing when it is absent.
  std::optional<int32_t> Shard(std::string_view name, size_t shard_count) {
    int64_t value = 0;
    auto error = element_[name].get_int64().get(value);
    if (error == simdjson::NO_SUCH_FIELD) return std::nullopt;
    bool good =
        error == simdjson::SUCCESS && value >= 0 && value < static_cast<int64_t>(shard_count);
    if (!good) failed_ = name;
    return static_cast<int32_t>(value);
  }
  Status Outcome() const { return failed_.empty() ? Status::OK() : BadMeta("'" + failed_ + "'"); }

 private:
  dom::element element_;
  std::string failed_;
};

Status ReadShards(dom::element root, StreamMeta* meta) {
  dom::array shards;
  if (root["shards"].get_array().get(shards) != simdjson::SUCCESS) return BadMeta("'shards'");
  for (dom::element item : shards) {
    MetaReader reader(item);
    ShardMeta shard;
    shard.range = {.first = reader.Key("first"), .last = reader.Key("last")};
    shard.created_ms = reader.Integer("created_ms", 0, INT64_MAX);
    shard.closed_ms = reader.Integer("closed_ms", 0, INT64_MAX);
    shard.parent = reader.Shard("parent", meta->shards.size());
    shard.adjacent = reader.Shard("adjacent", meta->shards.size());
    shard.added = reader.Integer("added", 0, 1) == 1;
    RETURN_IF_ERROR(reader.Outcome());
    if (shard.range.first > shard.range.last) return BadMeta("a range ends before it begins");
    meta->shards.push_back(shard);
  }
  return Status::OK();
}

Status ReadTags(dom::element owner, std::map<std::string, std::string>* out) {
  dom::object tags;
  if (owner["tags"].get_object().get(tags) != simdjson::SUCCESS) return BadMeta("'tags'");
  for (auto [name, value] : tags) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) return BadMeta("a tag");
    (*out)[std::string(name)] = text;
  }
  return Status::OK();
}

Status ReadConsumers(dom::element root, StreamMeta* meta) {
  dom::array consumers;
  if (root["consumers"].get_array().get(consumers) != simdjson::SUCCESS) {
    return BadMeta("'consumers'");
  }
  for (dom::element item : consumers) {
    MetaReader reader(item);
    ConsumerMeta consumer;
    consumer.name = reader.Text("name");
    consumer.created_ms = reader.Integer("created_ms", 0, INT64_MAX);
    RETURN_IF_ERROR(reader.Outcome());
    // Consumers had none once.
    bool has_tags = item["tags"].error() != simdjson::NO_SUCH_FIELD;
    if (has_tags) RETURN_IF_ERROR(ReadTags(item, &consumer.tags));
    meta->consumers.push_back(std::move(consumer));
  }
  return Status::OK();
}

void WriteTags(const std::map<std::string, std::string>& tags, JsonWriter* json) {
  json->Key("tags").BeginObject();
  for (const auto& [name, value] : tags) json->Field(name, value);
  json->EndObject();
}

}  // namespace

std::string EncodeStreamMeta(const StreamMeta& meta) {
  JsonWriter json;
  json.BeginObject().Field("version", kMetaVersion).Field("created_ms", meta.created_ms);
  json.Field("on_demand", meta.on_demand).Field("record_kib_max", meta.record_kib_max);
  WriteTags(meta.tags, &json);
  json.Key("consumers").BeginArray();
  for (const ConsumerMeta& consumer : meta.consumers) {
    json.BeginObject().Field("name", consumer.name).Field("created_ms", consumer.created_ms);
    if (!consumer.tags.empty()) WriteTags(consumer.tags, &json);
    json.EndObject();
  }
  json.EndArray().Key("shards").BeginArray();
  for (const ShardMeta& shard : meta.shards) {
    json.BeginObject().Field("first", FormatHashKey(shard.range.first));
    json.Field("last", FormatHashKey(shard.range.last)).Field("created_ms", shard.created_ms);
    json.Field("closed_ms", shard.closed_ms).Field("added", shard.added ? 1 : 0);
    if (shard.parent) json.Field("parent", *shard.parent);
    if (shard.adjacent) json.Field("adjacent", *shard.adjacent);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

Result<StreamMeta> DecodeStreamMeta(std::string_view text) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS) {
    return BadMeta("not JSON");
  }
  MetaReader reader(root);
  StreamMeta meta;
  reader.Integer("version", kMetaVersion, kMetaVersion);
  meta.created_ms = reader.Integer("created_ms", 0, INT64_MAX);
  meta.record_kib_max = static_cast<int32_t>(reader.Integer("record_kib_max", 1, 1 << 20));
  RETURN_IF_ERROR(reader.Outcome());
  if (root["on_demand"].get_bool().get(meta.on_demand) != simdjson::SUCCESS) {
    return BadMeta("'on_demand'");
  }
  RETURN_IF_ERROR(ReadTags(root, &meta.tags));
  RETURN_IF_ERROR(ReadConsumers(root, &meta));
  RETURN_IF_ERROR(ReadShards(root, &meta));
  return meta;
}

std::string StreamMetaKey(const storage::TopicId& id) {
  return std::string(kStreamMetaPrefix) +
         absl::BytesToHexString({reinterpret_cast<const char*>(id.data()), id.size()});
}

std::optional<storage::TopicId> ParseStreamMetaKey(std::string_view key) {
  storage::TopicId id{};
  if (!key.starts_with(kStreamMetaPrefix)) return std::nullopt;
  key.remove_prefix(kStreamMetaPrefix.size());
  if (key.size() != 2 * id.size()) return std::nullopt;
  for (size_t i = 0; i < key.size(); ++i) {
    char c = key[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    id[i / 2] = static_cast<uint8_t>(id[i / 2] << 4 | digit);
  }
  return id;
}

}  // namespace mainstem::gateway::kinesis
