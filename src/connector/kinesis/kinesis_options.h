// How a table reaches its Kinesis stream: what the options say, by Flink's names, else the
// environment variables that Amazon's tools know.
#pragma once

#include <string>
#include <vector>

#include "connector/options.h"
#include "connector/s3/aws_credentials.h"
#include "connector/s3/s3_options.h"

namespace mainstem::connector {

// Where keys come from ('aws.credentials.provider').
enum class KeyProvider : uint8_t { kAuto, kBasic, kVariables, kProfile };

struct KinesisOptions {
  std::string table_name;
  std::string stream_arn;
  std::string stream;  // the name in it
  std::string region;
  std::string endpoint;  // "https://kinesis.eu-west-1.amazonaws.com"
  KeyProvider provider = KeyProvider::kAuto;
  AwsKeys keys = {};  // kBasic
  std::string profile_path = {};
  std::string profile_name = {};
  bool verifies_peer = true;
  std::string ca_file = {};  // of AWS_CA_BUNDLE
  S3Defaults defaults = {};
};

// kInvalidArgument, naming table and option but no value that may be secret; older versions'
// options are refused with their new names.
Result<KinesisOptions> KinesisOptionsOf(const TableDescriptor& table, const S3Defaults& defaults);
std::vector<OptionSpec> KinesisOptionSpecs();

// The keys that sign now. kPermissionDenied, naming the places that were looked at.
Task<AwsKeys> LoadKinesisKeys(Files* files, KinesisOptions options);

}  // namespace mainstem::connector
