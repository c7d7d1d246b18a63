#include "sink/http/http_sink.h"

#include <absl/strings/match.h>
#include <arrow/api.h>

#include "connector/options.h"
#include "sink/http/http_writer.h"

namespace mainstem::sink {
namespace {

constexpr int64_t kRowsOfRequestMax = 10000;
constexpr std::string_view kHeader = "header.";
constexpr std::string_view kHeaderFile = "header-file.";

class HttpSink final : public connector::TableSink {
 public:
  HttpSink(Env* env, HttpSinkOptions options)
      : env_(env),
        options_(std::make_shared<const HttpSinkOptions>(std::move(options))),
        progress_(std::make_shared<HttpProgress>()) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->key_columns.empty() ? connector::SinkMode::kAppendOnly
                                         : connector::SinkMode::kUpsert;
  }
  std::string guarantee() const override { return "at least once (with ids that do not change)"; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeHttpWriter(env_, options_, progress_, std::move(delivery_id), partition);
  }

 private:
  Env* env_;
  std::shared_ptr<const HttpSinkOptions> options_;
  std::shared_ptr<HttpProgress> progress_;
};

bool IsHeaderName(std::string_view name) {
  auto is_token = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token);
}

bool IsHeaderValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

class OptionReader {
 public:
  OptionReader(const connector::TableDescriptor& table, const std::string& base_directory)
      : table_(table), base_directory_(base_directory), options_(table) {}

  Result<HttpSinkOptions> Read() {
    result_.table_name = table_.name;
    result_.schema = table_.schema;
    for (const std::string& name : table_.primary_key) {
      result_.key_columns.push_back(table_.schema->GetFieldIndex(name));
    }
    result_.format = connector::ValueFormatOf(table_);
    if (result_.format.format.empty()) result_.format.format = "json";
    if (result_.format.format != "json") options_.Fail("format", "can only be 'json'");
    ReadRequest();
    ReadHeaders();
    ReadBatches();
    ReadConnection();
    ReadSignature();
    RETURN_IF_ERROR(options_.status());
    RETURN_IF_ERROR(CheckUrl());
    return std::move(result_);
  }

 private:
  void ReadRequest() {
    bool has_key = !result_.key_columns.empty();
    result_.method = options_.Text("method", "POST");
    result_.delete_method = options_.Text("delete-method", result_.method);
    for (const char* name : {"method", "delete-method"}) {
      options_.Choice(name, {"POST", "PUT", "PATCH", "DELETE"}, 0);
    }
    const std::string change = R"({"op":"{{$op}}","id":"{{$id}}","row":{{*}}})";
    result_.body = options_.Text("body", has_key ? change : "{{*}}");
    result_.url = options_.Text("url", "");
    CheckTemplate("body", result_.body, RowTemplate::Use::kJson);
    result_.has_url_places = !CheckTemplate("url", result_.url, RowTemplate::Use::kUrl);
    result_.success = Statuses("success-codes", "2XX");
    result_.retry = Statuses("retry-codes", "408,425,429,5XX,!501");
    result_.idempotency_header = options_.Text("idempotency-key.header", "Idempotency-Key");
    if (!result_.idempotency_header.empty() && !IsHeaderName(result_.idempotency_header)) {
      options_.Fail("idempotency-key.header", "is no header's name");
    }
  }

  // Whether it is static; a wrong one fails the options.
  bool CheckTemplate(const std::string& option, const std::string& text, RowTemplate::Use use) {
    Result<RowTemplate> compiled = RowTemplate::Compile(text, {table_.schema, result_.format, use});
    if (compiled.ok()) return compiled->is_static();
    options_.Fail(option, TextOf(compiled.status()).message);
    return true;
  }

  StatusSet Statuses(const std::string& option, const std::string& default_text) {
    Result<StatusSet> set = StatusSet::Parse(options_.Text(option, default_text));
    if (set.ok()) return *set;
    options_.Fail(option, TextOf(set.status()).message);
    return {};
  }

  // Values are never shown: they may be credentials.
  void ReadHeaders() {
    bool has_content_type = false;
    for (const auto& [option, value] : table_.options) {
      bool is_file = option.starts_with(kHeaderFile);
      if (!is_file && !option.starts_with(kHeader)) continue;
      std::string name = option.substr((is_file ? kHeaderFile : kHeader).size());
      if (!IsHeaderName(name) || !IsHeaderValue(value)) {
        wrong_header_ = option;
        continue;
      }
      has_content_type |= absl::EqualsIgnoreCase(name, "content-type");
      if (is_file) {
        result_.header_files.emplace_back(name, options_.Path(option, base_directory_));
      } else {
        result_.headers.push_back(name + ": " + value);
      }
    }
    if (!has_content_type) result_.headers.push_back("Content-Type: application/json");
  }

  void ReadBatches() {
    int64_t rows = options_.Integer("sink.batch.max-rows", 1);
    if (rows < 1 || rows > kRowsOfRequestMax) {
      options_.Fail("sink.batch.max-rows", "must be between 1 and 10000");
    }
    result_.rows_max = static_cast<size_t>(rows);
    result_.form =
        static_cast<BatchForm>(options_.Choice("sink.batch.form", {"array", "lines"}, 0));
    if (rows > 1 && result_.has_url_places) {
      options_.Fail("url", "must be the same for all rows when 'sink.batch.max-rows' is above 1");
    }
    if (rows > 1 && result_.delete_method != result_.method) {
      options_.Fail("delete-method", "cannot differ when 'sink.batch.max-rows' is above 1");
    }
  }

  void ReadConnection() {
    connector::HttpSessionOptions& session = result_.session;
    session.username = options_.Text("username", "");
    session.password = options_.Text("password", "");
    result_.password_file = options_.Path("password-file", base_directory_);
    bool has_password = !session.password.empty() || !result_.password_file.empty();
    if (session.username.empty() == has_password) {
      options_.Fail("username", "goes together with 'password' or 'password-file'");
    }
    session.ca_file = options_.Path("connection.ca-file", base_directory_);
    session.certificate_file = options_.Path("connection.certificate-file", base_directory_);
    session.key_file = options_.Path("connection.key-file", base_directory_);
    session.connect_timeout = options_.Time("connection.timeout", std::chrono::seconds(10));
    session.call_timeout = options_.Time("request.timeout", std::chrono::seconds(30));
    session.answer_bytes_max = size_t{1} << 20;
    session.cuts_long_answers = true;
    session.hides_paths = true;
    if (session.connect_timeout <= Duration::zero() || session.call_timeout <= Duration::zero()) {
      options_.Fail("request.timeout", "and 'connection.timeout' must be longer than nothing");
    }
  }

  void ReadSignature() {
    const size_t scheme = options_.Choice("signature.scheme", {"none", "standard", "github"}, 0);
    result_.secret = options_.Text("signature.secret", "");
    result_.secret_file = options_.Path("signature.secret-file", base_directory_);
    bool has_secret = !result_.secret.empty() || !result_.secret_file.empty();
    if ((scheme != 0) != has_secret) {
      options_.Fail("signature.scheme",
                    "goes together with 'signature.secret' or 'signature.secret-file'");
    }
    if (scheme == 0) return;
    result_.scheme = scheme == 1 ? SignatureScheme::kStandard : SignatureScheme::kGithub;
    if (result_.secret.empty()) return;
    Status made = RequestSigner::Make(*result_.scheme, result_.secret).status();
    if (!made.ok()) wrong_secret_ = TextOf(made).message;
  }

  // And what else must be said without the value.
  Status CheckUrl() const {
    std::string problem;
    if (!wrong_header_.empty()) {
      problem = "option '" + wrong_header_ + "' makes no header line";
    } else if (!wrong_secret_.empty()) {
      problem = "option 'signature.secret': " + wrong_secret_;
    } else {
      Status url = connector::CheckHttpUrl(result_.url).status();
      if (url.ok()) return Status::OK();
      problem = "option 'url': " + TextOf(url).message;
    }
    return MakeError(ErrorCode::kInvalidArgument, "table '" + table_.name + "': " + problem);
  }

  const connector::TableDescriptor& table_;
  const std::string& base_directory_;
  connector::TableOptions options_;
  HttpSinkOptions result_;
  std::string wrong_header_;
  std::string wrong_secret_;
};

Result<std::unique_ptr<connector::TableSink>> MakeHttpSink(connector::TableDescriptor table,
                                                           connector::ConnectorContext context) {
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     "table '" + table.name + "': connector 'http' has no metadata columns");
  }
  ASSIGN_OR_RETURN(HttpSinkOptions options, OptionReader(table, context.base_directory).Read());
  return std::make_unique<HttpSink>(context.env, std::move(options));
}

}  // namespace

connector::ConnectorSpec HttpSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "http";
  spec.documentation = "requests to somebody's address (a webhook), a row or some in each";
  spec.takes_format = true;
  spec.make_sink = MakeHttpSink;
  spec.options = {
      {.name = "url",
       .documentation = "Address; '{{column}}' is replaced by the value.",
       .required = true},
      {.name = "method", .default_value = "POST", .documentation = "POST, PUT, PATCH or DELETE."},
      {.name = "delete-method", .documentation = "Of deletions, when it is another one."},
      {.name = "body",
       .documentation = "Template of a row's body: {{column}}, {{column|text}}, {{*}}, {{$id}}, "
                        "{{$op}}."},
      {.name = "header.*", .documentation = "A header's value.", .secret = true},
      {.name = "header-file.*", .documentation = "The file that holds a header's value."},
      {.name = "username", .documentation = "User, for basic authentication."},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "password-file", .documentation = "The file that holds the password."},
      {.name = "success-codes",
       .default_value = "2XX",
       .documentation = "Statuses that mean done: '2XX,409'."},
      {.name = "retry-codes",
       .default_value = "408,425,429,5XX,!501",
       .documentation = "Statuses after which a request is sent again."},
      {.name = "idempotency-key.header",
       .default_value = "Idempotency-Key",
       .documentation = "Header with the request's id; empty: none."},
      {.name = "signature.scheme",
       .default_value = "none",
       .documentation = "standard (Standard Webhooks) or github."},
      {.name = "signature.secret", .documentation = "Secret of the signature.", .secret = true},
      {.name = "signature.secret-file", .documentation = "The file that holds the secret."},
      {.name = "sink.batch.max-rows",
       .default_value = "1",
       .documentation = "Rows of one request at most."},
      {.name = "sink.batch.form",
       .default_value = "array",
       .documentation = "Several rows as a JSON array, or as lines."},
      {.name = "connection.ca-file", .documentation = "PEM of who signs the server's certificate."},
      {.name = "connection.certificate-file", .documentation = "PEM of the client's certificate."},
      {.name = "connection.key-file", .documentation = "PEM of its key."},
      {.name = "connection.timeout", .default_value = "10 s", .documentation = "To connect."},
      {.name = "request.timeout", .default_value = "30 s", .documentation = "For an answer."},
  };
  return spec;
}

}  // namespace mainstem::sink
