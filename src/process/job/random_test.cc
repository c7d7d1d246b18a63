// RAND and UUID in a simulated node: the seed of the run is the only source of what they give.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/job/job_manager.h"
#include "process/state/state_backend.h"

namespace mainstem::process {
namespace {

class Rows final : public ResultListener {
 public:
  Status OnRows(std::vector<ResultRow> rows) override {
    for (const ResultRow& row : rows) {
      std::vector<std::string>& fields = all.emplace_back();
      for (const auto& field : row.fields) fields.push_back(field.value_or("NULL"));
    }
    return Status::OK();
  }
  std::vector<std::vector<std::string>> all;
};

Task<> Query(SimEnv* env, StateBackendFactory* state, Rows* rows) {
  connector::ConnectorRegistry registry;
  JobManagerOptions options;
  options.state_directory = "/state";
  options.state_backends = state;
  CO_ASSIGN_OR_RETURN(auto manager, JobManager::Make(env, nullptr, &registry, std::move(options),
                                                     Logger::Silent()));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  std::string script =
      "SELECT UUID(), UUID(), RAND(), RAND(), RAND_INTEGER(1000000), RAND(7) FROM (VALUES 1, 2) t";
  ExecuteOptions execute;
  Status outcome = co_await manager->Execute(std::move(script), std::move(execute), rows);
  CO_RETURN_IF_ERROR(co_await manager->Stop());
  co_return outcome;
}

std::vector<std::vector<std::string>> RowsOf(uint64_t seed) {
  SimDisk disk(1);
  SimEnv env(&disk, SimEnvOptions{.seed = seed});
  auto state = MakeMemoryStateBackendFactory();
  Rows rows;
  Status status = env.Run(Query(&env, state.get(), &rows));
  EXPECT_TRUE(status.ok()) << status.ToString();
  return rows.all;
}

TEST(RandomTest, OneSeedIsOneRun) {
  auto first = RowsOf(3);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(RowsOf(3), first);
  auto other = RowsOf(4);
  ASSERT_EQ(other.size(), 2u);
  for (size_t column = 0; column < 5; ++column) EXPECT_NE(other[0][column], first[0][column]);
  EXPECT_EQ(other[0][5], first[0][5]);  // it has a seed of its own
}

TEST(RandomTest, EveryCallAndEveryRowHasItsOwn) {
  auto rows = RowsOf(3);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_NE(rows[0][0], rows[0][1]);
  EXPECT_NE(rows[0][2], rows[0][3]);
  EXPECT_NE(rows[0][0], rows[1][0]);
  EXPECT_NE(rows[0][2], rows[1][2]);
}

}  // namespace
}  // namespace mainstem::process
