#include "source/datagen/datagen_source.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "connector/options.h"
#include "core/sync.h"
#include "source/datagen/value_generator.h"

namespace mainstem::source {
namespace {

using connector::SourceBatch;
using connector::SourceSplit;

struct DatagenPlan {
  connector::TableDescriptor table;
  Env* env = nullptr;
  double rows_per_second = 10000;
  int64_t row_count = -1;  // over all splits; -1: endless
  uint64_t seed = 0;
  int64_t split_count = 1;
};

Result<std::vector<std::unique_ptr<ValueGenerator>>> MakeGenerators(
    const DatagenPlan& plan, const std::vector<int>& projection, uint64_t seed) {
  connector::TableOptions options(plan.table);
  std::vector<std::unique_ptr<ValueGenerator>> generators;
  for (int column : projection) {
    const auto& field = plan.table.schema->field(column);
    ASSIGN_OR_RETURN(auto generator,
                     MakeValueGenerator("fields." + field->name(), *field->type(), seed, &options));
    generators.push_back(std::move(generator));
  }
  RETURN_IF_ERROR(options.status());
  return generators;
}

// Split `share` of n makes the rows share, share + n, share + 2n ... Its position is the count of
// rows made and the seed: "1042:7".
class DatagenReader final : public connector::SplitReader {
 public:
  DatagenReader(const DatagenPlan& plan, std::shared_ptr<arrow::Schema> schema,
                std::vector<std::unique_ptr<ValueGenerator>> generators, int64_t share)
      : env_(plan.env),
        schema_(std::move(schema)),
        generators_(std::move(generators)),
        share_(share),
        split_count_(plan.split_count),
        rate_(plan.rows_per_second / static_cast<double>(plan.split_count)) {
    limit_ = plan.row_count < 0
                 ? -1
                 : (plan.row_count - share + plan.split_count - 1) / plan.split_count;
  }
  void StartAt(int64_t made, uint64_t seed) {
    made_ = made;
    seed_ = seed;
    start_made_ = made;
    start_time_ = env_->Now();
  }

  Task<SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    int64_t due = DueNow();
    if (due == 0 && !Exhausted()) {
      CO_RETURN_IF_ERROR(co_await SleepUntil(std::min(deadline, TimeOfNext())));
      due = DueNow();
    }
    int64_t count = std::min(due, static_cast<int64_t>(std::min<size_t>(max_rows, kMaxBatchRows)));
    SourceBatch batch;
    CO_ASSIGN_OR_RETURN(batch.batch.rows, Make(count));
    made_ += count;
    batch.position = std::to_string(made_) + ":" + std::to_string(seed_);
    batch.end_of_split = Exhausted();
    batch.caught_up = count == due;
    if (limit_ >= 0) batch.lag_records = limit_ - made_;
    co_return batch;
  }

 private:
  static constexpr size_t kMaxBatchRows = 4096;

  bool Exhausted() const { return limit_ >= 0 && made_ >= limit_; }

  int64_t DueNow() const {
    double elapsed = std::chrono::duration<double>(env_->Now() - start_time_).count();
    double due = elapsed * rate_ + 1;
    // A reader that was held back makes up for at most a second.
    int64_t ahead = static_cast<int64_t>(std::min(due, 1e15)) - (made_ - start_made_);
    ahead = std::min(ahead, static_cast<int64_t>(std::max(1.0, std::min(rate_, 1e9))));
    if (limit_ >= 0) ahead = std::min(ahead, limit_ - made_);
    return std::max<int64_t>(ahead, 0);
  }

  TimePoint TimeOfNext() const {
    double seconds = static_cast<double>(made_ - start_made_) / rate_;
    // A nanosecond late rather than early, else the caller would spin.
    return start_time_ + Duration(static_cast<int64_t>(seconds * 1e9) + 1000);
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Make(int64_t count) {
    int64_t now_ms = env_->WallTime().value();
    arrow::ArrayVector columns;
    for (int i = 0; i < schema_->num_fields(); ++i) {
      std::unique_ptr<arrow::ArrayBuilder> builder;
      RETURN_IF_ERROR(
          arrow::MakeBuilder(arrow::default_memory_pool(), schema_->field(i)->type(), &builder));
      RETURN_IF_ERROR(builder->Reserve(count));
      for (int64_t k = 0; k < count; ++k) {
        uint64_t row = static_cast<uint64_t>((made_ + k) * split_count_ + share_);
        RETURN_IF_ERROR(generators_[static_cast<size_t>(i)]->Append(row, now_ms, builder.get()));
      }
      ASSIGN_OR_RETURN(auto column, builder->Finish());
      columns.push_back(std::move(column));
    }
    return arrow::RecordBatch::Make(schema_, count, std::move(columns));
  }

  Env* env_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::unique_ptr<ValueGenerator>> generators_;
  int64_t share_;
  int64_t split_count_;
  double rate_;
  int64_t limit_ = -1;  // rows of this split
  int64_t made_ = 0;
  uint64_t seed_ = 0;
  int64_t start_made_ = 0;
  TimePoint start_time_;
};

class DatagenSource final : public connector::TableSource {
 public:
  explicit DatagenSource(DatagenPlan plan) : plan_(std::move(plan)) {}

  bool bounded() const override { return plan_.row_count >= 0; }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    std::vector<SourceSplit> splits;
    for (int64_t i = 0; i < plan_.split_count; ++i) {
      std::string id = "datagen/" + std::to_string(i) + "-of-" + std::to_string(plan_.split_count);
      splits.push_back({.id = std::move(id), .position = "0:" + std::to_string(plan_.seed)});
    }
    co_return splits;
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    int64_t share = -1;
    int64_t count = 0;
    int64_t made = 0;
    uint64_t seed = 0;
    std::vector<std::string> id = absl::StrSplit(split.id, absl::ByAnyChar("/-"));
    std::vector<std::string> position = absl::StrSplit(split.position, ':');
    bool good = id.size() == 4 && absl::SimpleAtoi(id[1], &share) &&
                absl::SimpleAtoi(id[3], &count) && position.size() == 2 &&
                absl::SimpleAtoi(position[0], &made) && absl::SimpleAtoi(position[1], &seed);
    if (!good || share < 0 || share >= count || made < 0) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          "datagen cannot go on at '" + split.id + "' " + split.position);
    }
    DatagenPlan plan = plan_;
    plan.split_count = count;
    CO_ASSIGN_OR_RETURN(auto generators, MakeGenerators(plan, projection, seed));
    arrow::FieldVector fields;
    for (int column : projection) fields.push_back(plan.table.schema->field(column));
    auto reader = std::make_unique<DatagenReader>(plan, arrow::schema(std::move(fields)),
                                                  std::move(generators), share);
    reader->StartAt(made, seed);
    co_return reader;
  }

 private:
  DatagenPlan plan_;
};

Result<std::unique_ptr<connector::TableSource>> MakeDatagenSource(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  DatagenPlan plan;
  plan.env = context.env;
  plan.table = std::move(table);
  connector::TableOptions options(plan.table);
  plan.rows_per_second = options.Number("rows-per-second", 10000);
  if (!(plan.rows_per_second > 0)) options.Fail("rows-per-second", "must be above 0");
  plan.row_count = options.Integer("number-of-rows", -1);
  if (options.Has("number-of-rows") && plan.row_count < 0) {
    options.Fail("number-of-rows", "must not be negative");
  }
  plan.seed = options.Has("seed") ? static_cast<uint64_t>(options.Integer("seed", 0))
                                  : context.env->Random();
  plan.split_count = options.Integer("scan.parallelism", 1);
  if (plan.split_count < 1 || plan.split_count > 1024) {
    options.Fail("scan.parallelism", "must be from 1 to 1024");
  }
  RETURN_IF_ERROR(options.status());
  std::vector<int> all(static_cast<size_t>(plan.table.schema->num_fields()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  ASSIGN_OR_RETURN(auto generators, MakeGenerators(plan, all, plan.seed));
  // The first sequence that ends, ends the table.
  for (const auto& generator : generators) {
    int64_t limit = generator->row_limit();
    if (limit < 0) continue;
    plan.row_count = plan.row_count < 0 ? limit : std::min(plan.row_count, limit);
  }
  return std::make_unique<DatagenSource>(std::move(plan));
}

}  // namespace

connector::ConnectorSpec DatagenConnector() {
  return {.name = "datagen",
          .documentation = "makes rows up, to try a query or to measure it",
          .options = {{.name = "rows-per-second",
                       .default_value = "10000",
                       .documentation = "pace over all splits"},
                      {.name = "number-of-rows",
                       .documentation = "ends after so many rows; endless when absent"},
                      {.name = "seed", .documentation = "the same seed makes the same rows (ours)"},
                      {.name = "fields.*",
                       .documentation = "fields.NAME.kind = random | sequence, .min .max .length "
                                        ".var-len .max-past .null-rate, .start .end"}},
          .make_source = MakeDatagenSource};
}

}  // namespace mainstem::source
