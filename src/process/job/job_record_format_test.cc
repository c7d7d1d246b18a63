// Records of jobs as they are kept now, and as earlier versions kept them.
#include "process/job/job_record_format.h"

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

JobRecord KeptRecord() {
  JobRecord record;
  record.id = "insert-into-orders-ab12";
  record.name = "insert-into_orders";
  record.script = "INSERT INTO orders SELECT 1";
  record.state = JobState::kRunning;
  record.generation = 7;
  return record;
}

TEST(JobRecordFormatTest, KeepsTheNameThatDestinationsKnow) {
  JobRecord record = KeptRecord();
  record.delivery_name = "insert-into-orders-ab12-0011223344556677";
  auto decoded = DecodeJobRecord(EncodeJobRecord(record));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->delivery_name, record.delivery_name);
  EXPECT_EQ(decoded->generation, 7u);
}

TEST(JobRecordFormatTest, ReadsVersion3WhichHasNoSuchName) {
  std::string bytes = EncodeJobRecord(KeptRecord());
  bytes[0] = 3;
  bytes.resize(bytes.size() - 4);  // the length of the empty name
  auto decoded = DecodeJobRecord(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->id, "insert-into-orders-ab12");
  EXPECT_EQ(decoded->generation, 7u);
  EXPECT_EQ(decoded->delivery_name, "");
  bytes[0] = 4;
  EXPECT_TRUE(Is(DecodeJobRecord(bytes).status(), ErrorCode::kCorruptStorage));
}

}  // namespace
}  // namespace mainstem::process
