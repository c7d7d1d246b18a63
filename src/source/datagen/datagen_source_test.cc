#include "source/datagen/datagen_source.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"

namespace mainstem::source {
namespace {

using namespace std::chrono_literals;

struct Table {
  arrow::FieldVector fields;
  std::map<std::string, std::string> options;
};

class DatagenTest : public testing::Test {
 protected:
  std::unique_ptr<connector::TableSource> Open(const Table& table) {
    connector::TableDescriptor descriptor{
        .name = "t", .schema = arrow::schema(table.fields), .options = table.options};
    auto source = DatagenConnector().make_source(descriptor, {.env = &env_});
    EXPECT_TRUE(source.ok()) << source.status().ToString();
    return source.ok() ? std::move(*source) : nullptr;
  }
  Status Refusal(const Table& table) {
    connector::TableDescriptor descriptor{
        .name = "t", .schema = arrow::schema(table.fields), .options = table.options};
    return DatagenConnector().make_source(descriptor, {.env = &env_}).status();
  }
  void Run(Task<> task) {
    Status status = env_.Run(std::move(task));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
};

struct ReadOut {
  std::vector<std::string> rows;
  std::string position;  // after `stop_after` rows
  bool ended = false;
};

std::vector<std::string> RowsOf(const arrow::RecordBatch& batch) {
  std::vector<std::string> rows;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    std::string text;
    for (const auto& column : batch.columns()) {
      text += (text.empty() ? "" : ",") + column->GetScalar(row).ValueOrDie()->ToString();
    }
    rows.push_back(text);
  }
  return rows;
}

Task<> ReadSplit(Env* env, connector::TableSource* source, connector::SourceSplit split,
                 size_t batch_rows, size_t stop_after, ReadOut* out) {
  std::vector<int> projection = {0, 1};
  CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(split, projection));
  while (!out->ended && out->rows.size() < stop_after) {
    CO_ASSIGN_OR_RETURN(connector::SourceBatch batch,
                        co_await reader->Read(batch_rows, env->Now() + 1s));
    for (std::string& row : RowsOf(*batch.batch.rows)) out->rows.push_back(std::move(row));
    out->position = batch.position;
    out->ended = batch.end_of_split;
  }
  co_return Status::OK();
}

Task<> ReadAll(Env* env, connector::TableSource* source, ReadOut* out) {
  CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
  for (const connector::SourceSplit& split : splits) {
    out->ended = false;
    CO_RETURN_IF_ERROR(co_await ReadSplit(env, source, split, 100, 1 << 20, out));
  }
  co_return Status::OK();
}

TEST_F(DatagenTest, ASequenceEndsTheTable) {
  auto source = Open({{arrow::field("id", arrow::int64()), arrow::field("s", arrow::utf8())},
                      {{"fields.id.kind", "sequence"},
                       {"fields.id.start", "5"},
                       {"fields.id.end", "8"},
                       {"fields.s.length", "4"}}});
  EXPECT_TRUE(source->bounded());
  ReadOut out;
  Run(ReadAll(&env_, source.get(), &out));
  ASSERT_EQ(out.rows.size(), 4u);
  EXPECT_EQ(out.rows[0].substr(0, 2), "5,");
  EXPECT_EQ(out.rows[3].substr(0, 2), "8,");
  EXPECT_EQ(out.rows[0].size(), 6u);
}

Table RandomTable(const std::string& parallelism) {
  return {{arrow::field("id", arrow::int32()), arrow::field("s", arrow::float64())},
          {{"number-of-rows", "1000"},
           {"seed", "7"},
           {"scan.parallelism", parallelism},
           {"rows-per-second", "1000000"},
           {"fields.id.min", "1"},
           {"fields.id.max", "6"}}};
}

TEST_F(DatagenTest, TheSameSeedMakesTheSameRowsHoweverTheyAreSplit) {
  ReadOut one;
  ReadOut three;
  auto source_one = Open(RandomTable("1"));
  auto source_three = Open(RandomTable("3"));
  Run(ReadAll(&env_, source_one.get(), &one));
  Run(ReadAll(&env_, source_three.get(), &three));
  ASSERT_EQ(one.rows.size(), 1000u);
  std::sort(one.rows.begin(), one.rows.end());
  std::sort(three.rows.begin(), three.rows.end());
  EXPECT_EQ(one.rows, three.rows);
  EXPECT_EQ(one.rows.front()[0], '1');
  EXPECT_EQ(one.rows.back()[0], '6');
}

TEST_F(DatagenTest, GoesOnExactlyWhereItStood) {
  auto source = Open(RandomTable("1"));
  ReadOut whole;
  Run(ReadAll(&env_, source.get(), &whole));
  ReadOut first;
  connector::SourceSplit split{.id = "datagen/0-of-1", .position = "0:7"};
  Run(ReadSplit(&env_, source.get(), split, 17, 100, &first));
  EXPECT_FALSE(first.ended);
  // Another table object, as after a restart; its own seed does not matter.
  Table other = RandomTable("1");
  other.options["seed"] = "8";
  auto again = Open(other);
  ReadOut rest;
  split.position = first.position;
  Run(ReadSplit(&env_, again.get(), split, 1000, 1 << 20, &rest));
  first.rows.insert(first.rows.end(), rest.rows.begin(), rest.rows.end());
  EXPECT_EQ(first.rows, whole.rows);
}

TEST_F(DatagenTest, KeepsThePaceByTheClock) {
  Table table = RandomTable("1");
  table.options["rows-per-second"] = "100";
  auto source = Open(table);
  TimePoint begin = env_.Now();
  ReadOut out;
  Run(ReadAll(&env_, source.get(), &out));
  auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(env_.Now() - begin);
  EXPECT_EQ(out.rows.size(), 1000u);
  EXPECT_GE(taken, 9900ms);
  EXPECT_LE(taken, 10100ms);
}

TEST_F(DatagenTest, RefusesOptionsThatMakeNoSense) {
  arrow::FieldVector fields = {arrow::field("id", arrow::int32()),
                               arrow::field("s", arrow::utf8())};
  EXPECT_FALSE(Refusal({fields, {{"fields.id.min", "9"}, {"fields.id.max", "1"}}}).ok());
  EXPECT_FALSE(Refusal({fields, {{"fields.id.kind", "sequence"}}}).ok());
  EXPECT_FALSE(Refusal({fields, {{"rows-per-second", "0"}}}).ok());
  EXPECT_FALSE(Refusal({fields, {{"fields.s.length", "-1"}}}).ok());
  EXPECT_TRUE(Refusal({fields, {{"fields.id.null-rate", "0.5"}}}).ok());
}

}  // namespace
}  // namespace mainstem::source
