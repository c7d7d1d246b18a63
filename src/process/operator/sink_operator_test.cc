// Goals: an upsert sink forgets a row whose update a condition has held back; records on their way
// to a destination outside have bounds.
#include "process/operator/sink_operator.h"

#include <algorithm>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/operator/delivery_format.h"
#include "process/operator/operator_test_support.h"
#include "storage/record_batch.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using ::testing::ElementsAre;

std::vector<std::string> Upserts(const std::vector<std::vector<std::string>>& rows) {
  auto upserts = ToUpserts(MakeBatch("sl", rows), {0});
  CHECK_OK(upserts);
  return optest::ToLines(Element::Batch(*std::move(upserts)));
}

TEST(ToUpsertsTest, AnOldRowGoesWhenTheNewOneFollows) {
  EXPECT_THAT(Upserts({{"+I", "a", "1"}, {"-U", "a", "1"}, {"+U", "a", "2"}, {"-D", "a", "2"}}),
              ElementsAre("+I a 1", "+U a 2", "-D a 2"));
}

TEST(ToUpsertsTest, AnOldRowWithoutANewOneIsADeletion) {
  EXPECT_THAT(Upserts({{"-U", "a", "1"}}), ElementsAre("-D a 1"));
  EXPECT_THAT(Upserts({{"-U", "a", "1"}, {"+U", "b", "2"}, {"-U", "-", "3"}, {"-U", "b", "2"}}),
              ElementsAre("-D a 1", "+U b 2", "-D - 3", "-D b 2"));
  EXPECT_THAT(Upserts({{"-U", "-", "1"}, {"+U", "-", "2"}}), ElementsAre("+U - 2"));
}

constexpr size_t kMegabyte = 1 << 20;

storage::TopicPartition DeliveryPlace(uint8_t topic) {
  storage::TopicId id{};
  id[0] = topic;
  return {id, PartitionId(0)};
}
Task<storage::TopicPartition> RefusedRowsPlace() { co_return DeliveryPlace(9); }

// One start of a delivery sink's only subtask.
struct DeliveryScene {
  explicit DeliveryScene(RejectPolicy policy) {
    DeliverySinkOptions options;
    options.topic = DeliveryPlace(1).topic_id;
    options.table = "t";
    options.rejects = {.policy = policy, .max = 2};
    options.quarantine = RefusedRowsPlace;
    context.env = &env;
    context.metrics = &metrics;
    sink = std::make_unique<DeliverySinkOperator>(std::move(options), &pending);
    CHECK_OK(env.Run(sink->Open(&context)));
  }
  // Updates of one column, of texts that are so long.
  Status Write(const std::vector<size_t>& lengths) {
    arrow::StringBuilder texts;
    for (size_t length : lengths) CHECK_OK(texts.Append(std::string(length, 'x')));
    ChangelogBatch batch;
    batch.rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("v", arrow::utf8())}),
                                          static_cast<int64_t>(lengths.size()),
                                          {texts.Finish().ValueOrDie()});
    batch.kinds.assign(lengths.size(), RowKind::kInsert);
    batch.kinds.back() = RowKind::kUpdateAfter;
    return env.Run(sink->OnBatch(0, std::move(batch), nullptr));
  }

  SimDisk disk{1};
  SimEnv env{&disk, {}};
  OperatorMetrics metrics;
  PendingOutput pending;
  OperatorContext context;
  std::unique_ptr<DeliverySinkOperator> sink;
};

struct DeliveredRecords {
  std::vector<size_t> sizes;
  std::vector<size_t> lengths;  // of the rows, in order
  std::string kinds;
  size_t refused = 0;
};

DeliveredRecords RecordsOf(OperatorSnapshot snapshot) {
  DeliveredRecords found;
  for (const storage::EpochCommit::Append& append : snapshot.appends) {
    auto reader = storage::RecordReader::Open(append.batch).ValueOrDie();
    storage::RecordView record;
    while (reader.Next(&record).ValueOrDie()) {
      if (append.partition == DeliveryPlace(9)) {
        ++found.refused;
        continue;
      }
      found.sizes.push_back(record.value->size());
      ChangelogBatch rows = DecodeDelivery(*record.value).ValueOrDie();
      const auto& texts = static_cast<const arrow::StringArray&>(*rows.rows->column(0));
      for (int64_t i = 0; i < texts.length(); ++i) found.lengths.push_back(texts.GetView(i).size());
      for (RowKind kind : rows.kinds) found.kinds += ToString(kind);
    }
  }
  return found;
}

TEST(DeliverySinkTest, RecordsAreCutByTheirBytes) {
  DeliveryScene scene(RejectPolicy::kFail);
  std::vector<size_t> lengths(40, 200'000);
  lengths[7] = 3 * kMegabyte;
  CHECK_OK(scene.Write(lengths));
  DeliveredRecords found = RecordsOf(scene.sink->Snapshot().ValueOrDie());
  EXPECT_EQ(found.lengths, lengths);
  EXPECT_EQ(found.kinds.substr(found.kinds.size() - 4), "+I+U");
  EXPECT_EQ(std::count_if(found.sizes.begin(), found.sizes.end(),
                          [](size_t size) { return size > kMegabyte; }),
            1);  // the row that alone is longer
}

TEST(DeliverySinkTest, ARowThatIsTooLongGoesWhereTheRuleSays) {
  const std::vector<size_t> lengths = {5, 17 * kMegabyte, 6};
  DeliveryScene keeping(RejectPolicy::kQuarantine);
  CHECK_OK(keeping.Write(lengths));
  OperatorSnapshot snapshot = keeping.sink->Snapshot().ValueOrDie();
  EXPECT_FALSE(snapshot.blob.empty());
  DeliveredRecords found = RecordsOf(std::move(snapshot));
  EXPECT_EQ(found.lengths, (std::vector<size_t>{5, 6}));
  EXPECT_EQ(found.refused, 1u);
  DeliveryScene failing(RejectPolicy::kFail);
  Status failed = failing.Write(lengths);
  EXPECT_TRUE(Is(failed, ErrorCode::kEvaluationError)) << failed;
  EXPECT_THAT(failed.message(), ::testing::HasSubstr("too long for table 't'"));
}

}  // namespace
}  // namespace mainstem::process
