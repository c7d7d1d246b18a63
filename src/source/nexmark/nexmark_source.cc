#include "source/nexmark/nexmark_source.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/options.h"
#include "core/sync.h"
#include "source/nexmark/nexmark_events.h"

namespace mainstem::source {
namespace {

using connector::SourceBatch;
using connector::SourceSplit;

struct Member {
  std::string_view name;
  NexmarkKind kind;
  std::variant<NexmarkNumber, NexmarkText> value;
};

constexpr NexmarkKind kPerson = NexmarkKind::kPerson;
constexpr NexmarkKind kAuction = NexmarkKind::kAuction;
constexpr NexmarkKind kBid = NexmarkKind::kBid;

const std::vector<Member>& Members() {
  using N = NexmarkNumber;
  using T = NexmarkText;
  static const std::vector<Member> members = {{"id", kPerson, N::kPersonId},
                                              {"name", kPerson, T::kName},
                                              {"emailAddress", kPerson, T::kEmail},
                                              {"creditCard", kPerson, T::kCreditCard},
                                              {"city", kPerson, T::kCity},
                                              {"state", kPerson, T::kState},
                                              {"dateTime", kPerson, N::kDateTime},
                                              {"extra", kPerson, T::kPersonExtra},
                                              {"id", kAuction, N::kAuctionId},
                                              {"itemName", kAuction, T::kItemName},
                                              {"description", kAuction, T::kDescription},
                                              {"initialBid", kAuction, N::kInitialBid},
                                              {"reserve", kAuction, N::kReserve},
                                              {"dateTime", kAuction, N::kDateTime},
                                              {"expires", kAuction, N::kExpires},
                                              {"seller", kAuction, N::kSeller},
                                              {"category", kAuction, N::kCategory},
                                              {"extra", kAuction, T::kAuctionExtra},
                                              {"auction", kBid, N::kBidAuction},
                                              {"bidder", kBid, N::kBidder},
                                              {"price", kBid, N::kPrice},
                                              {"channel", kBid, T::kChannel},
                                              {"url", kBid, T::kUrl},
                                              {"dateTime", kBid, N::kDateTime},
                                              {"extra", kBid, T::kBidExtra}};
  return members;
}

constexpr std::string_view kKindNames[] = {"person", "auction", "bid"};

std::shared_ptr<arrow::DataType> TypeOf(const Member& member) {
  const auto* number = std::get_if<NexmarkNumber>(&member.value);
  if (number == nullptr) return arrow::utf8();
  const bool is_time = *number == NexmarkNumber::kDateTime || *number == NexmarkNumber::kExpires;
  return is_time ? arrow::timestamp(arrow::TimeUnit::MILLI) : arrow::int64();
}

const Member* FindMember(NexmarkKind kind, std::string_view name) {
  for (const Member& member : Members()) {
    if (member.kind == kind && member.name == name) return &member;
  }
  return nullptr;
}

struct NexmarkPlan {
  std::string table;
  std::shared_ptr<arrow::Schema> schema;
  Env* env = nullptr;
  NexmarkConfig config;
  int64_t event_count = -1;  // over all splits; -1: endless
  bool paced = true;         // as fast as event time, by the clock
  int64_t split_count = 1;
};

Status WrongColumn(const std::string& table, const std::string& column, std::string hint) {
  return MakeError(ErrorCode::kInvalidConfig,
                   {.message = fmt::format("table '{}': nexmark has no column {}", table, column),
                    .hint = std::move(hint)});
}

Status CheckRow(const NexmarkPlan& plan, NexmarkKind kind, const arrow::Field& column) {
  if (column.type()->id() != arrow::Type::STRUCT) {
    return WrongColumn(plan.table, column.name() + " of this type", "it is a ROW<..>");
  }
  for (const auto& field : column.type()->fields()) {
    const Member* member = FindMember(kind, field->name());
    if (member == nullptr) {
      std::string names;
      for (const Member& known : Members()) {
        if (known.kind != kind) continue;
        names += (names.empty() ? "it has " : ", ") + std::string(known.name);
      }
      return WrongColumn(plan.table, column.name() + "." + field->name(), names);
    }
    if (!field->type()->Equals(*TypeOf(*member))) {
      const bool is_time = TypeOf(*member)->id() == arrow::Type::TIMESTAMP;
      return WrongColumn(plan.table, column.name() + "." + field->name() + " of this type",
                         is_time                                        ? "it is TIMESTAMP(3)"
                         : TypeOf(*member)->id() == arrow::Type::STRING ? "it is STRING"
                                                                        : "it is BIGINT");
    }
  }
  return Status::OK();
}

Status CheckColumns(const NexmarkPlan& plan) {
  for (const auto& column : plan.schema->fields()) {
    if (column->name() == "event_type") {
      if (column->type()->id() == arrow::Type::INT32) continue;
      return WrongColumn(plan.table, "event_type of this type", "it is INT");
    }
    bool known = false;
    for (const NexmarkKind kind : {kPerson, kAuction, kBid}) {
      if (column->name() != kKindNames[static_cast<size_t>(kind)]) continue;
      known = true;
      RETURN_IF_ERROR(CheckRow(plan, kind, *column));
    }
    if (!known) {
      return WrongColumn(plan.table, column->name(), "it has event_type, person, auction and bid");
    }
  }
  return Status::OK();
}

// Split `share` of n has the events share, share + n, share + 2n ... Its position is how many of
// them were made.
class NexmarkReader final : public connector::SplitReader {
 public:
  NexmarkReader(const NexmarkPlan& plan, std::shared_ptr<const NexmarkEvents> events,
                std::shared_ptr<arrow::Schema> schema, int64_t share, int64_t made)
      : env_(plan.env),
        events_(std::move(events)),
        schema_(std::move(schema)),
        share_(share),
        split_count_(plan.split_count),
        paced_(plan.paced),
        made_(made),
        start_made_(made),
        start_time_(env_->Now()) {
    if (plan.event_count >= 0) {
      limit_ = (plan.event_count - share + plan.split_count - 1) / plan.split_count;
    }
  }

  Task<SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    int64_t due = DueNow();
    if (due == 0 && !Exhausted()) {
      CO_RETURN_IF_ERROR(co_await SleepUntil(std::min(deadline, TimeOfNext())));
      due = DueNow();
    }
    const int64_t count = std::min(due, static_cast<int64_t>(max_rows));
    SourceBatch batch;
    CO_ASSIGN_OR_RETURN(batch.batch.rows, Make(count));
    made_ += count;
    batch.position = std::to_string(made_);
    batch.end_of_split = Exhausted();
    batch.caught_up = paced_ && count == due;
    if (limit_ >= 0) batch.lag_records = limit_ - made_;
    co_return batch;
  }

 private:
  double EventsPerSecond() const {
    return events_->config().events_per_second / static_cast<double>(split_count_);
  }
  bool Exhausted() const { return limit_ >= 0 && made_ >= limit_; }
  int64_t DueNow() const {
    int64_t due = INT64_MAX;
    if (paced_) {
      const double elapsed = std::chrono::duration<double>(env_->Now() - start_time_).count();
      due = static_cast<int64_t>(elapsed * EventsPerSecond()) + 1 - (made_ - start_made_);
    }
    if (limit_ >= 0) due = std::min(due, limit_ - made_);
    return std::max<int64_t>(due, 0);
  }
  TimePoint TimeOfNext() const {
    const double seconds = static_cast<double>(made_ - start_made_) / EventsPerSecond();
    // A microsecond late rather than early, else the caller would spin.
    return start_time_ + Duration(static_cast<int64_t>(seconds * 1e9) + 1000);
  }

  int64_t EventOf(int64_t row) const { return (made_ + row) * split_count_ + share_; }

  Result<std::shared_ptr<arrow::RecordBatch>> Make(int64_t count) {
    kinds_.resize(static_cast<size_t>(count));
    for (int64_t row = 0; row < count; ++row) {
      kinds_[static_cast<size_t>(row)] = events_->KindOf(EventOf(row));
    }
    arrow::ArrayVector columns;
    for (const auto& field : schema_->fields()) {
      if (field->name() == "event_type") {
        arrow::Int32Builder builder;
        RETURN_IF_ERROR(builder.Reserve(count));
        for (const NexmarkKind kind : kinds_) builder.UnsafeAppend(static_cast<int32_t>(kind));
        ASSIGN_OR_RETURN(auto column, builder.Finish());
        columns.push_back(std::move(column));
        continue;
      }
      ASSIGN_OR_RETURN(auto column, MakeRow(*field, count));
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(schema_, count, std::move(columns));
  }

  Result<std::shared_ptr<arrow::Array>> MakeRow(const arrow::Field& column, int64_t count) {
    NexmarkKind kind = kPerson;
    while (column.name() != kKindNames[static_cast<size_t>(kind)]) {
      kind = static_cast<NexmarkKind>(static_cast<int>(kind) + 1);
    }
    arrow::TypedBufferBuilder<bool> valid;
    RETURN_IF_ERROR(valid.Reserve(count));
    for (const NexmarkKind of_row : kinds_) valid.UnsafeAppend(of_row == kind);
    const int64_t null_count = valid.false_count();
    ASSIGN_OR_RETURN(auto bitmap, valid.Finish());
    arrow::ArrayVector members;
    for (const auto& field : column.type()->fields()) {
      const Member& member = *FindMember(kind, field->name());
      if (const auto* number = std::get_if<NexmarkNumber>(&member.value)) {
        ASSIGN_OR_RETURN(auto values, MakeNumbers(*number, kind, field->type(), count, bitmap));
        members.push_back(std::move(values));
      } else {
        ASSIGN_OR_RETURN(auto values, MakeTexts(std::get<NexmarkText>(member.value), kind, count));
        members.push_back(std::move(values));
      }
    }
    return std::make_shared<arrow::StructArray>(column.type(), count, std::move(members),
                                                std::move(bitmap), null_count);
  }

  // Where the row is NULL its members are 0 and "", as Arrow allows.
  // HOT PATH
  Result<std::shared_ptr<arrow::Array>> MakeNumbers(NexmarkNumber member, NexmarkKind kind,
                                                    const std::shared_ptr<arrow::DataType>& type,
                                                    int64_t count,
                                                    const std::shared_ptr<arrow::Buffer>& bitmap) {
    ASSIGN_OR_RETURN(auto buffer,
                     arrow::AllocateBuffer(count * static_cast<int64_t>(sizeof(int64_t)),
                                           arrow::default_memory_pool()));
    auto* values = reinterpret_cast<int64_t*>(buffer->mutable_data());
    for (int64_t row = 0; row < count; ++row) {
      const bool is_there = kinds_[static_cast<size_t>(row)] == kind;
      values[row] = is_there ? events_->Number(member, EventOf(row)) : 0;
    }
    return arrow::MakeArray(arrow::ArrayData::Make(
        type, count, {bitmap, std::shared_ptr<arrow::Buffer>(std::move(buffer))}));
  }

  // HOT PATH
  Result<std::shared_ptr<arrow::Array>> MakeTexts(NexmarkText member, NexmarkKind kind,
                                                  int64_t count) {
    arrow::StringBuilder builder(arrow::default_memory_pool());
    RETURN_IF_ERROR(builder.Reserve(count));
    for (int64_t row = 0; row < count; ++row) {
      if (kinds_[static_cast<size_t>(row)] != kind) {
        builder.UnsafeAppendNull();
        continue;
      }
      RETURN_IF_ERROR(builder.Append(events_->Text(member, EventOf(row), &scratch_)));
    }
    return builder.Finish();
  }

  Env* env_;
  std::shared_ptr<const NexmarkEvents> events_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t share_;
  int64_t split_count_;
  bool paced_;
  int64_t made_;
  int64_t start_made_;
  TimePoint start_time_;
  int64_t limit_ = -1;  // events of this split
  std::vector<NexmarkKind> kinds_;
  std::string scratch_;
};

class NexmarkSource final : public connector::TableSource {
 public:
  explicit NexmarkSource(NexmarkPlan plan)
      : plan_(std::move(plan)), events_(std::make_shared<const NexmarkEvents>(plan_.config)) {}

  bool bounded() const override { return plan_.event_count >= 0; }
  bool reads_rows_by_name() const override { return true; }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    std::vector<SourceSplit> splits;
    for (int64_t i = 0; i < plan_.split_count; ++i) {
      splits.push_back(
          {.id = fmt::format("nexmark/{}-of-{}", i, plan_.split_count), .position = "0"});
    }
    co_return splits;
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    int64_t share = -1;
    int64_t count = 0;
    int64_t made = -1;
    const std::vector<std::string> id = absl::StrSplit(split.id, absl::ByAnyChar("/-"));
    const bool good = id.size() == 4 && absl::SimpleAtoi(id[1], &share) &&
                      absl::SimpleAtoi(id[3], &count) && absl::SimpleAtoi(split.position, &made);
    if (!good || share < 0 || share >= count || made < 0) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          "nexmark cannot go on at '" + split.id + "' " + split.position);
    }
    NexmarkPlan plan = plan_;
    plan.split_count = count;
    arrow::FieldVector fields;
    for (int column : projection) fields.push_back(plan.schema->field(column));
    co_return std::make_unique<NexmarkReader>(plan, events_, arrow::schema(std::move(fields)),
                                              share, made);
  }

 private:
  NexmarkPlan plan_;
  std::shared_ptr<const NexmarkEvents> events_;
};

Result<std::unique_ptr<connector::TableSource>> MakeNexmarkSource(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  NexmarkPlan plan;
  plan.table = table.name;
  plan.schema = table.schema;
  plan.env = context.env;
  connector::TableOptions options(table);
  NexmarkConfig& config = plan.config;
  const auto count = [&](const char* name, int64_t* value, int64_t least) {
    *value = options.Integer(name, *value);
    if (*value < least) options.Fail(name, fmt::format("must be {} or more", least));
  };
  config.events_per_second = options.Number("first-event.rate", config.events_per_second);
  if (!(config.events_per_second > 0)) options.Fail("first-event.rate", "must be above 0");
  if (options.Number("next-event.rate", config.events_per_second) != config.events_per_second) {
    options.Fail("next-event.rate", "must be equal to 'first-event.rate'",
                 "a rate that changes is not supported");
  }
  if (options.Has("events.num")) {
    count("events.num", &plan.event_count, 0);
  }
  plan.paced = !options.Bool("max-emit-speed", false);
  count("person.proportion", &config.persons, 1);
  count("auction.proportion", &config.auctions, 1);
  count("bid.proportion", &config.bids, 0);
  count("person.avg-size", &config.person_bytes, 0);
  count("auction.avg-size", &config.auction_bytes, 0);
  count("bid.avg-size", &config.bid_bytes, 0);
  count("bid.hot-ratio.auctions", &config.hot_auctions, 1);
  count("bid.hot-ratio.bidders", &config.hot_bidders, 1);
  count("auction.hot-ratio.sellers", &config.hot_sellers, 1);
  config.seed = static_cast<uint64_t>(options.Integer("seed", static_cast<int64_t>(config.seed)));
  config.base_time_ms = options.Integer("base-time", config.base_time_ms);
  plan.split_count = options.Integer("scan.parallelism", 1);
  if (plan.split_count < 1 || plan.split_count > 1024) {
    options.Fail("scan.parallelism", "must be from 1 to 1024");
  }
  RETURN_IF_ERROR(options.status());
  RETURN_IF_ERROR(CheckColumns(plan));
  return std::make_unique<NexmarkSource>(std::move(plan));
}

}  // namespace

connector::ConnectorSpec NexmarkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "nexmark";
  spec.documentation = "makes the events of the Nexmark benchmark up: persons, auctions and bids";
  spec.options = {
      {.name = "events.num", .documentation = "ends after so many events; endless when absent"},
      {.name = "first-event.rate",
       .default_value = "10000",
       .documentation = "events a second, by event time and by the clock"},
      {.name = "next-event.rate", .documentation = "the same, if given"},
      {.name = "max-emit-speed",
       .default_value = "false",
       .documentation = "true: as fast as it goes, whatever the clock says"},
      {.name = "person.proportion", .default_value = "1", .documentation = "of each 50 events"},
      {.name = "auction.proportion", .default_value = "3", .documentation = "of each 50 events"},
      {.name = "bid.proportion", .default_value = "46", .documentation = "of each 50 events"},
      {.name = "person.avg-size", .default_value = "200", .documentation = "bytes"},
      {.name = "auction.avg-size", .default_value = "500", .documentation = "bytes"},
      {.name = "bid.avg-size", .default_value = "100", .documentation = "bytes"},
      {.name = "bid.hot-ratio.auctions",
       .default_value = "2",
       .documentation = "one bid of so many is not for the hot auction"},
      {.name = "bid.hot-ratio.bidders",
       .default_value = "4",
       .documentation = "one bid of so many is not by the hot bidder"},
      {.name = "auction.hot-ratio.sellers",
       .default_value = "4",
       .documentation = "one auction of so many is not by the hot seller"},
      {.name = "seed",
       .default_value = "7",
       .documentation = "the same seed, the same events (ours)"},
      {.name = "base-time",
       .default_value = "1767225600000",
       .documentation = "time of the first event, milliseconds since 1970 (ours)"},
  };
  spec.make_source = MakeNexmarkSource;
  return spec;
}

}  // namespace mainstem::source
