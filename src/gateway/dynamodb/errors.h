// Errors that DynamoDB's operations share, with Amazon's texts. Any thread.
#pragma once

#include <string>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::dynamodb {

inline Status Invalid(std::string message) {
  return aws::MakeAwsError("com.amazon.coral.validate#ValidationException", std::move(message));
}
// "One or more parameter values were invalid: ..."
inline Status InvalidValue(const std::string& what) {
  return Invalid("One or more parameter values were invalid: " + what);
}
// A type in the JSON that can't stand there.
inline Status WrongJson(std::string message) {
  return aws::MakeAwsError(aws::AwsError{.name = "com.amazon.coral.service#SerializationException",
                                         .message = std::move(message),
                                         .capital_message = true});
}
inline Status DynamoError(const std::string& name, std::string message) {
  return aws::MakeAwsError("com.amazonaws.dynamodb.v20120810#" + name, std::move(message));
}

}  // namespace mainstem::gateway::dynamodb
