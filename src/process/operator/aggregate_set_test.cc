#include "process/operator/aggregate_set.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

using plan::AggregateSpec;

// COUNT(DISTINCT a), COUNT(DISTINCT a) FILTER (WHERE f), SUM(DISTINCT a), COUNT(*),
// ARRAY_AGG(DISTINCT b): a BIGINT is column 0, f column 1, b STRING column 2.
std::vector<AggregateSpec> DistinctSpecs(bool needs_retract) {
  const auto make = [&](const char* name, LogicalType type, int column, int filter) {
    AggregateSpec spec;
    spec.call = {.name = name,
                 .args = {std::move(type)},
                 .distinct = true,
                 .needs_retract = needs_retract,
                 .is_grouped = true};
    spec.args = {column};
    spec.filter = filter;
    return spec;
  };
  AggregateSpec rows;
  rows.call = {.name = "COUNT", .needs_retract = needs_retract, .is_grouped = true};
  return {make("COUNT", LogicalType::BigInt(), 0, -1), make("COUNT", LogicalType::BigInt(), 0, 1),
          make("SUM", LogicalType::BigInt(), 0, -1), rows,
          make("ARRAY_AGG", LogicalType::String(), 2, -1)};
}

// One group of an AggregateSet.
class DistinctGroup {
 public:
  explicit DistinctGroup(bool needs_retract = false)
      : set_(*AggregateSet::Make(DistinctSpecs(needs_retract))), block_(set_->value_bytes()) {
    set_->Init(block_.data());
  }
  ~DistinctGroup() { set_->Destroy(block_.data()); }

  struct Row {
    std::optional<int64_t> a;
    bool passes = false;
    std::optional<std::string> b = std::nullopt;
  };
  AggregateBatch BatchOf(const std::vector<Row>& rows) {
    arrow::Int64Builder a;
    arrow::BooleanBuilder passes;
    arrow::StringBuilder b;
    for (const Row& row : rows) {
      EXPECT_TRUE((row.a ? a.Append(*row.a) : a.AppendNull()).ok());
      EXPECT_TRUE(passes.Append(row.passes).ok());
      EXPECT_TRUE((row.b ? b.Append(*row.b) : b.AppendNull()).ok());
    }
    columns_ = {*a.Finish(), *passes.Finish(), *b.Finish()};
    group_of_row_.assign(rows.size(), 0);
    return {.columns = &columns_,
            .row_count = static_cast<int64_t>(rows.size()),
            .blocks = &data_,
            .group_of_row = group_of_row_.data()};
  }
  void Add(const std::vector<Row>& rows) { ASSERT_TRUE(set_->Accumulate(BatchOf(rows)).ok()); }
  std::vector<std::string> Running(const std::vector<Row>& rows) {
    const auto columns = set_->Running(BatchOf(rows));
    EXPECT_TRUE(columns.ok());
    std::vector<std::string> lines;
    for (size_t row = 0; row < rows.size(); ++row) {
      lines.push_back(Line(*columns, static_cast<int64_t>(row)));
    }
    return lines;
  }
  void Merge(const DistinctGroup& other) {
    ASSERT_TRUE(set_->Merge(data_, other.block_.data()).ok());
  }
  std::string Text() { return Line(*set_->Values({&data_, 1}), 0); }

  std::string Stored() const {
    std::string out;
    set_->Serialize(data_, &out);
    return out;
  }
  std::string Changes() const {
    std::string out;
    set_->SerializeChanges(data_, &out);
    return out;
  }
  void OnStored() { set_->OnStored(data_); }
  bool HasChanges() const { return set_->HasChanges(data_); }
  Status Load(std::string_view bytes) { return set_->Deserialize(bytes, data_); }
  Status Apply(std::string_view bytes) { return set_->ApplyChanges(bytes, data_); }

 private:
  static std::string Line(const ColumnVector& columns, int64_t row) {
    std::string line;
    for (const auto& column : columns) {
      line += (line.empty() ? "" : " ") + (*column->GetScalar(row))->ToString();
    }
    return line;
  }

  std::unique_ptr<AggregateSet> set_;
  std::vector<std::byte> block_;
  std::byte* const data_ = block_.data();
  ColumnVector columns_;
  std::vector<uint32_t> group_of_row_;
};

std::vector<DistinctGroup::Row> Numbers(int64_t from, int64_t to, bool passes) {
  std::vector<DistinctGroup::Row> rows;
  for (int64_t a = from; a < to; ++a) rows.push_back({a, passes});
  return rows;
}

TEST(AggregateSetTest, FunctionsShareTheValuesOfAColumnAndKeepTheirOwnFilters) {
  DistinctGroup group;
  group.Add({{5, false}, {5, true}, {7, true}, {std::nullopt, true}, {5, true}});
  EXPECT_EQ(group.Text().substr(0, 8), "2 2 12 5");
  group.Add({{7, true}, {9, false}, {5, false}});
  EXPECT_EQ(group.Text().substr(0, 8), "3 2 21 8");
  EXPECT_EQ(group.Running({{9, true}, {9, true}, {11, false}})[1].substr(0, 8), "3 3 21 1");
}

TEST(AggregateSetTest, NullIsAValueToArrayAggAlone) {
  DistinctGroup group;
  group.Add({{1, false, "x"}, {1, false, std::nullopt}, {1, false, "x"}, {1, false, std::nullopt}});
  EXPECT_EQ(group.Text(), "1 0 1 4 list<item: string>[x, null]");
}

TEST(AggregateSetTest, MergedGroupsCountAValueOnce) {
  DistinctGroup group, other;
  group.Add({{1, true}, {2, false}});
  other.Add({{2, true}, {3, false}, {1, false}});
  group.Merge(other);
  EXPECT_EQ(group.Text().substr(0, 7), "3 2 6 5");
  EXPECT_EQ(other.Text().substr(0, 7), "3 1 6 3");
}

TEST(AggregateSetTest, ComesBackFromItsStoredForm) {
  DistinctGroup group;
  group.Add({{1, true}, {2, false}});
  DistinctGroup restored;
  ASSERT_TRUE(restored.Load(group.Stored()).ok());
  restored.Add({{1, true}, {2, true}, {3, false}});
  EXPECT_EQ(restored.Text().substr(0, 7), "3 2 6 5");
}

TEST(AggregateSetTest, StoresWhatHasChangedOfALargeGroup) {
  DistinctGroup group;
  group.Add(Numbers(0, 1000, false));
  DistinctGroup restored;
  ASSERT_TRUE(restored.Load(group.Stored()).ok());
  group.OnStored();
  ASSERT_TRUE(group.HasChanges());
  group.Add({{3, false}, {4, true}, {1000, false}});
  const std::string changes = group.Changes();
  EXPECT_LT(changes.size(), 200u);
  ASSERT_TRUE(restored.Apply(changes).ok());
  EXPECT_EQ(restored.Text(), group.Text());
  restored.Add({{4, true}, {1000, true}});
  EXPECT_EQ(restored.Text().substr(0, 16), "1001 2 500500 10");
}

// Before sets were shared, each function stored its own, as those do that take rows back.
TEST(AggregateSetTest, ReadsGroupsOfBeforeSetsWereShared) {
  DistinctGroup before(true);
  before.Add(Numbers(0, 1000, false));
  before.Add({{3, true}, {3, true, "x"}});
  DistinctGroup now;
  ASSERT_TRUE(now.Load(before.Stored()).ok());
  EXPECT_EQ(now.Text(), before.Text());
  before.OnStored();
  before.Add({{3, true}, {4, true}, {1000, false, "y"}});
  ASSERT_TRUE(now.Apply(before.Changes()).ok());
  EXPECT_EQ(now.Text().substr(0, 18), before.Text().substr(0, 18));
  now.Add({{4, true}, {1000, true, "y"}});
  EXPECT_EQ(now.Text().substr(0, 17), "1001 3 500500 100");
}

TEST(AggregateSetTest, DamagedGroupsAreRefused) {
  DistinctGroup group;
  group.Add({{1, true, "x"}, {2, false}});
  const std::string stored = group.Stored();
  for (size_t size = 0; size < stored.size(); ++size) {
    EXPECT_FALSE(DistinctGroup().Load(stored.substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace mainstem::process
