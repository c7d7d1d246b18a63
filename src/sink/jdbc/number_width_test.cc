#include "sink/jdbc/number_width.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

namespace mainstem::sink {
namespace {

struct WidthCase {
  std::shared_ptr<arrow::DataType> type;
  const char* found;
  const char* wider;  // "": none
};

TEST(WiderNumberTest, TakesTheValuesOfBoth) {
  const WidthCase cases[] = {
      {arrow::int64(), "integer", "bigint"},
      {arrow::int64(), "smallint(6)", "bigint"},
      {arrow::int32(), "tinyint", "integer"},
      {arrow::int32(), "INTEGER", ""},
      {arrow::int16(), "bigint(20)", ""},
      {arrow::int64(), "int(10) unsigned", ""},
      {arrow::int64(), "numeric(5,0)", ""},
      {arrow::int64(), "text", ""},
      {arrow::float64(), "real", "double precision"},
      {arrow::float64(), "double precision", ""},
      {arrow::float32(), "real", ""},
      {arrow::decimal128(10, 2), "numeric(8,2)", "numeric(10,2)"},
      {arrow::decimal128(10, 2), "decimal(12, 0)", "decimal(14,2)"},
      {arrow::decimal128(10, 2), "numeric", ""},
      {arrow::decimal128(10, 2), "numeric(12,4)", ""},
      {arrow::decimal128(5, 2), "numeric(10,4)", ""},
      {arrow::decimal128(38, 10), "numeric(30,0)", ""},
      {arrow::utf8(), "varchar(20)", ""},
  };
  for (const WidthCase& test : cases) {
    EXPECT_EQ(WiderNumber(*test.type, test.found).value_or(""), test.wider)
        << test.type->ToString() << " into " << test.found;
  }
}

}  // namespace
}  // namespace mainstem::sink
