#include "gateway/events/shapes.h"

#include <algorithm>
#include <map>
#include <string>

#include "gateway/aws/shape_parts.h"

namespace mainstem::gateway::events {
namespace {

using aws::Pattern;
using aws::Shape;
using namespace aws::parts;

bool IsBusCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/.-_").find(c) != std::string_view::npos;
}
bool IsBusName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsBusCharacter);
}
// A name, or an ARN with one.
bool IsBusNameOrArn(std::string_view text) {
  constexpr std::string_view kBefore = ":event-bus/";
  size_t name = text.find(kBefore);
  if (text.starts_with("arn:aws") && name != std::string_view::npos) {
    text.remove_prefix(name + kBefore.size());
  }
  return IsBusName(text);
}

constexpr Pattern kBusName{"[/\\.\\-_A-Za-z0-9]+", IsBusName};
constexpr Pattern kBusNameOrArn{
    "(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+",
    IsBusNameOrArn};

Shape BusName() { return Matching(&kBusName, Text(1, 256)); }
Shape BusNameOrArn() { return Matching(&kBusNameOrArn, Text(1, 1600)); }
Shape TagList() {
  return List(Structure({{"Key", Required(Text(1, 128))}, {"Value", Required(Text(0, 256))}}), 0,
              50);
}

using Shapes = std::map<std::string, Shape, std::less<>>;

void AddBusOperations(Shapes* shapes) {
  (*shapes)["CreateEventBus"] = Structure({{"Name", Required(BusName())},
                                           {"EventSourceName", Text(1, 256)},
                                           {"Description", Text(0, 512)},
                                           {"KmsKeyIdentifier", Text(0, 2048)},
                                           {"Tags", TagList()}});
  (*shapes)["DeleteEventBus"] = Structure({{"Name", Required(BusName())}});
  (*shapes)["DescribeEventBus"] = Structure({{"Name", BusNameOrArn()}});
  (*shapes)["ListEventBuses"] = Structure(
      {{"NamePrefix", BusName()}, {"NextToken", Text(1, 2048)}, {"Limit", Whole(1, 100)}});
  Shape arn = Required(Text(1, 1600));
  (*shapes)["TagResource"] = Structure({{"ResourceARN", arn}, {"Tags", Required(TagList())}});
  (*shapes)["UntagResource"] =
      Structure({{"ResourceARN", arn}, {"TagKeys", Required(List(Text(1, 128), 0, 50))}});
  (*shapes)["ListTagsForResource"] = Structure({{"ResourceARN", arn}});
}

void AddEventOperations(Shapes* shapes) {
  Shape entry = Structure({{"Time", Time()},
                           {"Source", AnyText()},
                           {"Resources", List(Text(0, 2048), 0, 10'000)},
                           {"DetailType", AnyText()},
                           {"Detail", AnyText()},
                           {"EventBusName", BusNameOrArn()},
                           {"TraceHeader", Text(1, 500)}});
  Shape entries = Required(List(entry, 1, 10));
  entries.item_text = "PutEventsRequestEntry";
  (*shapes)["PutEvents"] = Structure({{"Entries", entries}, {"EndpointId", Text(1, 50)}});
  (*shapes)["TestEventPattern"] =
      Structure({{"EventPattern", Required(Text(0, 4096))}, {"Event", Required(AnyText())}});
}

}  // namespace

const Shape* FindShape(std::string_view operation) {
  static const Shapes shapes = [] {
    Shapes all;
    AddBusOperations(&all);
    AddEventOperations(&all);
    return all;
  }();
  auto it = shapes.find(operation);
  return it == shapes.end() ? nullptr : &it->second;
}

}  // namespace mainstem::gateway::events
