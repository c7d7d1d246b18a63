#include "source/kafka/kafka_source.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>
#include <re2/re2.h>

#include "connector/options.h"
#include "core/suggest.h"
#include "source/kafka/partition_reader.h"
#include "source/kafka/start_offsets.h"

namespace mainstem::source {
namespace {

using connector::SourceSplit;

struct KafkaPlan {
  connector::TableDescriptor table;
  Env* env = nullptr;
  storage::Log* log = nullptr;
  std::vector<std::string> topics;
  std::string topic_pattern;
  ScanBoundary start;
  ScanBoundary end;
  std::string group;
  std::string reset;
  bool read_committed = false;
  bool upsert = false;
  Duration discovery_interval{};
  connector::FormatChoice value_format;
  connector::FormatChoice key_format;
  // Columns that come from the record's key, and their names inside it.
  std::vector<std::string> key_columns;
  std::string key_prefix;
};

bool IsOwnAddress(const std::vector<std::string>& own, const std::string& bootstrap) {
  std::vector<std::string> addresses = absl::StrSplit(bootstrap, ',');
  for (std::string& address : addresses) {
    address.erase(std::remove(address.begin(), address.end(), ' '), address.end());
    if (std::find(own.begin(), own.end(), address) != own.end()) return true;
  }
  return false;
}

// The key's columns as its messages name them.
std::shared_ptr<arrow::Schema> KeySchema(const KafkaPlan& plan) {
  arrow::FieldVector fields;
  for (const std::string& column : plan.key_columns) {
    auto field = plan.table.schema->GetFieldByName(column);
    fields.push_back(field->WithName(column.substr(plan.key_prefix.size())));
  }
  return arrow::schema(std::move(fields));
}

class KafkaSource final : public connector::TableSource {
 public:
  explicit KafkaSource(KafkaPlan plan)
      : plan_(std::move(plan)), outside_(plan_.key_columns.begin(), plan_.key_columns.end()) {}

  bool bounded() const override { return plan_.end.mode != ScanBoundary::Mode::kNone; }
  bool insert_only() const override {
    const format::FormatInfo* info = format::FindFormat(plan_.value_format.format);
    return !plan_.upsert && (info == nullptr || !info->is_changelog);
  }
  bool upserts() const override { return plan_.upsert; }
  bool reads_rows_by_name() const override {
    const format::FormatInfo* value = format::FindFormat(plan_.value_format.format);
    if (value == nullptr || !value->reads_rows_by_name) return false;
    if (plan_.key_columns.empty()) return true;
    const format::FormatInfo* key = format::FindFormat(plan_.key_format.format);
    return key != nullptr && key->reads_rows_by_name;
  }
  Duration discovery_interval() const override {
    return bounded() ? Duration::zero() : plan_.discovery_interval;
  }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    CO_ASSIGN_OR_RETURN(std::vector<storage::TopicInfo> topics, FindTopics());
    CO_ASSIGN_OR_RETURN(GroupOffsets groups, co_await LoadGroupOffsets(plan_.log, plan_.group));
    BoundaryContext context{
        .log = plan_.log, .table = plan_.table.name, .group = plan_.group, .reset = plan_.reset};
    std::vector<SourceSplit> splits;
    for (const storage::TopicInfo& topic : topics) {
      for (int32_t i = 0; i < topic.partition_count; ++i) {
        PartitionRef partition{.topic = topic.name,
                               .partition = {.topic_id = topic.id, .partition = PartitionId(i)}};
        std::string id = topic.name + "/" + std::to_string(i);
        // Positions are looked up once: what is found later is a new partition, read whole.
        auto known = positions_.find(id);
        if (known == positions_.end()) {
          ScanBoundary start = plan_.start;
          if (discovered_) start.mode = ScanBoundary::Mode::kEarliest;
          PartitionPosition position;
          CO_ASSIGN_OR_RETURN(position.next,
                              co_await ResolveStart(context, start, partition, &groups));
          CO_ASSIGN_OR_RETURN(position.end,
                              co_await ResolveEnd(context, plan_.end, partition, &groups));
          known = positions_.emplace(id, position.ToString()).first;
        }
        splits.push_back({.id = id, .position = known->second});
      }
    }
    discovered_ = true;
    co_return splits;
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    CO_ASSIGN_OR_RETURN(PartitionPosition position, PartitionPosition::Parse(split.position));
    PartitionReadOptions options;
    options.env = plan_.env;
    CO_ASSIGN_OR_RETURN(options.partition, FindPartition(split.id, &options.topic));
    options.read_committed = plan_.read_committed;
    options.upsert = plan_.upsert;
    if (plan_.value_format.format == "json") options.deletion_message = "{}";
    ScanLayout layout = ScanLayout::Make(plan_.table, projection, outside_);
    CO_ASSIGN_OR_RETURN(auto decoder,
                        format::MakeDecoder(plan_.value_format.format, layout.decode_target(),
                                            plan_.value_format.options));
    auto reader = std::make_unique<PartitionReader>(plan_.log, std::move(options), position,
                                                    std::move(layout), std::move(decoder));
    if (!plan_.key_columns.empty()) {
      CO_ASSIGN_OR_RETURN(
          auto key_decoder,
          format::MakeDecoder(plan_.key_format.format, KeySchema(plan_), plan_.key_format.options));
      reader->SetKeyDecoder(plan_.key_columns, std::move(key_decoder));
    }
    co_return reader;
  }

  Task<> OnCheckpointComplete(std::vector<SourceSplit> positions) override {
    if (plan_.group.empty()) co_return Status::OK();
    std::vector<std::pair<storage::Log::OffsetKey, std::optional<storage::CommittedOffset>>>
        commits;
    for (const SourceSplit& split : positions) {
      std::string topic;
      Result<storage::TopicPartition> partition = FindPartition(split.id, &topic);
      if (!partition.ok()) continue;  // deleted meanwhile
      CO_ASSIGN_OR_RETURN(PartitionPosition position, PartitionPosition::Parse(split.position));
      storage::Log::OffsetKey key{
          .group = plan_.group, .topic = topic, .partition = partition->partition};
      storage::CommittedOffset committed;
      committed.offset = position.next;
      commits.emplace_back(std::move(key), std::move(committed));
    }
    co_return co_await plan_.log->CommitOffsets(std::move(commits));
  }

 private:
  Result<std::vector<storage::TopicInfo>> FindTopics() const {
    std::vector<storage::TopicInfo> found;
    if (!plan_.topic_pattern.empty()) {
      for (storage::TopicInfo& topic : plan_.log->ListTopics()) {
        if (!topic.internal && re2::RE2::FullMatch(topic.name, plan_.topic_pattern)) {
          found.push_back(std::move(topic));
        }
      }
      return found;
    }
    for (const std::string& name : plan_.topics) {
      std::optional<storage::TopicInfo> topic = plan_.log->FindTopic(name);
      if (!topic) {
        std::vector<std::string> names;
        for (const storage::TopicInfo& info : plan_.log->ListTopics()) {
          if (!info.internal) names.push_back(info.name);
        }
        return MakeError(
            ErrorCode::kUnknownTopic,
            {.message = "table '" + plan_.table.name + "': there is no topic '" + name + "'",
             .hint = SuggestionFor(name, names)});
      }
      found.push_back(std::move(*topic));
    }
    return found;
  }

  Result<storage::TopicPartition> FindPartition(const std::string& split_id,
                                                std::string* topic_name) const {
    size_t slash = split_id.rfind('/');
    int32_t partition = -1;
    if (slash == std::string::npos || !absl::SimpleAtoi(split_id.substr(slash + 1), &partition)) {
      return MakeError(ErrorCode::kInvalidArgument, "'" + split_id + "' names no partition");
    }
    *topic_name = split_id.substr(0, slash);
    std::optional<storage::TopicInfo> topic = plan_.log->FindTopic(*topic_name);
    if (!topic || partition < 0 || partition >= topic->partition_count) {
      return MakeError(
          ErrorCode::kUnknownTopic,
          {.message = "table '" + plan_.table.name + "': partition '" + split_id + "' is gone"});
    }
    return storage::TopicPartition{.topic_id = topic->id, .partition = PartitionId(partition)};
  }

  KafkaPlan plan_;
  std::set<std::string> outside_;
  std::map<std::string, std::string> positions_;
  bool discovered_ = false;
};

void ReadTopics(connector::TableOptions* options, KafkaPlan* plan) {
  plan->topics = options->List("topic");
  plan->topic_pattern = options->Text("topic-pattern", "");
  if (plan->topics.empty() == plan->topic_pattern.empty()) {
    options->Fail("topic", "or 'topic-pattern' is needed, and only one of them");
  }
  if (plan->topic_pattern.empty()) return;
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  re2::RE2 pattern(plan->topic_pattern, quiet);
  if (!pattern.ok()) {
    options->Fail("topic-pattern", "is no regular expression: " + pattern.error());
  }
}

void ReadFormats(connector::TableOptions* options, KafkaPlan* plan) {
  plan->value_format = connector::ValueFormatOf(plan->table);
  if (plan->value_format.format.empty()) options->Fail("format", "or 'value.format' is needed");
  plan->key_format = connector::KeyFormatOf(plan->table);
  bool except_key = options->Choice("value.fields-include", {"ALL", "EXCEPT_KEY"}, 0) == 1;
  std::vector<std::string> key_fields =
      plan->upsert ? plan->table.primary_key : options->List("key.fields");
  if (plan->key_format.format.empty() != key_fields.empty()) {
    options->Fail("key.format", "and the key's columns go together",
                  "give both 'key.format' and 'key.fields' (PRIMARY KEY for upsert-kafka)");
  }
  const std::string& value_format = plan->value_format.format;
  if (plan->upsert && value_format != "json" && value_format != "raw") {
    options->Fail("value.format", "must be 'json' or 'raw' for upsert-kafka");
  }
  plan->key_prefix = options->Text("key.fields-prefix", "");
  for (const std::string& column : key_fields) {
    if (plan->table.schema->GetFieldByName(column) == nullptr) {
      options->Fail("key.fields", "names '" + column + "', which is no column",
                    SuggestionFor(column, plan->table.schema->field_names()));
      return;
    }
    if (column.rfind(plan->key_prefix, 0) != 0) {
      options->Fail("key.fields-prefix", "is not in front of the key column '" + column + "'");
      return;
    }
  }
  if (!plan->key_prefix.empty() && !except_key) {
    options->Fail("key.fields-prefix", "needs 'value.fields-include' = 'EXCEPT_KEY'");
  }
  // What the value holds too is taken from there; a deletion has no value, so that upsert tables
  // always look at the key.
  if (except_key || plan->upsert) plan->key_columns = std::move(key_fields);
}

Result<KafkaPlan> MakePlan(connector::TableDescriptor table,
                           const connector::ConnectorContext& context, bool upsert) {
  KafkaPlan plan;
  plan.table = std::move(table);
  plan.upsert = upsert;
  plan.env = context.env;
  plan.log = context.log;
  connector::TableOptions options(plan.table);
  std::string bootstrap = options.Text("properties.bootstrap.servers", "");
  if (bootstrap.empty()) {
    options.Fail(
        "properties.bootstrap.servers", "is needed",
        context.own_addresses.empty() ? "" : "this node is '" + context.own_addresses[0] + "'");
  }
  ReadTopics(&options, &plan);
  if (upsert) {
    plan.start.mode = ScanBoundary::Mode::kEarliest;
    if (plan.table.primary_key.empty()) {
      options.Fail("connector", "needs a PRIMARY KEY (...) NOT ENFORCED");
    }
  } else {
    plan.start = ReadStartBoundary(&options);
  }
  plan.end = ReadEndBoundary(&options);
  plan.group = options.Text("properties.group.id", "");
  plan.reset = options.Text("properties.auto.offset.reset", "none");
  plan.read_committed =
      options.Choice("properties.isolation.level", {"read_uncommitted", "read_committed"}, 0) == 1;
  // Flink asks every 5 minutes, since it costs a request; here it is a look into memory.
  plan.discovery_interval =
      options.Time("scan.topic-partition-discovery.interval", std::chrono::seconds(5));
  ReadFormats(&options, &plan);
  RETURN_IF_ERROR(options.status());
  if (context.log == nullptr || !IsOwnAddress(context.own_addresses, bootstrap)) {
    std::string own;
    for (const std::string& address : context.own_addresses)
      own += (own.empty() ? "" : ", ") + address;
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "table '" + plan.table.name + "': '" + bootstrap +
                                 "' is not this node, and topics of other brokers cannot be read "
                                 "yet",
                      .hint = own.empty() ? "" : "this node is " + own});
  }
  return plan;
}

Result<std::unique_ptr<connector::TableSource>> MakeSource(connector::TableDescriptor table,
                                                           connector::ConnectorContext context,
                                                           bool upsert) {
  ASSIGN_OR_RETURN(KafkaPlan plan, MakePlan(std::move(table), context, upsert));
  // Made once for their errors.
  std::set<std::string> outside(plan.key_columns.begin(), plan.key_columns.end());
  ScanLayout layout = ScanLayout::Make(plan.table, {}, outside);
  RETURN_IF_ERROR(format::MakeDecoder(plan.value_format.format, layout.message_schema(),
                                      plan.value_format.options));
  if (!plan.key_columns.empty()) {
    RETURN_IF_ERROR(
        format::MakeDecoder(plan.key_format.format, KeySchema(plan), plan.key_format.options));
  }
  return std::make_unique<KafkaSource>(std::move(plan));
}

connector::ConnectorSpec BaseSpec() {
  return {.name = "kafka",
          .documentation = "topics of this node's log, by Kafka's names",
          .options = {{.name = "topic", .documentation = "'a' or 'a;b'"},
                      {.name = "topic-pattern", .documentation = "regular expression of names"},
                      {.name = "properties.bootstrap.servers",
                       .documentation = "host:port of the broker; this node's own address reads "
                                        "the log directly",
                       .required = true},
                      {.name = "properties.*", .documentation = "settings of a Kafka client"},
                      {.name = "scan.bounded.mode",
                       .default_value = "unbounded",
                       .documentation = "unbounded | latest-offset | group-offsets | timestamp | "
                                        "specific-offsets"},
                      {.name = "scan.bounded.timestamp-millis",
                       .documentation = "ends at records of this time, milliseconds since 1970"},
                      {.name = "scan.bounded.specific-offsets",
                       .documentation = "'partition:0,offset:42;partition:1,offset:300'"},
                      {.name = "scan.topic-partition-discovery.interval",
                       .default_value = "5 s",
                       .documentation = "how often new partitions are looked for"},
                      {.name = "key.fields-prefix"},
                      {.name = "value.fields-include", .default_value = "ALL"}},
          .takes_format = true,
          .metadata_keys = {{"topic", "STRING NOT NULL"},
                            {"partition", "INT NOT NULL"},
                            {"headers", "MAP<STRING NOT NULL, BYTES> NOT NULL"},
                            {"leader-epoch", "INT"},
                            {"offset", "BIGINT NOT NULL"},
                            {"timestamp", "TIMESTAMP_LTZ(3) NOT NULL"},
                            {"timestamp-type", "STRING NOT NULL"}},
          .takes_format_metadata = true};
}

}  // namespace

connector::ConnectorSpec KafkaSourceConnector() {
  connector::ConnectorSpec spec = BaseSpec();
  for (connector::OptionSpec option : std::vector<connector::OptionSpec>{
           {.name = "scan.startup.mode",
         .default_value = "group-offsets",
         .documentation = "group-offsets | earliest-offset | latest-offset | timestamp | "
                          "specific-offsets"},
           {.name = "scan.startup.timestamp-millis",
           .documentation = "begins with records of this time, milliseconds since 1970"},
           {.name = "scan.startup.specific-offsets",
           .documentation = "'partition:0,offset:42;partition:1,offset:300'"},
           {.name = "key.fields", .documentation = "columns of the record's key: 'a;b'"}}) {
    spec.options.push_back(std::move(option));
  }
  spec.make_source = [](connector::TableDescriptor table, connector::ConnectorContext context) {
    return MakeSource(std::move(table), std::move(context), false);
  };
  return spec;
}

connector::ConnectorSpec UpsertKafkaSourceConnector() {
  connector::ConnectorSpec spec = BaseSpec();
  spec.name = "upsert-kafka";
  spec.documentation = "a keyed topic as a table: the last value of each key, null deletes it";
  spec.make_source = [](connector::TableDescriptor table, connector::ConnectorContext context) {
    return MakeSource(std::move(table), std::move(context), true);
  };
  return spec;
}

}  // namespace mainstem::source
