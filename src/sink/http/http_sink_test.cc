#include <arrow/api.h>

#include "sink/http/request_signature.h"
#include "sink/http/status_set.h"
#include "sink/row_template.h"

namespace mainstem::sink {
namespace {

TEST(StatusSetTest, LaterItemsWin) {
  auto set = StatusSet::Parse("2xx, 409,!203");
  CHECK_OK(set);
  EXPECT_TRUE(set->Has(200));
  EXPECT_TRUE(set->Has(299));
  EXPECT_TRUE(set->Has(409));
  EXPECT_FALSE(set->Has(203));
  EXPECT_FALSE(set->Has(300));
  EXPECT_FALSE(set->Has(0));
  EXPECT_FALSE(set->Has(1000));
  for (const char* wrong : {"2X", "20", "abc", "600", "099", "!", "2XX;409"}) {
    EXPECT_FALSE(StatusSet::Parse(wrong).ok()) << wrong;
  }
}

std::shared_ptr<arrow::RecordBatch> WebhookRows() {
  arrow::StringBuilder k;
  arrow::Int64Builder n;
  CHECK_OK(k.Append("a\"/b"));
  CHECK_OK(k.AppendNull());
  CHECK_OK(n.Append(1));
  CHECK_OK(n.Append(2));
  arrow::ArrayVector columns(2);
  CHECK_OK(k.Finish(&columns[0]));
  CHECK_OK(n.Finish(&columns[1]));
  return arrow::RecordBatch::Make(
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("n", arrow::int64())}), 2,
      columns);
}

Result<std::vector<std::string>> Rendered(const std::string& text, RowTemplate::Use use) {
  auto rows = WebhookRows();
  connector::FormatChoice format{.format = "json", .options = {}};
  ASSIGN_OR_RETURN(RowTemplate compiled, RowTemplate::Compile(text, {rows->schema(), format, use}));
  return compiled.Render(rows, {{.id = "i0"}, {.id = "i1", .is_delete = true}});
}

TEST(RowTemplateTest, PutsValuesIntoTheirPlaces) {
  auto texts =
      Rendered(R"({"id":"{{$id}}","op":"{{$op}}","k":{{k}},"t":"k={{k|text}}","all":{{*}}})",
               RowTemplate::Use::kJson);
  CHECK_OK(texts);
  EXPECT_EQ((*texts)[0], R"({"id":"i0","op":"upsert","k":"a\"/b","t":"k=a\"/b",)"
                         R"("all":{"k":"a\"/b","n":1}})");
  EXPECT_EQ((*texts)[1], R"({"id":"i1","op":"delete","k":null,"t":"k=","all":{"k":null,"n":2}})");
}

TEST(RowTemplateTest, ValuesInAddressesAreEncoded) {
  auto texts = Rendered("http://h/{{k}}/{{n}}", RowTemplate::Use::kUrl);
  CHECK_OK(texts);
  EXPECT_EQ((*texts)[0], "http://h/a%22%2Fb/1");
}

TEST(RowTemplateTest, WhatStandsBetweenPlainValuesIsToldFromWhatTheyHold) {
  arrow::StringBuilder a, b;
  arrow::TimestampBuilder at(arrow::timestamp(arrow::TimeUnit::MILLI),
                             arrow::default_memory_pool());
  CHECK_OK(a.AppendValues({"x:y", R"(x\)"}));
  CHECK_OK(b.AppendValues({"z", "y:z"}));
  CHECK_OK(at.AppendValues({0, 0}));
  arrow::ArrayVector columns(3);
  CHECK_OK(a.Finish(&columns[0]));
  CHECK_OK(b.Finish(&columns[1]));
  CHECK_OK(at.Finish(&columns[2]));
  auto rows = arrow::RecordBatch::Make(
      arrow::schema({arrow::field("a", arrow::utf8()), arrow::field("b", arrow::utf8()),
                     arrow::field("at", columns[2]->type())}),
      2, columns);
  for (char separator : {'\0', ':'}) {
    RowTemplate::Options options{.schema = rows->schema(),
                                 .format = {.format = "json", .options = {}},
                                 .use = RowTemplate::Use::kPlain,
                                 .separator = separator};
    auto compiled = RowTemplate::Compile("{{a}}:{{b}}:{{at}}", options);
    CHECK_OK(compiled);
    auto texts = compiled->Render(rows, std::vector<RenderedRow>(2));
    CHECK_OK(texts);
    bool escapes = separator != '\0';
    EXPECT_EQ((*texts)[0],
              escapes ? R"(x\:y:z:1970-01-01 00:00:00.000)" : "x:y:z:1970-01-01 00:00:00.000");
    EXPECT_EQ((*texts)[1], escapes ? R"(x\\:y\:z:1970-01-01 00:00:00.000)"
                                   : R"(x\:y:z:1970-01-01 00:00:00.000)");
  }
}

TEST(RowTemplateTest, SaysWhatIsWrong) {
  for (const char* wrong : {"{{", "{{k}", "{{nothing}}", "{{$what}}", "{{}}"}) {
    EXPECT_TRUE(Is(Rendered(wrong, RowTemplate::Use::kJson).status(), ErrorCode::kInvalidArgument))
        << wrong;
  }
  EXPECT_FALSE(Rendered("{{*}}", RowTemplate::Use::kUrl).ok());
}

// The example of Standard Webhooks 1.0's reference implementations.
TEST(RequestSignerTest, SignsAsStandardWebhooksAsks) {
  auto signer =
      RequestSigner::Make(SignatureScheme::kStandard, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  CHECK_OK(signer);
  EXPECT_EQ(signer->Sign({.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
                          .seconds = 1614265330,
                          .body = R"({"test": 2432232314})"}),
            (std::vector<std::string>{
                "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp: 1614265330",
                "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}));
}

// The example of GitHub's documentation of webhooks.
TEST(RequestSignerTest, SignsAsGithubDoes) {
  auto signer = RequestSigner::Make(SignatureScheme::kGithub, "It's a Secret to Everybody");
  CHECK_OK(signer);
  EXPECT_EQ(signer->Sign({.id = "i", .seconds = 0, .body = "Hello, World!"}),
            (std::vector<std::string>{
                "X-Hub-Signature-256: "
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}));
}

TEST(RequestSignerTest, RefusesSecretsThatAreNone) {
  EXPECT_FALSE(RequestSigner::Make(SignatureScheme::kStandard, "whsec_%%%").ok());
  EXPECT_FALSE(RequestSigner::Make(SignatureScheme::kGithub, "").ok());
}

}  // namespace
}  // namespace mainstem::sink
