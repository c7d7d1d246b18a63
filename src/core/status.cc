#include "core/status.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

namespace mainstem {
namespace {

constexpr const char* kDetailTypeId = "mainstem::ErrorDetail";

class ErrorDetail : public arrow::StatusDetail {
 public:
  ErrorDetail(ErrorCode code, ErrorText text) : code_(code), text_(std::move(text)) {}
  const char* type_id() const override { return kDetailTypeId; }
  std::string ToString() const override {
    std::string out(TraitsOf(code_).name);
    if (!text_.detail.empty()) out += ": " + text_.detail;
    if (!text_.hint.empty()) out += " (hint: " + text_.hint + ")";
    return out;
  }
  ErrorCode code() const { return code_; }
  const ErrorText& text() const { return text_; }

 private:
  ErrorCode code_;
  ErrorText text_;
};

const ErrorDetail* DetailOf(const Status& status) {
  const auto& detail = status.detail();
  if (!detail || detail->type_id() != kDetailTypeId) return nullptr;
  return static_cast<const ErrorDetail*>(detail.get());
}

constexpr std::array kTraits = {
#define MS_ERROR(name, arrow_code, retriable, kafka, http, sqlstate) \
  ErrorTraits{#name, retriable, kafka, http, sqlstate},
#include "core/errors.def"
#undef MS_ERROR
};

constexpr std::array kArrowCodes = {
#define MS_ERROR(name, arrow_code, retriable, kafka, http, sqlstate) arrow::StatusCode::arrow_code,
#include "core/errors.def"
#undef MS_ERROR
};

}  // namespace

const ErrorTraits& TraitsOf(ErrorCode code) { return kTraits[static_cast<size_t>(code)]; }

Status MakeError(ErrorCode code, ErrorText text) {
  std::string message = text.message;
  return Status(kArrowCodes[static_cast<size_t>(code)], std::move(message),
                std::make_shared<ErrorDetail>(code, std::move(text)));
}

ErrorCode CodeOf(const Status& status) {
  CHECK(!status.ok());
  if (const ErrorDetail* detail = DetailOf(status)) return detail->code();
  switch (status.code()) {
    case arrow::StatusCode::KeyError: return ErrorCode::kNotFound;
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::TypeError: return ErrorCode::kInvalidArgument;
    case arrow::StatusCode::IOError: return ErrorCode::kStorageError;
    case arrow::StatusCode::OutOfMemory:
    case arrow::StatusCode::CapacityError: return ErrorCode::kResourceExhausted;
    case arrow::StatusCode::Cancelled: return ErrorCode::kCancelled;
    case arrow::StatusCode::NotImplemented: return ErrorCode::kUnsupported;
    case arrow::StatusCode::AlreadyExists: return ErrorCode::kAlreadyExists;
    default: return ErrorCode::kInternal;
  }
}

ErrorText TextOf(const Status& status) {
  CHECK(!status.ok());
  if (const ErrorDetail* detail = DetailOf(status)) return detail->text();
  return ErrorText{.message = status.message()};
}

std::string Describe(const Status& status) {
  if (status.ok()) return "ok";
  ErrorText text = TextOf(status);
  std::string out = std::move(text.message);
  if (!text.detail.empty()) out += "; " + text.detail;
  if (!text.hint.empty()) out += " (hint: " + text.hint + ")";
  return out;
}

namespace internal {

void CheckFailed(const char* file, int line, const char* expression, const std::string& message) {
  fmt::print(stderr, "{}:{}: check failed: {}{}{}\n", file, line, expression,
             message.empty() ? "" : ": ", message);
  std::fflush(stderr);
  std::abort();
}

}  // namespace internal
}  // namespace mainstem
