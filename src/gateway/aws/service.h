// One AWS service behind the shared front: which operations it has, what their input may be, and
// what runs them. The front (aws_server.h) has checked who calls, decoded and checked the input.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/memory_budget.h"
#include "core/net/http_router.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/shape.h"

namespace mainstem::gateway::aws {

// One call. Valid until the operation ends; used only by its task.
struct AwsCall {
  std::string operation;
  std::string region;  // of the credential's scope; ARNs carry it
  BodyCodec codec = BodyCodec::kJson;
  Document input;
  // What is written here is the answer, else its body is empty.
  std::unique_ptr<BodyWriter> answer;
  // Of the answer; held until it is sent.
  MemoryLease memory;
  // For operations that stream: they answer by themselves and set `streamed`.
  net::HttpExchange* exchange = nullptr;
  bool streamed = false;
};

class AwsService {
 public:
  virtual ~AwsService() = default;
  virtual std::string_view target_prefix() const = 0;  // "Kinesis_20131202"
  virtual std::string_view signing_name() const = 0;   // "kinesis"
  // What a broken constraint of an input is called.
  virtual std::string_view validation_error() const { return "ValidationException"; }
  // The input of an operation; null when there is no such operation.
  virtual const Shape* FindOperation(std::string_view name) const = 0;
  // Errors are told as ToAwsError says.
  virtual Task<> Run(AwsCall* call) = 0;
};

}  // namespace mainstem::gateway::aws
