#include "sink/opensearch/document_changes.h"

#include <arrow/api.h>

#include "format/time_zone.h"

namespace mainstem::sink {
namespace {

std::shared_ptr<arrow::Schema> DocumentSchema() {
  return arrow::schema({arrow::field("k", arrow::utf8()),
                        arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI)),
                        arrow::field("seen", arrow::timestamp(arrow::TimeUnit::MILLI, "UTC")),
                        arrow::field("day", arrow::date32()),
                        arrow::field("of_day", arrow::time32(arrow::TimeUnit::MILLI))});
}

struct TestRow {
  std::string k;
  std::optional<int64_t> at = 1769868303004;  // 2026-01-31 14:05:03.004
};

std::shared_ptr<arrow::RecordBatch> RowsOf(const std::vector<TestRow>& rows) {
  arrow::StringBuilder k;
  arrow::TimestampBuilder at(arrow::timestamp(arrow::TimeUnit::MILLI),
                             arrow::default_memory_pool());
  arrow::TimestampBuilder seen(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"),
                               arrow::default_memory_pool());
  arrow::Date32Builder day;
  arrow::Time32Builder of_day(arrow::time32(arrow::TimeUnit::MILLI), arrow::default_memory_pool());
  for (const TestRow& row : rows) {
    CHECK_OK(k.Append(row.k));
    CHECK_OK(row.at ? at.Append(*row.at) : at.AppendNull());
    CHECK_OK(seen.Append(1769868300000));  // 14:05:00 UTC
    CHECK_OK(day.Append(20484));           // 2026-01-31
    CHECK_OK(of_day.Append(50703120));     // 14:05:03.120
  }
  arrow::ArrayVector columns(5);
  CHECK_OK(k.Finish(&columns[0]));
  CHECK_OK(at.Finish(&columns[1]));
  CHECK_OK(seen.Finish(&columns[2]));
  CHECK_OK(day.Finish(&columns[3]));
  CHECK_OK(of_day.Finish(&columns[4]));
  return arrow::RecordBatch::Make(DocumentSchema(), static_cast<int64_t>(rows.size()), columns);
}

Result<IndexPattern> Compile(const std::string& text) {
  ASSIGN_OR_RETURN(absl::TimeZone zone, format::ParseTimeZone("Asia/Tokyo"));
  return IndexPattern::Compile(text, *DocumentSchema(), zone);
}

std::string NameOf(const std::string& text) {
  auto pattern = Compile(text);
  CHECK_OK(pattern);
  return pattern->NameOf(*RowsOf({{"eu"}}), 0).value_or("no name");
}

TEST(IndexPatternTest, PutsValuesIntoTheName) {
  EXPECT_EQ(NameOf("orders"), "orders");
  EXPECT_EQ(NameOf("{k}-orders-{k}"), "eu-orders-eu");
  EXPECT_EQ(NameOf("o-{at|yyyy-MM-dd}"), "o-2026-01-31");
  EXPECT_EQ(NameOf("o-{at|}"), "o-2026_01_31_14_05_03");
  EXPECT_EQ(NameOf("o-{day|}"), "o-2026_01_31");
  EXPECT_EQ(NameOf("o-{of_day|}"), "o-14_05_03");
  EXPECT_EQ(NameOf("o-{seen|}"), "o-2026_01_31_23_05_00+09");
  EXPECT_EQ(NameOf("o-{seen|yyyy.MM.dd-HH}"), "o-2026.01.31-23");
}

TEST(IndexPatternTest, SaysWhatCannotBeAName) {
  for (const char* wrong : {"", "a-{k", "{nothing}", "{k|yyyy}", "{day|HH}", "{of_day|yyyy}",
                            "{at|yyyy-X}", "{at|b}", "{now()|yyyy}"}) {
    EXPECT_TRUE(Is(Compile(wrong).status(), ErrorCode::kInvalidArgument)) << wrong;
  }
}

TEST(IndexPatternTest, NullGivesNoName) {
  auto pattern = Compile("{at|yyyy}");
  CHECK_OK(pattern);
  EXPECT_EQ(pattern->NameOf(*RowsOf({{"a", std::nullopt}}), 0), std::nullopt);
}

TEST(IndexPatternTest, ValuesAreWrittenAsJavaDoes) {
  auto rows = RowsOf({{"eu"}, {"eu", 1769868300000}});
  auto text = [&](int column, int64_t row) {
    std::string out;
    AppendJavaText(*rows->column(column), row, &out);
    return out;
  };
  EXPECT_EQ(text(0, 0), "eu");
  EXPECT_EQ(text(1, 0), "2026-01-31T14:05:03.004");
  EXPECT_EQ(text(1, 1), "2026-01-31T14:05");
  EXPECT_EQ(text(2, 0), "2026-01-31T14:05:00Z");
  EXPECT_EQ(text(3, 0), "2026-01-31");
  EXPECT_EQ(text(4, 0), "14:05:03.120");
}

class FoldDocumentsTest : public ::testing::Test {
 protected:
  FoldDocumentsTest() {
    auto compiled = Compile("orders");
    CHECK_OK(compiled);
    index_ = *std::move(compiled);
    naming_ = {.schema = DocumentSchema(),
               .key_columns = {0},
               .key_delimiter = "_",
               .index = &index_,
               .first_version = 1000,
               .partition = PartitionId(3)};
  }
  IndexPattern index_;
  DocumentNaming naming_;
};

TEST_F(FoldDocumentsTest, KeepsTheLastChangeOfEachDocumentWithItsVersion) {
  std::vector<DeliveredRows> deliveries = {
      {.batch = {RowsOf({{"a"}, {"b"}, {"a"}}), {}}, .end = Offset(5)},
      {.batch = {RowsOf({{"b"}, {"c"}, {"c"}}),
                 {RowKind::kDelete, RowKind::kUpdateBefore, RowKind::kUpdateAfter}},
       .end = Offset(7)}};
  auto folded = FoldDocuments(naming_, deliveries);
  CHECK_OK(folded);
  ASSERT_EQ(folded->changes.size(), 3u);
  EXPECT_EQ(folded->changes[0].id, "a");
  EXPECT_EQ(folded->changes[0].row, 2);
  EXPECT_EQ(folded->changes[0].version, 1005);
  EXPECT_EQ(folded->changes[1].id, "b");
  EXPECT_TRUE(folded->changes[1].is_delete);
  EXPECT_EQ(folded->changes[1].version, 1007);
  EXPECT_EQ(folded->changes[2].row, 5);
}

TEST_F(FoldDocumentsTest, VersionsDoNotDependOnHowDeliveriesAreGrouped) {
  DeliveredRows first{.batch = {RowsOf({{"a"}}), {}}, .end = Offset(5)};
  DeliveredRows second{.batch = {RowsOf({{"b"}}), {}}, .end = Offset(7)};
  auto together = FoldDocuments(naming_, {first, second});
  auto alone = FoldDocuments(naming_, {second});
  CHECK_OK(together);
  CHECK_OK(alone);
  EXPECT_EQ(together->changes[1].version, alone->changes[0].version);
}

TEST_F(FoldDocumentsTest, RowsWithoutKeyAreNamedByTheirPlaceInTheLog) {
  naming_.key_columns.clear();
  DeliveredRows rows{.batch = {RowsOf({{"a"}, {"a"}}), {}}, .end = Offset(5)};
  auto folded = FoldDocuments(naming_, {rows});
  CHECK_OK(folded);
  ASSERT_EQ(folded->changes.size(), 2u);
  EXPECT_EQ(folded->changes[0].id, "3e8-3-5-0");
  EXPECT_EQ(folded->changes[1].id, "3e8-3-5-1");
  rows.batch.kinds = {RowKind::kInsert, RowKind::kDelete};
  EXPECT_TRUE(Is(FoldDocuments(naming_, {rows}).status(), ErrorCode::kInvalidArgument));
}

TEST_F(FoldDocumentsTest, KeysThatMakeNoIdAreSetApart) {
  DeliveredRows rows{.batch = {RowsOf({{""}, {std::string(513, 'x')}, {"fine"}}), {}},
                     .end = Offset(5)};
  auto folded = FoldDocuments(naming_, {rows});
  CHECK_OK(folded);
  EXPECT_EQ(folded->changes.size(), 1u);
  ASSERT_EQ(folded->unnamed.size(), 2u);
  EXPECT_NE(folded->unnamed[1].problem.find("513 bytes"), std::string::npos);
}

}  // namespace
}  // namespace mainstem::sink
