// Goal: TakeColumn gives what arrow::compute::Take gives, for every type that a column can have,
// over slices too. Method: random columns and indexes, both ways, compared whole.
#include "process/expr/take.h"

#include <random>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

using arrow::field;

const arrow::DataTypeVector& Types() {
  static const arrow::DataTypeVector types = {
      arrow::boolean(),
      arrow::int8(),
      arrow::int16(),
      arrow::int32(),
      arrow::int64(),
      arrow::float64(),
      arrow::date32(),
      arrow::timestamp(arrow::TimeUnit::MILLI),
      arrow::decimal128(20, 3),
      arrow::utf8(),
      arrow::binary(),
      arrow::list(arrow::utf8()),
      arrow::list(arrow::struct_({field("a", arrow::int32())})),
      arrow::map(arrow::utf8(), arrow::int64()),
      arrow::struct_(
          {field("x", arrow::utf8()), field("y", arrow::struct_({field("z", arrow::boolean())}))}),
  };
  return types;
}

class RandomColumn {
 public:
  RandomColumn(uint32_t seed, bool with_nulls) : random_(seed), with_nulls_(with_nulls) {}

  std::shared_ptr<arrow::Array> Make(const std::shared_ptr<arrow::DataType>& type, int64_t rows) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    EXPECT_TRUE(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder).ok());
    for (int64_t i = 0; i < rows; ++i) Append(builder.get());
    return builder->Finish().ValueOrDie();
  }

 private:
  int Next(int limit) { return static_cast<int>(random_() % static_cast<uint32_t>(limit)); }

  void Append(arrow::ArrayBuilder* builder) {
    // A MAP's key is never null.
    if (with_nulls_ && Next(4) == 0) {
      EXPECT_TRUE(builder->AppendNull().ok());
      return;
    }
    switch (builder->type()->id()) {
      case arrow::Type::LIST: {
        auto* list = static_cast<arrow::ListBuilder*>(builder);
        EXPECT_TRUE(list->Append().ok());
        for (int n = Next(4); n > 0; --n) Append(list->value_builder());
        return;
      }
      case arrow::Type::MAP: {
        auto* map = static_cast<arrow::MapBuilder*>(builder);
        EXPECT_TRUE(map->Append().ok());
        auto* keys = static_cast<arrow::StringBuilder*>(map->key_builder());
        for (int n = Next(3); n > 0; --n) {
          EXPECT_TRUE(keys->Append(std::string(static_cast<size_t>(n), 'k')).ok());
          Append(map->item_builder());
        }
        return;
      }
      case arrow::Type::STRUCT: {
        auto* row = static_cast<arrow::StructBuilder*>(builder);
        EXPECT_TRUE(row->Append().ok());
        for (int i = 0; i < row->num_fields(); ++i) Append(row->field_builder(i));
        return;
      }
      case arrow::Type::STRING:
      case arrow::Type::BINARY:
        EXPECT_TRUE(static_cast<arrow::BinaryBuilder*>(builder)
                        ->Append(std::string(static_cast<size_t>(Next(12)),
                                             static_cast<char>('a' + Next(26))))
                        .ok());
        return;
      case arrow::Type::BOOL:
        EXPECT_TRUE(static_cast<arrow::BooleanBuilder*>(builder)->Append(Next(2) == 1).ok());
        return;
      default: {
        auto number = arrow::MakeArrayFromScalar(*arrow::MakeScalar(int64_t{Next(100)}), 1);
        auto value = arrow::compute::Cast(*number.ValueOrDie(), builder->type());
        // Not every type is made of a BIGINT.
        if (!value.ok())
          value = arrow::compute::Cast(
              *arrow::compute::Cast(*number.ValueOrDie(), arrow::int32()).ValueOrDie(),
              builder->type());
        EXPECT_TRUE(builder->AppendArraySlice(*value.ValueOrDie()->data(), 0, 1).ok());
      }
    }
  }

  std::minstd_rand random_;
  const bool with_nulls_;
};

TEST(TakeTest, EqualsArrowsOwnForEveryType) {
  std::minstd_rand random(7);
  for (uint32_t round = 0; round < 40; ++round) {
    for (const auto& type : Types()) {
      auto whole = RandomColumn(round, round % 3 != 0).Make(type, 60);
      auto column = round % 2 == 0 ? whole : whole->Slice(7, 41);
      std::vector<int32_t> rows;
      bool null_indexes = round % 5 == 0;
      arrow::Int32Builder indexes;
      for (int i = 0; i < 50; ++i) {
        auto row = static_cast<int32_t>(random() % static_cast<uint32_t>(column->length()));
        if (null_indexes && i % 7 == 0) row = -1;
        rows.push_back(row);
        ASSERT_TRUE((row < 0 ? indexes.AppendNull() : indexes.Append(row)).ok());
      }
      auto expected = arrow::compute::Take(*column, *indexes.Finish().ValueOrDie()).ValueOrDie();
      auto taken = TakeColumn(*column->data(), rows.data(), static_cast<int64_t>(rows.size()),
                              null_indexes ? TakeNulls::kNullIndexes : TakeNulls::kNone,
                              arrow::default_memory_pool());
      ASSERT_TRUE(taken.ok()) << taken.status().ToString();
      auto array = arrow::MakeArray(*taken);
      ASSERT_TRUE(array->ValidateFull().ok()) << type->ToString();
      ASSERT_TRUE(array->Equals(*expected)) << type->ToString() << " round " << round;
    }
  }
}

TEST(TakeTest, GivesAnEmptyColumnForNoRows) {
  for (const auto& type : Types()) {
    auto column = RandomColumn(1, true).Make(type, 5);
    auto taken =
        TakeColumn(*column->data(), nullptr, 0, TakeNulls::kNone, arrow::default_memory_pool());
    ASSERT_TRUE(taken.ok());
    EXPECT_TRUE(arrow::MakeArray(*taken)->ValidateFull().ok()) << type->ToString();
    EXPECT_EQ((*taken)->length, 0);
  }
}

}  // namespace
}  // namespace mainstem::process
