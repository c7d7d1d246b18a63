#include "core/net/testing/http2_client.h"

#include <nghttp2/nghttp2.h>

namespace mainstem::net {
namespace {

std::string_view BytesOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv PairOf(const std::string& name, const std::string& value) {
  auto* name_bytes = reinterpret_cast<const uint8_t*>(name.data());
  auto* value_bytes = reinterpret_cast<const uint8_t*>(value.data());
  return {const_cast<uint8_t*>(name_bytes), const_cast<uint8_t*>(value_bytes), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct Http2Client::Impl {
  struct Asked {
    std::string body;
    size_t sent = 0;
    bool ends = true;
  };

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    Http2Answer& answer = static_cast<Impl*>(user)->answers[frame->hd.stream_id];
    std::string text(BytesOf(value, value_size));
    if (BytesOf(name, name_size) == ":status") {
      int status = std::atoi(text.c_str());
      (status < 200 ? answer.interim : answer.status) = status;
    } else {
      answer.headers.Add(std::string(BytesOf(name, name_size)), text);
    }
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                    void* user) {
    static_cast<Impl*>(user)->answers[stream].body.append(BytesOf(data, size));
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Impl* self = static_cast<Impl*>(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) self->sent_away = true;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      self->answers[frame->hd.stream_id].code = frame->rst_stream.error_code;
    }
    bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    bool ends = carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends) self->answers[frame->hd.stream_id].ended = true;
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t, void* user) {
    static_cast<Impl*>(user)->answers[stream].closed = true;
    return 0;
  }
  static ssize_t OnWanted(nghttp2_session*, int32_t stream, uint8_t* into, size_t size,
                          uint32_t* flags, nghttp2_data_source*, void* user) {
    Asked& asked = static_cast<Impl*>(user)->asked[stream];
    size_t count = std::min(size, asked.body.size() - asked.sent);
    if (count == 0 && !asked.ends) return NGHTTP2_ERR_DEFERRED;
    asked.body.copy(reinterpret_cast<char*>(into), count, asked.sent);
    asked.sent += count;
    if (asked.sent == asked.body.size() && asked.ends) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  std::unique_ptr<Stream> stream;
  nghttp2_session* session = nullptr;
  std::map<int32_t, Http2Answer> answers;
  std::map<int32_t, Asked> asked;
  bool sent_away = false;
  bool closed = false;
};

Http2Client::Http2Client(std::unique_ptr<Stream> stream, Options options)
    : impl_(std::make_unique<Impl>()) {
  impl_->stream = std::move(stream);
  nghttp2_session_callbacks* callbacks = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Impl::OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Impl::OnData);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Impl::OnFrame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Impl::OnClose);
  CHECK(nghttp2_session_client_new(&impl_->session, callbacks, impl_.get()) == 0);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window},
                                       {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  CHECK(nghttp2_submit_settings(impl_->session, 0, settings, std::size(settings)) == 0);
}

Http2Client::~Http2Client() { nghttp2_session_del(impl_->session); }

int32_t Http2Client::Submit(Request request) {
  std::vector<std::pair<std::string, std::string>> fields{{":method", request.method},
                                                          {":scheme", "http"},
                                                          {":authority", "localhost"},
                                                          {":path", request.target}};
  fields.insert(fields.end(), request.headers.begin(), request.headers.end());
  std::vector<nghttp2_nv> pairs;
  for (const auto& [name, value] : fields) pairs.push_back(PairOf(name, value));
  nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = Impl::OnWanted};
  bool has_body = !request.body.empty() || !request.ends;
  int32_t stream = nghttp2_submit_request(impl_->session, nullptr, pairs.data(), pairs.size(),
                                          has_body ? &body : nullptr, nullptr);
  CHECK(stream > 0);
  impl_->asked[stream] = {.body = std::move(request.body), .sent = 0, .ends = request.ends};
  return stream;
}

void Http2Client::Reset(int32_t stream) {
  nghttp2_submit_rst_stream(impl_->session, 0, stream, NGHTTP2_CANCEL);
}

Task<> Http2Client::Exchange(std::function<bool()> enough) {
  while (true) {
    std::string output;
    const uint8_t* data = nullptr;
    for (ssize_t size; (size = nghttp2_session_mem_send(impl_->session, &data)) > 0;) {
      output.append(BytesOf(data, static_cast<size_t>(size)));
    }
    if (!output.empty()) {
      std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(output))};
      Status sent = co_await impl_->stream->Write(std::move(pieces), kNoDeadline);
      if (!sent.ok()) impl_->closed = true;
    }
    if (enough() || impl_->closed) co_return Status::OK();
    std::array<std::byte, 16384> buffer;
    Result<size_t> count = co_await impl_->stream->ReadSome(buffer, kNoDeadline);
    if (!count.ok() || *count == 0) {
      impl_->closed = true;
      continue;
    }
    auto* bytes = reinterpret_cast<const uint8_t*>(buffer.data());
    CHECK(nghttp2_session_mem_recv(impl_->session, bytes, *count) >= 0);
  }
}

Task<Http2Answer> Http2Client::Call(Request request) {
  int32_t stream = Submit(std::move(request));
  CO_RETURN_IF_ERROR(co_await Exchange([this, stream] { return answer(stream).closed; }));
  co_return answer(stream);
}

Task<Http2Answer> Http2Client::Ask(std::string method, std::string target) {
  Request request{.method = std::move(method), .target = std::move(target)};
  co_return co_await Call(std::move(request));
}

const Http2Answer& Http2Client::answer(int32_t stream) { return impl_->answers[stream]; }
bool Http2Client::sent_away() const { return impl_->sent_away; }
bool Http2Client::closed() const { return impl_->closed; }
void Http2Client::Close() { impl_->stream->Close(); }

}  // namespace mainstem::net
