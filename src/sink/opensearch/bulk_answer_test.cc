#include "sink/opensearch/bulk_answer.h"

namespace mainstem::sink {
namespace {

ItemOutcome OutcomeOf(const std::string& item) {
  auto outcomes = ParseBulkAnswer(R"({"errors":true,"items":[)" + item + "]}", 1);
  CHECK_OK(outcomes);
  return outcomes->front();
}

std::string Item(int status, const std::string& type, const std::string& reason = "why") {
  return fmt::format(R"({{"index":{{"status":{},"error":{{"type":"{}","reason":"{}"}}}}}})", status,
                     type, reason);
}

TEST(BulkAnswerTest, TellsWhatToDoAboutEachItem) {
  EXPECT_EQ(OutcomeOf(R"({"index":{"status":201}})").fate, ItemFate::kDone);
  EXPECT_EQ(OutcomeOf(R"({"delete":{"status":404}})").fate, ItemFate::kDone);
  EXPECT_EQ(OutcomeOf(Item(429, "rejected_execution_exception")).fate, ItemFate::kRetry);
  EXPECT_EQ(OutcomeOf(Item(503, "unavailable_shards_exception")).fate, ItemFate::kRetry);
  EXPECT_EQ(OutcomeOf(Item(403, "cluster_block_exception")).fate, ItemFate::kRetry);
  EXPECT_EQ(OutcomeOf(Item(400, "validation_exception")).fate, ItemFate::kRetry);
  EXPECT_EQ(OutcomeOf(Item(400, "mapper_parsing_exception")).fate, ItemFate::kRefused);
  EXPECT_EQ(OutcomeOf(Item(400, "invalid_index_name_exception")).fate, ItemFate::kRefused);
  ItemOutcome missing = OutcomeOf(Item(404, "index_not_found_exception"));
  EXPECT_EQ(missing.fate, ItemFate::kFailed);
  EXPECT_EQ(missing.code, ErrorCode::kNotFound);
  EXPECT_EQ(OutcomeOf(Item(403, "security_exception")).code, ErrorCode::kPermissionDenied);
}

TEST(BulkAnswerTest, AConflictTellsTheVersionThatIsThere) {
  ItemOutcome outcome = OutcomeOf(
      Item(409, "version_conflict_engine_exception",
           "[a]: version conflict, current version [10] is higher or equal to the one provided "
           "[9]"));
  EXPECT_EQ(outcome.fate, ItemFate::kConflict);
  EXPECT_EQ(outcome.current_version, 10);
  outcome = OutcomeOf(Item(409, "version_conflict_engine_exception", "document already exists"));
  EXPECT_EQ(outcome.fate, ItemFate::kConflict);
  EXPECT_EQ(outcome.current_version, std::nullopt);
}

TEST(BulkAnswerTest, TheProblemHoldsAllReasons) {
  EXPECT_EQ(OutcomeOf(R"({"index":{"status":400,"error":{"type":"mapper_parsing_exception",)"
                      R"("reason":"failed to parse","caused_by":{"type":"x","reason":"a\nb"}}}})")
                .problem,
            "mapper_parsing_exception: failed to parse; a b");
}

TEST(BulkAnswerTest, AnAnswerThatIsCutOrOfAnotherRequestIsTriedAgain) {
  for (const char* answer :
       {"", "{", "[]", R"({"errors":false})", R"({"errors":false,"items":[]})",
        R"({"errors":true,"items":[{}]})", R"({"errors":true,"items":[{"index":{}}]})",
        R"({"errors":true,"items":[1]})"}) {
    auto outcomes = ParseBulkAnswer(answer, 1);
    EXPECT_TRUE(Is(outcomes.status(), ErrorCode::kUnavailable)) << answer;
  }
}

TEST(BulkAnswerTest, ProblemsOfWholeAnswersAreShownAsTheyCome) {
  EXPECT_EQ(ProblemOfAnswer(R"({"error":{"type":"t","reason":"r"},"status":400})").text, "t: r");
  EXPECT_EQ(ProblemOfAnswer(R"({"error":"plain"})").text, "plain");
  EXPECT_EQ(ProblemOfAnswer("<html>").text, "<html>");
}

}  // namespace
}  // namespace mainstem::sink
