#include "source/kinesis/kinesis_source.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/kinesis/kinesis_client.h"
#include "connector/kinesis/kinesis_options.h"
#include "connector/restored_source.h"
#include "core/error_context.h"
#include "source/kinesis/shard_reader.h"
#include "source/kinesis/start_time.h"

namespace mainstem::source {
namespace {

using connector::KinesisShard;
using connector::ShardPosition;
using connector::SourceSplit;

enum class KinesisStart : uint8_t { kLatest, kTrimHorizon, kTimestamp };

struct KinesisPlan {
  connector::TableDescriptor table;
  connector::KinesisOptions access;
  connector::FormatChoice format;
  KinesisStart start = KinesisStart::kLatest;
  int64_t start_ms = 0;  // kTimestamp
  int64_t fetch_max = 0;
  Duration empty_pause{};
  Duration filled_pause{};
  Duration discovery_interval{};
};

class KinesisSource final : public connector::TableSource, public connector::RestoredSource {
 public:
  KinesisSource(Env* env, KinesisPlan plan)
      : env_(env),
        plan_(std::move(plan)),
        stream_(std::make_shared<connector::KinesisClient>(env, plan_.access)),
        lineage_(std::make_shared<ShardLineage>()) {}

  bool bounded() const override { return false; }
  bool insert_only() const override {
    const format::FormatInfo* info = format::FindFormat(plan_.format.format);
    return info == nullptr || !info->is_changelog;
  }
  bool reads_rows_by_name() const override {
    const format::FormatInfo* info = format::FindFormat(plan_.format.format);
    return info != nullptr && info->reads_rows_by_name;
  }
  Duration discovery_interval() const override { return plan_.discovery_interval; }

  Status SetRestored(std::vector<connector::RestoredSplit> splits) override {
    is_restored_ = !splits.empty();
    is_first_ = true;
    std::vector<std::string> given;
    std::set<std::string> ended;
    for (const connector::RestoredSplit& restored : splits) {
      ASSIGN_OR_RETURN(ShardPosition position, ShardPosition::Parse(restored.split.position));
      given.push_back(restored.split.id);
      if (restored.ended || position.kind == ShardPosition::Kind::kEnd) {
        ended.insert(restored.split.id);
      }
    }
    lineage_->Restore(given, ended);
    return Status::OK();
  }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    Result<std::vector<SourceSplit>> found = co_await Discover();
    if (!found.ok()) co_return Named(found.status());
    co_return std::move(found).ValueUnsafe();
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    CO_ASSIGN_OR_RETURN(ShardPosition position, ShardPosition::Parse(split.position));
    ScanLayout layout = ScanLayout::Make(plan_.table, projection, {});
    CO_ASSIGN_OR_RETURN(
        auto format_decoder,
        format::MakeDecoder(plan_.format.format, layout.decode_target(), plan_.format.options));
    ShardDecoder::Options decode;
    decode.env = env_;
    decode.stream = plan_.access.stream;
    decode.shard = split.id;
    auto decoder = std::make_unique<ShardDecoder>(std::move(decode), std::move(layout),
                                                  std::move(format_decoder));
    ShardReadOptions options;
    options.env = env_;
    options.stream = stream_;
    options.lineage = lineage_;
    options.stream_name = plan_.access.stream;
    options.shard = split.id;
    options.fetch_max = plan_.fetch_max;
    options.empty_pause = plan_.empty_pause;
    options.filled_pause = plan_.filled_pause;
    lineage_->SetOpened(split.id);
    co_return std::make_unique<ShardReader>(std::move(options), std::move(position),
                                            std::move(decoder));
  }

 private:
  Status Named(const Status& status) const {
    if (Is(status, ErrorCode::kCancelled)) return status;
    return InContext("table '" + plan_.table.name + "': ", status);
  }

  // Only what was not given out before.
  Task<std::vector<SourceSplit>> Discover() {
    CO_ASSIGN_OR_RETURN(std::vector<KinesisShard> listing, co_await stream_->ListShards());
    std::vector<SourceSplit> splits;
    if (std::exchange(is_first_, false) && !is_restored_) {
      // An attempt without a checkpoint begins where the first one did.
      if (first_splits_.empty()) first_splits_ = FirstSplits(listing);
      std::vector<std::string> given;
      for (const SourceSplit& split : first_splits_) given.push_back(split.id);
      lineage_->Restore(given, {});
      splits = first_splits_;
    }
    ShardPosition position;
    if (plan_.start == KinesisStart::kTimestamp) {
      position = {.kind = ShardPosition::Kind::kTimestamp, .timestamp_ms = plan_.start_ms};
    }
    for (std::string& shard : lineage_->Take(listing, ShardLineage::Want::kAll)) {
      splits.push_back({.id = std::move(shard), .position = position.ToString()});
    }
    co_return splits;
  }

  // LATEST is the time of the first look, so that it means the same after a restart.
  std::vector<SourceSplit> FirstSplits(const std::vector<KinesisShard>& listing) {
    std::vector<SourceSplit> splits;
    if (plan_.start != KinesisStart::kLatest) return splits;
    ShardPosition now{.kind = ShardPosition::Kind::kTimestamp, .timestamp_ms = stream_->NowMs()};
    for (std::string& shard : lineage_->Take(listing, ShardLineage::Want::kNewest)) {
      splits.push_back({.id = std::move(shard), .position = now.ToString()});
    }
    return splits;
  }

  Env* env_;
  const KinesisPlan plan_;
  std::shared_ptr<connector::KinesisStream> stream_;
  std::shared_ptr<ShardLineage> lineage_;
  std::vector<SourceSplit> first_splits_;
  bool is_first_ = true;
  bool is_restored_ = false;
};

void ReadStart(connector::TableOptions* options, const std::string& time_zone, KinesisPlan* plan) {
  constexpr KinesisStart kStarts[] = {KinesisStart::kLatest, KinesisStart::kTrimHorizon,
                                      KinesisStart::kTimestamp};
  plan->start = kStarts[options->Choice("source.init.position",
                                        {"LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"}, 0)];
  const bool has_time = options->Has("source.init.timestamp");
  if (has_time != (plan->start == KinesisStart::kTimestamp)) {
    options->Fail("source.init.timestamp", has_time
                                               ? "needs 'source.init.position' = 'AT_TIMESTAMP'"
                                               : "is needed for the position AT_TIMESTAMP");
    return;
  }
  if (!has_time) return;
  Result<int64_t> time =
      ParseStartTime(options->Text("source.init.timestamp", ""),
                     options->Text("source.init.timestamp.format", kStartTimeFormat), time_zone);
  if (time.ok()) {
    plan->start_ms = *time;
  } else {
    ErrorText text = TextOf(time.status());
    options->Fail("source.init.timestamp", text.message, text.hint);
  }
}

void ReadReader(connector::TableOptions* options, KinesisPlan* plan) {
  using std::chrono::milliseconds;
  if (options->Choice("source.reader.type", {"POLLING", "EFO"}, 0) == 1) {
    options->Fail("source.reader.type", "EFO (enhanced fan-out) is not supported",
                  "POLLING reads the same records");
  }
  plan->discovery_interval =
      options->Time("source.shard.discovery.interval", std::chrono::seconds(10));
  plan->empty_pause =
      options->Time("source.reader.empty-records-fetch-interval", milliseconds(250));
  plan->filled_pause =
      options->Time("source.reader.nonempty-records-fetch-interval", Duration::zero());
  plan->fetch_max = options->Integer("source.shard.get-records.max-record-count", 10000);
  if (plan->discovery_interval <= Duration::zero()) {
    options->Fail("source.shard.discovery.interval", "must be longer than nothing");
  }
  if (plan->fetch_max < 1 || plan->fetch_max > 10000) {
    options->Fail("source.shard.get-records.max-record-count", "must be between 1 and 10000");
  }
}

Result<std::unique_ptr<connector::TableSource>> MakeKinesisSource(
    connector::TableDescriptor table, connector::ConnectorContext context,
    const connector::S3Defaults& defaults) {
  KinesisPlan plan;
  plan.table = std::move(table);
  ASSIGN_OR_RETURN(plan.access, connector::KinesisOptionsOf(plan.table, defaults));
  connector::TableOptions options(plan.table);
  ReadStart(&options, context.time_zone, &plan);
  ReadReader(&options, &plan);
  plan.format = connector::ValueFormatOf(plan.table);
  if (plan.format.format.empty()) options.Fail("format", "is needed");
  if (!connector::KeyFormatOf(plan.table).format.empty()) {
    options.Fail("key.format", "is nothing that a Kinesis stream has");
  }
  RETURN_IF_ERROR(options.status());
  // Made once for its errors.
  ScanLayout layout = ScanLayout::Make(plan.table, {}, {});
  RETURN_IF_ERROR(
      format::MakeDecoder(plan.format.format, layout.message_schema(), plan.format.options));
  return std::make_unique<KinesisSource>(context.env, std::move(plan));
}

std::vector<connector::OptionSpec> KinesisSourceOptions() {
  return {
      {.name = "source.init.position",
       .default_value = "LATEST",
       .documentation = "LATEST | TRIM_HORIZON | AT_TIMESTAMP"},
      {.name = "source.init.timestamp", .documentation = "of AT_TIMESTAMP"},
      {.name = "source.init.timestamp.format",
       .default_value = kStartTimeFormat,
       .documentation = "how it is written; else seconds since 1970"},
      {.name = "source.reader.type",
       .default_value = "POLLING",
       .documentation = "POLLING; EFO is not supported"},
      {.name = "source.shard.discovery.interval",
       .default_value = "10 s",
       .documentation = "how often new shards are looked for"},
      {.name = "source.shard.get-records.max-record-count",
       .default_value = "10000",
       .documentation = "records of one call at most"},
      {.name = "source.reader.empty-records-fetch-interval",
       .default_value = "250 ms",
       .documentation = "pause behind a call that gave no records"},
      {.name = "source.reader.nonempty-records-fetch-interval",
       .default_value = "0 ms",
       .documentation = "pause behind a call that gave records"},
      {.name = "source.efo.*", .documentation = "of the reader EFO: without effect"},
  };
}

}  // namespace

connector::ConnectorSpec KinesisSourceConnector(connector::S3Defaults defaults) {
  connector::ConnectorSpec spec{.name = "kinesis",
                                .documentation = "a Kinesis data stream, of Amazon or of this node",
                                .options = connector::KinesisOptionSpecs(),
                                .takes_format = true,
                                .metadata_keys = {{"timestamp", "TIMESTAMP_LTZ(3) NOT NULL"},
                                                  {"sequence-number", "VARCHAR(128) NOT NULL"},
                                                  {"shard-id", "VARCHAR(128) NOT NULL"}},
                                .takes_format_metadata = true};
  for (connector::OptionSpec& option : KinesisSourceOptions()) {
    spec.options.push_back(std::move(option));
  }
  spec.make_source = [defaults](connector::TableDescriptor table,
                                connector::ConnectorContext context) {
    return MakeKinesisSource(std::move(table), std::move(context), defaults);
  };
  return spec;
}

}  // namespace mainstem::source
