#include "core/net/http_parser.h"

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/url/src.hpp>
#include <boost/url/url_view.hpp>

#include <fmt/format.h>

namespace mainstem::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

// A body that grows only as bytes arrive, never by what a header promises.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) { error = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      size_t count = 0;
      for (auto piece : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(piece.data()), piece.size());
        count += piece.size();
      }
      return count;
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

using Parser = http::request_parser<GrowingBody>;

HttpMethod FromBeast(http::verb verb) {
  switch (verb) {
    case http::verb::get: return HttpMethod::kGet;
    case http::verb::head: return HttpMethod::kHead;
    case http::verb::post: return HttpMethod::kPost;
    case http::verb::put: return HttpMethod::kPut;
    case http::verb::patch: return HttpMethod::kPatch;
    case http::verb::delete_: return HttpMethod::kDelete;
    case http::verb::options: return HttpMethod::kOptions;
    default: return HttpMethod::kOther;
  }
}

std::string ToStd(boost::beast::string_view text) { return {text.data(), text.size()}; }

Status MalformedTarget(std::string_view why) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "malformed request target", .detail = std::string(why)});
}

// An escaped slash is part of a name (a group may be called "a/b"), but not a way out of a folder.
bool HasDotSegment(std::string_view text) {
  size_t begin = 0;
  while (begin <= text.size()) {
    size_t end = std::min(text.find('/', begin), text.size());
    std::string_view piece = text.substr(begin, end - begin);
    if (piece == "." || piece == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

Status BodyTooLarge(size_t limit) {
  return MakeError(ErrorCode::kMessageTooLarge,
                   {.message = "request body is too large",
                    .detail = fmt::format("the limit of this path is {} bytes", limit)});
}

Status ParseTarget(std::string_view target, size_t parameter_limit, HttpRequest* request) {
  if (target == "*" && request->method == HttpMethod::kOptions) return Status::OK();
  // A client keeps the fragment to itself. Boost.URL's parameters run over an empty query before
  // one.
  if (target.find('#') != std::string_view::npos) return MalformedTarget("it has a fragment");
  // An absolute-form target ("GET http://host/path") is legal; its authority is Host's business. A
  // scheme without one ("GET p:") is not, and Boost.URL asserts over it.
  const bool is_absolute = target.find("://") != std::string_view::npos;
  if (!target.starts_with('/') && !is_absolute) return MalformedTarget("it begins with no /");
  boost::urls::result<boost::urls::url_view> parsed =
      boost::urls::parse_origin_form(boost::urls::string_view(target.data(), target.size()));
  if (!parsed) parsed = boost::urls::parse_uri({target.data(), target.size()});
  if (!parsed) return MalformedTarget(parsed.error().message());
  request->segments.clear();
  for (const auto& segment : parsed->segments()) {
    std::string text(segment.data(), segment.size());
    if (text.find('\0') != std::string::npos) return MalformedTarget("a NUL is escaped");
    if (HasDotSegment(text)) return MalformedTarget("dot segments are not followed");
    request->segments.push_back(std::move(text));
  }
  request->query.clear();
  if (!parsed->has_query()) return Status::OK();
  boost::urls::encoding_opts plus_is_space;
  plus_is_space.space_as_plus = true;
  for (const auto& parameter : parsed->params(plus_is_space)) {
    if (request->query.size() == parameter_limit) return MalformedTarget("too many parameters");
    request->query.emplace_back(std::string(parameter.key.data(), parameter.key.size()),
                                std::string(parameter.value.data(), parameter.value.size()));
  }
  return Status::OK();
}

struct HttpRequestParser::Impl {
  explicit Impl(HttpParserLimits limits) : limits(limits) {
    parser.header_limit(static_cast<std::uint32_t>(limits.head_bytes));
    parser.body_limit(boost::none);  // the route decides, after the head
    parser.eager(false);
  }

  Status TakeHead() {
    const auto& message = parser.get();
    head.method = FromBeast(message.method());
    head.method_name = ToStd(message.method_string());
    head.target = ToStd(message.target());
    head.keep_alive = message.keep_alive();
    head.http_1_0 = message.version() < 11;
    for (const auto& field : message) {
      head.headers.Add(ToStd(field.name_string()), ToStd(field.value()));
    }
    size_t host_count = 0;
    bool has_length = false;
    std::vector<std::string_view> codings;
    for (const auto& [name, value] : head.headers.fields()) {
      if (EqualsIgnoringCase(name, "Host")) ++host_count;
      has_length = has_length || EqualsIgnoringCase(name, "Content-Length");
      if (EqualsIgnoringCase(name, "Transfer-Encoding")) codings.push_back(value);
    }
    // Others would find the end of the body elsewhere (RFC 9112, 6.1 and 6.3).
    const bool is_plain = codings.size() == 1 && EqualsIgnoringCase(codings[0], "chunked") &&
                          !has_length && !head.http_1_0;
    if (!codings.empty() && !is_plain) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "Transfer-Encoding may be 'chunked' alone, in HTTP/1.1, without a "
                       "Content-Length");
    }
    if (host_count > 1 || (host_count == 0 && !head.http_1_0)) {
      return MakeError(ErrorCode::kInvalidArgument, "a request needs exactly one Host field");
    }
    return ParseTarget(head.target, limits.query_parameter_count, &head);
  }

  Status Explain(const error_code& error) const {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return MakeError(ErrorCode::kRecordListTooLarge,
                       {.message = "request head is too large",
                        .detail = fmt::format("the limit is {} bytes", limits.head_bytes)});
    }
    if (error == http::error::body_limit) return BodyTooLarge(body_limit);
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "not an HTTP/1.1 request", .detail = error.message()});
  }

  HttpParserLimits limits;
  size_t body_limit = 0;
  bool head_done = false;
  Parser parser;
  HttpRequest head;
};

HttpRequestParser::HttpRequestParser(HttpParserLimits limits)
    : impl_(std::make_unique<Impl>(limits)) {}
HttpRequestParser::~HttpRequestParser() = default;
HttpRequestParser::HttpRequestParser(HttpRequestParser&&) noexcept = default;

Result<size_t> HttpRequestParser::Put(std::string_view input) {
  Parser& parser = impl_->parser;
  size_t used = 0;
  while (!done() && used < input.size()) {
    // Beast ends the process when it looks again at a last chunk that is shorter than this. What is
    // left of a chunked body is never shorter in the end: "0\r\n\r\n". What can't begin a last
    // chunk is an error that needs no waiting.
    constexpr size_t kLeastChunkedRest = 5;
    bool in_chunks = impl_->head_done && parser.chunked();
    bool may_be_last = input[used] == '0' || input[used] == '\r';
    if (in_chunks && may_be_last && input.size() - used < kLeastChunkedRest) break;
    error_code error;
    size_t count =
        parser.put(boost::asio::const_buffer(input.data() + used, input.size() - used), error);
    used += count;
    if (error == http::error::need_more) break;
    if (error) return impl_->Explain(error);
    if (!impl_->head_done && parser.is_header_done()) {
      impl_->head_done = true;
      RETURN_IF_ERROR(impl_->TakeHead());
      break;
    }
    if (parser.get().body().size() > impl_->body_limit) return BodyTooLarge(impl_->body_limit);
  }
  return used;
}

bool HttpRequestParser::head_done() const { return impl_->head_done; }
bool HttpRequestParser::done() const { return impl_->head_done && impl_->parser.is_done(); }

std::optional<uint64_t> HttpRequestParser::content_length() const {
  auto length = impl_->parser.content_length();
  if (!length) return std::nullopt;
  return *length;
}

bool HttpRequestParser::expects_continue() const {
  return impl_->head.headers.HasToken("Expect", "100-continue");
}

Status HttpRequestParser::SetBodyLimit(size_t limit) {
  CHECK(impl_->head_done);
  impl_->body_limit = limit;
  auto length = impl_->parser.content_length();
  if (length && *length > limit) return BodyTooLarge(limit);
  impl_->parser.body_limit(std::uint64_t{limit});
  return Status::OK();
}

size_t HttpRequestParser::body_bytes() const { return impl_->parser.get().body().size(); }
const HttpRequest& HttpRequestParser::head() const { return impl_->head; }

HttpRequest HttpRequestParser::Take() {
  CHECK(done());
  HttpRequest request = std::move(impl_->head);
  request.body = std::move(impl_->parser.get().body());
  return request;
}

}  // namespace mainstem::net
