// What may work later has another name with some services. Pure.
#pragma once

#include <string>
#include <utility>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::aws {

// The outcome of an operation, a 503 under the name that the service's clients know.
inline Status UnavailableAs(std::string name, Status outcome) {
  if (outcome.ok() || Is(outcome, ErrorCode::kCancelled)) return outcome;
  AwsError error = ToAwsError(outcome);
  if (error.http_status != 503) return outcome;
  error.name = std::move(name);
  return MakeAwsError(std::move(error));
}

}  // namespace mainstem::gateway::aws
