#include "source/kafka/kafka_source.h"

#include <mutex>

#include <arrow/api.h>
#include <re2/re2.h>

#include "connector/kafka/client_config.h"
#include "connector/options.h"
#include "connector/restored_source.h"
#include "connector/retention.h"
#include "core/error_context.h"
#include "core/suggest.h"
#include "source/kafka/cluster_topics.h"
#include "source/kafka/log_topics.h"
#include "source/kafka/start_offsets.h"

namespace mainstem::source {
namespace {

using connector::SourceSplit;

struct KafkaPlan {
  connector::TableDescriptor table;
  Env* env = nullptr;
  std::shared_ptr<KafkaTopics> from;
  std::vector<std::string> topics;
  std::string topic_pattern;
  ScanBoundary start;
  ScanBoundary end;
  std::string group;
  std::string reset;
  bool upsert = false;
  bool holds_retention = false;
  Duration discovery_interval{};
  connector::FormatChoice value_format;
  connector::FormatChoice key_format;
  // Columns that come from the record's key, and their names inside it.
  std::vector<std::string> key_columns;
  std::string key_prefix;
};

// The key's columns as its messages name them.
std::shared_ptr<arrow::Schema> KeySchema(const KafkaPlan& plan) {
  arrow::FieldVector fields;
  for (const std::string& column : plan.key_columns) {
    auto field = plan.table.schema->GetFieldByName(column);
    fields.push_back(field->WithName(column.substr(plan.key_prefix.size())));
  }
  return arrow::schema(std::move(fields));
}

// Of a partition that the topic, made again, does not have: nothing comes, until it has.
class GoneReader final : public connector::SplitReader {
 public:
  GoneReader(std::shared_ptr<KafkaTopics> from, const SourceSplit& split, PartitionName partition,
             std::shared_ptr<arrow::Schema> schema)
      : from_(std::move(from)),
        position_(split.position),
        partition_(std::move(partition)),
        schema_(std::move(schema)) {}
  Task<connector::SourceBatch> Read(size_t, TimePoint deadline) override {
    if (from_->InOwnLog(partition_)) {
      co_return MakeError(ErrorCode::kUnavailable,
                          "partition '" + partition_.ToString() + "' is there again");
    }
    CO_RETURN_IF_ERROR(co_await SleepUntil(deadline));
    connector::SourceBatch batch;
    CO_ASSIGN_OR_RETURN(batch.batch.rows, arrow::RecordBatch::MakeEmpty(schema_));
    batch.position = position_;
    batch.caught_up = true;
    batch.lag_records = 0;
    co_return batch;
  }

 private:
  const std::shared_ptr<KafkaTopics> from_;
  const std::string position_;
  const PartitionName partition_;
  const std::shared_ptr<arrow::Schema> schema_;
};

class KafkaSource final : public connector::TableSource,
                          public connector::RestoredSource,
                          public connector::HoldingSource {
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

  // Partitions that came since are read whole, as those that are found while the job runs.
  Status SetRestored(std::vector<connector::RestoredSplit> splits) override {
    if (splits.empty()) {  // it begins where it began, or with the whole of a topic made again
      if (!plan_.holds_retention) ForgetTopicsMadeAgain();
      return Status::OK();
    }
    restored_.clear();
    for (const connector::RestoredSplit& restored : splits) restored_.insert(restored.split.id);
    discovered_ = true;
    return Status::OK();
  }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    Result<std::vector<SourceSplit>> found = co_await Discover();
    CO_RETURN_IF_ERROR(Named(found.status()));
    co_return std::move(found).ValueUnsafe();
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    CO_ASSIGN_OR_RETURN(PartitionPosition position, PartitionPosition::Parse(split.position));
    CO_ASSIGN_OR_RETURN(PartitionName partition, PartitionName::Parse(split.id));
    if (plan_.holds_retention) {
      Result<PartitionPosition> reachable = co_await Reachable(partition, position);
      if (Is(reachable.status(), ErrorCode::kNotFound)) {
        arrow::FieldVector fields;
        for (int column : projection) fields.push_back(plan_.table.schema->field(column));
        auto schema = arrow::schema(std::move(fields));
        co_return std::make_unique<GoneReader>(plan_.from, split, partition, std::move(schema));
      }
      CO_RETURN_IF_ERROR(Named(reachable.status()));
      position = *reachable;
    }
    RecordDecodeOptions options;
    options.env = plan_.env;
    options.topic = partition.topic;
    options.partition = partition.partition;
    options.upsert = plan_.upsert;
    ScanLayout layout = ScanLayout::Make(plan_.table, projection, outside_);
    CO_ASSIGN_OR_RETURN(auto value_decoder,
                        format::MakeDecoder(plan_.value_format.format, layout.decode_target(),
                                            plan_.value_format.options));
    auto decoder = std::make_unique<RecordDecoder>(std::move(options), std::move(layout),
                                                   std::move(value_decoder));
    if (!plan_.key_columns.empty()) {
      CO_ASSIGN_OR_RETURN(
          auto key_decoder,
          format::MakeDecoder(plan_.key_format.format, KeySchema(plan_), plan_.key_format.options));
      decoder->SetKeyDecoder(plan_.key_columns, std::move(key_decoder));
    }
    Result<std::unique_ptr<connector::SplitReader>> reader =
        co_await plan_.from->OpenPartition(partition, position, std::move(decoder));
    CO_RETURN_IF_ERROR(Named(reader.status()));
    co_return std::move(reader).ValueUnsafe();
  }

  std::map<storage::TopicPartition, Offset> HeldFrom(
      const std::vector<SourceSplit>& positions) const override {
    std::map<storage::TopicPartition, Offset> held;
    if (!plan_.holds_retention) return held;
    for (const SourceSplit& split : positions) {
      Result<PartitionName> partition = PartitionName::Parse(split.id);
      Result<PartitionPosition> position = PartitionPosition::Parse(split.position);
      if (!partition.ok() || !position.ok()) continue;  // opening it says so
      const auto where = plan_.from->InOwnLog(*partition);
      if (!where || (position->topic && *position->topic != where->topic_id)) continue;
      held[*where] = position->next;
    }
    return held;
  }

  Task<> OnCheckpointComplete(std::vector<SourceSplit> positions) override {
    if (plan_.group.empty()) co_return Status::OK();
    GroupOffsets offsets;
    for (const SourceSplit& split : positions) {
      CO_ASSIGN_OR_RETURN(PartitionName partition, PartitionName::Parse(split.id));
      CO_ASSIGN_OR_RETURN(PartitionPosition position, PartitionPosition::Parse(split.position));
      offsets[partition] = position.next;
    }
    co_return Named(co_await plan_.from->CommitOffsets(plan_.group, std::move(offsets)));
  }

 private:
  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    if (TextOf(status).message.starts_with("table '")) return status;
    return InContext("table '" + plan_.table.name + "': ", status);
  }

  // Where to go on, for a source whose records should be there. When they are not, that is first an
  // error, so that the job tells it; the next attempt goes on with the oldest that there are.
  // kNotFound: the partition is gone, too.
  Task<PartitionPosition> Reachable(PartitionName partition, PartitionPosition position) {
    Status there = co_await plan_.from->CheckPosition(partition, position);
    const auto where = plan_.from->InOwnLog(partition);
    if (there.ok() && where) position.topic = where->topic_id;
    if (there.ok()) co_return position;
    if (!Is(there, ErrorCode::kOffsetOutOfRange)) co_return there;
    const bool is_remade = position.topic && (!where || where->topic_id != *position.topic);
    const std::string at = position.ToString();
    if (IsNews(is_remade ? partition.topic + at.substr(at.find('@')) : partition.ToString() + at)) {
      ErrorText text = TextOf(there);
      text.detail = "it goes on with the oldest record there is";
      text.hint.clear();
      co_return MakeError(ErrorCode::kOffsetOutOfRange, std::move(text));
    }
    if (!where) {
      co_return MakeError(ErrorCode::kNotFound, "partition " + partition.ToString() + " is gone");
    }
    CO_ASSIGN_OR_RETURN(PartitionBounds known, co_await plan_.from->Bounds(partition));
    position.next = known.begin;
    position.topic = where->topic_id;
    co_return position;
  }

  // Nothing of them counts yet, so that nothing is lost.
  void ForgetTopicsMadeAgain() {
    std::erase_if(positions_, [this](const auto& entry) {
      const Result<PartitionPosition> begin = PartitionPosition::Parse(entry.second);
      const auto where = plan_.from->InOwnLog(entry.first);
      return begin.ok() && begin->topic && where && where->topic_id != *begin->topic;
    });
  }

  bool IsNews(std::string loss) {
    std::lock_guard lock(told_mutex_);
    return told_losses_.insert(std::move(loss)).second;
  }

  Task<std::vector<SourceSplit>> Discover() {
    CO_ASSIGN_OR_RETURN(auto counts,
                        co_await plan_.from->PartitionCounts(plan_.topics, plan_.topic_pattern));
    // Positions are looked up once: what is found later is a new partition, read whole.
    std::vector<PartitionName> found, unknown;
    for (const auto& [topic, count] : counts) {
      for (int32_t i = 0; i < count; ++i) {
        PartitionName partition{.topic = topic, .partition = i};
        if (restored_.contains(partition.ToString())) continue;
        found.push_back(std::move(partition));
        if (positions_.count(found.back()) == 0) unknown.push_back(found.back());
      }
    }
    if (!unknown.empty()) CO_RETURN_IF_ERROR(co_await LookUpPositions(std::move(unknown)));
    discovered_ = true;
    std::vector<SourceSplit> splits;
    for (const PartitionName& partition : found) {
      splits.push_back({.id = partition.ToString(), .position = positions_.at(partition)});
    }
    co_return splits;
  }

  Task<> LookUpPositions(std::vector<PartitionName> partitions) {
    GroupOffsets groups;
    if (!plan_.group.empty()) {
      CO_ASSIGN_OR_RETURN(groups, co_await plan_.from->CommittedOffsets(plan_.group, partitions));
    }
    BoundaryContext context{.topics = plan_.from.get(),
                            .table = plan_.table.name,
                            .group = plan_.group,
                            .reset = plan_.reset};
    ScanBoundary start = plan_.start;
    if (discovered_) start.mode = ScanBoundary::Mode::kEarliest;
    for (const PartitionName& partition : partitions) {
      PartitionPosition position;
      const auto where = plan_.from->InOwnLog(partition);
      if (where) position.topic = where->topic_id;
      CO_ASSIGN_OR_RETURN(position.next, co_await ResolveStart(context, start, partition, &groups));
      CO_ASSIGN_OR_RETURN(position.end,
                          co_await ResolveEnd(context, plan_.end, partition, &groups));
      positions_.emplace(partition, position.ToString());
    }
    co_return Status::OK();
  }

  KafkaPlan plan_;
  std::set<std::string> outside_;
  std::set<std::string> restored_;  // no split of these is discovered
  std::map<PartitionName, std::string> positions_;
  bool discovered_ = false;
  std::mutex told_mutex_;  // splits are opened on their shards
  std::set<std::string> told_losses_;
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
  plan.holds_retention = options.Bool("scan.holds-retention", false);
  bool read_committed =
      options.Choice("properties.isolation.level", {"read_uncommitted", "read_committed"}, 0) == 1;
  bool is_own = connector::IsOwnAddress(bootstrap, context.own_addresses);
  // As Flink, since it costs requests; in the own log it is a look into memory.
  plan.discovery_interval =
      options.Time("scan.topic-partition-discovery.interval",
                   is_own ? Duration(std::chrono::seconds(5)) : Duration(std::chrono::minutes(5)));
  ReadFormats(&options, &plan);
  RETURN_IF_ERROR(options.status());
  if (!is_own) {
    if (plan.holds_retention) {
      return MakeError(
          ErrorCode::kInvalidArgument,
          "table '" + plan.table.name + "': 'scan.holds-retention' is of this node's topics only");
    }
    ASSIGN_OR_RETURN(connector::KafkaClientOptions client,
                     connector::ReadKafkaClientOptions(plan.table, context.base_directory));
    plan.from = MakeClusterTopics({.env = context.env,
                                   .client = std::move(client),
                                   .group = plan.group,
                                   .read_committed = read_committed});
    return plan;
  }
  if (context.log == nullptr) {
    return MakeError(ErrorCode::kUnsupported,
                     "table '" + plan.table.name + "': this tool has no log to read topics of");
  }
  plan.from = MakeLogTopics(context.log, read_committed);
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
  connector::ConnectorSpec spec{
      .name = "kafka",
      .documentation = "topics of this node's log, or of another Kafka cluster",
      .options = {{.name = "topic", .documentation = "'a' or 'a;b'"},
                  {.name = "topic-pattern", .documentation = "regular expression of names"},
                  {.name = "scan.bounded.mode",
                   .default_value = "unbounded",
                   .documentation = "unbounded | latest-offset | group-offsets | timestamp | "
                                    "specific-offsets"},
                  {.name = "scan.bounded.timestamp-millis",
                   .documentation = "ends at records of this time, milliseconds since 1970"},
                  {.name = "scan.bounded.specific-offsets",
                   .documentation = "'partition:0,offset:42;partition:1,offset:300'"},
                  {.name = "scan.topic-partition-discovery.interval",
                   .default_value = "5 s; 5 min in another cluster",
                   .documentation = "how often new partitions are looked for"},
                  {.name = "scan.holds-retention",
                   .default_value = "false",
                   .documentation = "of this node's topics: what the job has not read is kept"},
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
  for (connector::OptionSpec& option : connector::KafkaClientOptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  return spec;
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
