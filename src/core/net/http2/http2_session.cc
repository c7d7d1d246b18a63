#include "core/net/http2/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <charconv>
#include <unordered_map>

#include <fmt/format.h>

namespace mainstem::net {
namespace {

constexpr std::string_view kHopByHop[] = {"Connection", "Keep-Alive", "Transfer-Encoding",
                                          "Upgrade", "Proxy-Connection"};
// What HPACK adds to a field's name and value, in SETTINGS_MAX_HEADER_LIST_SIZE.
constexpr size_t kFieldOverhead = 32;

struct FreeSession {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
struct FreeCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};
struct FreeOption {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

std::string_view ViewOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv FieldOf(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  return {.name = bytes(name),
          .value = bytes(value),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

bool MayStandInAnswer(const std::pair<std::string, std::string>& field) {
  constexpr std::string_view kBreaks("\r\n\0", 3);
  for (std::string_view name : kHopByHop) {
    if (EqualsIgnoringCase(field.first, name)) return false;
  }
  return field.first.find_first_of(kBreaks) == std::string::npos &&
         field.second.find_first_of(kBreaks) == std::string::npos;
}

HttpMethod MethodOf(std::string_view name) {
  for (HttpMethod method :
       {HttpMethod::kGet, HttpMethod::kHead, HttpMethod::kPost, HttpMethod::kPut,
        HttpMethod::kPatch, HttpMethod::kDelete, HttpMethod::kOptions}) {
    if (ToString(method) == name) return method;
  }
  return HttpMethod::kOther;
}

uint32_t ResetCodeOf(Http2Session::Reset why) {
  switch (why) {
    case Http2Session::Reset::kNoMoreBody: return NGHTTP2_NO_ERROR;
    case Http2Session::Reset::kCancel: return NGHTTP2_CANCEL;
    case Http2Session::Reset::kInternalError: return NGHTTP2_INTERNAL_ERROR;
    case Http2Session::Reset::kRefused: return NGHTTP2_REFUSED_STREAM;
    case Http2Session::Reset::kTooSlow: return NGHTTP2_ENHANCE_YOUR_CALM;
  }
  return NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

struct Http2Session::Impl {
  // A stream from its head to its end.
  struct Stream {
    HttpRequest head;
    std::string authority;
    size_t head_bytes = 0;
    bool head_done = false;
    bool request_done = false;
    std::string out;  // from `taken` on still to be sent
    size_t taken = 0;
    bool answer_given = false;  // all of it is in `out`
    bool answer_sent = false;
  };

  Impl(Http2Limits limits, Http2Listener* listener) : limits(limits), listener(listener) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks> free_callbacks(callbacks);
    CHECK(nghttp2_option_new(&option) == 0);
    std::unique_ptr<nghttp2_option, FreeOption> free_option(option);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, OnSent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_option_set_stream_reset_rate_limit(option, limits.resets_at_once,
                                               limits.resets_per_second);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_session* made = nullptr;
    CHECK(nghttp2_session_server_new2(&made, callbacks, this, option) == 0);
    session.reset(made);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.head.head_bytes)},
    };
    CHECK(nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
    auto window = static_cast<int32_t>(limits.session_window);
    CHECK(nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, window) == 0);
  }

  static Impl& Self(void* user) { return *static_cast<Impl*>(user); }

  Stream* Find(int32_t id) {
    auto found = streams.find(id);
    return found == streams.end() ? nullptr : &found->second;
  }

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) Self(user).streams[frame->hd.stream_id];
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    Impl& self = Self(user);
    Stream* stream = self.Find(frame->hd.stream_id);
    if (stream == nullptr || stream->head_done) return 0;  // trailers are not kept
    stream->head_bytes += name_size + value_size + kFieldOverhead;
    if (stream->head_bytes > self.limits.head.head_bytes) return 0;
    self.TakeField(stream, ViewOf(name, name_size), ViewOf(value, value_size));
    return 0;
  }

  static void TakeField(Stream* stream, std::string_view name, std::string_view value) {
    if (name == ":method") {
      stream->head.method = MethodOf(value);
      stream->head.method_name = value;
    } else if (name == ":path") {
      stream->head.target = value;
    } else if (name == ":authority") {
      stream->authority = value;
    } else if (!name.starts_with(':')) {
      stream->head.headers.Add(std::string(name), std::string(value));
    }
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Impl& self = Self(user);
    bool is_head = frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    bool is_body = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    Stream* stream = self.Find(frame->hd.stream_id);
    if (stream == nullptr || !is_body) return 0;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends) stream->request_done = true;
    if (is_head) self.EndHead(frame->hd.stream_id, stream);
    if (ends && self.Find(frame->hd.stream_id) != nullptr) {
      self.listener->OnRequestEnd(frame->hd.stream_id);
    }
    return 0;
  }

  void EndHead(int32_t id, Stream* stream) {
    stream->head_done = true;
    Http2Listener::Head head;
    head.expects_body = !stream->request_done;
    head.problem = CheckHead(stream);
    if (auto length = stream->head.headers.Find("Content-Length")) {
      uint64_t value = 0;
      std::from_chars(length->data(), length->data() + length->size(), value);
      head.content_length = value;  // libnghttp2 has checked that it is a number, and will be true
    }
    head.request = std::move(stream->head);
    listener->OnHead(id, std::move(head));
  }

  Status CheckHead(Stream* stream) const {
    if (stream->head_bytes > limits.head.head_bytes) {
      return MakeError(ErrorCode::kRecordListTooLarge,
                       {.message = "request head is too large",
                        .detail = fmt::format("the limit is {} bytes", limits.head.head_bytes)});
    }
    HttpRequest& head = stream->head;
    auto host = head.headers.Find("Host");
    if (!stream->authority.empty()) {
      if (host && !EqualsIgnoringCase(*host, stream->authority)) {
        return MakeError(ErrorCode::kInvalidArgument, "host and :authority differ");
      }
      if (!host) head.headers.Add("Host", stream->authority);
    } else if (!host) {
      return MakeError(ErrorCode::kInvalidArgument, "a request needs an :authority or a host");
    }
    return ParseTarget(head.target, limits.head.query_parameter_count, &head);
  }

  static int OnData(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                    void* user) {
    Impl& self = Self(user);
    if (self.Find(id) != nullptr) self.listener->OnBody(id, ViewOf(data, size));
    return 0;
  }

  static int OnSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    Stream* stream = ends ? Self(user).Find(frame->hd.stream_id) : nullptr;
    if (stream != nullptr) stream->answer_sent = true;
    return 0;
  }

  static int OnClose(nghttp2_session*, int32_t id, uint32_t, void* user) {
    Impl& self = Self(user);
    auto found = self.streams.find(id);
    if (found == self.streams.end()) return 0;
    bool told = found->second.head_done;
    bool whole = found->second.answer_sent;
    self.streams.erase(found);
    if (told) self.listener->OnClosed(id, whole);
    return 0;
  }

  static ssize_t OnWanted(nghttp2_session*, int32_t id, uint8_t* into, size_t size, uint32_t* flags,
                          nghttp2_data_source*, void* user) {
    Impl& self = Self(user);
    Stream* stream = self.Find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t rest = stream->out.size() - stream->taken;
    if (rest == 0 && !stream->answer_given) return NGHTTP2_ERR_DEFERRED;
    size_t count = std::min(size, rest);
    stream->out.copy(reinterpret_cast<char*>(into), count, stream->taken);
    stream->taken += count;
    if (count == rest) {
      stream->out = {};
      stream->taken = 0;
      if (stream->answer_given) *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    self.listener->OnTaken(id);
    return static_cast<ssize_t>(count);
  }

  // False when the stream is gone.
  bool SubmitHead(int32_t id, int status, const HttpHeaders& headers, bool has_body) {
    if (Find(id) == nullptr) return false;
    std::string status_text = std::to_string(status);
    std::vector<nghttp2_nv> fields{FieldOf(":status", status_text)};
    for (const auto& field : headers.fields()) {
      if (MayStandInAnswer(field)) fields.push_back(FieldOf(field.first, field.second));
    }
    nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = OnWanted};
    int error = nghttp2_submit_response(session.get(), id, fields.data(), fields.size(),
                                        has_body ? &body : nullptr);
    if (error != 0) nghttp2_submit_rst_stream(session.get(), 0, id, NGHTTP2_INTERNAL_ERROR);
    return error == 0;
  }

  void Resume(int32_t id) {
    // Fails when the stream was not waiting for data: then they are asked for anyway.
    static_cast<void>(nghttp2_session_resume_data(session.get(), id));
  }

  const Http2Limits limits;
  Http2Listener* const listener;
  std::unique_ptr<nghttp2_session, FreeSession> session;
  std::unordered_map<int32_t, Stream> streams;
};

Http2Session::Http2Session(Http2Limits limits, Http2Listener* listener)
    : impl_(std::make_unique<Impl>(limits, listener)) {}
Http2Session::~Http2Session() = default;

Status Http2Session::Put(std::string_view input) {
  auto* bytes = reinterpret_cast<const uint8_t*>(input.data());
  ssize_t used = nghttp2_session_mem_recv(impl_->session.get(), bytes, input.size());
  if (used >= 0) return Status::OK();
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "not an HTTP/2 connection", .detail = nghttp2_strerror(static_cast<int>(used))});
}

std::string Http2Session::TakeOutput(size_t limit) {
  std::string out;
  while (out.size() < limit) {
    const uint8_t* data = nullptr;
    ssize_t size = nghttp2_session_mem_send(impl_->session.get(), &data);
    if (size <= 0) break;  // an error is want of memory, or of a stream that is gone
    out.append(ViewOf(data, static_cast<size_t>(size)));
  }
  return out;
}

bool Http2Session::finished() const {
  nghttp2_session* session = impl_->session.get();
  return nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0;
}

void Http2Session::Continue(int32_t stream) {
  if (impl_->Find(stream) == nullptr) return;
  nghttp2_nv field = FieldOf(":status", "100");
  static_cast<void>(nghttp2_submit_headers(impl_->session.get(), NGHTTP2_FLAG_NONE, stream, nullptr,
                                           &field, 1, nullptr));
}

void Http2Session::Respond(int32_t stream, int status, const HttpHeaders& headers,
                           std::optional<std::string> body) {
  Impl::Stream* found = impl_->Find(stream);
  if (found == nullptr) return;
  bool has_body = body && !body->empty();
  if (has_body) found->out = std::move(*body);
  found->answer_given = true;
  impl_->SubmitHead(stream, status, headers, has_body);
}

void Http2Session::Begin(int32_t stream, int status, const HttpHeaders& headers) {
  impl_->SubmitHead(stream, status, headers, true);
}

void Http2Session::Append(int32_t stream, std::string piece) {
  Impl::Stream* found = impl_->Find(stream);
  if (found == nullptr) return;
  if (found->out.empty()) {
    found->out = std::move(piece);
  } else {
    found->out.append(piece);
  }
  impl_->Resume(stream);
}

void Http2Session::End(int32_t stream) {
  Impl::Stream* found = impl_->Find(stream);
  if (found == nullptr) return;
  found->answer_given = true;
  impl_->Resume(stream);
}

size_t Http2Session::pending_bytes(int32_t stream) const {
  Impl::Stream* found = impl_->Find(stream);
  return found == nullptr ? 0 : found->out.size() - found->taken;
}

void Http2Session::ResetStream(int32_t stream, Reset why) {
  if (impl_->Find(stream) == nullptr) return;
  static_cast<void>(
      nghttp2_submit_rst_stream(impl_->session.get(), NGHTTP2_FLAG_NONE, stream, ResetCodeOf(why)));
}

void Http2Session::GoAway() {
  static_cast<void>(nghttp2_session_terminate_session(impl_->session.get(), NGHTTP2_NO_ERROR));
}

}  // namespace mainstem::net
