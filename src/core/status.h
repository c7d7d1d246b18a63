// Errors as values: Arrow's Status and Result with an error code, a detail and a hint of our own.
// Used by every folder; thread-safe as Arrow's. A failed Status allocates: frequent expected
// outcomes (empty poll, end of segment) are an enum or optional instead.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <arrow/result.h>
#include <arrow/status.h>

namespace mainstem {

using arrow::Result;
using arrow::Status;

enum class ErrorCode {
#define MS_ERROR(name, arrow_code, retriable, kafka, http, sqlstate) k##name,
#include "core/errors.def"
#undef MS_ERROR
};

// How an error code is told on each wire. Source: core/errors.def.
struct ErrorTraits {
  std::string_view name;
  bool retriable;
  int16_t kafka_code;
  int http_status;
  std::string_view sqlstate;
};
const ErrorTraits& TraitsOf(ErrorCode code);

// `message` is lower-case and factual; `detail` says more; `hint` says what to do about it.
struct ErrorText {
  std::string message;
  std::string detail = {};
  std::string hint = {};
};
Status MakeError(ErrorCode code, ErrorText text);
// A template, so that a braced ErrorText is never taken for a string's (begin, end).
template <typename Message>
requires std::convertible_to<Message, std::string> Status MakeError(ErrorCode code,
                                                                    Message&& message) {
  return MakeError(code, ErrorText{.message = std::forward<Message>(message)});
}

// The code that MakeError gave, else the nearest for an error of Arrow's own. Status must not be
// OK.
ErrorCode CodeOf(const Status& status);
// The parts as given to MakeError; for foreign errors the message alone.
ErrorText TextOf(const Status& status);
// "message; detail (hint: ...)": one line for people.
std::string Describe(const Status& status);

inline bool IsRetriable(const Status& status) { return TraitsOf(CodeOf(status)).retriable; }
inline bool Is(const Status& status, ErrorCode code) {
  return !status.ok() && CodeOf(status) == code;
}

// Says on purpose that a failure does not matter here; `reason` is for the reader.
inline void IgnoreError(const Status& status, std::string_view reason) {
  (void)status;
  (void)reason;
}
template <typename T>
void IgnoreError(const Result<T>& result, std::string_view reason) {
  (void)result;
  (void)reason;
}

namespace internal {
inline const Status& ToStatus(const Status& status) { return status; }
inline Status ToStatus(Status&& status) { return std::move(status); }
template <typename T>
Status ToStatus(const Result<T>& result) {
  return result.status();
}
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression,
                              const std::string& message);
}  // namespace internal

}  // namespace mainstem

#define MS_CONCAT_INNER(a, b) a##b
#define MS_CONCAT(a, b) MS_CONCAT_INNER(a, b)

// Programmer error or corrupt state: ends the process, in release builds too.
#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) [[unlikely]]                                                      \
      ::mainstem::internal::CheckFailed(__FILE__, __LINE__, #condition, std::string()); \
  } while (false)
#define CHECK_OK(expression)                                                                    \
  do {                                                                                          \
    auto&& ms_status = ::mainstem::internal::ToStatus(expression);                              \
    if (!ms_status.ok()) [[unlikely]]                                                           \
      ::mainstem::internal::CheckFailed(__FILE__, __LINE__, #expression, ms_status.ToString()); \
  } while (false)

#define RETURN_IF_ERROR(expression)                              \
  do {                                                           \
    auto ms_status = ::mainstem::internal::ToStatus(expression); \
    if (!ms_status.ok()) [[unlikely]]                            \
      return ms_status;                                          \
  } while (false)
#define MS_ASSIGN_OR_RETURN_IMPL(result, lhs, expression) \
  auto result = (expression);                             \
  if (!result.ok()) [[unlikely]]                          \
    return result.status();                               \
  lhs = std::move(result).ValueUnsafe()
#define ASSIGN_OR_RETURN(lhs, expression) \
  MS_ASSIGN_OR_RETURN_IMPL(MS_CONCAT(ms_result_, __COUNTER__), lhs, expression)

// The same inside coroutines.
#define CO_RETURN_IF_ERROR(expression)                           \
  do {                                                           \
    auto ms_status = ::mainstem::internal::ToStatus(expression); \
    if (!ms_status.ok()) [[unlikely]]                            \
      co_return ms_status;                                       \
  } while (false)
#define MS_CO_ASSIGN_OR_RETURN_IMPL(result, lhs, expression) \
  auto result = (expression);                                \
  if (!result.ok()) [[unlikely]]                             \
    co_return result.status();                               \
  lhs = std::move(result).ValueUnsafe()
#define CO_ASSIGN_OR_RETURN(lhs, expression) \
  MS_CO_ASSIGN_OR_RETURN_IMPL(MS_CONCAT(ms_result_, __COUNTER__), lhs, expression)
