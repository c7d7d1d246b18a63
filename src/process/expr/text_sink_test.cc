// Texts that grow without bound end in an error that names the function, never in an abort.
#include "process/expr/text_sink.h"

#include "process/expr/expr_test_support.h"

namespace mainstem::process::testing {
namespace {

using T = LogicalType;

// Refuses to give more than so many bytes at once.
class SmallPool final : public arrow::ProxyMemoryPool {
 public:
  explicit SmallPool(int64_t bytes_max)
      : ProxyMemoryPool(arrow::default_memory_pool()), bytes_max_(bytes_max) {}
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    if (size > bytes_max_) return arrow::Status::OutOfMemory("no ", size, " bytes");
    return ProxyMemoryPool::Allocate(size, alignment, out);
  }
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** ptr) override {
    if (new_size > bytes_max_) return arrow::Status::OutOfMemory("no ", new_size, " bytes");
    return ProxyMemoryPool::Reallocate(old_size, new_size, alignment, ptr);
  }

 private:
  int64_t bytes_max_;
};

std::shared_ptr<arrow::Array> Texts(int64_t rows) {
  arrow::StringBuilder builder;
  for (int64_t row = 0; row < rows; ++row) EXPECT_TRUE(builder.Append(std::to_string(row)).ok());
  return *builder.Finish();
}

const ExprPtr kText = MakeInputRef(0, T::String(), "s");

Status RunOver(const ExprPtr& expr, int64_t rows, EvalFailure* failure,
               arrow::MemoryPool* pool = nullptr) {
  EvalContext context = UtcContext();
  context.pool = pool;
  auto program = ExprProgram::Make({expr}, context);
  EXPECT_TRUE(program.ok()) << program.status();
  return (*program)->Evaluate({Texts(rows)}, rows, context, failure).status();
}

TEST(TextLimits, NameTheFunctionThatMakesATextTooLong) {
  const ExprPtr many = Fn("REPEAT", {S("a"), I(2'000)});
  const ExprPtr ones = Fn("REPLACE", {kText, kText, many});  // as a column
  const ExprPtr long_text = Fn("REPEAT", {S("b"), I(60'000)});
  const std::vector<std::pair<ExprPtr, std::string>> cases = {
      {Fn("LPAD", {kText, I(100'000'000), S("y")}), "LPAD"},
      {Fn("RPAD", {kText, L(INT64_MAX), S("yz")}), "RPAD"},
      {Fn("REPEAT", {kText, L(INT64_MAX)}), "REPEAT"},
      {Cast(kText, T::Char(100'000'000)), "CAST"},
      {Cast(Cast(kText, T::Bytes()), T::Binary(100'000'000)), "CAST"},
      {Fn("REPLACE", {ones, S("a"), long_text}), "REPLACE"},
      {Fn("REGEXP_REPLACE", {ones, S("a"), long_text}), "REGEXP_REPLACE"},
  };
  for (const auto& [expr, name] : cases) {
    EvalFailure failure;
    const Status status = RunOver(expr, 500, &failure);
    EXPECT_EQ(CodeOf(status), ErrorCode::kEvaluationError);
    EXPECT_EQ(TextOf(status).message, name + " makes a text longer than 64 MiB");
    EXPECT_EQ(failure.row, 0);
  }
}

TEST(TextLimits, LeaveTextsAloneThatNoRowAsksFor) {
  const ExprPtr guarded =
      Fn("CASE", {Fn("=", {kText, S("none")}), Fn("LPAD", {kText, L(INT64_MAX), S("y")}), S("-")});
  EvalFailure failure;
  EXPECT_TRUE(RunOver(guarded, 500, &failure).ok());
  EXPECT_EQ(Folded(Fn("REPEAT", {S(""), L(INT64_MAX)})), "");
  EXPECT_EQ(Folded(Fn("LPAD", {S("abc"), L(2), S("y")})), "ab");
}

TEST(TextLimits, ShortMemoryIsAnError) {
  SmallPool pool(int64_t{1} << 20);
  const ExprPtr kibibyte = Fn("RPAD", {kText, I(1024), S("x")});
  const std::vector<ExprPtr> cases = {
      kibibyte,
      Fn("||", {Fn("RPAD", {kText, I(400), S("x")}), Fn("RPAD", {kText, I(400), S("y")})}),
      Fn("CONCAT_WS",
         {S(","), Fn("RPAD", {kText, I(400), S("x")}), Fn("RPAD", {kText, I(400), S("x")})}),
      Fn("TRANSLATE", {Fn("RPAD", {kText, I(500), S("x")}), S("x"), S("é")}),
      Fn("ARRAY_JOIN", {Fn("ARRAY", {kText, kText}), Fn("RPAD", {S(""), I(1000), S("x")})}),
      Cast(kText, T::Char(1024)),
  };
  for (const ExprPtr& expr : cases) {
    EvalFailure failure;
    const Status status = RunOver(expr, 2000, &failure, &pool);
    EXPECT_EQ(CodeOf(status), ErrorCode::kResourceExhausted) << expr->ToString() << status;
    EXPECT_NE(TextOf(status).message.find("no memory for the texts that "), std::string::npos)
        << status;
  }
}

TEST(TextSink, WritesNothingMoreOnceTheColumnIsFull) {
  TextSink sink;
  ASSERT_TRUE(sink.Init(4, arrow::default_memory_pool(), {.column_bytes = 1000}).ok());
  sink.AppendRepeated('x', 600);
  sink.EndRow();
  EXPECT_FALSE(sink.failed());
  sink.AppendRepeated('y', 600);
  EXPECT_TRUE(sink.failed());
  sink.Append("short");
  EXPECT_EQ(sink.current(), "");
  sink.EndRow();
  arrow::BufferVector buffers{nullptr};
  const Status status = sink.Finish("F", &buffers);
  EXPECT_EQ(CodeOf(status), ErrorCode::kEvaluationError);
  EXPECT_EQ(TextOf(status).message, "F makes texts of more than 1000 bytes for 2 rows");
}

}  // namespace
}  // namespace mainstem::process::testing
