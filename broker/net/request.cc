#include "broker/net/request.h"

namespace pawl::net {

using core::Errc;

Request open_request(std::string_view body, FieldCheck& check) {
  Request request;
  std::uint32_t unknown = 0;
  wire::FieldReader reader(body);
  wire::Field field;
  while (reader.next(field)) {
    if (field.number == 1) {
      request.id = check.number(field, "id", UINT64_MAX);
    } else if (field.number > kOperationLast) {
      unknown = field.number;
    } else if (request.operation != Operation::none) {
      check.refuse(Errc::invalid_argument, "the request has two operations");
    } else {
      request.operation = static_cast<Operation>(field.number);
      request.message = check.message(field, "the operation");
    }
  }
  check.finish(reader, "the request");
  if (request.id == 0) check.refuse(Errc::invalid_argument, "id is missing");
  if (request.operation == Operation::none) {
    check.refuse(
        unknown != 0 ? Errc::unsupported : Errc::invalid_argument,
        unknown != 0 ? "this broker does not know the operation" : "the request has no operation");
  }
  return request;
}

void decode_nothing(std::string_view message, FieldCheck& check) {
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) {
  }
  check.finish(reader, "the request");
}

}  // namespace pawl::net
