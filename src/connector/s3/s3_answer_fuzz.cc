// Bodies that a server of somebody's might send.
#include "connector/s3/s3_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::connector;
  HttpAnswer answer;
  answer.status = 400;
  answer.body.assign(reinterpret_cast<const char*>(data), size);
  ProblemOfS3Answer(answer);
  mainstem::IgnoreError(ParseListAnswer(answer.body), "only that it ends");
  mainstem::IgnoreError(ParseUploadId(answer.body), "only that it ends");
  ParseS3Time(answer.body);
  return 0;
}
