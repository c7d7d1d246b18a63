// The parameters that expressions have replaced, which KCL still sends: Expected, AttributeUpdates,
// KeyConditions, QueryFilter, ScanFilter, AttributesToGet. They become the same trees. Pure; any
// thread.
#pragma once

#include <string_view>
#include <vector>

#include "gateway/aws/value.h"
#include "gateway/dynamodb/expression.h"

namespace mainstem::gateway::dynamodb {

// Expected, KeyConditions, QueryFilter or ScanFilter: attributes with what is to be true of them,
// all together, or one of them when `any` is true.
Result<Condition> ConditionOfParameter(std::string_view parameter, const aws::Value& value,
                                       bool any);
Result<Update> UpdateOfParameter(const aws::Value& attribute_updates);
std::vector<Path> ProjectionOfParameter(const aws::Value& attributes_to_get);

// `conditions`: what it joins: Expected, QueryFilter or ScanFilter; an error when it has nothing
// to.
Status CheckConditionalOperator(const aws::Value& input, const aws::Value& conditions);
// An error when the input has parameters of both kinds.
Status RefuseMixedParameters(const aws::Value& input);

}  // namespace mainstem::gateway::dynamodb
